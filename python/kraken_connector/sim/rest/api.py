"""The REST API: from an HTTP request to its response.

Source: docs.kraken.com, REST API: general usage, authentication, rate limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..http import HttpResponse
from ..requests import PERMISSION_DENIED, Refused
from . import account, forms, key, orders, public, trades, trading
from .call import Call
from .counter import RestCounter
from .envelope import Answer, refusal
from .forms import Params, Reader
from .rules import Received, RestRules
from .venue import Venue

PUBLIC_PATH: Final = "/0/public/"
PRIVATE_PATH: Final = "/0/private/"
TOKEN_CALL: Final = "GetWebSocketsToken"
UNKNOWN_METHOD: Final = "EGeneral:Unknown method"
RATE_LIMIT: Final = "EAPI:Rate limit exceeded"
INVALID_ARGUMENTS: Final = "EGeneral:Invalid arguments"
COMMON: Mapping[str, Reader] = {
    "nonce": lambda value: value,
    "otp": forms.text,
    "rebase_multiplier": forms.choice("rebased", "base"),
}
"""The parameters of all private calls."""


@dataclass(frozen=True, slots=True)
class RestCall:
    """A call as it was received.

    Attributes:
        name: such as `CancelAll`.
        params: its parameters, as sent, but for the nonce and the one-time password.
        nonce: of a private call, if it is valid.
        received_ns: when it was received, ns since the epoch.
    """

    name: str
    params: Params
    nonce: int | None
    received_ns: int


class RestApi:
    """The REST API: checks key, signature, nonce, permissions and limits as the exchange does.

    Args:
        venue: what the calls read and change.
        api_key: checks the callers.
        counter: limits the private calls.
        rules: the faults in force.

    Attributes:
        journal: the calls received so far, refused ones included, oldest first.
        settings: how it behaves.
    """

    def __init__(
        self, venue: Venue, api_key: key.Key, counter: RestCounter, rules: RestRules
    ) -> None:
        self.journal: list[RestCall] = []
        self.settings = venue.rest
        self.counter = counter
        self._venue = venue
        self._key = api_key
        self._rules = rules
        self._private: Mapping[str, Call] = {
            **orders.CALLS,
            **trades.CALLS,
            **account.CALLS,
            **trading.CALLS,
            **key.calls(api_key),
        }

    @property
    def calls(self) -> int:
        """How many token calls were received, refused ones included."""
        return sum(call.name == TOKEN_CALL for call in self.journal)

    def may(self, method: str) -> bool:
        """Return whether the key is allowed an order method of the sockets."""
        return self._key.allows(trading.method_needs(method))

    def respond(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> HttpResponse:
        """Return the response to a call. Refused calls get status 200 too, as on the exchange.

        Args:
            method: HTTP method.
            target: path and query of the request line.
            headers: names in lower case.
            body: as sent.
        """
        path, _, query = target.partition("?")
        if path.startswith(PUBLIC_PATH) and method == "GET":
            name = path.removeprefix(PUBLIC_PATH)
            if name in public.CALLS:
                return self._public(name, query)
        if path.startswith(PRIVATE_PATH) and method == "POST":
            name = path.removeprefix(PRIVATE_PATH)
            if name in self._private:
                return self._signed(name, path, headers, body)
        return refusal(UNKNOWN_METHOD).http()

    def _public(self, name: str, query: str) -> HttpResponse:
        params = _params(lambda: forms.read_form(query))
        self._record(name, params or {}, None)
        return self._answer(name, public.CALLS[name], params, lambda: None)

    def _signed(
        self, name: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> HttpResponse:
        params = _params(lambda: forms.read_body(headers.get("content-type", ""), body))
        nonce = key.read_nonce(params or {})
        self._record(name, params or {}, nonce)
        call = self._private[name]

        def admit() -> str | None:
            error = self._key.check(path, headers, body, nonce)
            return error or self._refusal(name, call)

        return self._answer(name, call, params, admit)

    def _refusal(self, name: str, call: Call) -> str | None:
        """Return the error of a signed call that a limit or a permission forbids."""
        is_within = self.counter.spend(self.settings.costs.get(name, call.cost))
        if self.settings.limits and not is_within:
            return RATE_LIMIT
        return None if self._key.allows(call.needs) else PERMISSION_DENIED

    def _answer(
        self,
        name: str,
        call: Call,
        params: dict[str, Any] | None,
        check: Callable[[], str | None],
    ) -> HttpResponse:
        admit = _once(check)

        def carry() -> Answer:
            error = admit()
            return self._carry(call, params) if error is None else refusal(error)

        received = Received(name, lambda: _refused(admit()), carry)
        response = self._rules.answer(received).http()
        self._venue.journal.changed()
        return response

    def _carry(self, call: Call, params: dict[str, Any] | None) -> Answer:
        """Carry out a call that is allowed."""
        if params is None:
            return refusal(INVALID_ARGUMENTS)
        self._venue.run_due()
        try:
            values = forms.read(params, {**call.readers, **COMMON})
            return Answer(result=call.carry(self._venue, values))
        except Refused as refused:
            return refusal(self._venue.settings.text(refused.error))

    def _record(self, name: str, params: Params, nonce: str | None) -> None:
        shown = {key: value for key, value in params.items() if key not in ("nonce", "otp")}
        number = None if nonce is None else int(nonce)
        self.journal.append(RestCall(name, shown, number, self._venue.clock()))


def _params(read: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """Return the parameters of a call; `None` if they cannot be read."""
    try:
        return read()
    except ValueError:
        return None


def _refused(error: str | None) -> Answer | None:
    return None if error is None else refusal(error)


def _once(check: Callable[[], str | None]) -> Callable[[], str | None]:
    """Return a function that checks at its first call, and repeats the answer later."""
    answers: list[str | None] = []

    def checked() -> str | None:
        if not answers:
            answers.append(check())
        return answers[0]

    return checked
