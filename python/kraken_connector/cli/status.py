"""The status of a session: the lines above and below the books, and the plain line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from rich.text import Text

from .digits import clock, count, duration, rate
from .keys import can_read
from .ladder import Glyphs, bar, justified

_HINT = "  ? help"
_STATE_STYLES = {"connected": "green", "connecting": "yellow", "reconnecting": "bold yellow"}


@dataclass(frozen=True)
class LatencyView:
    """Durations from the exchange's timestamp to the local receive time, in nanoseconds.

    Attributes:
        doublings: number of durations in `[2**n, 2**(n + 1))`, by `n`.
    """

    p50: float | None = None
    p99: float | None = None
    largest: float | None = None
    doublings: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Status:
    """The status of a session at one moment.

    Attributes:
        title: the command.
        source: the name of the messages' source.
        backend: the core, `native` or `pure`.
        state: state of the connection.
        system: status of the exchange, normally `online`.
        elapsed: seconds since the start.
        seconds: duration, `None` for no limit.
        messages: channel messages so far.
        per_second: recent channel messages per second.
        verified: book messages whose checksum matched, `None` without books.
        mismatches: book messages whose checksum did not match.
        reconnects: connections after the first one.
        gaps: number of gaps.
        notice: the present notice for the user.
    """

    title: str
    source: str
    backend: str
    state: str = "connected"
    system: str | None = None
    elapsed: float = 0.0
    seconds: float | None = None
    messages: int = 0
    per_second: float = 0.0
    verified: int | None = None
    mismatches: int = 0
    latency: LatencyView = LatencyView()
    reconnects: int = 0
    gaps: int = 0
    notice: str | None = None


def header(status: Status, width: int, glyphs: Glyphs) -> Text:
    """Return the top line: command, source, state of the connection."""
    title, right = Text(status.title, "bold", no_wrap=True), _connection(status, glyphs)
    source, core = f"  {status.source}", Text(f"{status.backend} core  ", "dim")
    hint = _HINT if can_read() else ""
    # The least important parts are omitted first.
    for words, about in (source + hint, core), (source + hint, Text()), (hint, Text()):
        left = title.copy().append(words, "dim not bold")
        if len(left) + len(about) + len(right) < width:
            return justified(left, about.append_text(right), width)
    return justified(title, right, width)


def _connection(status: Status, glyphs: Glyphs) -> Text:
    style = _STATE_STYLES.get(status.state, "bold red")
    right = Text().append(f"{glyphs.dot} {status.state}", style)
    if status.system not in (None, "online"):
        right.append(f" {status.system}", "bold yellow")
    if status.reconnects or status.gaps:
        right.append(f"  {_interruptions(status)}", "yellow")
    until = f" / {clock(status.seconds)}" if status.seconds is not None else ""
    return right.append(f"  {clock(status.elapsed)}{until}")


def footer(status: Status, width: int, glyphs: Glyphs) -> Text:
    """Return the bottom line: traffic, checksums, latency; abbreviated if room is short.

    A notice stands next to them or, if there is no room, replaces them while it is recent.
    """
    forms = (_traffic(status, glyphs, in_words=True), _traffic(status, glyphs, in_words=False))
    line = next((form for form in forms if len(form) <= width), _checks_first(status, glyphs))
    if status.notice:
        notice = Text(status.notice, style="yellow", no_wrap=True)
        fits = len(line) + len(notice) + 2 <= width
        line = justified(line, notice, width) if fits else notice
    line.truncate(width)
    return line


def _traffic(status: Status, glyphs: Glyphs, *, in_words: bool) -> Text:
    parts = [Text(f"{count(status.messages)} messages {rate(status.per_second)}")]
    if status.verified is not None:
        parts.append(Text(f"{glyphs.good} {count(status.verified)} verified", "green"))
        mismatches = count(status.mismatches)
        if in_words:
            mismatches = _times(status.mismatches, "mismatch", "es")
        style = "bold red" if status.mismatches else "dim"
        parts.append(Text(f"{glyphs.bad} {mismatches}", style))
    if status.latency.p50 is not None:
        p50, p99 = duration(status.latency.p50), duration(status.latency.p99)
        parts.append(Text(f"{'latency ' * in_words}p50 {p50} p99 {p99}"))
    if in_words:
        parts.append(Text(_interruptions(status), "dim"))
    line = Text(no_wrap=True)
    for part in parts:
        line.append((" | " if in_words else "  ") if line else "", "dim").append_text(part)
    return line


def _checks_first(status: Status, glyphs: Glyphs) -> Text:
    """Return the traffic for a line that is cut, with the failed checksums first."""
    line = Text(no_wrap=True)
    if status.verified is not None:
        style = "bold red" if status.mismatches else "dim"
        line.append(f"{glyphs.bad} {count(status.mismatches)}", style)
        line.append(f"  {glyphs.good} {count(status.verified)}  ", "green")
    return line.append(f"{count(status.messages)} messages {rate(status.per_second)}")


def plain_line(status: Status, extras: Sequence[str] = ()) -> str:
    """Return the status in one line of ASCII text."""
    parts = [clock(status.elapsed), f"{status.messages} messages", rate(status.per_second)]
    if status.verified is not None:
        parts.append(f"verified {status.verified}")
        parts.append(f"mismatches {status.mismatches}")
    if status.latency.p50 is not None:
        p50, p99 = duration(status.latency.p50), duration(status.latency.p99)
        parts.append(f"latency p50 {p50} p99 {p99}")
    if status.state != "connected":
        parts.append(status.state)
    if status.reconnects or status.gaps:
        parts += [f"reconnects {status.reconnects}", f"gaps {status.gaps}"]
    return "  ".join((*parts, *extras))


def latency_chart(latency: LatencyView, *, width: int, lines: int, glyphs: Glyphs) -> list[Text]:
    """Return a bar for each doubling of the latency, at most `lines` of them with the heading."""
    found = latency.doublings
    if not found:
        return []
    first, last = min(found), max(found)
    peak = max(found, key=lambda doubling: found[doubling])
    if last - first >= lines - 1:
        first = max(first, min(peak - (lines - 1) // 3, last - lines + 2))
        last = first + lines - 2
    return [
        Text("latency".rjust(8), style="dim", no_wrap=True),
        *(_bin(found, doubling, width, glyphs) for doubling in range(first, last + 1)),
    ]


def _bin(found: dict[int, int], doubling: int, width: int, glyphs: Glyphs) -> Text:
    number, most = found.get(doubling, 0), max(found.values())
    label = count(number)
    line = Text(f"{duration(2.0**doubling):>8} ", style="dim", no_wrap=True)
    room = max(width - len(line) - len(label) - 1, 1)
    # A number above zero always has a visible bar.
    filled = bar(Decimal(number) / most, room, glyphs).rstrip() or (
        glyphs.eighths[1] if number else ""
    )
    line.append(filled, "not dim cyan").append(f" {label}", "not dim")
    return line


def _interruptions(status: Status) -> str:
    return f"{_times(status.reconnects, 'reconnect')}, {_times(status.gaps, 'gap')}"


def _times(number: int, word: str, plural: str = "s") -> str:
    return f"{count(number)} {word}{'' if number == 1 else plural}"
