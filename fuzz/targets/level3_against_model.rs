//! The book of individual orders against a map of lists, through any sequence of messages; the
//! checksum against one computed from text.

#![no_main]

use arbitrary::Arbitrary;
use kraken_connector::book::{Book, L3Book};
use kraken_connector::message::OrderRow;
use libfuzzer_sys::fuzz_target;

#[path = "../../rust/tests/order_model.rs"]
mod order_model;

use order_model::{Model, SmallRow};

#[derive(Arbitrary, Debug)]
struct Session {
    depth: u8,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    Snapshot(Vec<Entry>, Vec<Entry>),
    Update(Vec<Entry>, Vec<Entry>),
    /// The checksum is cached piece by piece, so it is not read after every message.
    Checksum,
    Depth(u8),
}

#[derive(Arbitrary, Debug)]
struct Entry {
    event: u8,
    id: u8,
    price: u8,
    qty: u32,
    scales: u8,
    time: u8,
}

impl Entry {
    const fn row(&self) -> SmallRow {
        SmallRow {
            event: self.event,
            id: self.id,
            price: self.price,
            qty: self.qty,
            scales: self.scales,
            time: self.time,
        }
    }
}

fuzz_target!(|session: Session| {
    let mut book = L3Book::new(levels(session.depth));
    let mut model = Model::default();
    for step in &session.steps {
        take(step, &mut book, &mut model);
        model.compare(&book);
    }
    assert_eq!(book.checksum(), model.checksum());
});

fn take(step: &Step, book: &mut L3Book, model: &mut Model) {
    match step {
        Step::Snapshot(bids, asks) => {
            let (bids, asks) = (rows(bids, true), rows(asks, true));
            book.apply_snapshot(&bids, &asks).unwrap();
            model.apply(&bids, &asks, true, book.depth());
        }
        Step::Update(bids, asks) => {
            let (bids, asks) = (rows(bids, false), rows(asks, false));
            book.apply_update(&bids, &asks).unwrap();
            model.apply(&bids, &asks, false, book.depth());
        }
        Step::Checksum => assert_eq!(book.checksum(), model.checksum()),
        Step::Depth(depth) => {
            book.set_depth(levels(*depth));
            book.cut();
            model.apply(&[], &[], false, book.depth());
        }
    }
}

fn rows(entries: &[Entry], is_snapshot: bool) -> Vec<OrderRow> {
    let row = |entry: &Entry| entry.row().row(is_snapshot);
    entries.iter().map(row).collect()
}

fn levels(depth: u8) -> usize {
    1 + usize::from(depth) % 16
}
