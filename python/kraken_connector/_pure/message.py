"""One frame to one typed message."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NoReturn

from ..exceptions import ParseError
from ..models import HeartbeatMessage, PongResponse, WSErrorResponse, WSResponse
from ..models.items import item_type
from ..models.value_path import path_of
from .book_data import BOOK_CHANNELS, BookChange, read_book_data
from .data_message import WSDataMessage
from .error import ContentError
from .fast_path import read_update
from .lexer import decode, decode_exact
from .rows import check_rows, wrong_integer
from .scanner import LexicalError, Node, Scanner

Message = WSDataMessage | WSResponse | WSErrorResponse | HeartbeatMessage | PongResponse
Frame = bytes | bytearray | memoryview | str

#: The beginning of the exchange's messages about books. Only a shortcut: others are decoded twice.
_BOOK_HEADS = (b'{"channel":"book"', b'{"channel":"level3"')
#: Channels from which a client keeps state, so that it matters whether a message is a snapshot or
#: an update.
STATE_CHANNELS = ("balances", "executions", "instrument")
#: The fields of a `batch_cancel` reply with the number of cancelled orders.
_COUNTS = ("orders_cancelled", "count")


class UnreadableFrame(Exception):
    """A frame that is not a message, with the parts that could be read before the error."""

    def __init__(self, error: ParseError, symbols: list[str] | None) -> None:
        self.error = error
        #: The symbols of a message about books that could be read; `None` for other frames. The
        #: channel is that of `error`.
        self.symbols = symbols
        super().__init__(error)


def parse_message(raw: Frame) -> Message:
    """Turn one text frame into one typed message, without keeping any state.

    Raises:
        ParseError: (a `ValueError`) the frame is no JSON or no message of the protocol.
    """
    frame = to_bytes(raw, "parse_message")
    try:
        message, _ = read_message(frame, None)
    except UnreadableFrame as unreadable:
        error = unreadable.error
        place = path_of(frame, error.kind, error.offset)
        raise ParseError(error.kind, error.offset, error.channel, place) from None
    return message


def to_bytes(frame: Frame, function: str) -> bytes:
    """Return the frame's UTF-8.

    Raises:
        TypeError: `frame` is neither bytes-like nor str.
    """
    if isinstance(frame, bytes | bytearray | memoryview):
        return bytes(frame)
    if isinstance(frame, str):
        # Half a surrogate pair becomes bytes that are not UTF-8, and is reported like those.
        return frame.encode("utf-8", "surrogatepass")
    accepted = "bytes, bytearray, memoryview or str"
    raise TypeError(f"{function}() takes {accepted}, not {type(frame).__name__}")


def read_message(frame: bytes, received_ns: int | None) -> tuple[Message, list[BookChange] | None]:
    """Return the frame's message, and the changes of the books if it is a book message.

    Raises:
        UnreadableFrame: it is no message of the protocol.
    """
    update = read_update(frame)
    if update is not None:
        return _update_message(frame, update, received_ns), [update]
    try:
        if not frame.startswith(_BOOK_HEADS):
            document = decode(frame)
            if not _is_book(document):
                return _message(frame, document, received_ns), None
        document = decode_exact(frame)
        if not _is_book(document):
            return _message(frame, decode(frame), received_ns), None
        message = _data_message(frame, document, received_ns)
        return message, read_book_data(document["data"], document["channel"])
    except (LexicalError, ContentError) as error:
        refuse(frame, error)


def _update_message(frame: bytes, update: BookChange, received_ns: int | None) -> WSDataMessage:
    """Return the message of a book update; its rows are decoded when they are read."""
    item = {"symbol": update[0], "checksum": update[3], "timestamp": update[4]}
    document = {"channel": "book", "type": "update", "data": [item]}
    return WSDataMessage._from_wire(frame, document, None, received_ns)


def _is_book(document: Any) -> bool:
    return (
        type(document) is dict
        and document.get("channel") in BOOK_CHANNELS
        and document.get("method") is None
        and _bare_error(document) is None
    )


def _bare_error(document: Any) -> str | None:
    """Return the text of an error without a method and without content: `{"error":"..."}`, or
    `errorMessage` as version 1 of the protocol spells it."""
    if document.get("data") is not None or document.get("success") is True:
        return None
    texts = (document.get("error"), document.get("errorMessage"))
    return next((text for text in texts if type(text) is str), None)


def _message(frame: bytes, document: Any, received_ns: int | None) -> Message:
    """Return a message that is not about books.

    Some refusals have both `channel` and `method`; a frame with a method is a reply.
    """
    if type(document) is not dict:
        raise ContentError("type", ())
    if document.get("method") is not None:
        return _response(document, received_ns)
    if (error := _bare_error(document)) is not None:
        return _refusal("error", error, document, document.get("result"), received_ns)
    channel = document.get("channel")
    if channel is None:
        raise ContentError("unclassified", ())
    if type(channel) is not str:
        raise ContentError("type", ("channel",))
    if channel == "heartbeat":
        return HeartbeatMessage(received_ns=received_ns)
    return _data_message(frame, document, received_ns)


def _data_message(frame: bytes, document: Any, received_ns: int | None) -> WSDataMessage:
    kind, data, sequence = document.get("type"), document.get("data"), document.get("sequence")
    if type(kind) is not str:
        raise ContentError("missing", ()) if kind is None else ContentError("type", ("type",))
    if type(data) is not list:
        _check_data(document["channel"], data)
    if document["channel"] in STATE_CHANNELS and kind not in ("snapshot", "update"):
        raise ContentError("type", ("type",))
    if sequence is not None:
        sequence = _sequence(frame, sequence)
    made_of = item_type(document["channel"], kind)
    if made_of is not None and document["channel"] not in BOOK_CHANNELS:
        check_rows(frame, made_of, data)
    return WSDataMessage._from_wire(frame, document, sequence, received_ns)


def _check_data(channel: str, data: Any) -> None:
    """Refuse `data` that is no array; `instrument` has an object, unknown channels anything."""
    if data is None:
        raise ContentError("missing", ())
    if channel == "instrument" and type(data) is dict:
        return
    if item_type(channel, "update") is not None:
        raise ContentError("type", ("data",))


def _sequence(frame: bytes, sequence: Any) -> int:
    if type(sequence) is not int:
        # Read it again: a decoder may have made a float of an integer.
        sequence = Scanner(frame).scan().find(("sequence",)).value
    if (wrong := wrong_integer(sequence)) is not None:
        raise ContentError(wrong, ("sequence",))
    return int(sequence)


def _response(document: Any, received_ns: int | None) -> Message:
    method = document["method"]
    if type(method) is not str:
        raise ContentError("type", ("method",))
    get = document.get
    if method == "pong":
        return PongResponse(get("req_id"), get("time_in"), get("time_out"), received_ns=received_ns)
    times, result = (get("time_in"), get("time_out"), get("req_id")), _result(method, document)
    if _succeeded(document):
        return WSResponse(method, result, True, *times, received_ns=received_ns)
    return _refusal(method, get("error"), document, result, received_ns)


def _refusal(
    method: str, error: Any, document: Any, result: Any, received_ns: int | None
) -> WSErrorResponse:
    get = document.get
    return WSErrorResponse(
        method,
        error,
        False,
        *(get("time_in"), get("time_out"), get("req_id")),
        symbol=get("symbol"),
        channel=get("channel"),
        status=get("status"),
        result=result,
        received_ns=received_ns,
    )


def _succeeded(document: Any) -> bool:
    success = document.get("success")
    if success is None:
        return document.get("error") is None
    if type(success) is not bool:
        raise ContentError("type", ("success",))
    return success


def _result(method: str, document: Any) -> Any:
    """Return `result`; a `batch_cancel` may have its count at the top of the reply instead.

    Captured in May 2024: `orders_cancelled` at the top and no `result`.
    """
    result = document.get("result")
    if method != "batch_cancel" or not (result is None or type(result) is dict):
        return result
    if any((result or {}).get(name) is not None for name in _COUNTS):
        return result
    counts = [document[name] for name in _COUNTS if document.get(name) is not None]
    return {**(result or {}), "count": counts[0]} if counts else result


def refuse(frame: bytes, error: LexicalError | ContentError) -> NoReturn:
    """Raise an error with the parts of the frame that can be read before it.

    Raises:
        UnreadableFrame: always.
    """
    scanner = Scanner(frame)
    with suppress(LexicalError):
        scanner.scan()
    root = scanner.root or Node(0, None)
    document = root.plain()
    channel = document.get("channel") if isinstance(document, dict) else None
    offset = error.offset if isinstance(error, LexicalError) else root.find(error.path).offset
    raise UnreadableFrame(
        ParseError(error.kind, offset, channel if isinstance(channel, str) else None),
        _symbols(document.get("data")) if _is_book(document) else None,
    ) from error


def _symbols(data: Any) -> list[str]:
    items = data if isinstance(data, list) else []
    symbols = [item.get("symbol") for item in items if isinstance(item, dict)]
    return [symbol for symbol in symbols if isinstance(symbol, str)]
