//! Tokens to Python objects by the schemas of the models, in one pass over a frame and without an
//! intermediate document.

use std::sync::atomic::Ordering;

use pyo3::exceptions::PyArithmeticError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use super::decimals::{self, Decimals};
use super::errors;
use super::schema::{FieldKind, FieldSpec, Instance, Key, Registry, Schema, SchemaId};
use super::strings::Strings;
use crate::error::{ErrorKind, ParseError};
use crate::lexer::{Kind, Lexer, Number};

/// How numbers without a model become objects.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Floats {
    /// `float`.
    Binary,
    /// `Decimal`.
    Exact,
}

/// A reader of one frame. A frame that was checked before gives no errors.
pub(super) struct Decoder<'f, 'py> {
    py: Python<'py>,
    registry: &'static Registry,
    lexer: Lexer<'f>,
    strings: Strings,
    /// Acquired when the first one is needed.
    decimals: Option<Decimals>,
    floats: Floats,
    /// Whether the frame was checked before: a value of another type is then replaced by a later
    /// one of the same key.
    is_checked: bool,
    /// The path of the present item: the frame and the keys from its `data` on. Empty outside of
    /// the items of a channel.
    path: Path<'py>,
}

impl<'f, 'py> Decoder<'f, 'py> {
    /// A decoder of a frame that was checked, which begins at byte `at` of it.
    pub(super) fn new(py: Python<'py>, frame: &'f [u8], at: usize) -> PyResult<Self> {
        let decoder = Self::inside(py, frame, at, 0)?;
        Ok(Self {
            is_checked: true,
            ..decoder
        })
    }

    /// A decoder of a frame that was not checked, inside of `depth` arrays and objects.
    #[inline]
    pub(super) fn inside(
        py: Python<'py>,
        frame: &'f [u8],
        at: usize,
        depth: u32,
    ) -> PyResult<Self> {
        Ok(Self {
            py,
            registry: Registry::get(py)?,
            lexer: Lexer::inside(frame, at, depth),
            strings: Strings::acquire(),
            decimals: None,
            floats: Floats::Binary,
            is_checked: false,
            path: Path::default(),
        })
    }

    /// The next byte to be read.
    pub(super) fn offset(&self) -> usize {
        self.lexer.offset()
    }

    /// Makes numbers without a model exact.
    pub(super) fn exact(mut self) -> Self {
        self.floats = Floats::Exact;
        self
    }

    /// The items of a channel's `data`, an array or the one object of `instrument`. Each keeps its
    /// path in `frame`.
    pub(super) fn items(
        &mut self,
        schema: SchemaId,
        frame: &Bound<'py, PyBytes>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.path.frame = Some(frame.clone());
        if self.peek()? == Kind::Object {
            let item = self.model(schema)?;
            return Ok(PyList::new(self.py, [item])?.into_any());
        }
        self.models(schema)
    }

    /// One object as an instance whose fields are those of `schema`, unfinished.
    pub(super) fn instance(&mut self, schema: SchemaId) -> PyResult<Instance<'static, 'py>> {
        let schema = self.registry.schema(schema);
        let instance = schema.instance(self.py)?;
        let start = self.lexer.offset();
        let mut needs_wire = !schema.is_exact();
        let mut field = self.first_field(schema)?;
        while let Some(key) = field {
            if let Key::Known(index, spec) = key {
                match self.field(spec)? {
                    Some(value) => instance.set(index, value),
                    None => instance.unset(index),
                }
            } else {
                needs_wire = true;
                self.checked(Lexer::skip_value)?;
            }
            field = self.next_field(schema, key)?;
        }
        if !self.is_checked && instance.is_partial() {
            return Err(self.refused(ErrorKind::Missing, start));
        }
        if needs_wire && !self.path.is_empty() {
            instance.set_wire(self.path.wire(self.py)?);
        }
        Ok(instance)
    }

