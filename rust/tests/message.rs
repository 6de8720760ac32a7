use kraken_connector::error::Result;
use kraken_connector::message::{BookBatch, Channel, DataMessage, Message, Row, recover};
use kraken_connector::{Decimal, ErrorKind, ParseError, parse_message};
use proptest::prelude::*;

use crate::fixtures::{book_frame, session};

fn parse(frame: &str) -> Result<Message> {
    parse_message(frame.as_bytes(), &mut BookBatch::default())
}

fn data_message(frame: &str) -> DataMessage {
    match parse(frame) {
        Ok(Message::Data(message)) => message,
        other => panic!("{other:?}"),
    }
}

fn error(frame: &str) -> (ErrorKind, usize) {
    let ParseError { kind, offset } = parse(frame).unwrap_err();
    (kind, offset)
}

/// What a reader sees of a book message: of each item its symbol, rows, checksum and timestamp.
type Content = Vec<(String, Vec<Row>, Vec<Row>, Option<u32>, Option<String>)>;

fn content(frame: &[u8]) -> Result<(bool, Content)> {
    let mut batch = BookBatch::default();
    let Message::Data(message) = parse_message(frame, &mut batch)? else {
        panic!("no channel message");
    };
    let first = batch.items().first().and_then(|item| item.checksum);
    assert_eq!(message.checksum(frame), first);
    let items = batch.items().iter().map(|item| {
        (
            item.symbol.decode(frame).into_owned(),
            batch.bids(item).to_vec(),
            batch.asks(item).to_vec(),
            item.checksum,
            item.timestamp.map(|text| text.decode(frame).into_owned()),
        )
    });
    Ok((message.is_snapshot, items.collect()))
}

