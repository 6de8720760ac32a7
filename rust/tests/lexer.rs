use kraken_connector::lexer::{Kind, Lexer, MAX_DEPTH, Value, validate};
use kraken_connector::{ErrorKind, ParseError};
use proptest::prelude::*;

use crate::fixtures::session;

fn error(text: &[u8]) -> (ErrorKind, usize) {
    let ParseError { kind, offset } = validate(text).unwrap_err();
    (kind, offset)
}

#[test]
fn each_defect_has_its_kind_and_its_first_byte() {
    use ErrorKind::{Empty, Encoding, Syntax, Trailing, Truncated};
    for (text, expected) in [
        (&b""[..], (Empty, 0)),
        (b" \n", (Empty, 0)),
        (b"{", (Truncated, 1)),
        (b"{\"a\"", (Truncated, 4)),
        (b"[1,", (Truncated, 3)),
        (b"[1.", (Truncated, 3)),
        (b"[-", (Truncated, 2)),
        (b"[1e+", (Truncated, 4)),
        (b"[tr", (Truncated, 3)),
        (b"[\"a", (Truncated, 3)),
        (b"[\"\\u12", (Truncated, 6)),
        (b"[\"\\ud800", (Truncated, 8)),
        (b"[1,]", (Syntax, 3)),
        (b"[01]", (Syntax, 2)),
        (b"[1.x]", (Syntax, 3)),
        (b"[+1]", (Syntax, 1)),
        (b"[trux]", (Syntax, 4)),
        (b"{a:1}", (Syntax, 1)),
        (b"{\"a\" 1}", (Syntax, 5)),
        (b"{\"a\":1,}", (Syntax, 7)),
        (b"[\"\t\"]", (Syntax, 2)),
        (b"[\"\\x\"]", (Syntax, 3)),
        (b"[\"\\u12G4\"]", (Syntax, 6)),
        (b"[\"\\udc00\"]", (Syntax, 2)),
        (b"[\"\\ud800\\n\"]", (Syntax, 2)),
        (b"[NaN]", (Syntax, 1)),
        (b"{} x", (Trailing, 3)),
        (b"01", (Trailing, 1)),
        (b"[\"ab\xff\"]", (Encoding, 4)),
        (b"[\"ab\xe2\x82", (Encoding, 4)),
        (b"[\xff]", (Syntax, 1)),
        (b"[1,]\"\xff\"", (Syntax, 3)),
    ] {
        assert_eq!(error(text), expected, "{}", text.escape_ascii());
    }
}

#[test]
fn nesting_is_bounded() {
    let depth = MAX_DEPTH as usize;
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(validate(nested(depth).as_bytes()), Ok(()));
    let too_deep = nested(depth + 1);
    assert_eq!(error(too_deep.as_bytes()), (ErrorKind::Depth, depth));
}

#[test]
fn tokens_are_places_in_the_frame() {
    let frame = br#" {"a" : "b\u00e9\ud83d\ude00\n", "n":[-1.50,true,null]}"#;
    let mut lexer = Lexer::new(frame).unwrap();
    assert_eq!(lexer.peek(), Ok(Kind::Object));
    assert!(lexer.first_key().unwrap().unwrap().is(frame, b"a"));
    assert_eq!(lexer.string().unwrap().decode(frame), "bé😀\n");
    assert!(lexer.next_key().unwrap().unwrap().is(frame, b"n"));
    assert_eq!(lexer.first_item(), Ok(true));
    let number = lexer.number().unwrap();
    assert_eq!(number.lexeme(frame), b"-1.50");
    assert!(!number.is_integer());
    assert_eq!(lexer.next_item(), Ok(true));
    assert_eq!(lexer.field().unwrap().value, Value::Bool(true));
    assert_eq!(lexer.next_item(), Ok(true));
    assert_eq!(lexer.null(), Ok(()));
    assert_eq!(lexer.next_item(), Ok(false));
    assert_eq!(lexer.next_key(), Ok(None));
    assert_eq!(lexer.finish(), Ok(()));
}

#[test]
fn a_value_of_another_type_is_an_error_at_the_value() {
    let mut lexer = Lexer::new(b" 7").unwrap();
    assert_eq!(lexer.string(), Err(ParseError::new(ErrorKind::Type, 1)));
    assert_eq!(lexer.number().unwrap().to_i64(), Some(7));
}

