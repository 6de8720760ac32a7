//! Individual orders: what a message costs with few and many levels, short and long queues.
//!
//! The messages are made: no public recording of the channel exists. A cycle of them leaves the
//! book as it was, so that it can be repeated: orders come and go at the back of queues and at new
//! prices, others are filled in part, all near the top, and every checksum is right.

#![expect(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kraken_connector::book::{Book, L3Book};
use kraken_connector::message::{BookBatch, parse_message};
use kraken_connector::{Engine, Message};

const SYMBOL: &str = "BTC/USD";
const ROUNDS: usize = 100;

/// Ticks of the best bid and the best ask.
const BEST: [usize; 2] = [449_393, 449_395];

struct Cycle {
    snapshot: String,
    updates: Vec<String>,
}

/// An entry about order `serial` at the level `rank` of a side; half ranks are new prices.
fn entry(event: &str, side: usize, half_rank: usize, serial: usize, lots: usize) -> String {
    // Prices are even ticks apart, so that the odd ones are free.
    let tick = if side == 0 {
        BEST[0] * 2 - half_rank
    } else {
        BEST[1] * 2 + half_rank
    };
    let event = if event.is_empty() {
        String::new()
    } else {
        format!(r#""event":"{event}","#)
    };
    format!(
        r#"{{{event}"order_id":"O{side}{half_rank:04}-{serial:05}-KB75KB","limit_price":{}.{},"order_qty":{}.{:08},"timestamp":"2024-01-08T12:26:{:02}.{serial:09}Z"}}"#,
        tick / 10,
        tick % 10,
        lots / 100_000_000,
        lots % 100_000_000,
        if event.contains("add") { 59 } else { 1 },
    )
}

fn message(kind: &str, rows: &[Vec<String>; 2], checksum: u32) -> String {
    format!(
        r#"{{"channel":"level3","type":"{kind}","data":[{{"symbol":"{SYMBOL}","bids":[{}],"asks":[{}],"checksum":{checksum},"timestamp":"2024-01-08T12:27:00.000000000Z"}}]}}"#,
        rows[0].join(","),
        rows[1].join(","),
    )
}

/// The message with the checksum that it leads to.
fn sealed(book: &mut L3Book, kind: &str, rows: &[Vec<String>; 2]) -> String {
    let (draft, mut batch) = (message(kind, rows, 0), BookBatch::default());
    assert!(matches!(
        parse_message(draft.as_bytes(), &mut batch),
        Ok(Message::Data(_))
    ));
    let (bids, asks) = L3Book::rows(&batch, &batch.items()[0]);
    if kind == "snapshot" {
        book.apply_snapshot(bids, asks).unwrap();
    } else {
        book.apply_update(bids, asks).unwrap();
    }
    message(kind, rows, book.checksum())
}

/// Lots that differ from order to order.
fn lots(serial: usize) -> usize {
    100_000 + serial * 7919 % 1_000_000_007
}

fn cycle(depth: usize, orders: usize) -> Cycle {
    let mut book = L3Book::new(depth);
    let mut rows = [Vec::new(), Vec::new()];
    for (side, rows) in rows.iter_mut().enumerate() {
        for rank in 0..depth - 1 {
            for serial in 0..orders {
                rows.push(entry(
                    "",
                    side,
                    2 * rank,
                    serial,
                    lots(rank * orders + serial),
                ));
            }
        }
    }
    let snapshot = sealed(&mut book, "snapshot", &rows);
    let mut updates = Vec::new();
    for round in 0..ROUNDS {
        let (side, rank, queued) = (round % 2, round * round % 8, round * 31 % orders);
        let own = lots(rank * orders + queued);
        for (event, half_rank, serial, lots) in [
            ("add", 2 * rank, 90_000, 250_000_000),
            ("modify", 2 * rank, queued, own / 2),
            ("add", 2 * rank + 1, 91_000, 120_000),
            ("modify", 2 * rank, 90_000, 150_000_000),
            ("delete", 2 * rank, 90_000, 0),
            ("delete", 2 * rank + 1, 91_000, 0),
            ("modify", 2 * rank, queued, own),
        ] {
            let mut rows = [Vec::new(), Vec::new()];
            let event = if serial == 90_000 && event == "modify" {
                "modify"
            } else {
                event
            };
            let mut text = entry(event, side, half_rank, serial, lots);
            if serial == 90_000 && event == "modify" {
                text = text.replace("12:26:01", "12:26:59");
            }
            rows[side].push(text);
            updates.push(sealed(&mut book, "update", &rows));
        }
    }
    Cycle { snapshot, updates }
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("level3");
    for (depth, orders) in [(10, 1), (10, 50), (1000, 1), (1000, 50)] {
        let cycle = cycle(depth, orders);
        let name = format!("depth_{depth}_orders_{orders}");
        group.throughput(Throughput::Elements(cycle.updates.len() as u64));
        let mut engine = Engine::new();
        assert!(engine.level3_books_mut().expect(SYMBOL, depth));
        assert_eq!(
            engine.feed(cycle.snapshot.as_bytes(), None).verified,
            Some(true)
        );
        group.bench_function(format!("engine_{name}"), |bencher| {
            bencher.iter(|| {
                for frame in &cycle.updates {
                    assert_eq!(engine.feed(frame.as_bytes(), None).verified, Some(true));
                }
            });
        });
        group.bench_function(format!("parse_{name}"), |bencher| {
            let mut batch = BookBatch::default();
            bencher.iter(|| {
                for frame in &cycle.updates {
                    black_box(parse_message(frame.as_bytes(), &mut batch).is_ok());
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
