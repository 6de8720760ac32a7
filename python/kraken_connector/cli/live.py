"""A client session on the screen, optionally with its own simulated exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from rich.console import Console

from ..http import HTTPAuthenticatedClient
from ..sim import SimulatedExchange
from ..ws import KrakenWSClient, SubscriptionParams, TokenManager
from ..ws.constants import PUBLIC_URL
from .display import Picture, fullscreen, present
from .ladder import Glyphs, glyphs
from .notices import Notices, logged_to
from .report import report
from .session import ClientSession

PictureOf = Callable[[ClientSession, Glyphs], Picture[Any]]


class LiveSession:
    """The session of `demo` and `watch`.

    Args:
        subscriptions: the subscriptions to show.
        extras: further subscriptions for a screen, if the exchange has them.
        picture: creates the picture to show.
        title: the command.
        source: the name of the messages' source.
        console: where to show it.
        errors: where notices go without a screen.
        is_data: whether `console` gets data for other programs without a screen, so that the
            summary goes to `errors` too.
        url: URL of the exchange.
        tokens: the token manager, if the exchange needs tokens.
        exchange: a simulated exchange to start and connect to instead.
        recorded: symbols whose recorded books end the session when they are over.
        seconds: duration, `None` for no limit.
        share: name under which other processes read the books, and how many levels of them.
    """

    def __init__(
        self,
        subscriptions: Sequence[SubscriptionParams],
        picture: PictureOf,
        *,
        title: str,
        extras: Sequence[SubscriptionParams] = (),
        source: str,
        console: Console,
        errors: Console,
        is_data: bool = False,
        url: str = PUBLIC_URL,
        tokens: TokenManager | None = None,
        exchange: SimulatedExchange | None = None,
        recorded: Sequence[str] = (),
        seconds: float | None = None,
        share: tuple[str, int] | None = None,
    ) -> None:
        self.session: ClientSession | None = None
        self._share = share
        self._picture = picture
        self._title = title
        self._source = source
        self._console = console
        self._url = url
        self._tokens = tokens
        self._exchange = exchange
        self._recorded = recorded
        self._seconds = seconds
        self._messages_before = 0
        self._errors = errors
        has_screen = fullscreen(console)
        self._summary = errors if is_data and not has_screen else console
        self._notices = Notices(echo=None if has_screen else self._print)
        self._session_of = partial(
            ClientSession,
            subscriptions=subscriptions,
            extras=extras if has_screen else (),
            title=title,
            source=source,
            notices=self._notices,
            seconds=seconds,
            has_live_times=not recorded,
        )

    async def run(self) -> None:
        """Show messages until the session ends.

        Raises:
            ConnectionError: all attempts to connect failed.
            SubscriptionError: the exchange refused all symbols.
        """
        async with AsyncExitStack() as stack:
            url, tokens = self._url, self._tokens
            if self._exchange is not None:
                await stack.enter_async_context(self._exchange)
                url, tokens = self._exchange.url, _tokens_of(self._exchange)
            client = KrakenWSClient(url, token_manager=tokens)
            if self._share is not None:
                stack.enter_context(client.share(*self._share))
            self.session = self._session_of(client)
            await self._show(self.session)

    async def _show(self, session: ClientSession) -> None:
        with logged_to(self._notices):
            await present(
                self._picture(session, glyphs(self._console)),
                asyncio.create_task(session.run()),
                console=self._console,
                seconds=self._seconds,
                is_over=self._is_over,
            )

    def _print(self, text: str) -> None:
        self._errors.out(text, highlight=False)

    def _is_over(self) -> bool:
        """Return whether every recorded book was received to its end, or quarantined."""
        if self._exchange is None or self.session is None or not self._recorded:
            return False
        is_quiet = self.session.messages == self._messages_before
        self._messages_before = self.session.messages
        over = {log.detail for log in self._exchange.log if log.event == "replay_finished"}
        over |= {f"book {view.symbol}" for view in self.session.books() if view.is_given_up}
        return is_quiet and over >= {f"book {symbol}" for symbol in self._recorded}

    def conclude(self) -> None:
        """Print the summary, if there were messages."""
        if self.session is None or not self.session.messages:
            return
        title = f"{self._title}  {self._source}, {self.session.status().backend} core"
        report(self._summary, title, list(self.session.facts()), self.session.books())

    def mismatches(self) -> str | None:
        """Return a text with the number of checksum mismatches, if any."""
        if self.session is None or not (mismatches := self.session.status().mismatches):
            return None
        return f"{mismatches} book messages did not match their checksums"

    def missing(self) -> str | None:
        """Return a text about books that did not come, if any."""
        if self.session is None or not self.session.messages:
            return "no message came"
        books = self.session.books()
        missing = [view.symbol for view in books if not view.verified]
        if not missing:
            return None
        seconds = self.session.status().elapsed
        return (
            f"{len(missing)} of {len(books)} books did not come in {seconds:.1f} s: "
            "try a longer time, or fewer books"
        )


def _tokens_of(exchange: SimulatedExchange) -> TokenManager:
    source = HTTPAuthenticatedClient(
        exchange.rest_url, api_key=exchange.api_key, api_secret=exchange.api_secret
    )
    return TokenManager(source)
