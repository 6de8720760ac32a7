//! Instances of a class of this module without the detour of `object.__new__`, which takes a call
//! with an empty tuple of arguments and fills the memory with zeros first.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::True;
use pyo3::{PyClass, PyClassInitializer, ffi};

/// Makes instances of a class that never is part of a reference cycle: the garbage collector does
/// not track them.
pub(super) struct Maker<T> {
    /// Where an instance has its value, read off the first one. Zero before that, and for ever if
    /// instances have anything else.
    offset: AtomicUsize,
    class: PhantomData<T>,
}

impl<T> Maker<T>
where
    T: PyClass<Frozen = True> + Sync + Into<PyClassInitializer<T>>,
{
    pub(super) const fn new() -> Self {
        Self {
            offset: AtomicUsize::new(0),
            class: PhantomData,
        }
    }

    /// A new instance, whose value is made in its place.
    #[inline(always)]
    pub(super) fn make<'py>(
        &self,
        py: Python<'py>,
        value: impl FnOnce() -> T,
    ) -> PyResult<Bound<'py, T>> {
        let offset = self.offset.load(Ordering::Relaxed);
        if offset == 0 {
            return self.make_first(py, value());
        }
        // SAFETY: `make_first` found that an instance is its header and, from `offset` on, its
        // value; both are initialised before anything owns the object, in memory that the class's
        // `tp_free` takes.
        unsafe {
            let object = ffi::PyObject_GC_New::<ffi::PyObject>(T::type_object_raw(py));
            if object.is_null() {
                return Err(PyErr::fetch(py));
            }
            object.byte_add(offset).cast::<T>().write(value());
            Ok(Bound::from_owned_ptr(py, object).cast_into_unchecked())
        }
    }

    #[cold]
    fn make_first<'py>(&self, py: Python<'py>, value: T) -> PyResult<Bound<'py, T>> {
        let object = Bound::new(py, value)?;
        let offset = std::ptr::from_ref(object.get()).addr() - object.as_ptr().addr();
        let end = ffi::Py_ssize_t::try_from(offset + size_of::<T>())?;
        // SAFETY: the class is alive.
        let class = unsafe { &*T::type_object_raw(py) };
        let is_header_and_value = offset >= size_of::<ffi::PyObject>() && end == class.tp_basicsize;
        let has_collector_header = class.tp_flags & ffi::Py_TPFLAGS_HAVE_GC != 0;
        if is_header_and_value && has_collector_header {
            self.offset.store(offset, Ordering::Relaxed);
        }
        Ok(object)
    }
}
