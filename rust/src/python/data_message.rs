//! `WSDataMessage` and `parse_message`.

use std::sync::OnceLock;

use pyo3::PyTypeCheck;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyList, PyMapping, PyString, PyTuple, PyType};

use super::channel_names::known_channel_name;
use super::decode::Decoder;
use super::instances::Maker;
use super::schema::{Registry, SchemaId};
use super::strings::Strings;
use super::{errors, frame, reply};
use crate::lexer::Text;
use crate::message::{BookBatch, Channel, DataMessage, Message, parse_message, plain_head};
use crate::time::timestamp_ns;

// A message of a channel.
//
// Not tracked by the garbage collector: the items of a frame never refer to their message, so only a
// list that a caller filled with its own message makes a cycle.
#[doc = doc!("WSDataMessage" "")]
#[pyclass(frozen, name = "WSDataMessage", module = "kraken_connector._native")]
pub(super) struct PyDataMessage {
    origin: Origin,
    data: Data,
    received_ns: Option<i64>,
    verified: Option<bool>,
}

/// The items of a message.
enum Data {
    /// Made with the message.
    Ready(Py<PyAny>),
    /// Made when first read; not a `PyOnceLock`, which releases the GIL to set it.
    Late(OnceLock<Py<PyAny>>),
}

/// The origin of a message.
enum Origin {
    /// A frame, which was checked.
    Wire {
        frame: Py<PyBytes>,
        message: DataMessage,
    },
    /// A caller.
    Made {
        channel: Py<PyString>,
        kind: Py<PyString>,
        sequence: Option<Py<PyAny>>,
        timestamp: Option<Py<PyAny>>,
    },
}

static MAKER: Maker<PyDataMessage> = Maker::new();

impl PyDataMessage {
    /// The Python object of the message.
    pub(super) fn into_object(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        Ok(MAKER.make(py, || self)?.into_any())
    }

    /// The message of a frame.
    #[inline(always)]
    pub(super) const fn from_wire(
        frame: Py<PyBytes>,
        message: DataMessage,
        received_ns: Option<i64>,
        verified: Option<bool>,
    ) -> Self {
        Self {
            origin: Origin::Wire { frame, message },
            data: Data::Late(OnceLock::new()),
            received_ns,
            verified,
        }
    }

    /// The envelope of a message that came from a frame.
    #[inline]
    pub(super) const fn envelope(&self) -> Option<&DataMessage> {
        match &self.origin {
            Origin::Wire { message, .. } => Some(message),
            Origin::Made { .. } => None,
        }
    }

    /// The message of a caller, with its `data`.
    fn made(origin: Origin, data: Py<PyAny>) -> Self {
        Self {
            origin,
            data: Data::Ready(data),
            received_ns: None,
            verified: None,
        }
    }

    fn decode<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Origin::Wire { frame, message } = &self.origin else {
            return Ok(PyList::empty(py).into_any());
        };
        let frame = frame.bind(py);
        let mut decoder = Decoder::new(py, frame.as_bytes(), message.data)?;
        match Registry::get(py)?.item_of_message(message) {
            Some(schema) => decoder.items(schema, frame),
            None => decoder.value(),
        }
    }

    /// An attribute of the first item of a caller's message, if it is of type `T`.
    fn made_item_field<'py, T: PyTypeCheck>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Option<Bound<'py, T>>> {
        let data = self.data(py)?;
        let Ok(items) = data.cast::<PyList>() else {
            return Ok(None);
        };
        if items.is_empty() {
            return Ok(None);
        }
        let first = items.get_item(0)?;
        let value = match first.cast::<PyMapping>() {
            Ok(mapping) if mapping.contains(name)? => Some(mapping.get_item(name)?),
            Ok(_) => None,
            Err(_) => first.getattr_opt(name)?,
        };
        Ok(value.and_then(|value| value.cast_into().ok()))
    }

    /// The parts that equality compares.
    fn key<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        (
            self.channel(py),
            self.kind(py),
            self.data(py)?,
            self.sequence(py)?,
        )
            .into_pyobject(py)
    }

    /// `data` in the exchange's shape.
    fn plain_data<'py>(&self, py: Python<'py>, exact: bool) -> PyResult<Bound<'py, PyAny>> {
        if let Origin::Wire { frame, message } = &self.origin
            && exact
            && message.channel == Channel::Other
        {
            let frame = frame.as_bytes(py);
            return Decoder::new(py, frame, message.data)?.exact().value();
        }
        let data = self.data(py)?;
        let Ok(items) = data.cast::<PyList>() else {
            return Ok(data);
        };
        let plain = PyList::empty(py);
        for item in items {
            plain.append(plain_item(&item, exact)?)?;
        }
        let is_instrument = *self.channel(py).to_str()? == *"instrument";
        if is_instrument && plain.len() == 1 {
            return plain.get_item(0);
        }
        Ok(plain.into_any())
    }
}

