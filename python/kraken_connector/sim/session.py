"""One client's conversation, without its socket: requests in, answers out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import orjson

from . import messages, requests
from .allowance import SYMBOLS_PER_CONNECTION, Allowance
from .encode import timestamp
from .observe import Journal
from .registry import SubscriptionRegistry
from .requests import Refused, Request
from .settings import Settings
from .subscription import Option, Subscription, Topic
from .tokens import Tokens
from .trading import fields
from .trading.order_methods import OrderMethods
from .trading.stream import PrivateStream
from .writer import Outgoing, Writer

_WARNINGS = {
    "ohlc": ["timestamp is deprecated, use interval_begin"],
    "instrument": ["tick_size is deprecated, use price_increment"],
    "executions": [
        "cancel_reason is deprecated, use reason",
        "stop_price is deprecated, use triggers.price",
        "trigger is deprecated use triggers.reference",
        "triggered_price is deprecated use triggers.last_price",
    ],
}


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of an exchange that its sessions share.

    Attributes:
        level3_allowance: the limit on level3 subscriptions.
        stream: the reports that follow a reply or precede it.
        check: refuses a subscription that the feed cannot serve.
        start: sends a new subscription its snapshot.
        run_due: does what is due by the clock.
        deliver: sends a message, unless a fault prevents it.
        arriving: returns the requests that arrive instead of one under a fault.
        refusal_of: returns the text that refuses subscriptions to a symbol, if any.
        lets_through: returns how many messages of a new subscription are sent.
        may: returns whether the permissions of the key behind the tokens allow an order method.
    """

    settings: Settings
    clock: Callable[[], int]
    journal: Journal
    registry: SubscriptionRegistry
    tokens: Tokens
    level3_allowance: Allowance
    order_methods: OrderMethods
    stream: PrivateStream
    check: Callable[[Subscription], None]
    start: Callable[[Subscription], None]
    run_due: Callable[[], None]
    deliver: Callable[[Session, Outgoing], None]
    arriving: Callable[[Session, Request], list[Request]]
    refusal_of: Callable[[str | None], str | None]
    lets_through: Callable[[str, str | None], float]
    may: Callable[[str], bool]


