"""The socket: opened by `websockets`, which does TLS, proxies, the handshake and the close."""

from __future__ import annotations

import logging
import ssl as tls
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

__all__ = ["open_socket"]


class _QuietLogger(logging.LoggerAdapter[logging.Logger]):
    """Keeps the DEBUG records of `websockets` out of every log: they print frames with tokens."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 (the name is logging's)
        return level > logging.DEBUG and super().isEnabledFor(level)


async def open_socket(
    url: str,
    *,
    ssl: tls.SSLContext | None,
    proxy: str | bool | None,
    max_frame_size: int,
    open_timeout: float,
    close_timeout: float,
) -> ClientConnection:
    """Open a socket. Pings are the session's business, so the library sends none.

    Raises:
        OSError, TimeoutError, websockets.exceptions.WebSocketException: none came about.
    """
    options: dict[str, Any] = {"ssl": ssl} if ssl is not None else {}
    return await connect(
        url,
        proxy=True if proxy is None else proxy or None,
        compression=None,
        max_size=max_frame_size,
        max_queue=1024,
        ping_interval=None,
        open_timeout=open_timeout,
        close_timeout=close_timeout,
        logger=_QuietLogger(logging.getLogger(__name__)),
        **options,
    )