    /// Enters an object and reads its first key.
    #[inline]
    fn first_field(&mut self, schema: &'static Schema) -> PyResult<Option<Key<'static>>> {
        if let Some(spec) = schema.fields().first()
            && self.checked(|lexer| lexer.first_if_key(&spec.expected))?
        {
            return Ok(Some(Key::Known(0, spec)));
        }
        let key = self.checked(Lexer::first_key)?;
        Ok(key.map(|text| schema.find(&text.bytes(self.lexer.frame()))))
    }

    /// Reads the key after the value of `field`, trying the one that followed it last time first.
    #[inline]
    fn next_field(
        &mut self,
        schema: &'static Schema,
        field: Key<'static>,
    ) -> PyResult<Option<Key<'static>>> {
        let Key::Known(_, previous) = field else {
            let key = self.checked(Lexer::next_key)?;
            return Ok(key.map(|text| schema.find(&text.bytes(self.lexer.frame()))));
        };
        let expected = previous.successor.load(Ordering::Relaxed);
        if let Some(spec) = schema.fields().get(expected)
            && self.lexer.next_if_key(&spec.expected)
        {
            return Ok(Some(Key::Known(expected, spec)));
        }
        let Some(text) = self.checked(Lexer::next_key)? else {
            return Ok(None);
        };
        let found = schema.find(&text.bytes(self.lexer.frame()));
        if let Key::Known(index, _) = found {
            previous.successor.store(index, Ordering::Relaxed);
        }
        Ok(Some(found))
    }

