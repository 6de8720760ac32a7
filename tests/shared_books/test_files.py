"""Whose file it is, who may read it, and what readers see of a writer that died."""

from __future__ import annotations

import errno
import os
import re
import signal
import stat
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kraken_connector.exceptions import BookNotReady

BTC = "BTC/USD"
#: Seconds, for a busy machine.
PATIENCE = 30.0
Start = Callable[[str], "subprocess.Popen[str]"]


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def frozen(book: Any) -> Any:
    """Return a verified copy, as soon as a writer that lost its processor in a change has it again.

    `frozen` compares the checksum over the levels with that of the exchange.
    """
    reasons = {"unfinished"}
    end = time.monotonic() + PATIENCE
    while reasons == {"unfinished"} and time.monotonic() < end:
        try:
            return book.frozen()
        except BookNotReady as unready:
            reasons.add(unready.state)
    raise AssertionError(reasons)


def test_only_its_owner_can_read_the_file(native: Any, path: Path) -> None:
    old = os.umask(0)
    try:
        writer = native.BookWriter(str(path), 10, 8)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    writer.close()
    assert list(path.parent.iterdir()) == []


def test_all_of_the_file_is_allocated(native: Any, path: Path) -> None:
    writer = native.BookWriter(str(path), 25, 1024)
    about = path.stat()
    assert about.st_blocks * 512 >= about.st_size > 900_000
    writer.close()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_readers_map_it_read_only(native: Any, reading: Any, path: Path) -> None:
    writer = native.BookWriter(str(path), 10, 8)
    path.chmod(0o400)
    file = reading.BookFile(str(path), 60.0)
    maps = Path("/proc/self/maps").read_text("utf-8")
    # The writer mapped it under another name.
    assert re.findall(rf"^\S+ (\S+) .*{path}$", maps, re.MULTILINE) == ["r--s"]
    assert file.state == "open"
    writer.close()


