//! The extension module `kraken_connector._native`; the only part that names `pyo3`.
//!
//! Two rules hold everywhere below. No Python object is made and no Python code runs while a lock
//! is held: either may run the garbage collector, whose finalisers may call this module. And the
//! classes are frozen, with what changes behind locks, so that the module works without the GIL.

#![allow(
    clippy::doc_markdown,
    reason = "the docstrings of Python are no Markdown"
)]

include!(concat!(env!("OUT_DIR"), "/docs.rs"));

#[macro_use]
mod book_methods;
mod book_handle;
mod books;
#[cfg(all(unix, feature = "tls"))]
mod buffers;
mod channel_names;
mod convert;
mod data_message;
mod decimals;
mod decode;
mod engine;
mod errors;
mod frame;
mod instances;
mod level3_book;
mod order_book;
#[cfg(all(unix, feature = "tls"))]
mod plain_stream;
mod pool;
mod receiver;
mod reply;
mod runs;
mod schema;
mod shared_books;
mod strings;
#[cfg(all(unix, feature = "tls"))]
mod thread_reader;
#[cfg(all(unix, feature = "tls"))]
mod tls_stream;

use pyo3::prelude::*;

/// The core: bytes in, events out.
#[pymodule(gil_used = false)]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    schema::Registry::get(module.py())?;
    module.add_class::<engine::PyEngine>()?;
    module.add_class::<books::PyBooks>()?;
    books::register(module.py())?;
    module.add_class::<order_book::PyOrderBook>()?;
    module.add_class::<level3_book::PyLevel3Book>()?;
    module.add_class::<data_message::PyDataMessage>()?;
    module.add_class::<receiver::PyReceiver>()?;
    #[cfg(all(unix, feature = "tls"))]
    {
        module.add_class::<plain_stream::PyPlainStream>()?;
        module.add_class::<tls_stream::PyTlsConfig>()?;
        module.add_class::<tls_stream::PyTlsStream>()?;
        module.add_class::<thread_reader::PyThreadReader>()?;
    }
    module.add_class::<shared_books::PyBookWriter>()?;
    module.add_class::<shared_books::PyBookFile>()?;
    module.add_class::<shared_books::PySharedBook>()?;
    module.add_function(wrap_pyfunction!(data_message::py_parse_message, module)?)?;
    module.add_function(wrap_pyfunction!(runs::py_runs, module)?)
}
