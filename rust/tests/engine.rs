use kraken_connector::message::{Channel, recover};
use kraken_connector::{Book, BookState, Engine, ErrorKind, Notice, Outcome, Side};
use proptest::prelude::*;

use crate::fixtures::{book_frame, matic_usd, session};

const SYMBOL: &str = "A/B";

/// A frame whose checksum is that of the book which it makes on its own.
fn snapshot(bids: &[(&str, &str)], asks: &[(&str, &str)]) -> String {
    let digits = |rows: &[(&str, &str)]| -> String {
        let digits = |text: &str| text.replace('.', "").trim_start_matches('0').to_owned();
        let row = |(price, qty): &(&str, &str)| digits(price) + &digits(qty);
        rows.iter().map(row).collect()
    };
    let checksum = crc32fast::hash((digits(asks) + &digits(bids)).as_bytes());
    book_frame("snapshot", SYMBOL, bids, asks, Some(checksum))
}

fn simple_snapshot() -> String {
    snapshot(&[("1.0", "2.0")], &[("1.5", "3.0")])
}

fn feed(engine: &mut Engine, frame: &str) -> Outcome {
    engine.feed(frame.as_bytes(), None)
}

fn state(engine: &mut Engine) -> BookState {
    let index = engine.books_mut().index(SYMBOL);
    engine.books().at(index).unwrap().state()
}

fn depth(engine: &mut Engine) -> usize {
    let index = engine.books_mut().index(SYMBOL);
    engine.books().at(index).unwrap().book().depth()
}

fn valid_engine() -> Engine {
    let mut engine = Engine::new();
    assert_eq!(feed(&mut engine, &simple_snapshot()).verified, Some(true));
    engine
}

