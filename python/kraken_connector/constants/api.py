"""The version of the REST API."""

from __future__ import annotations

__all__ = ["API_VERSION_PREFIX"]

#: The first part of the path of every call.
API_VERSION_PREFIX = "/0"
