"""Both cores have the same parts, as the docstring of `_pure` maps them, and Rust has no cycles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from kraken_connector import _pure

PURE = Path(_pure.__file__).parent
RUST = Path(__file__).parents[2] / "rust" / "src"

ONLY_RUST = {
    # The crate and the extension module.
    "lib.rs",
    *(f"python/{name}.rs" for name in ("convert", "errors", "frame", "receiver")),
    # Strict JSON for which the pure core has `json`, `orjson` and regular expressions.
    *(f"lexer/{name}.rs" for name in ("digits", "key", "number", "skip", "string")),
    *(f"message/{name}.rs" for name in ("cursor", "fast_path_orders", "fields")),
    # Times and models, which the pure core uses from `models`.
    "time.rs",
    *(f"python/{name}.rs" for name in ("channel_names", "decode", "reply", "schema")),
    # What makes it fast.
    *("book/levels.rs", "crc32.rs", "short_text.rs"),
    *(f"python/{name}.rs" for name in ("book_methods", "decimals", "instances", "pool", "strings")),
    # Writing books for other processes, and system calls for which the pure core has modules.
    "engine/sharing.rs",
    *(f"shared/{name}.rs" for name in ("files", "mapping", "mod", "seqlock", "system", "writer")),
    # WebSocket frames, which `websockets` reads for the pure core.
    "websocket.rs",
    # Sockets and TLS, for which the pure core has `socket` and `ssl`.
    *("socket.rs", "tls.rs"),
    *(f"python/{name}.rs" for name in ("buffers", "plain_stream", "tls_stream")),
    # A thread that reads.
    *("engine/shared.rs", "reader.rs", "python/thread_reader.rs"),
}
#: Docstrings, which the native core gets from `rust/build.rs`, warnings, and a lock.
ONLY_PURE = {"deprecation.py", "docs.py", "lock.py"}


def mapped(suffix: str) -> list[str]:
    rows = [line for line in (_pure.__doc__ or "").splitlines() if line.startswith("| `")]
    return re.findall(rf"`([\w/]+\.{suffix})`", "\n".join(rows))


def test_every_rust_file_is_mapped_once_or_named_as_an_exception() -> None:
    files = {path.relative_to(RUST).as_posix() for path in RUST.rglob("*.rs")}
    assert sorted([*mapped("rs"), *ONLY_RUST]) == sorted(files)


def test_every_python_file_is_mapped_once_or_named_as_an_exception() -> None:
    assert sorted([*mapped("py"), *ONLY_PURE]) == sorted(path.name for path in PURE.glob("*.py"))


def expanded(path: str) -> Iterator[str]:
    """Yield the paths of a `use` with braces."""
    head, brace, rest = path.partition("{")
    if not brace:
        yield path
        return
    for part in re.findall(r"(?:[^,{}]|\{(?:[^{}]|\{[^{}]*\})*\})+", rest[:-1]):
        yield from expanded(head + part)


def used_modules(source: Path) -> Iterator[Path]:
    """Yield the files that a file names in its `use`; a module's own parts do not count."""
    text = re.sub(r"//.*", "", source.read_text("utf-8"))
    for path in re.findall(r"\buse ((?:crate|super)::[^;]+);", text):
        for full in expanded(re.sub(r"\s", "", path)):
            root, *parts = full.split("::")
            folder = RUST if root == "crate" else source.parent
            for end in range(len(parts), 0, -1):
                file = folder.joinpath(*parts[:end]).with_suffix(".rs")
                if file.exists():
                    yield file
                    break


def test_no_rust_module_uses_one_that_uses_it() -> None:
    graph = {file: set(used_modules(file)) for file in RUST.rglob("*.rs") if file.name != "mod.rs"}
    assert sum(map(len, graph.values())) > len(graph)
    TopologicalSorter(graph).prepare()
