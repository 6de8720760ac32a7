"""The reader in C is compiled as C11 and as C++17, and reads what Python reads."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from benches import corpus

import kraken_connector

BTC = "BTC/USD"
INCLUDE = Path(kraken_connector.__file__).with_name("include")
SOURCE = Path(__file__).with_name("reader.c")
STRICT = ("-O2", "-Wall", "-Wextra", "-Werror", "-pedantic", f"-I{INCLUDE}")
Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture(params=[("cc", "-std=c11", "-xc"), ("c++", "-std=c++17", "-xc++")])
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The program, compiled in either language without a warning."""
    compiler, *language = request.param
    if shutil.which(compiler) is None:
        pytest.skip(f"there is no {compiler}")
    program = tmp_path / "reader"
    command = [compiler, *language, *STRICT, str(SOURCE), "-o", str(program)]
    compiled = subprocess.run(command, capture_output=True, text=True, check=False)
    assert compiled.returncode == 0, compiled.stderr
    return program


def run(program: Path, *arguments: str) -> str:
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    return done.stdout


def test_it_reads_what_python_reads(native: Any, path: Path, reader: Path) -> None:
    assert run(reader, str(path), BTC) == "No such file or directory\n"
    engine, writer = native.Engine(), native.BookWriter(str(path), 25, 8)
    writer.add(engine)
    for frame in corpus.stream("synthetic-25").frames[:50]:
        engine.feed(frame)
    live = engine.books[BTC]
    sides = [("bid", price, qty) for price, qty in live.levels_ticks("bid", 10)]
    sides += [("ask", price, qty) for price, qty in live.levels_ticks("ask", 10)]
    head = (
        f"status 0 state 1 scales {live.price_scale} {live.qty_scale}"
        f" checksum {live.checksum()} updates {live.updates}\n"
    )
    rows = "".join(f"{side} {price} {qty}\n" for side, price, qty in sides)
    assert run(reader, str(path), BTC) == head + rows
    assert run(reader, str(path), "ETH/USD") == "no such symbol\n"
    engine.books.invalidate(BTC)
    assert run(reader, str(path), BTC).startswith("status 1 state 2 ")
    writer.close()
    assert run(reader, str(path), BTC) == "No such file or directory\n"
    path.write_bytes(b"x" * 8192)
    path.chmod(0o600)
    assert run(reader, str(path), BTC) == "Invalid argument\n"
    path.chmod(0o622)
    assert run(reader, str(path), BTC) == "Operation not permitted\n"
    link = path.with_name("link")
    link.symlink_to(path)
    assert "symbolic links" in run(reader, str(link), BTC)


def test_every_read_against_a_writer_at_full_speed_verifies(
    path: Path, reader: Path, start: Start
) -> None:
    start("flat_out")
    answer = run(reader, str(path), BTC, "verify", "300000")
    assert answer.startswith("0 wrong of 300000, "), answer


def test_a_dead_writer_is_noticed(path: Path, reader: Path, start: Start) -> None:
    process = start("once")
    process.kill()
    process.wait()
    while not (answer := run(reader, str(path), BTC)).startswith("status 4 "):
        # Its last heartbeat was not long ago.
        assert answer.startswith("status 0 ")


def test_waiting(native: Any, path: Path, reader: Path) -> None:
    engine, writer = native.Engine(), native.BookWriter(str(path), 10, 8)
    writer.add(engine)
    first, second, *_ = corpus.stream("replay-10").frames
    engine.feed(first)
    with subprocess.Popen(
        [reader, str(path), BTC, "wait"], stdout=subprocess.PIPE, text=True
    ) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "waits\n"
        engine.feed(second)
        writer.beat()
        assert " updates 2\n" in waiting.stdout.readline()
    writer.close()