    /// Any value as plain data.
    pub(super) fn value(&mut self) -> PyResult<Bound<'py, PyAny>> {
        match self.peek()? {
            Kind::String => self.string(),
            Kind::Number => self.plain_number(),
            Kind::Object => self.dict(),
            Kind::Array => self.list(Self::value),
            Kind::Bool => {
                let value = self.checked(Lexer::bool)?;
                Ok(PyBool::new(self.py, value).to_owned().into_any())
            }
            Kind::Null => {
                self.checked(Lexer::null)?;
                Ok(self.py.None().into_bound(self.py))
            }
        }
    }

    /// A field's value, `None` for `null`; a value of another JSON type than that of the field
    /// becomes plain data, unless the type is checked.
    #[inline]
    fn field(&mut self, spec: &'static FieldSpec) -> PyResult<Option<Bound<'py, PyAny>>> {
        let kind = spec.kind;
        if kind == FieldKind::Value
            && let Some(value) = self.lexer.short_integer()
        {
            return Ok(Some(PyInt::new(self.py, value).into_any()));
        }
        if matches!(kind, FieldKind::Float | FieldKind::Number)
            && let Some(value) = self.lexer.short_float()
        {
            return Ok(Some(PyFloat::new(self.py, value).into_any()));
        }
        if kind == FieldKind::Decimal
            && let Some((value, lexeme)) = self.lexer.short_decimal()
        {
            let decimals = self.decimals.get_or_insert_with(Decimals::acquire);
            let (mantissa, scale) = (value.mantissa(), value.scale());
            return decimals
                .get_written(self.py, mantissa, scale, lexeme)
                .map(Some);
        }
        let found = self.peek()?;
        let value = match (kind, found) {
            (_, Kind::Null) => return self.checked(Lexer::null).map(|()| None),
            (FieldKind::Text | FieldKind::Value | FieldKind::Decimal, Kind::String) => {
                self.string()
            }
            (FieldKind::Float | FieldKind::Number, Kind::String) => self.number_text(kind),
            (FieldKind::Float, Kind::Number) => {
                let number = self.checked(Lexer::number)?;
                Ok(self.float(&number).into_any())
            }
            (FieldKind::Number | FieldKind::Integer, Kind::Number) => self.checked_number(kind),
            (FieldKind::Decimal, Kind::Number) => {
                let number = self.checked(Lexer::number)?;
                self.decimal(&number)
            }
            (FieldKind::Model(schema), Kind::Object) => {
                self.below(Step::Key(&spec.key), |decoder| decoder.model(schema))
            }
            (FieldKind::Models(schema), Kind::Array) => {
                self.below(Step::Key(&spec.key), |decoder| decoder.models(schema))
            }
            (FieldKind::Value | FieldKind::Float | FieldKind::Decimal, _) => self.value(),
            _ if self.is_checked => self.value(),
            _ => Err(self.refused(ErrorKind::Type, self.lexer.offset())),
        };
        value.map(Some)
    }

    /// A text in place of a number: if it is a number, it becomes a float.
    #[cold]
    fn number_text(&mut self, kind: FieldKind) -> PyResult<Bound<'py, PyAny>> {
        let start = self.lexer.offset();
        let text = self.checked(Lexer::string)?;
        let content = text.bytes(self.lexer.frame());
        let is_strict = kind == FieldKind::Number && !self.is_checked;
        match Number::of_text(&content) {
            Some(number) if is_strict && !number.is_bounded(&content) => {
                Err(self.refused(ErrorKind::Number, start))
            }
            Some(number) => Ok(PyFloat::new(self.py, number.to_f64(&content)).into_any()),
            None if is_strict => Err(self.refused(ErrorKind::Type, start)),
            None => Ok(self
                .strings
                .get(self.py, text, self.lexer.frame())?
                .into_any()),
        }
    }

    /// A number of a field whose type is checked.
    fn checked_number(&mut self, kind: FieldKind) -> PyResult<Bound<'py, PyAny>> {
        let number = self.checked(Lexer::number)?;
        if kind == FieldKind::Number {
            if self.is_checked || number.is_bounded(self.lexer.frame()) {
                return Ok(self.float(&number).into_any());
            }
        } else if let Some(value) = number.to_i64() {
            return Ok(PyInt::new(self.py, value).into_any());
        } else if self.is_checked {
            return Ok(self.float(&number).into_any());
        }
        Err(self.refused(ErrorKind::Number, number.start()))
    }

    /// The error of a frame that was not checked; reading it again reports what is wrong.
    #[cold]
    fn refused(&self, kind: ErrorKind, offset: usize) -> PyErr {
        errors::parse_error(self.py, ParseError::new(kind, offset))
    }

    fn model(&mut self, schema: SchemaId) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.instance(schema)?.finish())
    }

    /// An array of objects as a list of instances.
    fn models(&mut self, schema: SchemaId) -> PyResult<Bound<'py, PyAny>> {
        let mut index = 0_usize;
        self.list(|decoder| {
            let step = Step::Index(index);
            index += 1;
            if decoder.peek()? != Kind::Object {
                if decoder.is_checked {
                    return decoder.value();
                }
                return Err(decoder.refused(ErrorKind::Type, decoder.lexer.offset()));
            }
            decoder.below(step, |decoder| decoder.model(schema))
        })
    }

    /// Runs `read` one step further down the path.
    #[inline]
    fn below<T>(&mut self, step: Step, read: impl FnOnce(&mut Self) -> PyResult<T>) -> PyResult<T> {
        if self.path.is_empty() {
            return read(self);
        }
        self.path.push(step);
        let value = read(self);
        self.path.pop();
        value
    }

    fn list(
        &mut self,
        mut read: impl FnMut(&mut Self) -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if !self.checked(Lexer::first_item)? {
            return Ok(PyList::empty(self.py).into_any());
        }
        let entries = PyList::new(self.py, [read(self)?])?;
        while self.checked(Lexer::next_item)? {
            entries.append(read(self)?)?;
        }
        Ok(entries.into_any())
    }

    fn dict(&mut self) -> PyResult<Bound<'py, PyAny>> {
        let entries = PyDict::new(self.py);
        let mut key = self.checked(Lexer::first_key)?;
        while let Some(text) = key {
            let name = self.strings.get(self.py, text, self.lexer.frame())?;
            let value = self.value()?;
            entries.set_item(name, value)?;
            key = self.checked(Lexer::next_key)?;
        }
        Ok(entries.into_any())
    }

    #[inline]
    fn string(&mut self) -> PyResult<Bound<'py, PyAny>> {
        let text = self.checked(Lexer::string)?;
        let string = self.strings.get(self.py, text, self.lexer.frame())?;
        Ok(string.into_any())
    }

    #[inline]
    fn plain_number(&mut self) -> PyResult<Bound<'py, PyAny>> {
        let number = self.checked(Lexer::number)?;
        if !number.is_integer() {
            return match self.floats {
                Floats::Binary => Ok(self.float(&number).into_any()),
                Floats::Exact => self.decimal(&number),
            };
        }
        match number.to_i64() {
            Some(value) => Ok(PyInt::new(self.py, value).into_any()),
            None => self.large_integer(&number),
        }
    }

    /// An integer beyond 64 bits with sign: one of 64 bits without sign, else a float, as in the pure
    /// core. Python's own `int` refuses texts of some thousand digits.
    #[cold]
    fn large_integer(&mut self, number: &Number) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(value) = self.lexeme(number).parse::<u64>() {
            return Ok(PyInt::new(self.py, value).into_any());
        }
        match self.floats {
            Floats::Binary => Ok(self.float(number).into_any()),
            Floats::Exact => self.decimal(number),
        }
    }

    #[inline]
    fn float(&self, number: &Number) -> Bound<'py, PyFloat> {
        PyFloat::new(self.py, number.to_f64(self.lexer.frame()))
    }

    #[inline]
    fn decimal(&mut self, number: &Number) -> PyResult<Bound<'py, PyAny>> {
        // A negative zero is zero in a book, and keeps its sign as a `Decimal`.
        if number.has_exponent() || number.is_negative() {
            let exact = decimals::from_text(self.py, self.lexeme(number));
            return exact.or_else(|error| self.beyond_decimal(number, error));
        }
        match number.decimal(self.lexer.frame()) {
            Ok(value) => {
                let lexeme = self.lexeme(number);
                let decimals = self.decimals.get_or_insert_with(Decimals::acquire);
                decimals.get_written(self.py, value.mantissa(), value.scale(), lexeme)
            }
            Err(_) => decimals::from_text(self.py, self.lexeme(number)),
        }
    }

    /// A number with an exponent beyond the limits of `Decimal`: infinite or zero, like the float.
    #[cold]
    fn beyond_decimal(&self, number: &Number, error: PyErr) -> PyResult<Bound<'py, PyAny>> {
        if !error.is_instance_of::<PyArithmeticError>(self.py) {
            return Err(error);
        }
        decimals::from_text(self.py, &self.float(number).repr()?.to_string_lossy())
    }

    fn lexeme(&self, number: &Number) -> &'f str {
        std::str::from_utf8(number.lexeme(self.lexer.frame())).unwrap_or_default()
    }

    #[inline]
    fn peek(&mut self) -> PyResult<Kind> {
        self.checked(Lexer::peek)
    }

    #[inline]
    fn checked<T>(
        &mut self,
        read: impl FnOnce(&mut Lexer<'f>) -> Result<T, ParseError>,
    ) -> PyResult<T> {
        read(&mut self.lexer).map_err(|error| errors::parse_error(self.py, error))
    }
}