#[pymethods]
impl PyDataMessage {
    #[classattr]
    const fn __match_args__() -> (&'static str, &'static str, &'static str, &'static str) {
        ("channel", "type", "data", "sequence")
    }

    #[new]
    #[pyo3(signature = (channel, r#type, data, sequence = None))]
    fn py_new(
        channel: Py<PyString>,
        r#type: Py<PyString>,
        data: Py<PyAny>,
        sequence: Option<Py<PyAny>>,
    ) -> Self {
        let origin = Origin::Made {
            channel,
            kind: r#type,
            sequence,
            timestamp: None,
        };
        Self::made(origin, data)
    }

    #[doc = doc!("WSDataMessage" "channel")]
    #[getter]
    pub(super) fn channel<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        match &self.origin {
            Origin::Wire { frame, message } => channel_name(py, frame.as_bytes(py), message),
            Origin::Made { channel, .. } => channel.bind(py).clone(),
        }
    }

    #[doc = doc!("WSDataMessage" "type")]
    #[getter(r#type)]
    fn kind<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        match &self.origin {
            Origin::Wire { message, .. } if message.is_snapshot => intern!(py, "snapshot").clone(),
            Origin::Wire { frame, message } => {
                let frame = frame.as_bytes(py);
                if message.kind.is(frame, b"update") {
                    return intern!(py, "update").clone();
                }
                string(py, frame, message.kind)
            }
            Origin::Made { kind, .. } => kind.bind(py).clone(),
        }
    }

    #[doc = doc!("WSDataMessage" "data")]
    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let late = match &self.data {
            Data::Ready(data) => return Ok(data.bind(py).clone()),
            Data::Late(late) => late,
        };
        if let Some(data) = late.get() {
            return Ok(data.bind(py).clone());
        }
        // If two threads get here at the same time, both return the value of the first.
        let data = self.decode(py)?.unbind();
        Ok(late.get_or_init(|| data).bind(py).clone())
    }

    #[doc = doc!("WSDataMessage" "sequence")]
    #[getter]
    fn sequence<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(match &self.origin {
            Origin::Wire { message, .. } => match message.sequence {
                Some(sequence) => Some(sequence.into_pyobject(py)?.into_any()),
                None => None,
            },
            Origin::Made { sequence, .. } => sequence.as_ref().map(|value| value.bind(py).clone()),
        })
    }

    #[doc = doc!("WSDataMessage" "symbol")]
    #[getter]
    fn symbol<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        let Origin::Wire { frame, message } = &self.origin else {
            return self.made_item_field(py, intern!(py, "symbol"));
        };
        let frame = frame.as_bytes(py);
        let symbol = message.symbol(frame);
        symbol
            .map(|text| Strings::acquire().get(py, text, frame))
            .transpose()
    }

    #[doc = doc!("WSDataMessage" "timestamp")]
    #[getter]
    fn timestamp<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        match &self.origin {
            Origin::Wire { frame, message } => message
                .timestamp
                .map(|text| string(py, frame.as_bytes(py), text).into_any()),
            Origin::Made { timestamp, .. } => {
                timestamp.as_ref().map(|value| value.bind(py).clone())
            }
        }
    }

    #[doc = doc!("WSDataMessage" "timestamp_ns")]
    #[getter]
    fn timestamp_ns(&self, py: Python<'_>) -> PyResult<Option<i128>> {
        if let Origin::Wire { frame, message } = &self.origin {
            let frame = frame.as_bytes(py);
            let text = message.timestamp.or_else(|| message.item_timestamp(frame));
            return Ok(text.and_then(|text| timestamp_ns(&text.bytes(frame))));
        }
        let text = match self.timestamp(py) {
            Some(timestamp) => timestamp.cast_into().ok(),
            None => self.made_item_field::<PyString>(py, intern!(py, "timestamp"))?,
        };
        Ok(match text {
            Some(text) => timestamp_ns(text.to_str()?.as_bytes()),
            None => None,
        })
    }

    #[doc = doc!("WSDataMessage" "checksum")]
    #[getter]
    fn checksum<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyInt>>> {
        match &self.origin {
            Origin::Wire { frame, message } => {
                let checksum = message.checksum(frame.as_bytes(py));
                Ok(checksum.map(|value| value.into_pyobject(py)).transpose()?)
            }
            Origin::Made { channel, .. } => {
                if !Channel::of(channel.to_str(py)?.as_bytes()).has_books() {
                    return Ok(None);
                }
                self.made_item_field(py, intern!(py, "checksum"))
            }
        }
    }

    #[doc = doc!("WSDataMessage" "received_ns")]
    #[getter]
    const fn received_ns(&self) -> Option<i64> {
        self.received_ns
    }

    #[doc = doc!("WSDataMessage" "verified")]
    #[getter]
    const fn verified(&self) -> Option<bool> {
        self.verified
    }

    #[doc = doc!("WSDataMessage" "raw")]
    #[getter]
    fn raw(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        match &self.origin {
            Origin::Wire { frame, .. } => Some(frame.clone_ref(py)),
            Origin::Made { .. } => None,
        }
    }

    #[doc = doc!("WSDataMessage" "to_dict")]
    #[pyo3(signature = (*, exact = false))]
    fn to_dict<'py>(&self, py: Python<'py>, exact: bool) -> PyResult<Bound<'py, PyDict>> {
        let plain = PyDict::new(py);
        plain.set_item(intern!(py, "channel"), self.channel(py))?;
        plain.set_item(intern!(py, "type"), self.kind(py))?;
        plain.set_item(intern!(py, "data"), self.plain_data(py, exact)?)?;
        if let Some(sequence) = self.sequence(py)? {
            plain.set_item(intern!(py, "sequence"), sequence)?;
        }
        if let Some(timestamp) = self.timestamp(py) {
            plain.set_item(intern!(py, "timestamp"), timestamp)?;
        }
        Ok(plain)
    }

    #[doc = doc!("WSDataMessage" "from_dict")]
    #[classmethod]
    fn from_dict(class: &Bound<'_, PyType>, src_dict: &Bound<'_, PyMapping>) -> PyResult<Self> {
        let py = class.py();
        let optional = |key: &Bound<'_, PyString>| -> PyResult<Option<Py<PyAny>>> {
            let value = src_dict.call_method1(intern!(py, "get"), (key,))?;
            Ok((!value.is_none()).then(|| value.unbind()))
        };
        let channel = src_dict
            .get_item(intern!(py, "channel"))?
            .cast_into::<PyString>()?;
        let kind = src_dict
            .get_item(intern!(py, "type"))?
            .cast_into::<PyString>()?;
        let data = src_dict.get_item(intern!(py, "data"))?;
        let is_snapshot = *kind.to_str()? == *"snapshot";
        let registry = Registry::get(py)?;
        let known = Channel::of(channel.to_str()?.as_bytes());
        let items = match registry.item_of(known, is_snapshot) {
            Some(schema) => typed_items(registry, schema, data)?,
            None => data,
        };
        let origin = Origin::Made {
            channel: channel.unbind(),
            kind: kind.unbind(),
            sequence: optional(intern!(py, "sequence"))?,
            timestamp: optional(intern!(py, "timestamp"))?,
        };
        Ok(Self::made(origin, items.unbind()))
    }

    #[pyo3(signature = (**changes))]
    fn __replace__<'py>(
        &self,
        py: Python<'py>,
        changes: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let fields = PyDict::new(py);
        fields.set_item(intern!(py, "channel"), self.channel(py))?;
        fields.set_item(intern!(py, "type"), self.kind(py))?;
        fields.set_item(intern!(py, "data"), self.data(py)?)?;
        fields.set_item(intern!(py, "sequence"), self.sequence(py)?)?;
        if let Some(changes) = changes {
            fields.update(changes.as_mapping())?;
        }
        py.get_type::<Self>().call((), Some(&fields))
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let Ok(other) = other.cast::<Self>() else {
            return Ok(py.NotImplemented());
        };
        let equal = self.key(py)?.eq(other.get().key(py)?)?;
        Ok(equal.into_pyobject(py)?.to_owned().into_any().unbind())
    }

    /// Uses the number of items instead of the items, which may be unhashable.
    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        let items = self.data(py)?.len().unwrap_or_default();
        (self.channel(py), self.kind(py), items, self.sequence(py)?)
            .into_pyobject(py)?
            .hash()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let sequence = match self.sequence(py)? {
            Some(sequence) => format!(", sequence={sequence}"),
            None => String::new(),
        };
        Ok(format!(
            "WSDataMessage(channel={}, type={}, data={}{sequence})",
            self.channel(py).repr()?,
            self.kind(py).repr()?,
            self.data(py)?.repr()?,
        ))
    }

    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let class = py.get_type::<Self>();
        match &self.origin {
            Origin::Wire { frame, .. } => {
                let args = (frame, self.received_ns, self.verified).into_pyobject(py)?;
                Ok((class.getattr(intern!(py, "_from_frame"))?, args))
            }
            Origin::Made { .. } => {
                let (channel, kind) = (self.channel(py), self.kind(py));
                let (data, sequence) = (self.data(py)?, self.sequence(py)?);
                let args = (channel, kind, data, sequence, self.timestamp(py));
                Ok((
                    class.getattr(intern!(py, "_from_parts"))?,
                    args.into_pyobject(py)?,
                ))
            }
        }
    }

    /// Undoes `__reduce__` of a message that came from a frame.
    #[classmethod]
    fn _from_frame(
        class: &Bound<'_, PyType>,
        frame: &Bound<'_, PyBytes>,
        received_ns: Option<i64>,
        verified: Option<bool>,
    ) -> PyResult<Self> {
        match parse_message(frame.as_bytes(), &mut BookBatch::default()) {
            Ok(Message::Data(message)) => Ok(Self::from_wire(
                frame.clone().unbind(),
                message,
                received_ns,
                verified,
            )),
            Ok(_) => Err(PyTypeError::new_err("not the frame of a channel's message")),
            Err(error) => Err(errors::parse_error(class.py(), error)),
        }
    }

    /// Undoes `__reduce__` of a message that a caller made.
    #[classmethod]
    fn _from_parts(
        _class: &Bound<'_, PyType>,
        channel: Py<PyString>,
        kind: Py<PyString>,
        data: Py<PyAny>,
        sequence: Option<Py<PyAny>>,
        timestamp: Option<Py<PyAny>>,
    ) -> Self {
        let origin = Origin::Made {
            channel,
            kind,
            sequence,
            timestamp,
        };
        Self::made(origin, data)
    }
}

