"""`make fuzz`: every target for a while, one line each; ends with 1 when one of them failed.

cargo-fuzz is installed below fuzz/target when it is not on the path. A stable toolchain is made to
accept the compiler's flags for coverage and AddressSanitizer.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

import seeds

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
TOOLS = FOLDER / "target" / "tools"
ARTIFACTS = FOLDER / "artifacts"
#: Bytes of the longest input; the engine's are several frames.
LONGEST = {"parse_any_bytes": 16_384}
CARGO_FUZZ = "^0.13"
TAIL = 30


class Result(NamedTuple):
    """What a run of a target came to."""

    executions: int
    coverage: int
    corpus: int
    output: str
    failed: bool


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("targets", nargs="*", help=f"some of {', '.join(seeds.SEEDS)}")
    options = parser.parse_args()
    install()
    cargo("build")
    results = [run(target, options.seconds) for target in options.targets or seeds.SEEDS]
    return int(any(result.failed for result in results))


def install() -> None:
    """Make `cargo fuzz` work."""
    os.environ["RUSTC_BOOTSTRAP"] = "1"
    os.environ["PATH"] += f"{os.pathsep}{TOOLS / 'bin'}"
    if shutil.which("cargo-fuzz") is None:
        command = ["cargo", "install", "--quiet", "--locked", "--root", str(TOOLS)]
        subprocess.run([*command, "--version", CARGO_FUZZ, "cargo-fuzz"], check=True)


def cargo(action: str, *arguments: str) -> None:
    """Run a command of cargo-fuzz that has to succeed."""
    subprocess.run(["cargo", "fuzz", action, *arguments], cwd=ROOT, check=True)


def run(target: str, seconds: int) -> Result:
    """Fuzz one target from the seeds and from what earlier runs found; print a line about it."""
    corpus = FOLDER / "corpus" / target
    given = FOLDER / "target" / "seeds" / target
    corpus.mkdir(parents=True, exist_ok=True)
    seeds.write(target, given)
    limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST.get(target, 4096)}", "-timeout=10"]
    command = ["cargo", "fuzz", "run", target, str(corpus), str(given), "--", *limits]
    done = subprocess.run(
        [*command, "-print_final_stats=1"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    result = read(done.stdout, corpus, failed=done.returncode != 0)
    report(target, seconds, result)
    return result


def read(output: str, corpus: Path, *, failed: bool) -> Result:
    executions = re.search(r"number_of_executed_units: (\d+)", output)
    coverage = re.findall(r"\bcov: (\d+)", output)
    return Result(
        executions=int(executions[1]) if executions else 0,
        coverage=int(coverage[-1]) if coverage else 0,
        corpus=len(list(corpus.iterdir())),
        output=output,
        failed=failed,
    )


def report(target: str, seconds: int, result: Result) -> None:
    verdict = f"FAILED, see {ARTIFACTS.relative_to(ROOT) / target}" if result.failed else "ok"
    print(
        f"{target:<26}{result.executions:>12,} runs in {seconds} s"
        f"{result.coverage:>7} edges{result.corpus:>7} inputs   {verdict}",
        flush=True,
    )
    if result.failed:
        print("\n".join(result.output.splitlines()[-TAIL:]), flush=True)


if __name__ == "__main__":
    sys.exit(main())