def test_links_and_files_of_others_are_refused(
    native: Any, reading: Any, path: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    path.symlink_to(target)
    for attempt in (
        lambda: native.BookWriter(str(path), 10, 8),
        lambda: reading.BookFile(str(path), 60.0),
    ):
        with pytest.raises(PermissionError, match="symbolic link"):
            attempt()
    assert target.read_bytes() == b"precious"
    assert path.is_symlink()
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(PermissionError, match="is not a file"):
        reading.BookFile(str(path), 60.0)
    path.unlink()
    writer = native.BookWriter(str(path), 10, 8)
    path.chmod(0o620)
    with pytest.raises(PermissionError, match="can be written by others"):
        reading.BookFile(str(path), 60.0)
    path.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(path, 12_345, -1)
        with pytest.raises(PermissionError, match="belongs to another user"):
            reading.BookFile(str(path), 60.0)
        with pytest.raises(PermissionError, match="belongs to another user"):
            native.BookWriter(str(path), 10, 8)
    writer.close()


@pytest.mark.parametrize(
    "content", [b"", b"KCBOOKS1", b"x" * 8192, b"KCBOOKS1" + struct.pack("<QQ", 2, 10 << 32 | 1)]
)
def test_other_files_are_refused(reading: Any, path: Path, content: bytes) -> None:
    with pytest.raises(FileNotFoundError):
        reading.BookFile(str(path), 60.0)
    path.write_bytes(content.ljust(8192 if len(content) > 8 else 0, b"\0"))
    path.chmod(0o600)
    with pytest.raises(OSError, match="no shared books of version 1"):
        reading.BookFile(str(path), 60.0)


def test_a_truncated_file_is_refused(native: Any, reading: Any, path: Path) -> None:
    writer = native.BookWriter(str(path), 10, 8)
    size = path.stat().st_size
    copy = path.with_name("copy")
    for length in (size, size - 8, 4096):
        copy.write_bytes(path.read_bytes()[:length])
        copy.chmod(0o600)
        if length == size:
            file = reading.BookFile(str(copy), 60.0)
            until(lambda file=file: file.state == "writer_dead")
        else:
            with pytest.raises(OSError, match="no shared books"):
                reading.BookFile(str(copy), 60.0)
    writer.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full file system")
def test_a_folder_without_files_says_so(native: Any) -> None:
    with pytest.raises(OSError, match="cannot make /proc/kraken-test") as raised:
        native.BookWriter("/proc/kraken-test", 10, 8)
    assert not isinstance(raised.value, FileExistsError)


def test_a_name_in_use_is_refused(native: Any, path: Path, start: Start) -> None:
    process = start("still")
    before = path.read_bytes()[:64]
    with pytest.raises(FileExistsError, match="still runs"):
        native.BookWriter(str(path), 10, 8)
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(FileExistsError, match="still runs"):
        native.BookWriter(str(path), 10, 8)
    assert path.read_bytes()[:64] == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_of_writers_that_start_together_one_has_the_name(native: Any, path: Path) -> None:
    outcomes: list[Any] = []
    barrier = threading.Barrier(4)

    def make() -> None:
        barrier.wait()
        try:
            outcomes.append(native.BookWriter(str(path), 10, 8))
        except FileExistsError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (writer,) = [one for one in outcomes if not isinstance(one, FileExistsError)]
    assert len(outcomes) == 4
    writer.close()


def test_a_dead_writer_is_noticed_and_replaced(
    native: Any, reading: Any, path: Path, start: Start
) -> None:
    process = start("still")
    old = reading.BookFile(str(path), 60.0)
    book = old.book(BTC)
    assert book.is_valid
    assert old.writer_pid == process.pid
    process.kill()
    process.wait()
    until(lambda: book.state == "writer_dead")
    with pytest.raises(BookNotReady, match="process of its writer has ended"):
        book.top()
    with pytest.raises(BookNotReady, match="process of its writer has ended"):
        book.wait()
    writer = native.BookWriter(str(path), 10, 8)
    assert (book.state, old.state) == ("replaced", "replaced")
    with pytest.raises(BookNotReady, match="reopen"):
        book.top()
    new = reading.BookFile(str(path), 60.0)
    assert new.state == "open"
    assert new.generation != old.generation
    writer.close()


def test_a_stopped_writer_is_silent(reading: Any, path: Path, start: Start) -> None:
    process = start("still")
    book = reading.BookFile(str(path), 0.4).book(BTC)
    assert book.is_valid
    process.send_signal(signal.SIGSTOP)
    until(lambda: book.state == "writer_silent")
    with pytest.raises(BookNotReady, match="max_age seconds"):
        book.bids()
    with pytest.raises(BookNotReady, match="max_age seconds"):
        book.wait()
    process.send_signal(signal.SIGCONT)
    until(lambda: book.is_valid)


def test_a_heartbeat_from_the_future_is_none(native: Any, reading: Any, path: Path) -> None:
    writer = native.BookWriter(str(path), 10, 8)
    file = reading.BookFile(str(path), 60.0)
    assert file.state == "open"
    with path.open("r+b") as raw:
        raw.seek(64)
        raw.write(struct.pack("<q", time.clock_gettime_ns(time.CLOCK_MONOTONIC) + 10**12))
    assert file.state == "writer_silent"
    writer.beat()
    assert file.state == "open"
    writer.close()


def test_a_writer_killed_within_a_change_leaves_no_readable_book(
    reading: Any, path: Path, start: Start
) -> None:
    process = start("still")
    book = reading.BookFile(str(path), 60.0).book(BTC)
    # Head, symbols of 8 slots; what a kill after the first stores of a change leaves.
    slot = 4096 + 8 * 32
    with path.open("r+b") as raw:
        raw.seek(slot)
        sequence = struct.unpack("<Q", raw.read(8))[0]
        raw.seek(slot)
        raw.write(struct.pack("<Q", sequence + 1))
        raw.seek(slot + 64)
        raw.write(struct.pack("<Q", 1))
    process.kill()
    process.wait()
    assert book.state == "unfinished"
    for read in (book.top, book.bids, book.frozen, lambda: book.updates):
        with pytest.raises(BookNotReady, match="middle of a change"):
            read()


@pytest.mark.parametrize("kills", [5, pytest.param(40, marks=pytest.mark.long)])
def test_no_kill_leaves_a_torn_or_live_book(
    reading: Any, path: Path, start: Start, kills: int
) -> None:
    for number in range(kills):
        process = start("flat_out")
        book = reading.BookFile(str(path), 60.0).book(BTC)
        for _ in range(number % 17):
            assert frozen(book).is_valid
        process.kill()
        process.wait()
        until(lambda book=book: not book.is_valid)
        assert book.state in ("writer_dead", "unfinished")


def test_every_copy_is_of_one_moment(reading: Any, path: Path, start: Start) -> None:
    start("flat_out")
    book = reading.BookFile(str(path), 60.0).book(BTC)
    seen, last, end = 0, 0, time.monotonic() + PATIENCE
    while seen < 100:
        assert time.monotonic() < end
        updates = frozen(book).updates
        assert updates >= last
        seen += updates != last
        last = updates


def test_waiting(native: Any, reading: Any, path: Path, start: Start) -> None:
    process = start("still")
    book = reading.BookFile(str(path), 60.0).book(BTC)
    assert not book.wait(0)
    assert not book.wait(0.01)
    process.kill()
    process.wait()
    path.unlink()
    start("flat_out")
    book = reading.BookFile(str(path), 60.0).book(BTC)
    for _ in range(20):
        assert book.wait(PATIENCE)
        frozen(book)


WAIT = """
import sys
from kraken_connector import {core}
book = {core}.BookFile({path!r}, 60.0).book("BTC/USD")
try:
    print("waits", flush=True)
    book.wait()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_ends_a_wait(reading: Any, path: Path, start: Start) -> None:
    start("still")
    text = WAIT.format(core=reading.__name__.rpartition(".")[2], path=str(path))
    process = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "waits\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=PATIENCE)[0] == "interrupted\n"


def test_other_threads_run_while_one_waits(reading: Any, path: Path, start: Start) -> None:
    start("still")
    book = reading.BookFile(str(path), 60.0).book(BTC)
    waiting = threading.Event()
    outcome: list[bool] = []

    def wait() -> None:
        waiting.set()
        outcome.append(book.wait(0.3))

    thread = threading.Thread(target=wait)
    thread.start()
    assert waiting.wait(PATIENCE)
    turns = 0
    while thread.is_alive():
        turns += 1
        time.sleep(0.001)
    assert turns > 10
    assert outcome == [False]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_child_process_changes_nothing(native: Any, reading: Any, path: Path) -> None:
    from benches import corpus  # noqa: PLC0415 (only here)

    engine, writer = native.Engine(), native.BookWriter(str(path), 10, 8)
    writer.add(engine)
    engine.feed(corpus.stream("replay-10").frames[0])
    file = reading.BookFile(str(path), 60.0)
    child = os.fork()
    if child == 0:
        # A child that cleans up like its parent.
        can_read = file.book(BTC).is_valid
        engine.reset()
        writer.beat()
        writer.close()
        del engine, writer
        os._exit(0 if can_read else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert path.exists()
    assert file.book(BTC).is_valid
    writer.close()
    assert not path.exists()


def test_a_closed_file(native: Any, reading: Any, path: Path) -> None:
    from benches import corpus  # noqa: PLC0415 (only here)

    engine, writer = native.Engine(), native.BookWriter(str(path), 10, 8)
    writer.add(engine)
    engine.feed(corpus.stream("replay-10").frames[0])
    file = reading.BookFile(str(path), 60.0)
    book = file.book(BTC)
    file.close()
    file.close()
    assert (book.state, file.state) == ("closed", "closed")
    with pytest.raises(BookNotReady, match="closed or reopened"):
        book.top()
    writer.close()
    writer.close()
    with pytest.raises(FileNotFoundError) as raised:
        reading.BookFile(str(path), 60.0)
    assert raised.value.errno in (errno.ENOENT, None)
