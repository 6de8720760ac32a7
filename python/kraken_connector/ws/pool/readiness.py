"""Whether orders can be sent, and why not."""

from __future__ import annotations

from ..constants import ConnectionState, SystemState
from ..orders import Orders
from .link import Link

__all__ = ["trading_obstacle"]

#: System states in which at least some kinds of orders are accepted (page "Status").
_ACCEPTS_ORDERS = (SystemState.ONLINE, SystemState.POST_ONLY, SystemState.LIMIT_ONLY)


def trading_obstacle(link: Link | None, orders: Orders, now: float) -> str | None:
    """Return why no new order can be sent and tracked, `None` if one can.

    `link` is the connection for orders, `None` before it is first opened.
    """
    if link is None:
        return "the private connection is not open yet"
    session = link.session
    if link.state is not ConnectionState.CONNECTED:
        return f"the private connection is {link.state}"
    if session.tokens.is_missing:
        return session.tokens.problem(now)
    if session.system_status is None:
        return "the exchange has not sent its status yet"
    if session.system_status not in _ACCEPTS_ORDERS:
        return f"the exchange is in state {session.system_status}"
    if orders.is_followed and not orders.is_current:
        return "executions is not current: a snapshot is pending"
    return None
