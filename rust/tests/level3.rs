use kraken_connector::book::{Book, L3Book, OrderKind};
use kraken_connector::message::{BookBatch, Message, OrderEvent, OrderRow};
use kraken_connector::{BookState, Decimal, Engine, ParseError, Side, parse_message};
use proptest::prelude::*;

use crate::fixtures::{LEVEL3_EXAMPLES, level3_guide};
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
    assert_eq!(engine.level3_books_mut().checksum(0), Some(checksum));
    let slot = engine.level3_books().at(0).unwrap();
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
    book.apply_update(std::slice::from_ref(&add), &[]).unwrap();
    book.count_mismatch();
    book.apply_update(&[row(OrderEvent::Delete, "OX", "5", "1", 1)], &[add])
        .unwrap();
    book.count_mismatch();
    let blamed = |kind| book.counts().mismatches(kind);
    assert_eq!(blamed(OrderKind::Add), 1);
    assert_eq!(blamed(OrderKind::DeleteUnknown), 1);
    assert_eq!(blamed(OrderKind::AddKnown), 1);
    assert_eq!(blamed(OrderKind::Delete), 0);
}

/// The orders of a frame without their offsets, or its error.
fn content(frame: &str) -> Result<(bool, Vec<String>), ParseError> {
    let mut batch = BookBatch::default();
    let message = match parse_message(frame.as_bytes(), &mut batch)? {
        Message::Data(message) => message,
        other => panic!("{other:?}"),
    };
    let name = message.channel_name.decode(frame.as_bytes()).into_owned();
    let kind = message.kind.decode(frame.as_bytes()).into_owned();
    let items = batch.items().iter().map(|item| {
        let symbol = item.symbol.decode(frame.as_bytes());
        let time = r#""timestamp":"2024-01-08T12:26:[0-6][0-9]\.[0-9]{9}Z"|"timestamp":("[0-9]{0,40}"|3|null)"#;
        let (bids, asks) = (batch.bid_orders(item), batch.ask_orders(item));
        format!("{name} {kind} {symbol} {:?} {time:?} {bids:?} {asks:?}", item.checksum)
    });
    let symbol = message.symbol(frame.as_bytes());
    let symbol = symbol.map(|text| text.decode(frame.as_bytes()).into_owned());
    let items = items.chain(symbol).collect();
    Ok((message.is_snapshot, items))
}

/// The frame is read as the general reader reads it, which takes those that begin with a space.
fn assert_both_readers_agree(frame: &str) {
    let general = content(&format!(" {frame}"));
    let general = general.map_err(|error| (error.kind, error.offset.saturating_sub(1)));
    let fast = content(frame).map_err(|error| (error.kind, error.offset));
    assert_eq!(fast, general, "{frame}");
}

#[test]
fn both_readers_read_the_documented_frames_alike() {
    assert_both_readers_agree(&level3_guide().0);
    for example in LEVEL3_EXAMPLES.map(str::trim_end) {
        assert!(content(example).unwrap().1[0].len() > 500);
        assert_both_readers_agree(example);
    }
}

/// An entry in the format of the exchange, or with another value in one field.
fn entry() -> impl Strategy<Value = String> {
    let event = r#"("event":"(add|modify|delete)",)?|"event":("amend"|""|7|null),"#;
    let id = r#""order_id":"[A-Z0-9-]{0,30}",|"order_id":"[A-Z]{5}",|"order_id":(1|null|"\\u00e9"|"é"),"#;
    let number = r#"[0-9]{1,9}\.[0-9]{1,8}|[1-9][0-9]{0,25}|-1|1e5|1\.5E-3|null|"1"|01"#;
    let time = r#""timestamp":"2024-01-08T12:26:[0-6][0-9]\.[0-9]{9}Z"|"timestamp":("[0-9]{0,40}"|3|null)"#;
    (event, id, number, number, time).prop_map(|(event, id, price, qty, time)| {
        format!(r#"{{{event}{id}"limit_price":{price},"order_qty":{qty},{time}}}"#)
    })
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
    fn both_readers_read_any_frame_alike(
        bids in prop::collection::vec(entry(), 0..4),
        asks in prop::collection::vec(entry(), 0..3),
        kind in "update|snapshot|other",
        checksum in r#""checksum":[0-9]{1,11}|"checksum":-1|"x":1"#,
        order in Just(vec![0, 1, 2, 3, 4]).prop_shuffle(),
        keys in 0..7_usize,
        damage in any::<Option<(prop::sample::Index, char)>>(),
    ) {
        let parts = [
            r#""symbol":"BTC/USD""#.to_owned(),
            format!(r#""bids":[{}]"#, bids.join(",")),
            format!(r#""asks":[{}]"#, asks.join(",")),
            checksum,
            r#""timestamp":"2024-01-08T12:27:00Z""#.to_owned(),
        ];
        let chosen: Vec<_> = order.iter().cycle().take(keys).map(|at| parts[*at].clone()).collect();
        let data = chosen.join(",");
        let mut frame = format!(r#"{{"channel":"level3","type":"{kind}","data":[{{{data}}}]}}"#);
        if let Some((at, character)) = damage {
            let places: Vec<_> = frame.char_indices().map(|(at, _)| at).collect();
            frame.insert(places[at.index(places.len())].max(30), character);
        }
        assert_both_readers_agree(&frame);
    }

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
