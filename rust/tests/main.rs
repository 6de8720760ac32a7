//! The core through its public Rust API, without Python.

mod book;
mod decimal;
mod engine;
mod fixtures;
mod lexer;
mod message;
mod time;
