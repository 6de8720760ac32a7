//! An engine with several users.

use std::sync::{Arc, Mutex, MutexGuard};

use super::Engine;

/// An engine that its books, the Python class and a reading thread share.
#[derive(Clone, Debug, Default)]
pub struct SharedEngine(Arc<Mutex<Engine>>);

impl SharedEngine {
    /// The engine, for as long as the guard lives; no Python object may be made meanwhile.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, Engine> {
        self.0.lock().unwrap_or_else(|poisoned| {
            // A panic left a message half applied: no book can be trusted.
            let mut engine = poisoned.into_inner();
            engine.reset();
            self.0.clear_poison();
            engine
        })
    }
}