class Session:
    """The subscriptions of one connection and the answers to its requests.

    Args:
        connection: sends the messages.
        connection_id: the one that status messages carry.
        services: the parts of the exchange that answer requests.

    Attributes:
        subscriptions: those in force, by identity.
    """

    def __init__(self, connection: Writer, connection_id: int, services: Services) -> None:
        self.connection = connection
        self.connection_id = connection_id
        self.subscriptions: dict[Topic, Subscription] = {}
        self._services = services
        self._idle_since = asyncio.get_running_loop().time()
        self._tokens_in_use: set[str] = set()
        self._recent: list[int] = []
        self._heartbeat: asyncio.TimerHandle | None = None

    @property
    def number(self) -> int:
        """Number of the connection, counted from 1."""
        return self.connection.number

    def start(self) -> None:
        """Send the system status, and close the connection if it stays idle."""
        self.greet()
        if self._services.settings.idle_seconds is not None:
            self._close_if_idle(self._services.settings.idle_seconds)

    def close(self) -> None:
        """End all subscriptions."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        for subscription in self.subscriptions.values():
            self._services.registry.remove(subscription)
        self.subscriptions.clear()

    def send(self, message: Outgoing) -> None:
        """Send a message, unless a fault prevents it."""
        self._services.deliver(self, message)

    def greet(self) -> None:
        """Send the system status, as on connect and on every change."""
        settings = self._services.settings
        coming = settings.upcoming_maintenance
        payload = messages.status(
            settings.system,
            self.connection_id if settings.shows_connection_ids else None,
            coming,
            long_form=bool(coming) or self.connection.long_form,
        )
        self.send(Outgoing("status", payload, "status", "update"))

    def receive(self, text: str) -> None:
        """Answer a request. After the connection is lost, only order requests are carried out."""
        request = Request.read(text, connection=self.number, received_ns=self._services.clock())
        if self.connection.closed.is_set() and request.method not in requests.TRADING_METHODS:
            return
        for arriving in self._services.arriving(self, request):
            self.handle(arriving)

    def handle(self, request: Request) -> None:
        """Answer a request, past all faults."""
        self._services.journal.add_request(request)
        self._services.run_due()
        try:
            self._check_rate(request)
            requests.check_envelope(request)
            self._dispatch(request)
        except Refused as refusal:
            self.refuse(request, refusal)

    def refuse(self, request: Request, refusal: Refused) -> None:
        """Answer a request with an error."""
        error = self._services.settings.text(refusal.error)
        answer: dict[str, Any] = {
            "error": error,
            "method": refusal.method or request.method or "error",
            "success": False,
        }
        if refusal.symbol is not None:
            answer["symbol"] = refusal.symbol
        if channel := refusal.channel or self._level3(request):
            answer |= {"channel": channel, "status": "error"}
        if request.method in requests.TRADING_METHODS:
            self.reply(request, answer)
        else:
            payload = self._document(request, answer)
            self.send(Outgoing("answer", payload, request.channel, None, refusal.symbol))
        self._services.journal.add("refused", error, connection=self.number)

    def reply(self, request: Request, answer: Mapping[str, Any]) -> None:
        """Answer a request of an order method."""
        payload = self._document(request, {"method": request.method, **answer})
        self.send(Outgoing("reply", payload, method=request.method))

    # Time.

    def _close_if_idle(self, seconds: float) -> None:
        """Close the connection once it has had no subscription for `seconds`."""
        if not self.connection.open:
            return
        loop = asyncio.get_running_loop()
        idle = 0.0 if self.subscriptions else loop.time() - self._idle_since
        if idle >= seconds:
            self._services.journal.add("idle", connection=self.number)
            self.connection.close()
            return
        # Rounding can leave a rest so small that adding it does not change the loop's time.
        loop.call_later(max(seconds - idle, 0.001), self._close_if_idle, seconds)

    def _start_heartbeats(self) -> None:
        """Send a heartbeat whenever no channel message was sent for the interval."""
        interval = self._services.settings.heartbeat_interval
        if self._heartbeat is None and interval > 0:
            self.connection.last_channel_message = asyncio.get_running_loop().time()
            self._beat_at(self.connection.last_channel_message + interval)

    def _beat_at(self, when: float) -> None:
        self._heartbeat = asyncio.get_running_loop().call_at(when, self._beat)

    def _beat(self) -> None:
        now = asyncio.get_running_loop().time()
        interval = self._services.settings.heartbeat_interval
        if now >= self.connection.last_channel_message + interval:
            self.send(Outgoing("heartbeat", messages.HEARTBEAT, "heartbeat"))
            self.connection.last_channel_message = now
        self._beat_at(self.connection.last_channel_message + interval)

    # Requests.

    def _check_rate(self, request: Request) -> None:
        limit = self._services.settings.message_limit
        if limit is None:
            return
        since = request.received_ns - 1_000_000_000
        self._recent = [sent for sent in self._recent if sent > since]
        if len(self._recent) >= limit:
            raise Refused(requests.TOO_FAST)
        self._recent.append(request.received_ns)

    def _dispatch(self, request: Request) -> None:
        if request.method == "ping":
            self.send(Outgoing("pong", self._document(request, {"method": "pong"})))
        elif request.method == "subscribe":
            self._for_each_symbol(request, self._subscribe)
        elif request.method == "unsubscribe":
            self._for_each_symbol(request, self._unsubscribe)
        else:
            self._trade(request)

    def _trade(self, request: Request) -> None:
        """Carry out an order request; `reply_first` decides whether the reply precedes reports."""
        requests.check_host(self.connection.host.role, "private")
        if "token" not in request.params:
            raise Refused(requests.NO_TOKEN)
        fields.check(request.method, request.params)
        if not self._accepts_token(request.params["token"]):
            raise Refused(requests.INVALID_TOKEN)
        services = self._services
        if not services.may(request.method):
            raise Refused(requests.PERMISSION_DENIED)
        with services.stream.waiting() if services.settings.reply_first else nullcontext():
            try:
                answers = services.order_methods.answer(
                    request.method, request.params, request.received_ns
                )
            except Refused as refusal:
                self.refuse(request, refusal)
                return
            for answer in answers:
                self.reply(request, answer)

    def _for_each_symbol(
        self, request: Request, act: Callable[[Request, str, str | None], None]
    ) -> None:
        channel = self._check_channel(request)
        for symbol in request.symbols or (None,):
            try:
                act(request, channel, symbol)
            except Refused as refusal:
                self.refuse(request, refusal)

    def _subscribe(self, request: Request, channel: str, symbol: str | None) -> None:
        services = self._services
        subscription = self._subscription(request, channel, symbol)
        if refusal := services.refusal_of(symbol):
            raise Refused(refusal, symbol=symbol)
        services.check(subscription)
        if subscription.identity in self.subscriptions:
            raise Refused(requests.ALREADY_SUBSCRIBED, symbol=symbol)
        if channel == "level3":
            self._check_level3(subscription)
        if channel in requests.TOKEN_CHANNELS:
            self._tokens_in_use.add(request.params["token"])
        subscription.left = services.lets_through(channel, symbol)
        ack = Outgoing("answer", self._ack(request, subscription), channel, None, symbol)
        if services.settings.ack_first:
            self.send(ack)
        self._activate(subscription)
        if not services.settings.ack_first:
            self.send(ack)

    def _subscription(self, request: Request, channel: str, symbol: str | None) -> Subscription:
        option = _option(request, channel)
        return Subscription(self.connection, self.send, channel, symbol, option, request.params)

    def _check_level3(self, subscription: Subscription) -> None:
        """Refuse a subscription that exceeds the channel's limits; the answers name no symbol."""
        if sum(key[0] == "level3" for key in self.subscriptions) >= SYMBOLS_PER_CONNECTION:
            raise Refused(requests.TOO_MANY_SYMBOLS)
        depth, now_ns = int(subscription.option or 0), self._services.clock()
        if not self._services.level3_allowance.spend(depth, now_ns):
            raise Refused(requests.TOO_MANY_SNAPSHOTS.format(subscription.symbol))

    def _activate(self, subscription: Subscription) -> None:
        self.subscriptions[subscription.identity] = subscription
        self._services.registry.add(subscription)
        self._start_heartbeats()
        self._services.start(subscription)
        self._services.journal.add("subscribed", subscription.name, connection=self.number)

    def _unsubscribe(self, request: Request, channel: str, symbol: str | None) -> None:
        wanted = self._subscription(request, channel, symbol)
        found = self.subscriptions.get(wanted.identity)
        any_option = channel == "book" and "depth" not in request.params
        if found is None or not (any_option or found.option == wanted.option):
            raise Refused(requests.SUBSCRIPTION_NOT_FOUND, method="subscribe", symbol=symbol)
        del self.subscriptions[found.identity]
        self._idle_since = asyncio.get_running_loop().time()
        self._services.registry.remove(found)
        result = {"channel": channel, "symbol": symbol} | _option_field(channel, found.option)
        self.send(Outgoing("answer", self._success(request, result), channel, None, symbol))
        self._services.journal.add("unsubscribed", found.name, connection=self.number)

    def _check_channel(self, request: Request) -> str:
        channel = requests.check_subscription(request)
        requests.check_host(self.connection.host.role, requests.role_of(channel))
        needs_token = channel in requests.TOKEN_CHANNELS
        if needs_token and not self._accepts_token(request.params.get("token", "")):
            raise Refused(requests.INVALID_SESSION, channel=channel)
        return channel

    def _accepts_token(self, token: str) -> bool:
        """Return whether a token is good; one that a live private subscription uses stays so."""
        is_private = any(key[0] in requests.TOKEN_CHANNELS for key in self.subscriptions)
        in_use = is_private and token in self._tokens_in_use
        return self._services.tokens.accepts(token, in_use=in_use)

    # Answers.

    def _ack(self, request: Request, subscription: Subscription) -> bytes:
        channel = subscription.channel
        result: dict[str, Any] = {
            "channel": channel,
            "symbol": subscription.symbol,
            "snapshot": request.params.get("snapshot", True),
            "warnings": _WARNINGS.get(channel),
        }
        if channel == "executions":
            result["maxratecount"] = self._services.order_methods.max_rate_count
            result["snap_orders"] = request.params.get("snap_orders", True)
            result["snap_trades"] = request.params.get("snap_trades", False)
        if channel == "level3" and not self.connection.long_form:
            return self._success(request, result)
        return self._success(request, result | _option_field(channel, subscription.option))

    def _success(self, request: Request, result: Mapping[str, Any]) -> bytes:
        given = {key: value for key, value in result.items() if value is not None}
        return self._document(request, {"method": request.method, "result": given, "success": True})

    def _level3(self, request: Request) -> str | None:
        """Return the channel that refusals of level3 name, unless this host does not serve it."""
        here = self.connection.host.plays("level3") and request.channel == "level3"
        return request.channel if here else None

    def _document(self, request: Request, answer: Mapping[str, Any]) -> bytes:
        """Return an answer with the request's number and times, keys in alphabetical order."""
        times = {
            "time_in": timestamp(request.received_ns),
            "time_out": timestamp(max(self._services.clock(), request.received_ns)),
        }
        number = {} if request.req_id is None else {"req_id": request.req_id}
        return orjson.dumps({**answer, **number, **times}, option=orjson.OPT_SORT_KEYS)


_OPTIONS: dict[str, tuple[str, Option]] = {
    "book": ("depth", 10),
    "level3": ("depth", 10),
    "ohlc": ("interval", 1),
    "ticker": ("event_trigger", "trades"),
}


def _option(request: Request, channel: str) -> Option:
    name, default = _OPTIONS.get(channel, ("", None))
    option: Option = request.params.get(name, default)
    return option


def _option_field(channel: str, option: Option) -> dict[str, Option]:
    name, _ = _OPTIONS.get(channel, ("", None))
    return {name: option} if name else {}
