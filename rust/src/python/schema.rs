//! The model classes of `kraken_connector.models` as tables: the offset of each field in an instance.
//!
//! A model is a slotted dataclass. Its instances are allocated by its type and their slots are
//! written at the offsets of the class's member descriptors, as the descriptors themselves do it;
//! only their checks are made once, here.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;

use foldhash::fast::RandomState;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyFrozenSet, PyMapping, PyString, PyTuple, PyType};
use pyo3::{ffi, intern};

use crate::lexer::ExpectedKey;
use crate::message::{Channel, DataMessage};

/// How a JSON value becomes a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldKind {
    /// Numbers become `float`, those written as text too.
    Float,
    /// As `Float`, and nothing else.
    Number,
    /// Numbers become `Decimal`.
    Decimal,
    /// Kept as decoded.
    Value,
    /// A text and nothing else.
    Text,
    /// An integer of 64 bits with sign and nothing else.
    Integer,
    /// One nested model.
    Model(SchemaId),
    /// A list of nested models.
    Models(SchemaId),
}

/// One field of a model.
pub(super) struct FieldSpec {
    pub(super) key: Py<PyString>,
    pub(super) kind: FieldKind,
    /// The key as written.
    pub(super) expected: ExpectedKey,
    /// The field that followed this one last time: fields mostly come in the same order.
    pub(super) successor: AtomicUsize,
    /// Whether an absent field is an empty list, not `None`.
    is_list_always: bool,
    slot: Slot,
}

/// A key of an object on the wire.
#[derive(Clone, Copy)]
pub(super) enum Key<'s> {
    /// A key of the model, with its index.
    Known(usize, &'s FieldSpec),
    /// A key that this version does not know.
    Unknown,
}

/// Index of a [`Schema`] in its [`Registry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SchemaId(usize);

/// A model class as a table.
pub(super) struct Schema {
    class: Py<PyType>,
    fields: Vec<FieldSpec>,
    indices: HashMap<Box<[u8]>, usize, RandomState>,
    wire: Slot,
    received_ns: Option<Slot>,
    /// Whether all fields are `Decimal`, so that no digits of the wire are lost.
    is_exact: bool,
    /// Indices of the fields that are only valid together.
    together: Vec<usize>,
}

impl Schema {
    pub(super) const fn is_exact(&self) -> bool {
        self.is_exact
    }

    pub(super) fn fields(&self) -> &[FieldSpec] {
        &self.fields
    }

    /// The field called `name`.
    pub(super) fn find(&self, name: &[u8]) -> Key<'_> {
        let index = self.indices.get(name);
        let field = index.and_then(|index| Some((*index, self.fields.get(*index)?)));
        field.map_or(Key::Unknown, |(index, field)| Key::Known(index, field))
    }

    /// A new instance whose slots are all unset.
    #[inline]
    pub(super) fn instance<'a, 'py>(&'a self, py: Python<'py>) -> PyResult<Instance<'a, 'py>> {
        let class = self.class.as_ptr().cast::<ffi::PyTypeObject>();
        // SAFETY: `class` is a live heap type with fixed-size instances and no state of its own
        // beyond its slots (`Schema::load` checked the latter two), for which the generic
        // allocator, which zeroes them, is the whole of `object.__new__`.
        let object =
            unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyType_GenericAlloc(class, 0))? };
        Ok(Instance {
            schema: self,
            object,
        })
    }

    fn load(schemas: &mut Schemas, class: &Bound<'_, PyType>) -> PyResult<SchemaId> {
        let py = class.py();
        let mut schema = Self {
            wire: Slot::of(class, "_wire")?,
            received_ns: Slot::of(class, "received_ns").ok(),
            is_exact: true,
            together: Vec::new(),
            class: class.clone().unbind(),
            fields: Vec::new(),
            indices: HashMap::default(),
        };
        let required = class.getattr(intern!(py, "__required__"))?;
        let required = required.cast_into::<PyFrozenSet>()?;
        let together = class.getattr(intern!(py, "TOGETHER"))?;
        let together = together.cast_into::<PyFrozenSet>()?;
        let checked = class.getattr(intern!(py, "__checked__"))?;
        let checked = checked.cast_into::<PyMapping>()?;
        let names = class.getattr(intern!(py, "__wire_names__"))?;
        let names = names.cast_into::<PyTuple>()?;
        let specs = class.getattr(intern!(py, "__wire_fields__"))?;
        for (spec, key) in specs.cast_into::<PyTuple>()?.iter().zip(names) {
            let (name, kind, nested): (Bound<'_, PyString>, String, Option<Bound<'_, PyType>>) =
                spec.extract()?;
            let kind = match checked.get_item(&name) {
                Ok(kind) => kind.extract()?,
                Err(_) => kind,
            };
            let kind = schemas.field_kind(&kind, nested.as_ref())?;
            schema.is_exact &= matches!(kind, FieldKind::Decimal);
            let is_required = required.contains(&name)?;
            if together.contains(&name)? {
                schema.together.push(schema.fields.len());
            }
            let key = key.cast_into::<PyString>()?;
            let spelled: Box<[u8]> = key.to_str()?.as_bytes().into();
            schema.indices.insert(spelled, schema.fields.len());
            schema.fields.push(FieldSpec {
                expected: ExpectedKey::new(key.to_str()?),
                successor: AtomicUsize::new(schema.fields.len() + 1),
                slot: Slot::of(class, name.to_str()?)?,
                key: key.unbind(),
                kind,
                is_list_always: is_required && matches!(kind, FieldKind::Models(_)),
            });
        }
        Ok(schemas.push(schema))
    }
}