#[test]
fn channels_are_known_by_name_in_any_order_of_keys() {
    let message = data_message(r#"{"data":[],"sequence":3,"type":"update","channel":"balances"}"#);
    assert_eq!(message.channel, Channel::Balances);
    assert_eq!((message.is_snapshot, message.sequence), (false, Some(3)));
    let message = data_message(r#"{"channel":"news","type":"snapshot","data":{"x":1}}"#);
    assert_eq!(
        (message.channel, message.is_snapshot),
        (Channel::Other, true)
    );
    assert_eq!(parse(r#"{"channel":"heartbeat"}"#), Ok(Message::Heartbeat));
}

#[test]
fn a_frame_with_a_method_is_a_reply() {
    let success = |frame: &str| match parse(frame) {
        Ok(Message::Reply(reply)) => reply.success,
        other => panic!("{other:?}"),
    };
    assert!(success(
        r#"{"method":"subscribe","result":{},"success":true}"#
    ));
    assert!(success(r#"{"method":"batch_cancel","orders_cancelled":2}"#));
    assert!(!success(
        r#"{"method":"error","error":"Malformed request"}"#
    ));
    assert!(!success(
        r#"{"channel":"executions","method":"subscribe","success":false}"#
    ));
    assert_eq!(parse(r#"{"method":"pong","req_id":1}"#), Ok(Message::Pong));
}

#[test]
fn breaches_of_the_protocol_are_reported_at_their_offset() {
    use ErrorKind::{Missing, Number, Truncated, Type, Unclassified};
    let book = |data: &str| format!(r#"{{"channel":"book","type":"update","data":{data}}}"#);
    let start = book("").len() - 1;
    for (frame, expected) in [
        (" [1]".to_owned(), (Type, 1)),
        ("{}".to_owned(), (Unclassified, 0)),
        (r#"{"channel":7}"#.to_owned(), (Type, 11)),
        (r#"{"channel":"ticker"}"#.to_owned(), (Missing, 0)),
        (
            r#"{"channel":"ticker","type":"update"}"#.to_owned(),
            (Missing, 0),
        ),
        (
            r#"{"method":null,"channel":null}"#.to_owned(),
            (Unclassified, 0),
        ),
        (r#"{"method":"x","success":1}"#.to_owned(), (Type, 24)),
        (book("{}"), (Type, start)),
        (book("[7]"), (Type, start + 1)),
        (book("[{}]"), (Missing, start + 1)),
        (book(r#"[{"symbol":"A","bids":7}]"#), (Type, start + 22)),
        (book(r#"[{"symbol":"A","bids":[7]}]"#), (Type, start + 23)),
        (
            book(r#"[{"symbol":"A","bids":[{"price":1}]}]"#),
            (Missing, start + 23),
        ),
        (
            book(r#"[{"symbol":"A","bids":[{"price":1,"qty":-1}]}]"#),
            (Number, start + 40),
        ),
        (
            book(r#"[{"symbol":"A","bids":[{"price":1,"qty":"1"}]}]"#),
            (Type, start + 40),
        ),
        (
            book(r#"[{"symbol":"A","checksum":4294967296}]"#),
            (Number, start + 26),
        ),
        (
            book(r#"[{"symbol":"A","checksum":1.0}]"#),
            (Number, start + 26),
        ),
        // An error of the JSON takes precedence over an earlier breach of the protocol.
        (book("[7")[..start + 2].to_owned(), (Truncated, start + 2)),
    ] {
        assert_eq!(error(&frame), expected, "{frame}");
    }
}

#[test]
fn of_several_breaches_the_first_field_of_an_item_counts() {
    let frame = r#"{"channel":"book","type":"update","data":[{"checksum":-1,"asks":7,"bids":8,"symbol":"A"}]}"#;
    assert_eq!(error(frame), (ErrorKind::Type, frame.find('8').unwrap()));
}

#[test]
fn fields_that_a_client_relies_on_have_their_type() {
    let frame = |channel: &str, items: &str| {
        format!(r#"{{"channel":"{channel}","type":"update","data":{items}}}"#)
    };
    for (channel, items, kind, place) in [
        ("trade", "[null]", ErrorKind::Type, "null"),
        ("ticker", r#"[{"symbol":[]}]"#, ErrorKind::Type, "[]"),
        (
            "executions",
            r#"[{"cum_qty":"1x"}]"#,
            ErrorKind::Type,
            r#""1x""#,
        ),
        (
            "executions",
            r#"[{"cum_qty":1e99}]"#,
            ErrorKind::Number,
            "1e99",
        ),
        (
            "executions",
            r#"[{"order_id":"O"}]"#,
            ErrorKind::Missing,
            r#"{"order_id"#,
        ),
        ("executions", r#"[{"fees":[7]}]"#, ErrorKind::Type, "7"),
        (
            "executions",
            r#"[{"side":5,"symbol":6}]"#,
            ErrorKind::Type,
            "6",
        ),
        ("balances", r#"[{"user":{}}]"#, ErrorKind::Type, "{}"),
        ("instrument", r#"{"pairs":0}"#, ErrorKind::Type, "0"),
    ] {
        let frame = frame(channel, items);
        let place = frame.find(items).unwrap() + items.find(place).unwrap();
        assert_eq!(error(&frame), (kind, place), "{frame}");
        assert_eq!(error(&format!(" {frame}")), (kind, place + 1), "{frame}");
    }
    for (channel, items) in [
        (
            "executions",
            r#"[{"cum_qty":"-1.50e3","order_id":null,"order_userref":-7}]"#,
        ),
        (
            "executions",
            r#"[{"side":5,"side":"buy"},{"reason":[],"new":{}}]"#,
        ),
        ("instrument", r#"{"pairs":null,"assets":[{"id":5}]}"#),
    ] {
        data_message(&frame(channel, items));
    }
}

#[test]
fn a_repeated_key_counts_as_its_last_value() {
    let frame = r#"{"channel":"book","type":"update","data":[{"symbol":"A","bids":[7],"bids":[{"price":1,"qty":2}],"symbol":"B"}]}"#;
    let (_, items) = content(frame.as_bytes()).unwrap();
    let row = Row {
        price: Decimal::new(1, 0).unwrap(),
        qty: Decimal::new(2, 0).unwrap(),
    };
    assert_eq!(items, [("B".to_owned(), vec![row], vec![], None, None)]);
}

#[test]
fn absent_sides_are_empty_and_unknown_fields_are_skipped() {
    let frame = r#"{"channel":"book","type":"snapshot","new":[{}],"data":[{"symbol":"A","bids":null,"x":{"y":1}}]}"#;
    let (is_snapshot, items) = content(frame.as_bytes()).unwrap();
    assert!(is_snapshot);
    assert_eq!(items, [("A".to_owned(), vec![], vec![], None, None)]);
}

#[test]
fn the_first_item_is_read_without_the_rest() {
    let frame =
        r#"{"channel":"trade","type":"update","data":[{"x":1,"symbol":"BTC/USD"},{"symbol":"B"}]}"#;
    let symbol = data_message(frame).symbol(frame.as_bytes());
    assert_eq!(symbol.unwrap().decode(frame.as_bytes()), "BTC/USD");
}

#[test]
fn an_unreadable_frame_is_searched_for_channel_and_symbols() {
    let frame = book_frame("update", "A/B", &[("1", "2")], &[], Some(3));
    let cut = &frame.as_bytes()[..frame.len() - 4];
    let found = recover(
        cut,
        parse_message(cut, &mut BookBatch::default()).unwrap_err(),
    );
    assert!(found.book_channel() == Some(Channel::Book));
    assert_eq!(found.symbols, ["A/B"]);
    let early = &cut[..30];
    let found = recover(
        early,
        parse_message(early, &mut BookBatch::default()).unwrap_err(),
    );
    assert_eq!(
        (found.channel.as_deref(), found.symbols.len()),
        (Some("book"), 0)
    );
}

#[test]
fn an_unreadable_frame_is_about_its_last_whole_data() {
    for (end, symbols) in [
        (r#""data":{},x"#, &[][..]),
        (r#""data":7,x"#, &[]),
        (r#""data":[{"symbol":"B"},x"#, &["B"]),
        (r#""data":{"a"x"#, &["A"]),
        (r#""channel":[{"a"x"#, &["A"]),
    ] {
        let frame =
            format!(r#"{{"channel":"book","type":"update","data":[{{"symbol":"A"}}],{end}"#);
        let found = recover(frame.as_bytes(), parse(&frame).unwrap_err());
        assert!(found.book_channel() == Some(Channel::Book), "{frame}");
        assert_eq!(found.symbols, symbols, "{frame}");
    }
}

/// The same text with a space where it does no harm, which the general reader has to read.
fn spaced(frame: &[u8]) -> Vec<u8> {
    [b" ", frame].concat()
}

#[test]
fn both_readers_read_real_frames_alike() {
    for frame in session() {
        assert_eq!(content(frame), content(&spaced(frame)));
    }
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        "(0|[1-9][0-9]{0,9})(\\.[0-9]{1,10})?",
        "-?0{0,2}[0-9]{0,22}(\\.[0-9]{0,22})?([eE][+-]?[0-9]{0,2})?",
    ]
}

fn rows() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec((number(), number()), 0..4)
}

proptest! {
    #[test]
    fn both_readers_read_any_other_channel_alike(
        channel in "ticker|executions|heartbeat|instrument|level3|book|é",
        kind in "update|snapshot|[ -~é]{0,3}",
        data in r#"\[[{}\[\],:"0-9a-z. é]{0,6}|\{[{}\[\],:"0-9a-z]{0,6}|\[\{"a":[0-9]{1,12},"b":"é?"\}\]|\[{64}\]{64}|\[{63}\]{63}"#,
        sequence in prop_oneof![
            Just(String::new()),
            "[0-9]{1,20}(\\.0)?|-1|1e2|null".prop_map(|text| format!(",\"sequence\":{text}")),
            Just(r#","timestamp":"2023""#.to_owned()),
        ],
    ) {
        let frame = format!(r#"{{"channel":"{channel}","type":"{kind}","data":{data}{sequence}}}"#);
        let fast = parse(&frame);
        let general = parse(&format!(" {frame}"));
        match (fast, general) {
            (Err(fast), Err(general)) => {
                let offset = general.offset.saturating_sub(1);
                prop_assert_eq!(fast, ParseError::new(general.kind, offset));
            }
            (Ok(Message::Data(fast)), Ok(Message::Data(general))) => {
                prop_assert_eq!(fast.channel, general.channel);
                prop_assert_eq!(fast.is_snapshot, general.is_snapshot);
                prop_assert_eq!((fast.data + 1, fast.sequence), (general.data, general.sequence));
            }
            (fast, general) => prop_assert_eq!(fast, general),
        }
    }

    #[test]
    fn both_readers_read_any_time_alike(
        time in prop_oneof![
            "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z",
            "[ -~é]{0,29}",
        ],
        damage in any::<Option<(prop::sample::Index, u8)>>(),
    ) {
        let rows = [("1.0", "2.0")];
        let frame = book_frame("update", "A/B", &rows, &rows, Some(7));
        let mut frame = frame.replace("}]}", &format!(r#","timestamp":"{time}"}}]}}"#)).into_bytes();
        if let Some((at, byte)) = damage {
            let at = frame.len() - 1 - at.index(33);
            frame[at] = byte;
        }
        let (fast, general) = (content(&frame), content(&spaced(&frame)));
        let kind = |error: ParseError| error.kind;
        prop_assert_eq!(fast.map_err(kind), general.map_err(kind));
    }

    #[test]
    fn both_readers_read_any_frame_alike(
        symbol in "[A-Z]{1,9}/[A-Z]{3}|[ -~é]{0,9}",
        bids in rows(),
        asks in rows(),
        checksum in any::<Option<u32>>(),
        kind in "update|snapshot|other",
        damage in any::<Option<(prop::sample::Index, u8)>>(),
    ) {
        let mut frame = book_frame(&kind, &symbol, &bids, &asks, checksum).into_bytes();
        if let Some((at, byte)) = damage {
            let at = at.index(frame.len());
            frame[at] = byte;
        }
        let mut batch = BookBatch::default();
        let fast = parse_message(&frame, &mut batch).map_err(|error| (error.kind, error.offset));
        let general = parse_message(&spaced(&frame), &mut batch)
            .map_err(|error| (error.kind, error.offset.saturating_sub(1)));
        prop_assert_eq!(fast.err(), general.err());
        if matches!(fast, Ok(Message::Data(message)) if message.channel == Channel::Book) {
            prop_assert_eq!(content(&frame), content(&spaced(&frame)));
        }
    }
}