#[doc = doc!("" "parse_message")]
#[pyfunction]
#[pyo3(name = "parse_message", signature = (raw))]
pub(super) fn py_parse_message<'py>(raw: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = raw.py();
    let frame = frame::to_bytes(raw, "parse_message")?;
    if let Some(message) = read_plain(&frame, None)? {
        return message.into_object(py);
    }
    match parse_message(frame.as_bytes(), &mut BookBatch::default()) {
        Ok(message) => to_python(&frame, &message, None, None),
        Err(error) => {
            let channel = crate::message::recover(frame.as_bytes(), error).channel;
            Err(errors::unreadable(&frame, error, channel.as_deref()))
        }
    }
}

/// The Python object of a frame's message.
#[inline(always)]
pub(super) fn to_python<'py>(
    frame: &Bound<'py, PyBytes>,
    message: &Message,
    received_ns: Option<i64>,
    verified: Option<bool>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = frame.py();
    match message {
        Message::Data(message) => {
            let made = || {
                let frame = frame.clone().unbind();
                PyDataMessage::from_wire(frame, *message, received_ns, verified)
            };
            Ok(MAKER.make(py, made)?.into_any())
        }
        Message::Reply(answer) => reply::response(frame, answer, received_ns),
        Message::Pong => reply::pong(frame, received_ns),
        Message::Heartbeat => reply::heartbeat(py, received_ns),
    }
}

