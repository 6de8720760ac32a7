use kraken_connector::book::{Book, L3Book, OrderKind};
use kraken_connector::message::{OrderEvent, OrderRow};
use kraken_connector::{BookState, Decimal, Engine, Side};
use proptest::prelude::*;

use crate::fixtures::level3_guide;
use crate::order_model::{Model, SmallRow};

fn row(event: OrderEvent, id: &str, price: &str, qty: &str, second: u8) -> OrderRow {
    let number = |text: &str| Decimal::from_lexeme(text.as_bytes()).unwrap();
    let timestamp = format!("2026-01-01T00:00:{second:02}Z");
    let (id, timestamp) = (id.as_bytes(), timestamp.as_bytes());
    OrderRow::new(event, id, number(price), number(qty), timestamp)
}

fn ids(book: &L3Book, side: Side) -> Vec<String> {
    let orders = book.orders(side, usize::MAX);
    orders
        .map(|order| String::from_utf8_lossy(order.id.bytes()).into_owned())
        .collect()
}

#[test]
fn the_documented_snapshot_has_its_checksum() {
    let (frame, checksum) = level3_guide();
    let mut engine = Engine::new();
    assert_eq!(engine.feed(frame.as_bytes(), Some(1)).verified, Some(true));
    let slot = engine.level3_mut(0).unwrap();
    assert_eq!(slot.book_mut().checksum(), checksum);
    assert_eq!(slot.state(), BookState::Valid);
    assert_eq!(slot.book().levels(Side::Bid).len(), 10);
    assert_eq!(slot.book().order_count(), 35);
    assert_eq!(slot.book().counts().entries(OrderKind::Snapshot), 35);
    assert_eq!(engine.counters().level3_messages, 1);
}

#[test]
fn a_place_is_used_again_after_its_order_left() {
    let mut book = L3Book::new(10);
    for round in 0..1000_u32 {
        let id = format!("O{round}");
        let qty = (round + 1).to_string();
        book.apply_update(&[row(OrderEvent::Add, &id, "5", &qty, 1)], &[])
            .unwrap();
        assert_eq!(ids(&book, Side::Bid), std::slice::from_ref(&id));
        book.apply_update(&[row(OrderEvent::Delete, &id, "0", "0", 1)], &[])
            .unwrap();
    }
    assert_eq!((book.order_count(), book.checksum()), (0, 0));
    assert_eq!(book.counts().entries(OrderKind::Delete), 1000);
}

#[test]
fn a_queue_of_many_orders_has_the_checksum_of_its_text() {
    let rows: Vec<OrderRow> = (0..5000)
        .map(|number| {
            row(
                OrderEvent::Absent,
                &format!("O{number}"),
                "12345.6",
                "0.00000789",
                1,
            )
        })
        .collect();
    let mut book = L3Book::new(10);
    book.apply_snapshot(&rows, &rows[..0]).unwrap();
    let mut text = "123456789".repeat(5000);
    assert_eq!(book.checksum(), crc32fast::hash(text.as_bytes()));
    let add = row(OrderEvent::Add, "OX", "12345.6", "1.00000000", 2);
    book.apply_update(&[add], &[]).unwrap();
    text += "123456100000000";
    assert_eq!(book.checksum(), crc32fast::hash(text.as_bytes()));
}

#[test]
fn failed_messages_are_blamed_on_the_kinds_in_them() {
    let mut book = L3Book::new(10);
    let add = row(OrderEvent::Add, "OA", "5", "1", 1);
    book.apply_update(&[add.clone()], &[]).unwrap();
    book.note_mismatch();
    book.apply_update(&[row(OrderEvent::Delete, "OX", "5", "1", 1)], &[add])
        .unwrap();
    book.note_mismatch();
    let blamed = |kind| book.counts().mismatches(kind);
    assert_eq!(blamed(OrderKind::Add), 1);
    assert_eq!(blamed(OrderKind::DeleteUnknown), 1);
    assert_eq!(blamed(OrderKind::AddKnown), 1);
    assert_eq!(blamed(OrderKind::Delete), 0);
}

fn small_rows() -> impl Strategy<Value = Vec<SmallRow>> {
    let row = (
        any::<u8>(),
        any::<u8>(),
        any::<u8>(),
        0..200_u32,
        0..4_u8,
        any::<u8>(),
    )
        .prop_map(|(event, id, price, qty, scales, time)| SmallRow {
            event,
            id,
            price,
            qty,
            scales,
            time,
        });
    prop::collection::vec(row, 0..12)
}

proptest! {
    #[test]
    fn a_book_does_what_the_model_does(
        depth in 1..16_usize,
        messages in prop::collection::vec((prop::bool::weighted(0.1), small_rows(), small_rows()), 1..30),
    ) {
        let mut book = L3Book::new(depth);
        let mut model = Model::default();
        for (is_snapshot, bids, asks) in messages {
            let rows = |rows: &[SmallRow]| rows.iter().map(|row| row.row(is_snapshot)).collect::<Vec<_>>();
            let (bids, asks) = (rows(&bids), rows(&asks));
            if is_snapshot {
                book.apply_snapshot(&bids, &asks).unwrap();
            } else {
                book.apply_update(&bids, &asks).unwrap();
            }
            model.apply(&bids, &asks, is_snapshot, depth);
            model.compare(&book);
            prop_assert_eq!(book.checksum(), model.checksum());
        }
    }
}
