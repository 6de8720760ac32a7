//! Replies, pongs, heartbeats and the engine's own events as instances of the models.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyDict, PyString};

use super::channel_names::known_channel_name;
use super::decimals;
use super::decode::Decoder;
use super::schema::{Instance, Registry};
use crate::engine::Notice;
use crate::error::ParseError;
use crate::lexer::{Lexer, Value};
use crate::message::{Channel, Reply};

/// The reply to a request.
pub(super) fn response<'py>(
    frame: &Bound<'py, PyBytes>,
    reply: &Reply,
    received_ns: Option<i64>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = frame.py();
    let events = &Registry::get(py)?.events;
    let schema = if reply.success {
        events.response
    } else {
        events.error_response
    };
    let instance = Decoder::new(py, frame.as_bytes(), 0)?.instance(schema)?;
    instance.set_named(
        "success",
        PyBool::new(py, reply.success).to_owned().into_any(),
    );
    if let Some(place) = reply.bare_error {
        let text = Decoder::new(py, frame.as_bytes(), place)?.value()?;
        instance.set_named("error", text);
        instance.set_named("method", intern!(py, "error").clone().into_any());
    }
    if reply.method.is(frame.as_bytes(), b"batch_cancel")
        && let Some(result) = cancelled(frame, reply)?
    {
        instance.set_named("result", result);
    }
    instance.finish_received(received_ns)
}

/// The fields of a `batch_cancel` reply with the number of cancelled orders.
const COUNTS: [&[u8]; 2] = [b"orders_cancelled", b"count"];

/// The result of a `batch_cancel` that has its count at the top of the reply.
///
/// Captured in May 2024: `orders_cancelled` at the top and no `result`.
fn cancelled<'py>(
    frame: &Bound<'py, PyBytes>,
    reply: &Reply,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let (py, bytes) = (frame.py(), frame.as_bytes());
    let has = |name: &&[u8]| !matches!(reply.result_field(bytes, name), None | Some(Value::Null));
    if reply.has_result && (reply.result.is_none() || COUNTS.iter().any(has)) {
        return Ok(None);
    }
    let Some(place) = COUNTS.iter().find_map(|name| top_field(bytes, name)) else {
        return Ok(None);
    };
    let result = match reply.result {
        Some(place) => Decoder::new(py, bytes, place)?.value()?.cast_into()?,
        None => PyDict::new(py),
    };
    let count = Decoder::new(py, bytes, place)?.value()?;
    result.set_item(intern!(py, "count"), count)?;
    Ok(Some(result.into_any()))
}

/// Offset of the value of a top-level field; `null` counts as absent.
fn top_field(frame: &[u8], wanted: &[u8]) -> Option<usize> {
    let mut found = None;
    let mut lexer = Lexer::at(frame, 0);
    let mut key = lexer.first_key().ok()?;
    while let Some(name) = key {
        let field = lexer.field().ok()?;
        if name.is(frame, wanted) {
            found = (field.value != Value::Null).then_some(field.offset);
        }
        key = lexer.next_key().ok()?;
    }
    found
}

/// The reply to a ping.
pub(super) fn pong<'py>(
    frame: &Bound<'py, PyBytes>,
    received_ns: Option<i64>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = frame.py();
    let schema = Registry::get(py)?.events.pong;
    let instance = Decoder::new(py, frame.as_bytes(), 0)?.instance(schema)?;
    instance.finish_received(received_ns)
}

/// A heartbeat; those without a time are all the same object.
pub(super) fn heartbeat(py: Python<'_>, received_ns: Option<i64>) -> PyResult<Bound<'_, PyAny>> {
    static TIMELESS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let make = || {
        let registry = Registry::get(py)?;
        let instance = registry.schema(registry.events.heartbeat).instance(py)?;
        instance.set_named("channel", intern!(py, "heartbeat").clone().into_any());
        instance.finish_received(received_ns)
    };
    if received_ns.is_some() {
        return make();
    }
    let shared = TIMELESS.get_or_try_init(py, || make().map(Bound::unbind))?;
    Ok(shared.bind(py).clone())
}

/// An event of the engine; `symbol` is that of its book.
pub(super) fn notice<'py>(
    py: Python<'py>,
    notice: &Notice,
    symbol: &str,
    received_ns: Option<i64>,
) -> PyResult<Bound<'py, PyAny>> {
    let registry = Registry::get(py)?;
    let new = |schema| registry.schema(schema).instance(py);
    let symbol = PyString::new(py, symbol).into_any();
    let instance = match *notice {
        Notice::SequenceGap {
            expected,
            received,
            channel,
        } => {
            let event = new(registry.events.sequence_gap)?;
            event.set_named("expected", expected.into_pyobject(py)?.into_any());
            event.set_named("received", received.into_pyobject(py)?.into_any());
            set_channel(&event, channel);
            event
        }
        Notice::BookChecksum {
            channel,
            expected,
            computed,
            ..
        } => {
            let event = new(registry.events.book_checksum)?;
            event.set_named("symbol", symbol);
            event.set_named("expected", expected.into_pyobject(py)?.into_any());
            event.set_named("computed", computed.into_pyobject(py)?.into_any());
            set_channel(&event, channel);
            event
        }
        Notice::BookCrossed {
            channel,
            bid,
            ask,
            scale,
            ..
        } => {
            let event = new(registry.events.book_crossed)?;
            event.set_named("symbol", symbol);
            event.set_named("bid", decimals::decimal(py, bid, scale)?);
            event.set_named("ask", decimals::decimal(py, ask, scale)?);
            set_channel(&event, channel);
            event
        }
    };
    instance.finish_received(received_ns)
}

fn set_channel(event: &Instance<'_, '_>, channel: Channel) {
    if let Some(name) = known_channel_name(event.py(), channel) {
        event.set_named("channel", name.clone().into_any());
    }
}

/// A frame that cannot be read.
pub(super) fn invalid_frame<'py>(
    frame: &Bound<'py, PyBytes>,
    error: ParseError,
    channel: Option<&str>,
    received_ns: Option<i64>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = frame.py();
    let registry = Registry::get(py)?;
    let event = registry
        .schema(registry.events.invalid_frame)
        .instance(py)?;
    event.set_named("frame", frame.clone().into_any());
    event.set_named("kind", PyString::intern(py, error.kind.name()).into_any());
    event.set_named("offset", error.offset.into_pyobject(py)?.into_any());
    if let Some(channel) = channel {
        event.set_named("channel", PyString::new(py, channel).into_any());
    }
    event.finish_received(received_ns)
}
