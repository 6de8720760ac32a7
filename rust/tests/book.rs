use std::collections::BTreeMap;

use kraken_connector::book::OutOfRange;
use kraken_connector::message::Row;
use kraken_connector::{Book, Decimal, L2Book, Side};
use proptest::prelude::*;

use crate::fixtures::vectors;

fn number(text: &str) -> Decimal {
    Decimal::from_lexeme(text.as_bytes()).unwrap()
}

fn rows<T: AsRef<str>>(levels: &[(T, T)]) -> Vec<Row> {
    let row = |(price, qty): &(T, T)| Row {
        price: number(price.as_ref()),
        qty: number(qty.as_ref()),
    };
    levels.iter().map(row).collect()
}

fn snapshot(depth: usize, bids: &[(&str, &str)], asks: &[(&str, &str)]) -> L2Book {
    let mut book = L2Book::new(depth);
    book.apply_snapshot(&rows(bids), &rows(asks)).unwrap();
    book
}

fn update(book: &mut L2Book, bids: &[(&str, &str)], asks: &[(&str, &str)]) {
    book.apply_update(&rows(bids), &rows(asks)).unwrap();
}

/// The levels of a side as text, best first.
fn levels(book: &L2Book, side: Side) -> Vec<(String, String)> {
    let text = |mantissa, scale| Decimal::new(mantissa, scale).unwrap().to_string();
    let (price_scale, qty_scale) = book.scales();
    book.levels(side)
        .map(|level| (text(level.price, price_scale), text(level.qty, qty_scale)))
        .collect()
}

fn owned(levels: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(price, qty): &(&str, &str)| ((*price).to_owned(), (*qty).to_owned());
    levels.iter().map(pair).collect()
}

/// The documented rule, on texts: no dot, no leading zeros, asks before bids, ten of each.
fn text_checksum(book: &L2Book) -> u32 {
    let mut input = String::new();
    for side in [Side::Ask, Side::Bid] {
        for (price, qty) in levels(book, side).into_iter().take(10) {
            for number in [price, qty] {
                let digits = number.replace('.', "");
                let significant = digits.trim_start_matches('0');
                input.push_str(if significant.is_empty() {
                    "0"
                } else {
                    significant
                });
            }
        }
    }
    crc32fast::hash(input.as_bytes())
}

#[test]
fn documented_books_have_their_checksums() {
    for vector in vectors() {
        let mut book = L2Book::new(10);
        book.apply_snapshot(&rows(&vector.bids), &rows(&vector.asks))
            .unwrap();
        assert_eq!(book.checksum(), vector.checksum, "{}", vector.name);
        assert_eq!(text_checksum(&book), vector.checksum, "{}", vector.name);
    }
}

#[test]
fn rows_apply_in_order_and_the_last_of_a_price_wins() {
    let mut book = snapshot(10, &[("1.0", "5")], &[]);
    update(
        &mut book,
        &[("1.0", "7"), ("2.0", "1"), ("1.0", "0"), ("1.0", "3")],
        &[],
    );
    assert_eq!(
        levels(&book, Side::Bid),
        owned(&[("2.0", "1"), ("1.0", "3")])
    );
}

#[test]
fn removing_an_unknown_price_changes_nothing() {
    let mut book = snapshot(10, &[("1.0", "5")], &[("2.0", "5")]);
    update(
        &mut book,
        &[("0.9", "0"), ("1.1", "0")],
        &[("1.9", "0.0"), ("2.1", "0")],
    );
    assert_eq!(levels(&book, Side::Bid), owned(&[("1.0", "5.0")]));
    assert_eq!(levels(&book, Side::Ask), owned(&[("2.0", "5.0")]));
}

#[test]
fn a_book_is_cut_after_the_whole_message() {
    let mut book = snapshot(2, &[("3", "1"), ("2", "1")], &[]);
    update(&mut book, &[("4", "1"), ("4", "0"), ("1", "1")], &[]);
    assert_eq!(levels(&book, Side::Bid), owned(&[("3", "1"), ("2", "1")]));
    update(&mut book, &[("3", "0"), ("2", "0")], &[]);
    assert!(book.side(Side::Bid).is_empty());
}

#[test]
fn a_snapshot_replaces_everything_and_its_scales() {
    let mut book = snapshot(10, &[("1.00000", "5.000")], &[("2", "5")]);
    book.apply_snapshot(&rows(&[("7", "1")]), &[]).unwrap();
    assert_eq!(levels(&book, Side::Bid), owned(&[("7", "1")]));
    assert!(book.side(Side::Ask).is_empty());
}

