//! Makes the macro `doc!` of the docstrings in `_native.pyi`, where those of both cores are written.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

const STUB: &str = "python/kraken_connector/_native.pyi";

fn main() {
    println!("cargo::rerun-if-changed=rust/build.rs");
    println!("cargo::rerun-if-changed={STUB}");
    if env::var_os("CARGO_FEATURE_PYTHON").is_none() {
        return;
    }
    let stub = fs::read_to_string(STUB).expect("the stub is part of the sources");
    // A checkout on Windows may have its line ends.
    let stub = stub.replace("\r\n", "\n");
    let arms = arms(&stub);
    let docs = format!(
        "/// The docstring of a member; of the class itself with an empty name.\n\
         macro_rules! doc {{\n{arms}}}\n"
    );
    let folder = env::var_os("OUT_DIR").expect("cargo names it");
    fs::write(Path::new(&folder).join("docs.rs"), docs).expect("the folder is writable");
}

/// The arms of the macro: `("Class" "member") => { "docstring" };`.
fn arms(stub: &str) -> String {
    let (mut owner, mut member) = ("", "");
    let mut arms = String::new();
    // The first docstring is that of the stub itself.
    let mut parts = stub.split(r#"""""#).skip(2);
    while let (Some(code), Some(text)) = (parts.next(), parts.next()) {
        for line in code.lines() {
            if let Some(class) = line.strip_prefix("class ") {
                (owner, member) = (name(class), "");
            } else if let Some(function) = line.strip_prefix("def ") {
                (owner, member) = ("", name(function));
            } else if let Some(method) = line.strip_prefix("    def ") {
                member = name(method);
            }
        }
        let is_method = !(owner.is_empty() || member.is_empty());
        let text = text.replace(if is_method { "\n        " } else { "\n    " }, "\n");
        let text = text.trim_end();
        writeln!(arms, "({owner:?} {member:?}) => {{ {text:?} }};").expect("a string grows");
    }
    arms
}

fn name(definition: &str) -> &str {
    let is_end = |letter: char| !(letter.is_alphanumeric() || letter == '_');
    definition.split(is_end).next().unwrap_or_default()
}
