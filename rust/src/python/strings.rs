//! Python strings for what the exchange says again and again: symbols, sides, order types, keys.

use pyo3::prelude::*;
use pyo3::types::PyString;

use super::pool::{Loan, Pool};

/// Longer texts are mostly ids and timestamps, of which no two are the same.
const LONGEST: usize = 15;

/// A text of at most [`LONGEST`] bytes, with its length in the last byte.
type Key = u128;

static STRINGS: Pool<Key, PyString> = Pool::new();

pub(super) struct Strings(Loan<Key, PyString>);

impl Strings {
    pub(super) fn lend() -> Self {
        Self(STRINGS.lend())
    }

    /// The Python string of `text`, which is UTF-8; a short one is shared with earlier calls.
    #[inline]
    pub(super) fn get<'py>(
        &mut self,
        py: Python<'py>,
        text: &[u8],
    ) -> PyResult<Bound<'py, PyString>> {
        let make = || PyString::from_bytes(py, text);
        match key(text) {
            Some(key) => self.0.get(py, key, fold(key), make),
            None => make(),
        }
    }
}

#[inline]
fn key(text: &[u8]) -> Option<Key> {
    if text.len() > LONGEST {
        return None;
    }
    let mut bytes = [0; 16];
    bytes.get_mut(..text.len())?.copy_from_slice(text);
    let [.., last] = &mut bytes;
    *last = u8::try_from(text.len()).ok()?;
    Some(Key::from_le_bytes(bytes))
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "both halves count")]
const fn fold(key: Key) -> u64 {
    (key as u64) ^ ((key >> 64) as u64).rotate_left(29)
}
