//! Python strings for what the exchange says again and again: symbols, sides, order types, keys.
//!
//! A direct-mapped table: a text that lands on another's place replaces it, so the table is
//! bounded whatever arrives. It is taken out of its lock while it is used, so no lock is held
//! while strings are made; a second thread that decodes at the same time begins with an empty one.

use pyo3::prelude::*;
use pyo3::types::PyString;

/// Longer texts are mostly ids and timestamps, of which no two are the same.
const LONGEST: usize = 15;

const PLACES: usize = 512;

/// A text of at most [`LONGEST`] bytes, with its length in the last byte.
type Key = u128;

/// A table of strings; the default one keeps none.
#[derive(Default)]
pub(super) struct Strings {
    places: Vec<Option<(Key, Py<PyString>)>>,
}

impl Strings {
    /// A table that keeps strings.
    pub(super) fn table() -> Self {
        let places = std::iter::repeat_with(|| None).take(PLACES).collect();
        Self { places }
    }

    /// The Python string of `text`; a short one may be shared with earlier calls.
    #[inline]
    pub(super) fn get<'py>(&mut self, py: Python<'py>, text: &[u8]) -> Bound<'py, PyString> {
        let Some(key) = key(text) else {
            return make(py, text);
        };
        let Some(place) = self.places.get_mut(place(key)) else {
            return make(py, text);
        };
        match place {
            Some((known, string)) if *known == key => string.bind(py).clone(),
            _ => {
                let string = make(py, text);
                *place = Some((key, string.clone().unbind()));
                string
            }
        }
    }
}

#[inline]
fn key(text: &[u8]) -> Option<Key> {
    let mut bytes = [0; 16];
    bytes.get_mut(..text.len())?.copy_from_slice(text);
    let [.., last] = &mut bytes;
    if text.len() > LONGEST {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most 15")]
    {
        *last = text.len() as u8;
    }
    Some(Key::from_le_bytes(bytes))
}

#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the halves are folded on purpose"
)]
const fn place(key: Key) -> usize {
    let folded = (key as u64) ^ ((key >> 64) as u64).rotate_left(29);
    (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize % PLACES
}

/// The frame was checked to be UTF-8.
#[inline]
fn make<'py>(py: Python<'py>, text: &[u8]) -> Bound<'py, PyString> {
    PyString::new(py, &String::from_utf8_lossy(text))
}
