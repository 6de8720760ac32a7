"""An asyncio client for Kraken's WebSocket API v2 with verified order books."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from . import exceptions, ws
from ._backend import Engine, backend
from .exceptions import *
from .http import HTTPAuthenticatedClient
from .ws import *

try:
    __version__ = version("kraken-connector-rs")
except PackageNotFoundError:  # run from the sources, without an installation
    __version__ = "0+unknown"