#[test]
fn shorter_numbers_are_padded_to_the_scale_of_the_book() {
    let mut book = snapshot(10, &[("0.567", "5"), ("0.5668", "1e-08")], &[]);
    assert_eq!(
        levels(&book, Side::Bid),
        owned(&[("0.5670", "5.00000000"), ("0.5668", "0.00000001")])
    );
    update(&mut book, &[("0.567", "0")], &[]);
    assert_eq!(levels(&book, Side::Bid), owned(&[("0.5668", "0.00000001")]));
}

#[test]
fn a_longer_number_widens_the_whole_book() {
    let mut book = snapshot(10, &[("1.5", "2.0")], &[("1.7", "3.0")]);
    let before = book.checksum();
    update(&mut book, &[("1.55", "1.000")], &[]);
    assert_eq!(
        levels(&book, Side::Bid),
        owned(&[("1.55", "1.000"), ("1.50", "2.000")])
    );
    assert_eq!(levels(&book, Side::Ask), owned(&[("1.70", "3.000")]));
    assert_ne!(book.checksum(), before);
    assert_eq!(book.checksum(), text_checksum(&book));
}

#[test]
fn numbers_that_do_not_fit_change_nothing() {
    let long = "9".repeat(38);
    let mut book = snapshot(10, &[(&long, "1")], &[]);
    let refused = book.apply_update(&rows(&[("2", "2"), ("1.5", "1")]), &[]);
    assert_eq!(refused, Err(OutOfRange));
    assert_eq!(levels(&book, Side::Bid), owned(&[(&long, "1")]));
    let refused = book.apply_snapshot(&rows(&[(long.as_str(), "1"), ("1.5", "1")]), &[]);
    assert_eq!(refused, Err(OutOfRange));
    assert_eq!(levels(&book, Side::Bid), owned(&[(&long, "1")]));
}

#[test]
fn a_book_is_crossed_when_bid_reaches_ask() {
    assert!(!snapshot(10, &[("1", "1")], &[("2", "1")]).is_crossed());
    assert!(snapshot(10, &[("2", "1")], &[("2", "1")]).is_crossed());
    assert!(!snapshot(10, &[("2", "1")], &[]).is_crossed());
}

#[test]
fn a_scale_may_take_numbers_beyond_64_bits() {
    let long = u64::MAX.to_string();
    let mut book = snapshot(10, &[(&long, "1"), ("3", "2")], &[]);
    update(&mut book, &[("3", "2.5")], &[]);
    update(&mut book, &[("4.5", "1.0")], &[]);
    let widened = format!("{long}.0");
    assert_eq!(
        levels(&book, Side::Bid),
        owned(&[(&widened, "1.0"), ("4.5", "1.0"), ("3.0", "2.5")])
    );
    assert_eq!(book.checksum(), text_checksum(&book));
}

#[test]
fn a_book_of_depth_1000_stays_small() {
    let level = |price: u128| Row {
        price: Decimal::new(price, 1).unwrap(),
        qty: number("0.12345678"),
    };
    let bids: Vec<Row> = (0..1000).map(|rank| level(50_000 - rank)).collect();
    let asks: Vec<Row> = (0..1000).map(|rank| level(90_000 + rank)).collect();
    let mut book = L2Book::new(1000);
    book.apply_snapshot(&bids, &asks).unwrap();
    for step in 1..5000 {
        book.apply_update(&[level(50_000 + step)], &[level(90_000 - step)])
            .unwrap();
    }
    assert_eq!(book.side(Side::Bid).len(), 1000);
    assert!(book.memory() <= 128 * 1024, "{} bytes", book.memory());
}

/// One row as a message may have it: price and quantity in ticks, and how many zeros to append.
type TickRow = (u32, u32, usize);

fn tick_rows() -> impl Strategy<Value = Vec<TickRow>> {
    let qty = prop_oneof![Just(0_u32), 1..5_u32, any::<u32>()];
    prop::collection::vec((0..40_u32, qty, 0..2_usize), 0..12)
}

/// Prices and quantities just below and just above 2^64.
fn rows_around_64_bits() -> impl Strategy<Value = Vec<(u128, u128)>> {
    let border = u128::from(u64::MAX);
    let price = prop_oneof![9 => border - 30..=border, 1 => border..border + 10];
    let qty = prop_oneof![4 => Just(0), 9 => 1..5_u128, 1 => border..border + 3];
    prop::collection::vec((price, qty), 0..12)
}

fn tick_text((price, qty, zeros): &TickRow) -> (String, String) {
    let zeros = "0".repeat(*zeros);
    (
        format!("{}.{}{zeros}", price / 10, price % 10),
        format!("{}.{:02}{zeros}", qty / 100, qty % 100),
    )
}