/// The offset of a slot in an instance, in bytes.
#[derive(Clone, Copy)]
struct Slot(usize);

impl Slot {
    /// The slot behind the attribute `name` of instances of `class`.
    fn of(class: &Bound<'_, PyType>, name: &str) -> PyResult<Self> {
        let descriptor = class.getattr(name)?;
        let refuse = || PyTypeError::new_err(format!("{class}.{name} is no slot for an object"));
        let member_type = &raw mut ffi::PyMemberDescr_Type;
        if descriptor.get_type().as_type_ptr() != member_type {
            return Err(refuse());
        }
        let descriptor = descriptor.as_ptr().cast::<ffi::PyMemberDescrObject>();
        let class = class.as_type_ptr();
        // SAFETY: the type was checked, so the layout is that of a member descriptor, whose
        // member lives as long as the class that it describes.
        let (owner, type_code, offset) = unsafe {
            let member = (*descriptor).d_member;
            (
                (*descriptor).d_common.d_type,
                (*member).type_code,
                (*member).offset,
            )
        };
        // SAFETY: both are live types.
        let (is_subtype, size, is_fixed) = unsafe {
            let is_subtype = ffi::PyType_IsSubtype(class, owner) != 0;
            (is_subtype, (*class).tp_basicsize, (*class).tp_itemsize == 0)
        };
        let fits = offset >= 0 && offset + ffi::Py_ssize_t::try_from(size_of::<usize>())? <= size;
        if !(is_subtype && is_fixed && fits && type_code == ffi::Py_T_OBJECT_EX) {
            return Err(refuse());
        }
        Ok(Self(usize::try_from(offset)?))
    }
}

/// An unfinished model instance that no other code has a reference to.
pub(super) struct Instance<'a, 'py> {
    schema: &'a Schema,
    object: Bound<'py, PyAny>,
}

