//! Tables of Python objects that are made again and again: one user at a time, bounded.
//!
//! A table is direct-mapped: a key that lands on another's place replaces it. What is lent is out
//! of its lock, so that objects may be made while it is used; a second user at the same time begins
//! with an empty one, and what comes back last is kept.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

const PLACES: usize = 1024;

/// Objects by key.
pub(super) struct Table<K, T>(Vec<Option<(K, Py<T>)>>);

impl<K: Copy + Eq, T> Table<K, T> {
    fn new() -> Self {
        Self(std::iter::repeat_with(|| None).take(PLACES).collect())
    }

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
        let Some(place) = self.0.get_mut(place) else {
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

/// Where a table is while nobody uses it.
pub(super) struct Pool<K, T>(Mutex<Option<Table<K, T>>>);

impl<K: Copy + Eq, T> Pool<K, T> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Lends the table that the last user left, or an empty one.
    #[inline]
    pub(super) fn lend(&'static self) -> Loan<K, T> {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Loan {
            pool: self,
            table: left.unwrap_or_else(Table::new),
        }
    }
}

/// A table lent; it goes back when this is dropped.
pub(super) struct Loan<K: 'static, T: 'static> {
    pool: &'static Pool<K, T>,
    pub(super) table: Table<K, T>,
}

impl<K, T> Drop for Loan<K, T> {
    #[inline]
    fn drop(&mut self) {
        let table = Table(std::mem::take(&mut self.table.0));
        let mut place = self.pool.0.lock().unwrap_or_else(PoisonError::into_inner);
        let replaced = place.replace(table);
        // Its objects must not be freed under the lock.
        drop(place);
        drop(replaced);
    }
}
