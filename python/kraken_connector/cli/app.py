"""The commands and their options; the other modules of this package implement them."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from .. import __version__, backend
from ..exceptions import RequestError, TransportError
from ..http import REST_URL
from ..ws.constants import BOOK_DEPTHS
from . import inputs
from .demo import book_subscriptions, books_for, recorded_books
from .display import present
from .ladder import glyphs
from .live import LiveSession
from .picture import BookPicture
from .replay import Player, conclude
from .simulator import serve
from .watch import Channel, last_trades

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Kraken market data with verified order books: watch, share, replay and simulate it.",
)


def _number(least: float, metavar: str, text: str, default: str) -> Any:
    """Return the option of a finite number that is at least `least`."""
    return typer.Option(
        min=least, metavar=metavar, callback=inputs.number, help=text, show_default=default
    )


File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="Recorded frames, one JSON text per line (gzip, Zstandard too); - is stdin.",
    ),
]
PlayedFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Play recorded frames, one JSON text per line, instead of simulated markets.",
    ),
]
Speed = Annotated[
    float | None,
    _number(0.001, "TIMES", "With --file: playback speed (2 = twice as fast).", "1"),
]
Symbols = Annotated[
    str | None,
    typer.Option(
        metavar="SYMBOLS",
        help="A number of pairs, or a list: BTC/USD,ETH/USD.",
        show_default="as many as fit; sim lists ten",
    ),
]
Plain = Annotated[
    bool, typer.Option("--plain", help="Print one line per second instead of drawing a screen.")
]
Seconds = Annotated[
    float | None, _number(0.1, "SECONDS", "Stop after SECONDS.", "run until Ctrl-C")
]

_RECORDED = "has no effect with --file: the recording decides"
_UNIFIED = "has no effect with --unified: it lists three derivatives on one host"
_NOT_RECORDED = "needs --file: use --rate for simulated markets"


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kraken-ws {__version__} ({backend()} core)")
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show version and core."
        ),
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    seconds: Seconds = None,
    symbols: Symbols = None,
    rate: Annotated[
        float | None,
        _number(0.1, "PER_SECOND", "Book updates per second, all symbols together.", "400"),
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option(
            metavar="LEVELS", help="Levels per side: 10, 25, 100, 500, 1000.", show_default="10"
        ),
    ] = None,
    file: PlayedFile = None,
    speed: Speed = None,
    plain: Plain = False,
) -> None:
    """Show verified books from a simulated exchange: no network, no account.

    Starts an exchange on this machine, connects the client to it, and shows
    live order books. Every message is verified against the exchange's checksum.
    The exit code is 0 if all of them matched.
    """
    console, wanted = _console(plain), inputs.listing(symbols)
    if file is not None:
        inputs.refuse(_RECORDED, rate=rate, depth=depth)
        depths = recorded_books(inputs.recording(file), wanted)
        exchange = inputs.played(file, speed=speed or 1.0)
    else:
        inputs.refuse(_NOT_RECORDED, speed=speed)
        listed = books_for(console) if wanted is None else wanted
        exchange = inputs.exchange(symbols=listed, rate=rate or 400.0)
        depths = dict.fromkeys(exchange.symbols, inputs.depth(depth or 10))
    show = LiveSession(
        book_subscriptions(depths),
        BookPicture,
        title="kraken-ws demo",
        extras=() if file else last_trades(list(depths)),
        source=file.name if file else "simulated exchange",
        console=console,
        errors=_errors(),
        exchange=exchange,
        recorded=list(depths) if file else (),
        seconds=seconds,
    )
    _show(show)


@app.command()
def watch(
    channel: Annotated[
        Channel, typer.Argument(metavar="ticker|trade|book|level3", help="Channel to show.")
    ],
    symbols: Annotated[
        list[str], typer.Argument(metavar="SYMBOL...", help="Currency pairs, like BTC/USD.")
    ],
    depth: Annotated[
        int | None,
        typer.Option(
            metavar="LEVELS",
            help="Per side, of books: 10, 25, 100, 500, 1000; of level3: 10, 100, 1000.",
            show_default="10",
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(help="WebSocket endpoint.", show_default="Kraken's"),
    ] = None,
    rest_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="REST endpoint for the token that level3 needs.",
            show_default="Kraken's",
        ),
    ] = None,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Start a simulated exchange and watch it.")
    ] = False,
    seconds: Seconds = None,
    plain: Plain = False,
) -> None:
    """Watch tickers, trades, books or the single orders in them.

    Shows live data from Kraken or a simulated exchange. Without --simulate,
    level3 needs an API key: set KRAKEN_API_KEY and KRAKEN_API_SECRET.
    """
    pairs, endpoint = inputs.symbols(symbols), inputs.endpoint(url, simulate=simulate)
    wants_book = bool(channel.depths)
    wants_token = channel.needs_token and not simulate
    if not wants_book:
        inputs.refuse("is for book and level3: other channels have no levels", depth=depth)
    if not wants_token:
        inputs.refuse(
            "is for level3 without --simulate: nothing else needs a token", rest_url=rest_url
        )
    show = LiveSession(
        [channel.params(pairs, inputs.depth(depth or 10, channel.depths or BOOK_DEPTHS))],
        channel.picture,
        title=f"kraken-ws watch {channel}",
        extras=last_trades(pairs) if channel is Channel.BOOK or (wants_book and simulate) else (),
        source="simulated exchange" if simulate else endpoint.host,
        console=_console(plain),
        errors=_errors(),
        is_data=True,
        url=endpoint.url,
        tokens=inputs.tokens(REST_URL if rest_url is None else rest_url) if wants_token else None,
        exchange=inputs.exchange(symbols=pairs) if simulate else None,
        seconds=seconds,
    )
    _show(show)


@app.command()
def share(
    channel: Annotated[str, typer.Argument(metavar="book", help="Channel to share.")],
    symbols: Annotated[
        list[str], typer.Argument(metavar="SYMBOL...", help="Currency pairs, like BTC/USD.")
    ],
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Name under which other processes open the books.")
    ] = "kraken",
    levels: Annotated[
        int, typer.Option(min=10, max=1000, metavar="LEVELS", help="Levels per side to share.")
    ] = 25,
    depth: Annotated[
        int | None,
        typer.Option(
            metavar="LEVELS",
            help="Levels per side to subscribe: 10, 25, 100, 500, 1000.",
            show_default="the least that has LEVELS",
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(help="WebSocket endpoint.", show_default="Kraken's"),
    ] = None,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Start a simulated exchange and share its books.")
    ] = False,
    seconds: Seconds = None,
    plain: Plain = False,
) -> None:
    """Let other processes of this user read verified books from shared memory.

    They open them as SharedBooks("NAME") in Python, or with the header for C,
    which docs/shared-books.md describes. Shows the books as watch does; with
    --plain, or as a service, it prints one line per second.

    \b
    kraken-ws share book BTC/USD ETH/USD
    kraken-ws share book BTC/USD --name spot --levels 10 --plain
    """
    if channel != "book":
        inputs.fail(f"only book can be shared, not {channel!r}", inputs.MISUSED)
    pairs, endpoint = inputs.symbols(symbols), inputs.endpoint(url, simulate=simulate)
    wanted = next(known for known in BOOK_DEPTHS if known >= levels) if depth is None else depth
    show = LiveSession(
        [Channel.BOOK.params(pairs, inputs.depth(wanted))],
        BookPicture,
        title=f"kraken-ws share {name}",
        source="simulated exchange" if simulate else endpoint.host,
        console=_console(plain),
        errors=_errors(),
        is_data=True,
        url=endpoint.url,
        exchange=inputs.exchange(symbols=pairs) if simulate else None,
        seconds=seconds,
        share=inputs.share(name, levels),
    )
    _show(show)


@app.command()
def replay(
    file: File,
    speed: Annotated[
        float | None,
        _number(
            0.001,
            "TIMES",
            "Show the books at this playback speed (2 = twice as fast).",
            "as fast as possible, without showing them",
        ),
    ] = None,
    plain: Plain = False,
) -> None:
    """Feed a recorded file into an engine and verify every checksum in it.

    The exit code is 0 if every line could be read and every book message was
    verified.
    """
    player = Player(inputs.replayed(file, speed), speed=speed)
    console = _console(plain)
    ended_by = _feed(player, console) if speed is None else _run(_play(player, speed, console))
    if not player.tally.frames:
        _end_by(ended_by)
        inputs.fail(f"{player.name} has no frames")
    conclude(player, console)
    raise typer.Exit(0 if player.tally.holds else inputs.FAILED)


async def _play(player: Player, speed: float, console: Console) -> None:
    source = asyncio.create_task(player.play(speed))
    await present(BookPicture(player, glyphs(console)), source, console=console)


@app.command()
def sim(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, metavar="PORT", help="TCP port; 0 takes a free one.")
    ] = 0,
    three_hosts: Annotated[
        bool,
        typer.Option(
            "--three-hosts",
            help="Split the channels over a public, a private and a level3 port, as Kraken does.",
        ),
    ] = False,
    unified: Annotated[
        bool,
        typer.Option(
            "--unified", help="Speak the unified WebSocket instead, with derivatives (a preview)."
        ),
    ] = False,
    rate: Annotated[
        float | None,
        _number(0, "PER_SECOND", "Market steps per second, all symbols together.", "200"),
    ] = None,
    symbols: Symbols = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="Random seed of the markets.", show_default="7"),
    ] = None,
    file: PlayedFile = None,
    speed: Speed = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log every request and event.")
    ] = False,
) -> None:
    """Run a simulated exchange on this machine until Ctrl-C.

    It serves WebSocket API v2, private channels included, and the REST call
    for their token.
    """
    options: dict[str, Any] = {"host": host, "port": port}
    if unified:
        inputs.refuse(_UNIFIED, symbols=symbols, three_hosts=three_hosts or None)
    else:
        options["hosts"] = "three" if three_hosts else "one"
    if file is None:
        inputs.refuse(_NOT_RECORDED, speed=speed)
        options |= {"rate": 200.0 if rate is None else rate, "seed": 7 if seed is None else seed}
        exchange = inputs.exchange(unified=unified, symbols=inputs.listing(symbols), **options)
    else:
        inputs.refuse(_RECORDED, symbols=symbols, rate=rate, seed=seed)
        exchange = inputs.played(
            inputs.recording(file), unified=unified, speed=speed or 1.0, **options
        )
    _run(serve(exchange, _console(plain=True), verbose=verbose))


def _show(show: LiveSession) -> None:
    """Show a session, then print its summary.

    Raises:
        typer.Exit: always.
    """
    try:
        ended_by = _run(show.run())
    except (TransportError, RequestError, FileExistsError, PermissionError) as error:
        show.conclude()
        inputs.fail(str(error))
    show.conclude()
    if (mismatches := show.mismatches()) is not None:
        inputs.fail(mismatches)
    if (missing := show.missing()) is not None:
        _end_by(ended_by)
        inputs.fail(missing)
    raise typer.Exit


def _end_by(number: signal.Signals | None) -> None:
    """Exit with the shell's code for a signal, if one came before the first message."""
    if number is not None:
        raise typer.Exit(128 + number)


