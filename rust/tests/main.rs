//! The core through its public Rust API, without Python.

mod book;
mod decimal;
mod engine;
mod fixtures;
mod level3;
mod lexer;
mod message;
mod order_model;
#[cfg(all(unix, feature = "tls"))]
mod reader;
mod seqlock;
#[cfg(unix)]
mod shared;
mod time;
