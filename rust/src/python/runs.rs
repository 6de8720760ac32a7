//! `runs`.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use super::data_message::PyDataMessage;

/// A run's channel and its events.
type Run<'py> = (Option<Bound<'py, PyString>>, Bound<'py, PyList>);

#[doc = doc!("" "runs")]
#[pyfunction]
#[pyo3(name = "runs", signature = (events))]
pub(super) fn py_runs<'py>(events: &Bound<'py, PyList>) -> PyResult<Vec<Run<'py>>> {
    let mut runs = Vec::new();
    let mut channel = None;
    let mut start = 0;
    for (index, event) in events.iter().enumerate() {
        let next = channel_of(&event);
        if index == 0 {
            channel = next;
        } else if !is_same(channel.as_ref(), next.as_ref())? {
            runs.push((channel, events.get_slice(start, index)));
            (channel, start) = (next, index);
        }
    }
    if start == 0 {
        return Ok(vec![(channel, events.clone())]);
    }
    runs.push((channel, events.get_slice(start, events.len())));
    Ok(runs)
}

fn channel_of<'py>(event: &Bound<'py, PyAny>) -> Option<Bound<'py, PyString>> {
    let message = event.cast_exact::<PyDataMessage>().ok()?;
    Some(message.get().channel(event.py()))
}

fn is_same(
    one: Option<&Bound<'_, PyString>>,
    other: Option<&Bound<'_, PyString>>,
) -> PyResult<bool> {
    match (one, other) {
        (Some(one), Some(other)) => Ok(one.is(other) || one.as_any().eq(other)?),
        (None, None) => Ok(true),
        _ => Ok(false),
    }
}