def _run(main: Coroutine[Any, Any, None]) -> signal.Signals | None:
    """Run to the end, or until Ctrl-C or SIGTERM.

    The first signal cancels, so that resources are released; a second Ctrl-C ends at once.

    Returns:
        The signal that ended it, if one did.
    """
    before = _handlers(signal.SIGINT, signal.SIGTERM)
    ended_by: signal.Signals | None = None

    async def until_signal() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def end(number: int, _: object) -> None:
            nonlocal ended_by
            ended_by = signal.Signals(number)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            loop.call_soon_threadsafe(task.cancel)

        for number in before:
            signal.signal(number, end)
        await main

    try:
        asyncio.run(until_signal())
    except (KeyboardInterrupt, asyncio.CancelledError):
        return ended_by or signal.SIGINT
    finally:
        _restore(before)
    return None


def _feed(player: Player, console: Console) -> signal.Signals | None:
    """Feed a file as fast as possible, until Ctrl-C, which also interrupts reading standard input.

    Returns:
        The signal that ended it, if one did.
    """
    before = _handlers(signal.SIGINT)
    for number in before:
        signal.signal(number, signal.default_int_handler)
    try:
        player.run(console)
    except KeyboardInterrupt:
        return signal.SIGINT
    finally:
        _restore(before)
    return None


def _handlers(*numbers: signal.Signals) -> dict[signal.Signals, Any]:
    """Return the handlers of signals, except for ignored signals, which stay ignored.

    A shell makes commands in the background ignore Ctrl-C.
    """
    handlers = {number: signal.getsignal(number) for number in numbers}
    return {
        number: handler
        for number, handler in handlers.items()
        if handler not in (None, signal.SIG_IGN)
    }


def _restore(handlers: dict[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _console(plain: bool) -> Console:
    """Return the console; it has colours and a screen only on a real terminal, whatever CI sets."""
    drawable = not plain and sys.stdout is not None and sys.stdout.isatty()
    return Console(force_terminal=None if drawable else False, highlight=False)


def _errors() -> Console:
    """Return the console for notices."""
    return Console(stderr=True, force_terminal=False, highlight=False)
