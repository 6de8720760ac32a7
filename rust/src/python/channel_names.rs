//! The names of the channels as Python strings.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::message::Channel;

/// The name of a channel, shared where it is known.
pub(super) fn known_channel_name(py: Python<'_>, channel: Channel) -> Option<&Bound<'_, PyString>> {
    Some(match channel {
        Channel::Balances => intern!(py, "balances"),
        Channel::Book => intern!(py, "book"),
        Channel::Executions => intern!(py, "executions"),
        Channel::Heartbeat => intern!(py, "heartbeat"),
        Channel::Instrument => intern!(py, "instrument"),
        Channel::Level3 => intern!(py, "level3"),
        Channel::Ohlc => intern!(py, "ohlc"),
        Channel::Status => intern!(py, "status"),
        Channel::Ticker => intern!(py, "ticker"),
        Channel::Trade => intern!(py, "trade"),
        Channel::Other => return None,
    })
}