impl<'py> Instance<'_, 'py> {
    pub(super) fn py(&self) -> Python<'py> {
        self.object.py()
    }

    /// Sets the field at `index`, replacing its value.
    #[inline]
    pub(super) fn set(&self, index: usize, value: Bound<'py, PyAny>) {
        if let Some(field) = self.schema.fields.get(index) {
            self.put(field.slot, value);
        }
    }

    /// Makes the field at `index` absent again.
    #[cold]
    pub(super) fn unset(&self, index: usize) {
        if let Some(field) = self.schema.fields.get(index) {
            // SAFETY: see `address`. The slot owned its value.
            unsafe { ffi::Py_XDECREF(self.address(field.slot).replace(std::ptr::null_mut())) };
        }
    }

    /// Sets the field called `name`, if there is one.
    pub(super) fn set_named(&self, name: &str, value: Bound<'py, PyAny>) {
        if let Key::Known(index, _) = self.schema.find(name.as_bytes()) {
            self.set(index, value);
        }
    }

    /// Whether some of the fields that are only valid together are present and others are not.
    #[inline]
    pub(super) fn is_partial(&self) -> bool {
        let together = &self.schema.together;
        let fields = together
            .iter()
            .filter_map(|index| self.schema.fields.get(*index));
        let present = fields.filter(|field| !self.is_unset(field.slot)).count();
        present != 0 && present != together.len()
    }

    /// Sets the path of the item in its frame.
    #[inline]
    pub(super) fn set_wire(&self, path: Bound<'py, PyAny>) {
        self.put(self.schema.wire, path);
    }

    /// Sets the fields that the frame did not have, and returns the finished instance.
    #[inline]
    pub(super) fn finish(self) -> Bound<'py, PyAny> {
        let py = self.object.py();
        for field in &self.schema.fields {
            if self.is_unset(field.slot) {
                let absent = if field.is_list_always {
                    pyo3::types::PyList::empty(py).into_any()
                } else {
                    py.None().into_bound(py)
                };
                self.put(field.slot, absent);
            }
        }
        self.object
    }

    /// Like [`Instance::finish`], for events with a receive time.
    pub(super) fn finish_received(self, received_ns: Option<i64>) -> PyResult<Bound<'py, PyAny>> {
        let py = self.object.py();
        if let Some(slot) = self.schema.received_ns {
            let received_ns = received_ns.into_pyobject(py)?;
            self.put(slot, received_ns);
        }
        Ok(self.finish())
    }

    #[inline]
    fn is_unset(&self, slot: Slot) -> bool {
        // SAFETY: see `address`.
        unsafe { (*self.address(slot)).is_null() }
    }

    #[inline]
    fn put(&self, slot: Slot, value: Bound<'py, PyAny>) {
        // SAFETY: see `address`. The slot owns its reference, and the old value is dropped only
        // after the slot has the new one.
        unsafe {
            let old = self.address(slot).replace(value.into_ptr());
            ffi::Py_XDECREF(old);
        }
    }

    /// The address of a slot.
    ///
    /// It is valid: `slot` belongs to this instance's schema, so it was checked to be inside of
    /// instances of the class, and no other thread has a reference to the instance.
    #[inline]
    fn address(&self, slot: Slot) -> *mut *mut ffi::PyObject {
        // SAFETY: the offset was checked to be inside of the instance.
        unsafe { self.object.as_ptr().byte_add(slot.0).cast() }
    }
}

/// All models, and the channel of each.
pub(super) struct Registry {
    schemas: Schemas,
    decimal_class: Py<PyType>,
    model_class: Py<PyType>,
    items: Items,
    pub(super) events: Events,
}

/// The items of the channels.
struct Items {
    balance_snapshot: SchemaId,
    balance_update: SchemaId,
    book: SchemaId,
    executions: SchemaId,
    instrument: SchemaId,
    level3: SchemaId,
    ohlc: SchemaId,
    status: SchemaId,
    ticker: SchemaId,
    trade: SchemaId,
}

/// Events that are no items of a channel.
pub(super) struct Events {
    pub(super) heartbeat: SchemaId,
    pub(super) pong: SchemaId,
    pub(super) response: SchemaId,
    pub(super) error_response: SchemaId,
    pub(super) sequence_gap: SchemaId,
    pub(super) book_checksum: SchemaId,
    pub(super) book_crossed: SchemaId,
    pub(super) invalid_frame: SchemaId,
    pub(super) level3_order: SchemaId,
    pub(super) queue_position: SchemaId,
}

static REGISTRY: PyOnceLock<Registry> = PyOnceLock::new();

