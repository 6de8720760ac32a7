"""Errors for environments with both distributions, and for what only kraken-connector 0.2.0 has.

kraken-connector and kraken-connector-rs both install the package `kraken_connector`, so an
environment can have only one of them. Of the REST API of 0.2.0 this package has a part.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # as in `typing`, which is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

__all__ = ["check_installation", "explain_missing_modules", "missing_names"]

_MIXED = """\
kraken-connector and kraken-connector-rs are both installed in {folder}. Both are the package \
`kraken_connector`: each overwrites files of the other, and uninstalling either removes files of \
the one that stays. Remove both, then install the one that you want:

    pip uninstall --yes kraken-connector kraken-connector-rs
    pip install kraken-connector-rs
"""

_MISSING = (
    "kraken-connector-rs has no {name}. Of the REST API of kraken-connector 0.2.0 it has the calls "
    "about market data, orders, trades, balances, positions, fees and tokens, see "
    "docs/migrating.md. For other calls use a REST client that can be installed beside this one, "
    "such as python-kraken-sdk (imported as `kraken`), or keep kraken-connector==0.2.0 in a "
    "virtual environment of its own, as both packages are imported as `kraken_connector`"
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


class _MissingModules:
    """An entry of `sys.meta_path` that explains modules which no other entry has found."""

    def __init__(self) -> None:
        self.packages: tuple[str, ...] = ()

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.startswith(self.packages):
            # A ModuleNotFoundError would be ignored by `from package import module`.
            raise ImportError(_MISSING.format(name=name), name=name)


_missing_modules = _MissingModules()


def explain_missing_modules(package: str) -> None:
    """Let imports of modules that a package does not have raise an `ImportError` that explains it.

    Args:
        package: a package whose modules in kraken-connector 0.2.0 belong to the REST API.
    """
    _missing_modules.packages += (f"{package}.",)
    if _missing_modules not in sys.meta_path:
        sys.meta_path.append(_missing_modules)


def missing_names(module: str, *names: str) -> Callable[[str], Any]:
    """Return a `__getattr__` for a module that explains names which only 0.2.0 has.

    For these names it raises `ImportError`, because `from module import name` would replace the
    text of an `AttributeError`.
    """

    def missing(name: str) -> Any:
        if name in names:
            raise ImportError(_MISSING.format(name=f"{module}.{name}"), name=module)
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return missing
