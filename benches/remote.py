"""Worker processes: for another library, the other end of a socket, or a fresh memory.

The parent sends one JSON line, `{"call": "module:function", "with": {...}}`, and the worker replies
with one. A worker runs until it is closed, so that contenders in several processes can take turns.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parent.parent


class WorkerError(RuntimeError):
    """A worker failed; the text is its traceback's last line."""


class Worker:
    """A process that calls functions on request.

    Args:
        path: folders to import from, besides the benches, instead of this process's `PYTHONPATH`.
        cpu: the processor that it runs on, `None` for any.
        variables: environment variables besides the inherited ones.
    """

    def __init__(
        self,
        path: Sequence[Path] = (),
        *,
        cpu: int | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        inherited = [os.environ.get("PYTHONPATH", "")]
        python_path = os.pathsep.join(map(str, [*(path or inherited), ROOT]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benches.remote", "" if cpu is None else str(cpu)],
            env={**os.environ, **(variables or {}), "PYTHONPATH": python_path},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(self, function: str, **arguments: Any) -> Any:
        """Call `module:function` in the process and return its result.

        Raises:
            WorkerError: it raised, or the process ended.
        """
        self.start(function, **arguments)
        return self.wait()

    def start(self, function: str, **arguments: Any) -> None:
        """Call a function in the process; `wait` returns its result."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"call": function, "with": arguments}) + "\n")
        self._process.stdin.flush()

    def wait(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(f"the process ended with {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer["result"]

    def close(self) -> None:
        """End the process by closing its input; kill it if it does not end in five seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def two_processors() -> tuple[int | None, int | None]:
    """Return a processor for each end of a socket, `None` if there is only one."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    available = sorted(os.sched_getaffinity(0))
    return (available[-1], available[-2]) if len(available) > 1 else (None, None)


def _serve(cpu: str) -> None:
    """Reply until the parent closes the pipe. What libraries print goes to stderr."""
    if cpu:
        os.sched_setaffinity(0, {int(cpu)})
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        module, _, name = request["call"].partition(":")
        try:
            function = getattr(importlib.import_module(module), name)
            gc.collect()
            answer = {"result": function(**request["with"])}
        except Exception as error:  # noqa: BLE001 (the parent decides)
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    _serve(sys.argv[1])
