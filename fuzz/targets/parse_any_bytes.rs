//! Any lines, fed to one engine: nothing panics, every place is within its frame, and a book that
//! reads as valid is in order and within its depth.

#![no_main]

use kraken_connector::book::{Book, Level};
use kraken_connector::engine::BookSlot;
use kraken_connector::lexer::{Text, validate};
use kraken_connector::message::{BookBatch, Channel, DataMessage, Message, Recovered, recover};
use kraken_connector::{BookState, Engine, Side, parse_message};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut batch = BookBatch::default();
    let mut engine = Engine::new();
    for frame in data.split(|&byte| byte == b'\n') {
        check_verdict(frame, &mut batch);
        if let Err(error) = engine.feed(frame, Some(0)).message {
            check_distrust(&engine, &recover(frame, error));
        }
        check_books(&engine);
    }
});

/// What is no JSON is reported as that, at the same place, by every reader.
fn check_verdict(frame: &[u8], batch: &mut BookBatch) {
    let message = parse_message(frame, batch);
    match validate(frame) {
        Err(error) => assert_eq!(message, Err(error)),
        Ok(()) => assert!(message.is_ok() || message.is_err_and(|error| error.kind.is_protocol())),
    }
    match message {
        Ok(message) => check_places(frame, &message, batch),
        Err(error) => assert!(error.offset <= frame.len()),
    }
}

/// After a message about books that cannot be read, none of the books it may have meant is valid.
fn check_distrust(engine: &Engine, found: &Recovered) {
    let is_meant = |symbol: &str| {
        let mut symbols = found.symbols.iter();
        found.symbols.is_empty() || symbols.any(|meant| meant == symbol)
    };
    let channel = found.book_channel();
    let valid = |state| state == BookState::Valid;
    for slot in engine.books() {
        let is_hit = channel == Some(Channel::Book) && is_meant(slot.symbol());
        assert!(!(is_hit && valid(slot.state())));
    }
    for slot in engine.level3_books() {
        let is_hit = channel == Some(Channel::Level3) && is_meant(slot.symbol());
        assert!(!(is_hit && valid(slot.state())));
    }
}

fn check_places(frame: &[u8], message: &Message, batch: &BookBatch) {
    match message {
        Message::Data(message) => {
            assert!(message.data < frame.len());
            let texts = [
                Some(message.channel_name),
                Some(message.kind),
                message.timestamp,
            ];
            for text in texts.into_iter().flatten() {
                assert!(text.raw(frame).len() <= frame.len());
                assert!(!text.decode(frame).contains('\u{0}') || text.is_escaped());
            }
            check_readers(frame, message);
            if message.channel == Channel::Book {
                check_items(frame, batch);
            }
        }
        Message::Reply(reply) => {
            assert!(reply.result.is_none_or(|at| at < frame.len()));
            let _ = reply.method.decode(frame);
            let _ = reply.result_field(frame, b"symbol");
        }
        _ => {}
    }
}

/// The fast path has the result of the general reader, which has to read every frame that begins with
/// a space.
fn check_readers(frame: &[u8], message: &DataMessage) {
    let spaced = [b" ", frame].concat();
    let Ok(Message::Data(general)) = parse_message(&spaced, &mut BookBatch::default()) else {
        panic!("one reader takes it");
    };
    let decoded = |text: Option<Text>, frame| text.map(|text| text.decode(frame).into_owned());
    assert_eq!(
        (general.channel, general.data),
        (message.channel, message.data + 1)
    );
    assert_eq!(
        decoded(message.symbol(frame), frame),
        decoded(general.symbol(&spaced), &spaced)
    );
    assert_eq!(
        decoded(message.item_timestamp(frame), frame),
        decoded(general.item_timestamp(&spaced), &spaced)
    );
}

fn check_items(frame: &[u8], batch: &BookBatch) {
    for item in batch.items() {
        assert!(item.offset < frame.len());
        let _ = item.symbol.decode(frame);
        let _ = (batch.bids(item), batch.asks(item));
        let _ = (batch.bid_orders(item), batch.ask_orders(item));
    }
}

fn check_books(engine: &Engine) {
    for slot in engine.books() {
        check_book(slot);
    }
    for slot in engine.level3_books() {
        check_book(slot);
    }
}

fn check_book<B: Book>(slot: &BookSlot<B>) {
    if slot.state() == BookState::Valid {
        assert!(slot.verified_count() <= slot.updates());
        let (bids, asks) = (slot.book().levels(Side::Bid), slot.book().levels(Side::Ask));
        let depth = slot.book().depth();
        check_side(bids, depth, |better, worse| better > worse);
        check_side(asks, depth, |better, worse| better < worse);
    }
}

fn check_side(
    levels: impl Iterator<Item = Level>,
    depth: usize,
    is_better: impl Fn(u128, u128) -> bool,
) {
    let levels: Vec<_> = levels.collect();
    assert!(levels.len() <= depth);
    assert!(levels.iter().all(|level| level.qty > 0));
    for pair in levels.windows(2) {
        assert!(is_better(pair[0].price, pair[1].price));
    }
}
