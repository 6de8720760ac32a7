//! Cached Python strings of short texts that recur: symbols, sides, order types, keys.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::pool::{Pool, PoolGuard};
use crate::lexer::Text;

/// A short text, from [`Text::short`]. Longer ones are mostly ids and timestamps, which do not
/// recur.
type Key = u128;

static STRINGS: Pool<Key, PyString> = Pool::new();

pub(super) struct Strings(PoolGuard<Key, PyString>);

impl Strings {
    pub(super) fn acquire() -> Self {
        Self(STRINGS.acquire())
    }

    /// The Python string of `text`; short ones are cached.
    #[inline]
    pub(super) fn get<'py>(
        &mut self,
        py: Python<'py>,
        text: Text,
        frame: &[u8],
    ) -> PyResult<Bound<'py, PyString>> {
        match text.short(frame) {
            Some(key) => self.0.get(py, key, fold(key), || make(py, text.raw(frame))),
            None => make(py, &text.bytes(frame)),
        }
    }
}

/// A new string of UTF-8. ASCII, which nearly all is, needs no decoding.
#[inline]
fn make<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyString>> {
    if !text.is_ascii() {
        return PyString::from_bytes(py, text);
    }
    // SAFETY: a new string for so many ASCII characters, which has no other reference yet, has room for
    // as many bytes; all are written.
    unsafe {
        let string = ffi::PyUnicode_New(text.len().cast_signed(), 0x7F);
        let string = Bound::from_owned_ptr_or_err(py, string)?;
        let characters = ffi::PyUnicode_1BYTE_DATA(string.as_ptr());
        characters.copy_from_nonoverlapping(text.as_ptr(), text.len());
        Ok(string.cast_into_unchecked())
    }
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "both halves count")]
const fn fold(key: Key) -> u64 {
    (key as u64) ^ ((key >> 64) as u64).rotate_left(29)
}
