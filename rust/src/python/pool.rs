//! Caches of Python objects: one user at a time, bounded.
//!
//! A table is direct-mapped: a key replaces another one with the same index. Objects are made while
//! the table is locked, and making them may run code that needs the same table: a caller that finds
//! it locked makes new objects instead of waiting.

use std::sync::{Mutex, MutexGuard, TryLockError};

use pyo3::prelude::*;

const ENTRIES: usize = 1024;

/// Objects by key; empty before the first use.
type Table<K, T> = Vec<Option<(K, Py<T>)>>;

/// A table behind a lock.
pub(super) struct Pool<K, T>(Mutex<Table<K, T>>);

impl<K: Copy + Eq, T> Pool<K, T> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Locks the table, unless it is locked already.
    #[inline]
    pub(super) fn acquire(&'static self) -> PoolGuard<K, T> {
        let mut table = match self.0.try_lock() {
            Ok(table) => table,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return PoolGuard(None),
        };
        if table.is_empty() {
            table.resize_with(ENTRIES, || None);
        }
        PoolGuard(Some(table))
    }
}

/// The locked table, or none if another caller has it.
pub(super) struct PoolGuard<K: 'static, T: 'static>(Option<MutexGuard<'static, Table<K, T>>>);

impl<K: Copy + Eq, T> PoolGuard<K, T> {
    /// The object of `key`, created if it is not in the table; `hash` gives its index.
    #[inline]
    pub(super) fn get<'py>(
        &mut self,
        py: Python<'py>,
        key: K,
        hash: u64,
        make: impl FnOnce() -> PyResult<Bound<'py, T>>,
    ) -> PyResult<Bound<'py, T>> {
        let index = (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as usize % ENTRIES;
        let Some(entry) = self.0.as_mut().and_then(|table| table.get_mut(index)) else {
            return make();
        };
        if let Some((known, object)) = entry
            && *known == key
        {
            return Ok(object.bind(py).clone());
        }
        let object = make()?;
        *entry = Some((key, object.clone().unbind()));
        Ok(object)
    }
}
