//! Recorded and documented data; `tests/fixtures/README.md` names the sources.

use std::fmt::Write as _;

use serde_json::Value;

/// A recorded BTC/USD session of depth 10: a snapshot and 509 updates.
pub const SESSION: &str =
    include_str!("../../tests/fixtures/vectors/book-replay-btcusd-2023-07-30.jsonl");

const EDGE_CASES: &str = include_str!("../../tests/fixtures/vectors/derived-edge-cases.json");
const BTC_USD: &str = include_str!("../../tests/fixtures/vectors/book-btcusd-doc.json");
const MATIC_USD: &str =
    include_str!("../../tests/fixtures/vectors/book-maticusd-doc-sequence.json");

const LEVEL3: &str = include_str!("../../tests/fixtures/vectors/level3-btcusd-doc.json");

/// The documentation's snapshot and update of individual orders, shortened there.
pub const LEVEL3_EXAMPLES: [&str; 2] = [
    include_str!("../../tests/fixtures/examples/level3.snapshot.json"),
    include_str!("../../tests/fixtures/examples/level3.update.json"),
];

/// The documentation's snapshot of individual orders, in wire form, and its checksum.
pub fn level3_guide() -> (String, u32) {
    let document: Value = serde_json::from_str(LEVEL3).unwrap();
    let checksum = document["expected_crc32"].as_u64().unwrap();
    let frame = document["wire_message"].as_str().unwrap().to_owned();
    (frame, u32::try_from(checksum).unwrap())
}

/// The session's frames, one a line.
pub fn session() -> Vec<&'static [u8]> {
    SESSION.lines().map(str::as_bytes).collect()
}

/// A book of the documentation, and the checksum that goes with it.
pub struct Vector {
    pub name: String,
    pub bids: Vec<(String, String)>,
    pub asks: Vec<(String, String)>,
    pub checksum: u32,
}

/// Every vector that gives the levels of a book and their checksum.
pub fn vectors() -> Vec<Vector> {
    let edge_cases: Value = serde_json::from_str(EDGE_CASES).unwrap();
    let btc_usd: Value = serde_json::from_str(BTC_USD).unwrap();
    let cases = edge_cases["cases"].as_array().unwrap();
    let mut vectors: Vec<Vector> = cases
        .iter()
        .map(|case| vector(&case["name"], case, &case["crc32"]))
        .collect();
    vectors.push(vector(
        &btc_usd["origin"],
        &btc_usd,
        &btc_usd["expected_crc32"],
    ));
    vectors
}

/// The documentation's snapshot and update of MATIC/USD, in wire form.
pub fn matic_usd() -> Vec<String> {
    let document: Value = serde_json::from_str(MATIC_USD).unwrap();
    let frames = document["wire_messages_reconstructed"].as_array().unwrap();
    frames
        .iter()
        .map(|frame| frame.as_str().unwrap().to_owned())
        .collect()
}

fn vector(name: &Value, case: &Value, checksum: &Value) -> Vector {
    Vector {
        name: name.as_str().unwrap().to_owned(),
        bids: levels(&case["bids_best_first"]),
        asks: levels(&case["asks_best_first"]),
        checksum: u32::try_from(checksum.as_u64().unwrap()).unwrap(),
    }
}

fn levels(levels: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let level = |level: &Value| (text(&level[0]), text(&level[1]));
    levels.as_array().unwrap().iter().map(level).collect()
}

/// A book message as the exchange spells it.
pub fn book_frame<T: AsRef<str>>(
    kind: &str,
    symbol: &str,
    bids: &[(T, T)],
    asks: &[(T, T)],
    checksum: Option<u32>,
) -> String {
    let mut frame = format!(r#"{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}""#);
    for (side, rows) in [("bids", bids), ("asks", asks)] {
        let row = |(price, qty): &(T, T)| {
            let (price, qty) = (price.as_ref(), qty.as_ref());
            format!(r#"{{"price":{price},"qty":{qty}}}"#)
        };
        let rows: Vec<String> = rows.iter().map(row).collect();
        write!(frame, r#","{side}":[{}]"#, rows.join(",")).unwrap();
    }
    if let Some(checksum) = checksum {
        write!(frame, r#","checksum":{checksum}"#).unwrap();
    }
    frame + "}]}"
}
