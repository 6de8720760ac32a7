"""One client's conversation with `/v2/public` or `/v2/private`."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from decimal import Decimal
from typing import Any

from .. import requests as spot
from ..requests import Refused, Request
from ..session import Services, Session
from ..subscription import Option, Subscription
from ..writer import Outgoing, Writer
from . import requests
from .account import UnifiedAccount
from .methods import UnifiedMethods

_OPTIONS: dict[str, tuple[str, Option]] = {
    "book": ("depth", 10),
    "level3": ("depth", 10),
    "ohlc": ("interval", 1),
}


class UnifiedSession(Session):
    """The subscriptions of one connection and the answers to its requests.

    Args:
        connection: sends the messages.
        connection_id: the one that status messages carry.
        services: the parts of the exchange that are those of the spot hosts.
        account: the account.
        methods: carries out orders.
        is_recorded: returns whether private channels are those of a recording.
    """

    def __init__(
        self,
        connection: Writer,
        connection_id: int,
        services: Services,
        account: UnifiedAccount,
        methods: UnifiedMethods,
        is_recorded: Callable[[], bool],
    ) -> None:
        super().__init__(connection, connection_id, services)
        self._account = account
        self._methods = methods
        self._is_recorded = is_recorded
        #: Number of the last ledger entry: it counts per connection (page "Ledgers").
        self._ledger_number = 0

    def handle(self, request: Request) -> None:
        """Answer a request, past all faults."""
        self._services.journal.add_request(request)
        self._services.run_due()
        try:
            self._check_rate(request)
            if request.method not in requests.METHODS:
                spot.check_envelope(request)
            elif "params" in request.body:
                request = _exact(request)
            self._dispatch(request)
        except Refused as refusal:
            self.refuse(request, refusal)

    def _trade(self, request: Request) -> None:
        """Carry out an order request; `reply_first` decides whether the reply precedes reports."""
        if self.connection.path != requests.PRIVATE:
            raise Refused(requests.NO_ORDERS_HERE)
        if request.method not in requests.METHODS:
            raise Refused(spot.UNSUPPORTED_EVENT)
        self._check_token(request)
        # No page says which permission `set_preference` needs.
        if request.method in spot.TRADING_METHODS and not self._services.may(request.method):
            raise Refused(spot.PERMISSION_DENIED)
        is_first = self._services.settings.reply_first
        with self._account.waiting() if is_first else nullcontext():
            for answer in self._methods.answer(request.method, request.params):
                self.reply(request, answer)

    def refuse(self, request: Request, refusal: Refused) -> None:
        """Answer a request with an error."""
        answer: dict[str, Any] = {
            "error": self._services.settings.text(refusal.error),
            "method": request.method or "error",
            "success": False,
        }
        if refusal.symbol is not None:
            answer["symbol"] = refusal.symbol
        payload = self._document(request, answer)
        if request.method in requests.METHODS:
            self.send(Outgoing("reply", payload, method=request.method))
        else:
            self.send(Outgoing("answer", payload, request.channel, None, refusal.symbol))
        self._services.journal.add("refused", answer["error"], connection=self.number)

    def _check_channel(self, request: Request) -> str:
        channel = requests.check_channel(request, self.connection.path)
        if channel in requests.WITH_TOKEN:
            self._check_token(request)
        return channel

    def _check_token(self, request: Request) -> None:
        token = request.params.get("token")
        if not isinstance(token, str):
            raise Refused(requests.REQUIRED.format("token"))
        in_use = token in self._tokens_in_use and any(
            key[0] in requests.WITH_TOKEN for key in self.subscriptions
        )
        if not self._services.tokens.accepts(token, in_use=in_use):
            # The texts of the spot hosts, as the tokens are the same and no others were read.
            is_order = request.method in requests.METHODS
            raise Refused(spot.INVALID_TOKEN if is_order else spot.INVALID_SESSION)

    def _subscription(self, request: Request, channel: str, symbol: str | None) -> Subscription:
        name, default = _OPTIONS.get(channel, ("", "trades" if channel == "ticker" else None))
        option: Option = request.params.get(name, default)
        params = dict(request.params)
        return Subscription(self.connection, self.send, channel, symbol, option, params)

    def _subscribe(self, request: Request, channel: str, symbol: str | None) -> None:
        subscription = self._subscription(request, channel, symbol)
        if refusal := self._services.refusal_of(symbol):
            raise Refused(refusal, symbol=symbol)
        if channel not in requests.WITH_TOKEN or channel == "level3" or self._is_recorded():
            self._services.check(subscription)
        if subscription.identity in self.subscriptions:
            raise Refused(requests.ALREADY_SUBSCRIBED.format(channel), symbol=symbol)
        if channel == "preferences" and not self._account.has_preferences:
            raise Refused(requests.NOT_AVAILABLE_YET)
        if channel == "ledgers":
            subscription.sequence = self._ledger_number
        if channel in requests.WITH_TOKEN:
            self._tokens_in_use.add(request.params["token"])
        subscription.left = self._services.lets_through(channel, symbol)
        self.send(self._answer(request, subscription))
        self._activate(subscription)

    def _unsubscribe(self, request: Request, channel: str, symbol: str | None) -> None:
        wanted = self._subscription(request, channel, symbol)
        found = self.subscriptions.get(wanted.identity)
        if found is None or found.params.get("asset_class") != request.params.get("asset_class"):
            raise Refused(requests.NOT_SUBSCRIBED.format(channel), symbol=symbol)
        del self.subscriptions[found.identity]
        if channel == "ledgers":
            self._ledger_number = found.sequence
        self._services.registry.remove(found)
        self.send(self._answer(request, found))
        self._services.journal.add("unsubscribed", found.name, connection=self.number)

    def _answer(self, request: Request, subscription: Subscription) -> Outgoing:
        """Return the answer to a subscribe or unsubscribe; one for each symbol."""
        channel, symbol = subscription.channel, subscription.symbol
        result: dict[str, Any] = {"channel": channel}
        if symbol is not None:
            result["symbol"] = symbol
        name, _ = _OPTIONS.get(channel, ("", None))
        if name:
            result[name] = subscription.option
        if channel == "instrument":
            result["warnings"] = []
        return Outgoing("answer", self._success(request, result), channel, None, symbol)


def _exact(request: Request) -> Request:
    """Return a request with the digits of its numbers."""
    params = json.loads(request.raw, parse_float=Decimal)["params"]
    return replace(request, params=params if isinstance(params, dict) else {})