/// A message of a channel without books with its items, in one pass over the frame; `None` if the
/// frame is not in the exchange's format or has an error.
#[inline]
pub(super) fn read_plain(
    frame: &Bound<'_, PyBytes>,
    received_ns: Option<i64>,
) -> PyResult<Option<PyDataMessage>> {
    let (py, bytes) = (frame.py(), frame.as_bytes());
    let Some(mut head) = plain_head(bytes) else {
        return Ok(None);
    };
    let Some(schema) = Registry::get(py)?.item_of_message(head.message()) else {
        return Ok(None);
    };
    let mut decoder = Decoder::inside(py, bytes, head.message().data, 1)?;
    let data = match decoder.items(schema, frame) {
        Ok(data) => data,
        Err(error) if errors::is_parse_error(py, &error)? => return Ok(None),
        Err(error) => return Err(error),
    };
    if !head.finish(bytes, decoder.offset()) {
        return Ok(None);
    }
    Ok(Some(PyDataMessage {
        origin: Origin::Wire {
            frame: frame.clone().unbind(),
            message: *head.message(),
        },
        data: Data::Ready(data.unbind()),
        received_ns,
        verified: None,
    }))
}

fn channel_name<'py>(py: Python<'py>, frame: &[u8], message: &DataMessage) -> Bound<'py, PyString> {
    match known_channel_name(py, message.channel) {
        Some(name) => name.clone(),
        None => string(py, frame, message.channel_name),
    }
}