fn private(channel: &str, kind: &str, sequence: i64) -> String {
    format!(r#"{{"channel":"{channel}","type":"{kind}","data":[],"sequence":{sequence}}}"#)
}

fn ack(method: &str, channel: &str, depth: usize) -> String {
    format!(
        r#"{{"method":"{method}","result":{{"channel":"{channel}","depth":{depth},"symbol":"{SYMBOL}"}},"success":true}}"#
    )
}

#[test]
fn every_checksum_of_the_recorded_session_verifies() {
    let mut engine = Engine::new();
    for frame in session() {
        let outcome = engine.feed(frame, Some(1));
        assert_eq!(outcome.verified, Some(true));
        assert!(outcome.notices.is_empty());
        let book = engine.books().at(0).unwrap().book();
        assert_eq!(book.side(Side::Bid).len(), 10);
        assert_eq!(book.side(Side::Ask).len(), 10);
    }
    let counters = engine.counters();
    assert_eq!(
        (counters.verified, counters.mismatches, counters.crossed),
        (510, 0, 0)
    );
    let slot = engine.books().at(0).unwrap();
    assert_eq!(
        (slot.symbol(), slot.updates(), slot.received_ns()),
        ("BTC/USD", 510, Some(1))
    );
    assert_eq!(slot.timestamp(), Some("2023-07-30T15:30:49.008834Z"));
}

#[test]
fn the_documented_sequence_verifies() {
    let mut engine = Engine::new();
    for frame in matic_usd() {
        assert_eq!(feed(&mut engine, &frame).verified, Some(true));
    }
}

#[test]
fn without_the_cut_the_session_would_fail() {
    let mut engine = Engine::new();
    assert!(engine.books_mut().expect("BTC/USD", 25));
    let failed = session()
        .iter()
        .position(|frame| engine.feed(frame, None).verified == Some(false));
    assert_eq!(failed, Some(60));
}

#[test]
fn a_mismatch_is_told_once_and_lasts_until_a_snapshot_verifies() {
    let mut engine = valid_engine();
    let wrong = book_frame("update", SYMBOL, &[("1.1", "1.0")], &[], Some(7));
    let outcome = feed(&mut engine, &wrong);
    let [
        Notice::BookChecksum {
            expected: Some(7),
            computed,
            ..
        },
    ] = outcome.notices[..]
    else {
        panic!("{outcome:?}");
    };
    assert_ne!(computed, 7);
    assert_eq!(
        (outcome.verified, state(&mut engine)),
        (Some(false), BookState::Stale)
    );
    let outcome = feed(&mut engine, &wrong);
    assert_eq!((outcome.verified, outcome.notices.len()), (Some(false), 0));
    assert_eq!(engine.books().at(0).unwrap().updates(), 2);

    let wrong_snapshot = book_frame("snapshot", SYMBOL, &[("1.1", "1.0")], &[], Some(7));
    assert_eq!(feed(&mut engine, &wrong_snapshot).notices.len(), 1);
    assert_eq!(state(&mut engine), BookState::Stale);
    assert_eq!(feed(&mut engine, &simple_snapshot()).verified, Some(true));
    assert_eq!(state(&mut engine), BookState::Valid);
}

#[test]
fn a_message_without_a_checksum_is_not_trusted() {
    for (mut engine, kind) in [
        (Engine::new(), "snapshot"),
        (valid_engine(), "snapshot"),
        (valid_engine(), "update"),
    ] {
        let bare = book_frame(kind, SYMBOL, &[("1.1", "2.0")], &[], None);
        let outcome = feed(&mut engine, &bare);
        assert!(matches!(
            outcome.notices[..],
            [Notice::BookChecksum { expected: None, .. }]
        ));
        assert_eq!(outcome.verified, Some(false));
        assert_eq!(state(&mut engine), BookState::Stale);
    }
}

#[test]
fn updates_without_a_snapshot_are_not_applied() {
    let mut engine = Engine::new();
    let update = book_frame("update", SYMBOL, &[("1.1", "2.0")], &[], Some(1));
    let outcome = feed(&mut engine, &update);
    assert_eq!((outcome.verified, outcome.notices.len()), (Some(false), 0));
    assert!(
        engine
            .books()
            .at(0)
            .unwrap()
            .book()
            .side(Side::Bid)
            .is_empty()
    );
}

#[test]
fn the_depth_is_what_was_expected_then_acked_then_inferred() {
    let levels: Vec<(String, String)> = (0..30)
        .map(|level| (format!("{}", 100 - level), "1".to_owned()))
        .collect();
    let frame = book_frame("snapshot", SYMBOL, &levels, &[], None);
    let mut engine = Engine::new();
    feed(&mut engine, &frame);
    assert_eq!(depth(&mut engine), 100);
    feed(&mut engine, &ack("subscribe", "book", 25));
    assert_eq!(depth(&mut engine), 25);
    assert_eq!(
        engine.books().at(0).unwrap().book().side(Side::Bid).len(),
        25
    );
    assert!(engine.books_mut().expect(SYMBOL, 10));
    feed(&mut engine, &ack("subscribe", "book", 25));
    feed(&mut engine, &frame);
    assert_eq!(depth(&mut engine), 10);
    assert!(!engine.books_mut().expect(SYMBOL, 11));
    assert_eq!(depth(&mut engine), 10);
}

#[test]
fn an_ack_after_the_snapshot_leaves_the_book_valid() {
    let mut engine = valid_engine();
    feed(&mut engine, &ack("subscribe", "book", 10));
    assert_eq!(state(&mut engine), BookState::Valid);
    feed(&mut engine, &ack("unsubscribe", "book", 10));
    assert_eq!(state(&mut engine), BookState::AwaitingSnapshot);
}

#[test]
fn a_quarantined_book_waits_for_a_new_subscription() {
    let mut engine = valid_engine();
    engine
        .books_mut()
        .invalidate(SYMBOL, BookState::Quarantined);
    assert_eq!(feed(&mut engine, &simple_snapshot()).verified, Some(false));
    assert_eq!(state(&mut engine), BookState::Quarantined);
    assert!(engine.books_mut().expect(SYMBOL, 10));
    assert_eq!(feed(&mut engine, &simple_snapshot()).verified, Some(true));
}

#[test]
fn a_broken_book_frame_makes_the_books_it_names_stale() {
    let frame = simple_snapshot();
    let mut engine = valid_engine();
    let outcome = feed(&mut engine, &frame[..frame.len() - 2]);
    assert_eq!(outcome.message.unwrap_err().kind, ErrorKind::Truncated);
    assert_eq!(outcome.lost_channel.as_deref(), Some("book"));
    assert_eq!(state(&mut engine), BookState::Stale);

    let other = frame.replace(SYMBOL, "C/D");
    for end in [other.len() - 2, 50] {
        let mut engine = valid_engine();
        feed(&mut engine, &other[..end]);
        assert_eq!(state(&mut engine), BookState::Stale, "{}", &other[..end]);
    }

    let mut engine = valid_engine();
    feed(&mut engine, r#"{"channel":"ticker","type":"#);
    assert_eq!(state(&mut engine), BookState::Valid);
    assert_eq!(engine.counters().invalid_frames, 1);
}

#[test]
fn a_number_beyond_the_book_refuses_the_message() {
    let mut engine = valid_engine();
    let long = "9".repeat(38);
    let frame = book_frame("update", SYMBOL, &[("1.1", long.as_str())], &[], Some(1));
    let error = feed(&mut engine, &frame).message.unwrap_err();
    assert_eq!(
        (error.kind, error.offset),
        (ErrorKind::Number, frame.find("{\"symbol").unwrap())
    );
    assert_eq!(state(&mut engine), BookState::Stale);
    assert_eq!(engine.counters().book_messages, 1);
}

#[test]
fn a_crossed_book_is_told_when_it_begins() {
    let mut engine = Engine::new();
    let crossed = snapshot(&[("2.0", "1.0")], &[("1.5", "3.0")]);
    let outcome = feed(&mut engine, &crossed);
    let expected = Notice::BookCrossed {
        channel: Channel::Book,
        book: 0,
        bid: 20,
        ask: 15,
        scale: 1,
    };
    assert_eq!(
        (outcome.verified, outcome.notices),
        (Some(true), vec![expected])
    );
    assert!(feed(&mut engine, &crossed).notices.is_empty());
    assert!(feed(&mut engine, &simple_snapshot()).notices.is_empty());
    assert_eq!(feed(&mut engine, &crossed).notices.len(), 1);
    assert_eq!(engine.counters().crossed, 2);
}

#[test]
fn sequences_are_followed_by_channel() {
    let mut engine = Engine::new();
    for (frame, gap) in [
        (private("executions", "update", 5), None),
        (private("executions", "update", 6), None),
        (private("balances", "snapshot", 1), None),
        (
            private("executions", "update", 8),
            Some((7, 8, Channel::Executions)),
        ),
        (private("executions", "update", 9), None),
        (
            private("executions", "update", 9),
            Some((10, 9, Channel::Executions)),
        ),
        (
            private("balances", "update", 3),
            Some((2, 3, Channel::Balances)),
        ),
        (private("executions", "snapshot", 1), None),
        (private("executions", "snapshot", 2), None),
        (
            private("executions", "snapshot", 4),
            Some((3, 4, Channel::Executions)),
        ),
        (private("executions", "update", 5), None),
        (ack("unsubscribe", "executions", 0), None),
        (private("executions", "update", 40), None),
        (private("ticker", "update", 90), None),
    ] {
        let outcome = feed(&mut engine, &frame);
        let expected = gap.map(|(expected, received, channel)| Notice::SequenceGap {
            expected,
            received,
            channel,
        });
        assert_eq!(outcome.notices, Vec::from_iter(expected), "{frame}");
    }
    engine.reset();
    assert!(
        feed(&mut engine, &private("balances", "update", 70))
            .notices
            .is_empty()
    );
}

#[test]
fn a_new_connection_withdraws_all_books() {
    let mut engine = valid_engine();
    engine.reset();
    assert_eq!(state(&mut engine), BookState::AwaitingSnapshot);
    assert_eq!(feed(&mut engine, &simple_snapshot()).verified, Some(true));
}

proptest! {
    #[test]
    fn damaged_frames_never_panic_nor_leave_a_lost_book_valid(
        number in 1..510_usize,
        at in any::<prop::sample::Index>(),
        damage in prop_oneof![Just(None), any::<u8>().prop_map(Some)],
    ) {
        let session = session();
        let mut engine = Engine::new();
        for frame in &session[..number] {
            engine.feed(frame, None);
        }
        let mut frame = session[number].to_vec();
        let at = at.index(frame.len());
        match damage {
            Some(byte) => frame[at] = byte,
            None => frame.truncate(at),
        }
        let outcome = engine.feed(&frame, None);
        if let Err(error) = outcome.message {
            let found = recover(&frame, error);
            let may_mean_the_book = found.symbols.is_empty() || found.symbols == ["BTC/USD"];
            if found.book_channel() == Some(Channel::Book) && may_mean_the_book {
                prop_assert_eq!(engine.books().at(0).unwrap().state(), BookState::Stale);
            }
        }
        if outcome.verified == Some(true) {
            prop_assert_eq!(engine.books().at(0).unwrap().state(), BookState::Valid);
        }
    }

    #[test]
    fn any_bytes_are_one_outcome(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..5)) {
        let mut engine = Engine::new();
        for frame in &frames {
            engine.feed(frame, None);
        }
        let counters = engine.counters();
        prop_assert_eq!(counters.frames, counters.messages + counters.invalid_frames);
    }
}