/// A step of the path to an item.
enum Step {
    /// To a field.
    Key(&'static Py<PyString>),
    /// To an entry of a list.
    Index(usize),
}

/// The path of an item: its frame, its index in `data`, and the steps below. Empty outside of the
/// items of a channel.
#[derive(Default)]
struct Path<'py> {
    frame: Option<Bound<'py, PyBytes>>,
    item: Option<usize>,
    below: Vec<Step>,
}

impl<'py> Path<'py> {
    const fn is_empty(&self) -> bool {
        self.frame.is_none()
    }

    #[inline]
    fn push(&mut self, step: Step) {
        match step {
            Step::Index(index) if self.item.is_none() && self.below.is_empty() => {
                self.item = Some(index);
            }
            step => self.below.push(step),
        }
    }

    #[inline]
    fn pop(&mut self) {
        if self.below.pop().is_none() {
            self.item = None;
        }
    }

    /// The value of a model's `_wire`: frame and steps, or the frame alone for its first item.
    #[inline]
    fn wire(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match (&self.frame, self.item) {
            (Some(frame), Some(0)) if self.below.is_empty() => Ok(frame.clone().into_any()),
            (Some(frame), Some(item)) if self.below.is_empty() => {
                Ok((frame, item).into_pyobject(py)?.into_any())
            }
            _ => self.steps(py),
        }
    }

    fn steps(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let frame = self.frame.iter().map(|frame| frame.clone().into_any());
        let item = self.item.map(|index| PyInt::new(py, index).into_any());
        let below = self.below.iter().map(|step| match step {
            Step::Key(key) => key.bind(py).clone().into_any(),
            Step::Index(index) => PyInt::new(py, *index).into_any(),
        });
        let steps: Vec<_> = frame.chain(item).chain(below).collect();
        Ok(PyTuple::new(py, steps)?.into_any())
    }
}