fn string<'py>(py: Python<'py>, frame: &[u8], text: Text) -> Bound<'py, PyString> {
    PyString::new(py, &text.decode(frame))
}

fn plain_item<'py>(item: &Bound<'py, PyAny>, exact: bool) -> PyResult<Bound<'py, PyAny>> {
    let py = item.py();
    if !item.is_instance(Registry::get(py)?.model_class(py))? {
        return Ok(item.clone());
    }
    let options = PyDict::new(py);
    options.set_item(intern!(py, "exact"), exact)?;
    item.call_method(intern!(py, "to_dict"), (), Some(&options))
}

/// Plain items to models; models stay.
fn typed_items<'py>(
    registry: &Registry,
    schema: SchemaId,
    data: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = data.py();
    let typed = |item: Bound<'py, PyAny>| match item.cast::<PyMapping>() {
        Ok(item) => {
            let class = registry.class(py, schema);
            class.call_method1(intern!(py, "from_dict"), (item,))
        }
        Err(_) => Ok(item),
    };
    if data.cast::<PyMapping>().is_ok() {
        return Ok(PyList::new(py, [typed(data)?])?.into_any());
    }
    let items = PyList::empty(py);
    for item in data.try_iter()? {
        items.append(typed(item?)?)?;
    }
    Ok(items.into_any())
}
