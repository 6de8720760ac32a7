//! The engine of a connection, shared by its Python objects.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::engine::Engine;

/// An engine that its books and the Python class share.
#[derive(Clone, Default)]
pub(super) struct SharedEngine(Arc<Mutex<Engine>>);

impl SharedEngine {
    /// The engine, for as long as the guard lives; no Python object may be made meanwhile.
    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, Engine> {
        self.0.lock().unwrap_or_else(|poisoned| {
            // A panic left a message half applied: no book can be trusted.
            let mut engine = poisoned.into_inner();
            engine.reset();
            self.0.clear_poison();
            engine
        })
    }
}
