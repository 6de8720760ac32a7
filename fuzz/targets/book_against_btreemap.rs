//! The book against a map from price to quantity, through any sequence of messages; the checksum
//! against one computed from text.

#![no_main]

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use kraken_connector::message::Row;
use kraken_connector::{Book, Decimal, L2Book, Side};
use libfuzzer_sys::fuzz_target;

/// The model keeps all numbers at this scale, which no row exceeds.
const SCALE: u32 = 12;

#[derive(Arbitrary, Debug)]
struct Session {
    depth: u8,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Step {
    Snapshot(Vec<TickRow>, Vec<TickRow>),
    Update(Vec<TickRow>, Vec<TickRow>),
    /// The checksum is cached piece by piece, so it is not read after every message.
    Checksum,
    Clear,
}

/// Few prices, so that they meet; quantities of any size. The scales are taken modulo.
#[derive(Arbitrary, Debug)]
struct TickRow {
    price: u8,
    qty: u32,
    scales: u8,
}

impl TickRow {
    fn row(&self) -> Row {
        let (price_scale, qty_scale) = self.scales();
        // The same ticks at every scale, spelled with more zeros.
        let price = u128::from(self.price) * 10_u128.pow(price_scale);
        Row {
            price: Decimal::new(price, price_scale + 1).unwrap(),
            qty: Decimal::new(u128::from(self.qty), qty_scale).unwrap(),
        }
    }

    fn scales(&self) -> (u32, u32) {
        (
            u32::from(self.scales) % 3,
            u32::from(self.scales) / 3 % (SCALE + 1),
        )
    }
}

/// One side: price to quantity, both at `SCALE`.
type Levels = BTreeMap<u128, u128>;

#[derive(Default)]
struct Model {
    bids: Levels,
    asks: Levels,
    scales: (u32, u32),
}

impl Model {
    fn apply(&mut self, bids: &[Row], asks: &[Row], depth: usize) {
        for row in bids.iter().chain(asks) {
            self.scales.0 = self.scales.0.max(row.price.scale());
            self.scales.1 = self.scales.1.max(row.qty.scale());
        }
        set(&mut self.bids, bids);
        set(&mut self.asks, asks);
        while self.bids.len() > depth {
            self.bids.pop_first();
        }
        while self.asks.len() > depth {
            self.asks.pop_last();
        }
    }

    /// One side, best first, at the scales of the book.
    fn levels(&self, side: Side) -> Vec<(u128, u128)> {
        let at = |value: &u128, scale: u32| value / 10_u128.pow(SCALE - scale);
        let level = |(price, qty)| (at(price, self.scales.0), at(qty, self.scales.1));
        match side {
            Side::Bid => self.bids.iter().rev().map(level).collect(),
            Side::Ask => self.asks.iter().map(level).collect(),
        }
    }

    fn is_crossed(&self) -> bool {
        let best = (self.bids.last_key_value(), self.asks.first_key_value());
        matches!(best, (Some((bid, _)), Some((ask, _))) if bid >= ask)
    }

    /// The documented rule on text: asks before bids, ten of each, no dot, no leading zeros.
    fn checksum(&self) -> u32 {
        let mut text = String::new();
        for side in [Side::Ask, Side::Bid] {
            for (price, qty) in self.levels(side).iter().take(10) {
                text += &format!("{price}{qty}");
            }
        }
        crc32fast::hash(text.as_bytes())
    }
}

fn set(levels: &mut Levels, rows: &[Row]) {
    for row in rows {
        let price = row.price.mantissa_at(SCALE).unwrap();
        match row.qty.mantissa_at(SCALE).unwrap() {
            0 => levels.remove(&price),
            qty => levels.insert(price, qty),
        };
    }
}

fuzz_target!(|session: Session| {
    let depth = 1 + usize::from(session.depth) % 30;
    let (mut book, mut model) = (L2Book::new(depth), Model::default());
    for step in &session.steps {
        take(step, &mut book, &mut model);
        compare(&book, &model);
    }
    assert_eq!(book.checksum(), model.checksum());
});

fn take(step: &Step, book: &mut L2Book, model: &mut Model) {
    let rows = |rows: &[TickRow]| rows.iter().map(TickRow::row).collect::<Vec<_>>();
    match step {
        Step::Snapshot(bids, asks) => {
            let (bids, asks) = (rows(bids), rows(asks));
            book.apply_snapshot(&bids, &asks).unwrap();
            *model = Model::default();
            model.apply(&bids, &asks, book.depth());
        }
        Step::Update(bids, asks) => {
            let (bids, asks) = (rows(bids), rows(asks));
            book.apply_update(&bids, &asks).unwrap();
            model.apply(&bids, &asks, book.depth());
        }
        Step::Checksum => assert_eq!(book.checksum(), model.checksum()),
        Step::Clear => {
            book.clear();
            *model = Model::default();
        }
    }
}

fn compare(book: &L2Book, model: &Model) {
    for side in [Side::Bid, Side::Ask] {
        let levels = book
            .side(side)
            .levels()
            .map(|level| (level.price, level.qty));
        let ours: Vec<_> = levels.collect();
        assert_eq!(ours, model.levels(side));
        assert_eq!(book.side(side).len(), ours.len());
        let best = book.side(side).best().map(|level| (level.price, level.qty));
        assert_eq!(best, ours.first().copied());
    }
    assert_eq!(book.scales(), model.scales);
    assert_eq!(book.is_crossed(), model.is_crossed());
}
