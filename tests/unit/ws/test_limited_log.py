"""What is logged when a peer or a callback repeats an error many times."""

from __future__ import annotations

import logging

import pytest
from tests.unit.ws.rig import Bench, executions

from kraken_connector.ws.base.limited_log import BURST, WINDOW, LimitedLog
from kraken_connector.ws.delivery.sinks import CallbackSink
from kraken_connector.ws.subscribe import ExecutionsParams

logger = logging.getLogger("kraken_connector.test")


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_first_lines_are_logged_and_the_others_counted(caplog: pytest.LogCaptureFixture) -> None:
    now = 100.0
    log = LimitedLog(logger, lambda: now)
    for number in range(1000):
        log.warning("line %d", number)
    log.error("another line")
    *first, last, other = lines(caplog)
    assert first == [f"line {number}" for number in range(BURST - 1)]
    assert last == f"line {BURST - 1}; further ones are left out for a minute"
    assert other == "another line"
    caplog.clear()
    now += WINDOW
    log.warning("line %d", 1000)
    assert lines(caplog) == ["left out 990 lines like: line %d", "line 1000"]
    caplog.clear()
    now += WINDOW
    log.warning("line %d", 1001)
    assert lines(caplog) == ["line 1001"]


def test_error_shows_its_exception(caplog: pytest.LogCaptureFixture) -> None:
    error = ValueError("why")
    LimitedLog(logger).error("what", exc_info=error)
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert record.funcName == "test_error_shows_its_exception"


@pytest.mark.parametrize(
    "frame",
    [
        "no JSON",
        '{"channel":"book","type":"update","data":[null]}',
        '{"channel":"status","type":"update","data":[{}]}',
        '{"method":"ping","success":false,"error":"no"}',
        '{"method":"subscribe","success":false,"error":"Exceeded msg rate"}',
        '{"channel":"executions","type":"snapshot","sequence":1,"data":[]}',
        '{"channel":"executions","type":"update","sequence":9,"data":[]}',
        '{"channel":"executions","type":"update","data":[{"order_id":"O","exec_type":"trade"}]}',
    ],
)
def test_frames_without_end_leave_a_log_with_an_end(
    frame: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(has_token_source=True).open()
    bench.session.set_token("tok", bench.now)
    bench.subscribed(ExecutionsParams())
    bench.say(executions(1, "snapshot"))
    caplog.clear()
    for _ in range(1000):
        bench.say(frame)
    assert len(caplog.records) < 5 * BURST


def test_callback_that_always_fails_leaves_a_log_with_an_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failures = 0

    def fail(_: object) -> None:
        raise ValueError("no")

    def count() -> None:
        nonlocal failures
        failures += 1

    sink = CallbackSink(fail, count)
    for _ in range(1000):
        sink.put(None)
    assert failures == 1000
    assert len(caplog.records) == BURST
