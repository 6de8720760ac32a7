"""`make mutations`: break the code in small ways, one at a time, and expect a test to fail.

    python -m tests.mutations.run --only checksum --core pure

Each table of the `.toml` files in this folder is a mutation. Its name is the sentence that becomes
false when the text `old` in `file` is replaced with `new`; then one of `tests` must fail. They run
on `core`, by default `native` for a file of `rust/` and `pure` for others.

These are texts and not patches, because a patch fails with any change of the lines around it. An
`old` that is not exactly once in its file is an error and no success; `test_list.py` checks that.

The tests run in copies of the working tree, which are removed at the end; the tree itself is not
touched. Only failed tests count: not a time limit, nor an error before the tests begin.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).parents[2]
CORES = ("native", "pure")
EXTENSION = f"python/kraken_connector/_native{sysconfig.get_config_var('EXT_SUFFIX')}"
LIBRARY = f"target/debug/libkraken_connector.{'dylib' if sys.platform == 'darwin' else 'so'}"
CARGO = ("cargo", "build", "--quiet", "--locked", "--features", "python")
PYTEST = (sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--timeout=0")
#: Seconds for the tests of one mutation, and for a build or all tests on unchanged code.
LIMIT, LONG_LIMIT = 120.0, 1200.0
#: Results by the exit code of pytest; another code says that no test could be run.
RESULTS = {0: "SURVIVED", 1: "noticed", None: "TIMEOUT"}


@dataclass(frozen=True, slots=True)
class Mutation:
    """One fault; see the module's docstring."""

    promise: str
    file: str
    old: str
    new: str
    tests: Sequence[str]
    core: str

    def applied_to(self, text: str) -> str:
        """Return the mutated text of the file.

        Raises:
            ValueError: `old` is not exactly once in it.
        """
        if (count := text.count(self.old)) != 1:
            raise ValueError(f"{count} times in {self.file}: {self.old}")
        return text.replace(self.old, self.new)


def load() -> list[Mutation]:
    """Return all mutations."""
    found = []
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        for promise, table in tomllib.loads(path.read_text("utf-8")).items():
            core = CORES[not table["file"].startswith("rust/")]
            found.append(Mutation(promise, **{"core": core, **table}))
    return found


class Copy:
    """A copy of the working tree, in which one mutation at a time is tested."""

    def __init__(self, root: Path) -> None:
        self.root = root
        git = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        names = subprocess.run(git, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        for name in names.split("\0"):
            if (ROOT / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, root / name)

    async def result_of(self, mutation: Mutation) -> tuple[str, str]:
        """Return what became of the tests of a mutation, and their output."""
        path = self.root / mutation.file
        text = path.read_text("utf-8")
        try:
            self._write(path, mutation.applied_to(text))
            return await self.test(mutation.tests, mutation.core, LIMIT)
        finally:
            self._write(path, text)

    async def test(self, tests: Iterable[str], core: str, limit: float) -> tuple[str, str]:
        """Run tests on a core; return the result and the output."""
        if core == "native":
            code, output = await self._run(CARGO, LONG_LIMIT)
            if code != 0:
                return "NOT BUILT", output
            (self.root / EXTENSION).unlink(missing_ok=True)
            shutil.copy(self.root / LIBRARY, self.root / EXTENSION)
        code, output = await self._run((*PYTEST, *tests), limit, KRAKEN_CONNECTOR_BACKEND=core)
        return RESULTS.get(code, "BROKEN"), output

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text, "utf-8")
        # Compiled code of the same second and size would count as up to date.
        Path(cache_from_source(str(path))).unlink(missing_ok=True)

    async def _run(
        self, command: Sequence[str], limit: float, **variables: str
    ) -> tuple[int | None, str]:
        """Run a command in this copy; return its exit code, `None` after `limit`, and output."""
        paths = os.pathsep.join((str(self.root / "python"), str(self.root)))
        build = {"CARGO_TARGET_DIR": "target", "PYO3_PYTHON": sys.executable}
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.root,
            env={**os.environ, **build, "PYTHONPATH": paths, **variables},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(limit):
                output, _ = await process.communicate()
            return process.returncode, output.decode(errors="replace")
        except TimeoutError:
            return None, f"no end within {limit:g} s"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # With the processes that tests started.


async def run(mutations: Sequence[Mutation], processes: int) -> list[str]:
    """Test each mutation; return the results of those that were not noticed.

    Raises:
        SystemExit: tests fail on unchanged code.
    """
    waiting, missed = list(mutations), []

    async def work(copy: Copy) -> None:
        while waiting:
            mutation, began = waiting.pop(0), monotonic()
            result, output = await copy.result_of(mutation)
            say(f"{result} in {monotonic() - began:.0f} s, {len(waiting)} left: {mutation.promise}")
            if result != "noticed":
                missed.append(f"{result}: {mutation.promise}")
                say(output[-3000:])

    with tempfile.TemporaryDirectory(prefix="mutations-") as scratch:
        copies = [Copy(Path(scratch, str(number))) for number in range(processes)]
        for core in sorted({mutation.core for mutation in mutations}):
            tests = {
                test for mutation in mutations if mutation.core == core for test in mutation.tests
            }
            say(f"{len(tests)} tests on unchanged code, {core} core")
            result, output = await copies[0].test(sorted(tests), core, LONG_LIMIT)
            if result != "SURVIVED":
                sys.exit(f"{output}\nthe tests fail on unchanged code: {result}")
        async with asyncio.TaskGroup() as workers:
            for copy in copies:
                workers.create_task(work(copy))
    return missed


def say(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Run the mutations that the command line names."""
    parser = argparse.ArgumentParser(description="Break the code, and expect a test to fail.")
    parser.add_argument("--only", metavar="TEXT", default="", help="those with it in their name")
    parser.add_argument("--core", choices=CORES, help="those whose tests run on this core")
    parser.add_argument("--list", action="store_true", help="show them and do nothing")
    parser.add_argument("-n", type=int, default=1, metavar="N", help="processes (default: 1)")
    options = parser.parse_args()
    chosen = [m for m in load() if options.only in m.promise and options.core in (None, m.core)]
    if options.list:
        say("\n".join(f"{m.promise} [{m.core}]" for m in chosen))
        return
    if shutil.which("cargo") is None and any(m.core == "native" for m in chosen):
        sys.exit("the native core cannot be built without cargo: choose --core pure")
    missed = asyncio.run(run(chosen, max(options.n, 1)))
    say(f"{len(chosen) - len(missed)} of {len(chosen)} mutations were noticed")
    if missed or not chosen:
        sys.exit("\n".join(missed) or "no mutation has such a name")


if __name__ == "__main__":
    main()