/// One side as a map from price to quantity, which is the specification.
#[derive(Default)]
struct Model(BTreeMap<u32, u32>);

impl Model {
    fn apply(&mut self, rows: &[TickRow]) {
        for (price, qty, _) in rows {
            if *qty == 0 {
                self.0.remove(price);
            } else {
                self.0.insert(*price, *qty);
            }
        }
    }

    /// Forgets the levels beyond the best `depth`; returns those left, best first.
    fn cut(&mut self, side: Side, depth: usize) -> Vec<(u32, u32)> {
        let mut levels: Vec<(u32, u32)> =
            self.0.iter().map(|(price, qty)| (*price, *qty)).collect();
        if side == Side::Bid {
            levels.reverse();
        }
        levels.truncate(depth);
        self.0 = levels.iter().copied().collect();
        levels
    }
}

/// A side in tenths of a price and hundredths of a quantity.
fn in_ticks(book: &L2Book, side: Side) -> Vec<(u32, u32)> {
    let ticks =
        |mantissa: u128, decimals: u32| u32::try_from(mantissa / 10_u128.pow(decimals)).unwrap();
    let (price_scale, qty_scale) = book.scales();
    book.levels(side)
        .map(|level| {
            (
                ticks(level.price, price_scale - 1),
                ticks(level.qty, qty_scale - 2),
            )
        })
        .collect()
}

proptest! {
    #[test]
    fn a_book_does_what_a_map_does(
        depth in 1..30_usize,
        messages in prop::collection::vec((prop::bool::weighted(0.1), tick_rows(), tick_rows()), 1..30),
    ) {
        let mut book = L2Book::new(depth);
        let mut models = [Model::default(), Model::default()];
        for (is_snapshot, bids, asks) in messages {
            let as_rows = |ticks: &[TickRow]| rows(&ticks.iter().map(tick_text).collect::<Vec<_>>());
            if is_snapshot {
                models = [Model::default(), Model::default()];
                book.apply_snapshot(&as_rows(&bids), &as_rows(&asks)).unwrap();
            } else {
                book.apply_update(&as_rows(&bids), &as_rows(&asks)).unwrap();
            }
            let [bid_model, ask_model] = &mut models;
            bid_model.apply(&bids);
            ask_model.apply(&asks);
            prop_assert_eq!(in_ticks(&book, Side::Bid), bid_model.cut(Side::Bid, depth));
            prop_assert_eq!(in_ticks(&book, Side::Ask), ask_model.cut(Side::Ask, depth));
            prop_assert_eq!(book.checksum(), text_checksum(&book));
        }
    }

    #[test]
    fn a_book_does_what_a_map_does_around_64_bits(
        depth in 1..30_usize,
        messages in prop::collection::vec((any::<bool>(), rows_around_64_bits()), 1..30),
    ) {
        let mut book = L2Book::new(depth);
        let mut model = BTreeMap::new();
        for (is_snapshot, rows) in messages {
            let asks: Vec<Row> = rows
                .iter()
                .map(|&(price, qty)| Row {
                    price: Decimal::new(price, 0).unwrap(),
                    qty: Decimal::new(qty, 0).unwrap(),
                })
                .collect();
            if is_snapshot {
                model.clear();
                book.apply_snapshot(&[], &asks).unwrap();
            } else {
                book.apply_update(&[], &asks).unwrap();
            }
            model.extend(rows);
            model.retain(|_, qty| *qty != 0);
            model = model.into_iter().take(depth).collect();
            let levels = book.side(Side::Ask).levels();
            let pairs: Vec<_> = levels.map(|level| (level.price, level.qty)).collect();
            prop_assert_eq!(pairs, model.clone().into_iter().collect::<Vec<_>>());
            prop_assert_eq!(book.checksum(), text_checksum(&book));
        }
    }

    #[test]
    fn the_checksum_holds_for_numbers_of_any_size(
        levels in prop::collection::btree_map(1..10_u128.pow(38), 1..10_u128.pow(38), 0..14),
    ) {
        let row = |(price, qty): (&u128, &u128)| Row {
            price: Decimal::new(*price, 5).unwrap(),
            qty: Decimal::new(*qty, 8).unwrap(),
        };
        let rows: Vec<Row> = levels.iter().map(row).collect();
        let mut book = L2Book::new(25);
        book.apply_snapshot(&rows, &rows).unwrap();
        prop_assert_eq!(book.checksum(), text_checksum(&book));
    }
}
