//! Tables of Python objects that are made again and again: one user at a time, bounded.
//!
//! A table is direct-mapped: a key that lands on another's place replaces it. Objects are made
//! while the table is locked, and what that runs may want the same table: whoever finds it in use
//! makes new objects instead of waiting.

use std::sync::{Mutex, MutexGuard, TryLockError};

use pyo3::prelude::*;

const PLACES: usize = 1024;

/// Objects by key; no places before the first use.
type Table<K, T> = Vec<Option<(K, Py<T>)>>;

/// A table and who may use it.
pub(super) struct Pool<K, T>(Mutex<Table<K, T>>);

impl<K: Copy + Eq, T> Pool<K, T> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Lends the table, or none while another has it.
    #[inline]
    pub(super) fn lend(&'static self) -> Loan<K, T> {
        let mut table = match self.0.try_lock() {
            Ok(table) => table,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Loan(None),
        };
        if table.is_empty() {
            table.resize_with(PLACES, || None);
        }
        Loan(Some(table))
    }
}

/// A table lent; it goes back when this is dropped.
pub(super) struct Loan<K: 'static, T: 'static>(Option<MutexGuard<'static, Table<K, T>>>);

impl<K: Copy + Eq, T> Loan<K, T> {
    /// The object of `key`, made if it is not there; `hash` says where it belongs.
    #[inline]
    pub(super) fn get<'py>(
        &mut self,
        py: Python<'py>,
        key: K,
        hash: u64,
        make: impl FnOnce() -> PyResult<Bound<'py, T>>,
    ) -> PyResult<Bound<'py, T>> {
        let place = (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as usize % PLACES;
        let Some(place) = self.0.as_mut().and_then(|table| table.get_mut(place)) else {
            return make();
        };
        if let Some((known, object)) = place
            && *known == key
        {
            return Ok(object.bind(py).clone());
        }
        let object = make()?;
        *place = Some((key, object.clone().unbind()));
        Ok(object)
    }
}