#[test]
fn integers_are_exact_within_their_range() {
    let integer = |text: &str| Lexer::at(text.as_bytes(), 0).number().unwrap().to_i64();
    assert_eq!(integer("9223372036854775807"), Some(i64::MAX));
    assert_eq!(integer("-9223372036854775808"), Some(i64::MIN));
    assert_eq!(integer("9223372036854775808"), None);
    assert_eq!(integer("1.0"), None);
    assert_eq!(integer("1e3"), None);
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<f64>().prop_map(|value| serde_json::json!(value).to_string()),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?",
        any::<String>().prop_map(|text| serde_json::json!(text).to_string()),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6)
                .prop_map(|items| format!("[{}]", items.join(" , "))),
            prop::collection::vec((any::<String>(), inner), 0..6).prop_map(|fields| {
                let field = |(key, value): &(String, String)| {
                    format!("{}:\t{value}", serde_json::json!(key))
                };
                let fields: Vec<String> = fields.iter().map(field).collect();
                format!("{{{}}}", fields.join(",\n"))
            }),
        ]
    })
}

fn agrees_with_serde(text: &[u8]) -> Result<(), TestCaseError> {
    let reference = serde_json::from_slice::<serde_json::Value>(text);
    prop_assert_eq!(
        validate(text).is_ok(),
        reference.is_ok(),
        "{}",
        text.escape_ascii()
    );
    Ok(())
}

proptest! {
    #[test]
    fn json_is_accepted(text in json()) {
        prop_assert_eq!(validate(text.as_bytes()), Ok(()));
    }

    #[test]
    fn damaged_json_is_judged_as_by_serde(text in json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        agrees_with_serde(&bytes)?;
        bytes.truncate(at);
        agrees_with_serde(&bytes)?;
    }

    #[test]
    fn any_bytes_are_judged_as_by_serde(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        agrees_with_serde(&bytes)?;
    }

    #[test]
    fn an_error_before_the_end_is_the_first_impossible_byte(text in json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        // Whatever comes before the byte is the beginning of some valid text, so that cutting
        // there can only be too early, never wrong.
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Err(error) = validate(&bytes)
            && error.kind == ErrorKind::Syntax
        {
            let before = validate(&bytes[..error.offset]);
            let expected = if bytes[..error.offset].iter().all(u8::is_ascii_whitespace) {
                ErrorKind::Empty
            } else {
                ErrorKind::Truncated
            };
            prop_assert_eq!(before.map_err(|error| error.kind), Err(expected));
        }
    }

    #[test]
    fn floats_are_the_nearest(text in "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?") {
        let number = Lexer::at(text.as_bytes(), 0).number().unwrap();
        let expected: f64 = text.parse().unwrap();
        let nearest = number.to_f64(text.as_bytes());
        let is_integer_zero = number.to_i64() == Some(0);
        prop_assert!(nearest.to_bits() == expected.to_bits() || is_integer_zero);
    }

    #[test]
    fn floats_of_long_mantissas_are_the_nearest(digits in "[1-9][0-9]{16,18}", point in 1_usize..17) {
        let (whole, decimals) = digits.split_at(point);
        let text = format!("{whole}.{decimals}");
        let number = Lexer::at(text.as_bytes(), 0).number().unwrap();
        let expected: f64 = text.parse().unwrap();
        prop_assert_eq!(number.to_f64(text.as_bytes()).to_bits(), expected.to_bits());
    }
}

#[test]
fn floats_between_two_are_the_even_one() {
    for (text, expected) in [
        ("9007199254740993.0", 9_007_199_254_740_992.0_f64),
        ("9007199254740995.0", 9_007_199_254_740_996.0),
        ("9007199254740993.1", 9_007_199_254_740_994.0),
    ] {
        let number = Lexer::at(text.as_bytes(), 0).number().unwrap();
        assert_eq!(number.to_f64(text.as_bytes()).to_bits(), expected.to_bits());
    }
}

#[test]
fn every_cut_of_a_real_frame_is_truncated() {
    let session = session();
    for frame in &session[..5] {
        for length in 1..frame.len() {
            assert_eq!(error(&frame[..length]), (ErrorKind::Truncated, length));
        }
    }
}
