//! The Python objects of an engine's books.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::{PyClass, PyClassInitializer};

/// The books that were asked for, at their index in the core.
pub(super) struct LiveObjects<T>(Mutex<Vec<Option<Py<T>>>>);

impl<T> Default for LiveObjects<T> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<T: PyClass + Into<PyClassInitializer<T>>> LiveObjects<T> {
    /// The one Python object of the book at `index`.
    pub(super) fn get(
        &self,
        py: Python<'_>,
        index: usize,
        new: impl FnOnce() -> T,
    ) -> PyResult<Py<T>> {
        let known = |objects: &Vec<Option<Py<T>>>| {
            let object = objects.get(index)?.as_ref()?;
            Some(object.clone_ref(py))
        };
        if let Some(object) = known(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(object);
        }
        let made = Py::new(py, new())?;
        let mut objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if objects.len() <= index {
            objects.resize_with(index + 1, || None);
        }
        let Some(place) = objects.get_mut(index) else {
            return Ok(made);
        };
        // Another thread may have been here in between; its object is the one then.
        let kept = place
            .get_or_insert_with(|| made.clone_ref(py))
            .clone_ref(py);
        drop(objects);
        Ok(kept)
    }
}
