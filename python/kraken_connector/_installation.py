"""Errors for environments with both distributions, and for uses of 0.2.0's REST API.

kraken-connector and kraken-connector-rs both install the package `kraken_connector`, so an
environment can have only one of them. kraken-connector 0.2.0 also has a REST API, which this
package does not have.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # as in `typing`, which is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

__all__ = ["check_installation", "missing_module", "names_of_rest"]

_MIXED = """\
kraken-connector and kraken-connector-rs are both installed in {folder}. Both are the package \
`kraken_connector`: each overwrites files of the other, and uninstalling either removes files of \
the one that stays. Remove both, then install the one that you want:

    pip uninstall --yes kraken-connector kraken-connector-rs
    pip install kraken-connector-rs
"""

_REST = (
    "{name} belongs to the REST API of kraken-connector 0.2.0, which is not part of "
    "kraken-connector-rs. Both packages are imported as `kraken_connector`, so keep "
    "kraken-connector==0.2.0 in a virtual environment of its own, or use a REST client that can be "
    "installed beside this one, such as python-kraken-sdk (imported as `kraken`). See "
    "docs/migrating.md"
)


def check_installation(package: Iterable[str]) -> None:
    """Check that kraken-connector is not installed where this package is.

    Args:
        package: the folders of the package, its `__path__`.

    Raises:
        ImportError: it is installed; the text says what to do.
    """
    for folder in map(os.path.dirname, package):
        try:
            installed = os.listdir(folder)  # noqa: PTH208 (pathlib is slow to import)
        except OSError:  # the package is in an archive
            continue
        if any(_is_other(name) for name in installed):
            raise ImportError(_MIXED.format(folder=folder), name="kraken_connector")


def _is_other(name: str) -> bool:
    """Return whether a folder has the metadata of kraken-connector."""
    return name.startswith("kraken_connector-") and name.endswith((".dist-info", ".egg-info"))


def missing_module(name: str) -> ImportError:
    """Return the exception for an import of a module of 0.2.0's REST API."""
    return ModuleNotFoundError(_REST.format(name=name), name=name)


def names_of_rest(module: str, *names: str) -> Callable[[str], Any]:
    """Return a `__getattr__` for a module that explains names of 0.2.0's REST API.

    For these names it raises `ImportError`, because `from module import name` would replace the
    text of an `AttributeError`.
    """

    def missing(name: str) -> Any:
        if name in names:
            raise ImportError(_REST.format(name=f"{module}.{name}"), name=module)
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return missing