impl Registry {
    /// The registry, loaded at the first use.
    #[inline]
    pub(super) fn get(py: Python<'_>) -> PyResult<&'static Self> {
        REGISTRY.get_or_try_init(py, || Self::load(py))
    }

    /// The schema of a channel's items, `None` on channels that have none.
    pub(super) fn item_of(&self, channel: Channel, is_snapshot: bool) -> Option<SchemaId> {
        let items = &self.items;
        match channel {
            Channel::Balances if is_snapshot => Some(items.balance_snapshot),
            Channel::Balances => Some(items.balance_update),
            Channel::Book => Some(items.book),
            Channel::Executions => Some(items.executions),
            Channel::Instrument => Some(items.instrument),
            Channel::Level3 => Some(items.level3),
            Channel::Ohlc => Some(items.ohlc),
            Channel::Status => Some(items.status),
            Channel::Ticker => Some(items.ticker),
            Channel::Trade => Some(items.trade),
            _ => None,
        }
    }

    /// [`Registry::item_of`] for a message.
    pub(super) fn item_of_message(&self, message: &DataMessage) -> Option<SchemaId> {
        self.item_of(message.channel, message.is_snapshot)
    }

    #[inline]
    pub(super) fn schema(&self, id: SchemaId) -> &Schema {
        #[expect(
            clippy::indexing_slicing,
            reason = "ids are made by this registry only"
        )]
        &self.schemas.list[id.0]
    }

    /// The class of a schema.
    pub(super) fn class<'py>(&self, py: Python<'py>, id: SchemaId) -> &Bound<'py, PyType> {
        self.schema(id).class.bind(py)
    }

    /// `decimal.Decimal`.
    #[inline]
    pub(super) fn decimal_class<'py>(&self, py: Python<'py>) -> &Bound<'py, PyType> {
        self.decimal_class.bind(py)
    }

    /// The base of all models.
    pub(super) fn model_class<'py>(&self, py: Python<'py>) -> &Bound<'py, PyType> {
        self.model_class.bind(py)
    }

    fn load(py: Python<'_>) -> PyResult<Self> {
        let models = py.import("kraken_connector.models")?;
        let class = |name: &str| Ok::<_, PyErr>(models.getattr(name)?.cast_into::<PyType>()?);
        let mut schemas = Schemas::default();
        let mut add = |name: &str| schemas.add(&class(name)?);
        let items = Items {
            balance_snapshot: add("BalanceSnapshot")?,
            balance_update: add("BalanceLedgerUpdate")?,
            book: add("BookData")?,
            executions: add("ExecutionData")?,
            instrument: add("InstrumentData")?,
            level3: add("Level3Data")?,
            ohlc: add("OHLCData")?,
            status: add("StatusData")?,
            ticker: add("TickerData")?,
            trade: add("TradeData")?,
        };
        let events = Events {
            heartbeat: add("HeartbeatMessage")?,
            pong: add("PongResponse")?,
            response: add("WSResponse")?,
            error_response: add("WSErrorResponse")?,
            sequence_gap: add("SequenceGapEvent")?,
            book_checksum: add("BookChecksumEvent")?,
            book_crossed: add("BookCrossedEvent")?,
            invalid_frame: add("InvalidFrameEvent")?,
            level3_order: add("Level3Order")?,
            queue_position: add("QueuePosition")?,
        };
        Ok(Self {
            schemas,
            decimal_class: py.import("decimal")?.getattr("Decimal")?.extract()?,
            model_class: class("Model")?.unbind(),
            items,
            events,
        })
    }
}

/// The schemas of all classes, each once.
#[derive(Default)]
struct Schemas {
    list: Vec<Schema>,
    by_class: HashMap<usize, SchemaId>,
}

impl Schemas {
    /// The schema of `class`, loaded at the first use.
    fn add(&mut self, class: &Bound<'_, PyType>) -> PyResult<SchemaId> {
        let address = class.as_ptr() as usize;
        if let Some(id) = self.by_class.get(&address) {
            return Ok(*id);
        }
        let id = Schema::load(self, class)?;
        self.by_class.insert(address, id);
        Ok(id)
    }

    fn push(&mut self, schema: Schema) -> SchemaId {
        self.list.push(schema);
        SchemaId(self.list.len() - 1)
    }

    fn field_kind(
        &mut self,
        kind: &str,
        nested: Option<&Bound<'_, PyType>>,
    ) -> PyResult<FieldKind> {
        Ok(match (kind, nested) {
            ("float", _) => FieldKind::Float,
            ("decimal", _) => FieldKind::Decimal,
            ("number", _) => FieldKind::Number,
            ("value", _) => FieldKind::Value,
            ("text", _) => FieldKind::Text,
            ("integer", _) => FieldKind::Integer,
            ("model", Some(class)) => FieldKind::Model(self.add(class)?),
            ("models", Some(class)) => FieldKind::Models(self.add(class)?),
            _ => return Err(PyTypeError::new_err(format!("no such field kind: {kind}"))),
        })
    }
}
