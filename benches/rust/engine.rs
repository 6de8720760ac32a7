//! Frame bytes to verified book, on a recorded session, beside `serde_json` and the parts.

#![expect(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use kraken_connector::Engine;
use kraken_connector::message::{BookBatch, parse_message};
use kraken_connector_benches::{BookMessage, session};

/// An engine whose book holds the session's snapshot.
fn warm_engine(snapshot: &[u8]) -> Engine {
    let mut engine = Engine::new();
    assert_eq!(engine.feed(snapshot, None).verified, Some(true));
    engine
}

fn replay(engine: &mut Engine, updates: &[&[u8]]) -> u64 {
    for frame in updates {
        black_box(engine.feed(frame, None));
    }
    engine.counters().verified
}

fn bench(criterion: &mut Criterion) {
    let frames = session();
    let [snapshot, updates @ ..] = frames.as_slice() else {
        panic!("the session is empty");
    };
    let expected = frames.len() as u64;
    assert_eq!(replay(&mut warm_engine(snapshot), updates), expected);

    let mut group = criterion.benchmark_group("replay_depth_10");
    group.throughput(Throughput::Elements(updates.len() as u64));
    group.bench_function("engine", |bencher| {
        let setup = || warm_engine(snapshot);
        bencher.iter_batched_ref(
            setup,
            |engine| replay(engine, updates),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("parse_message", |bencher| {
        let mut batch = BookBatch::default();
        bencher.iter(|| {
            for frame in updates {
                black_box(parse_message(frame, &mut batch).is_ok());
            }
        });
    });
    group.bench_function("validate", |bencher| {
        bencher.iter(|| {
            for frame in updates {
                black_box(kraken_connector::lexer::validate(frame).is_ok());
            }
        });
    });
    group.bench_function("sonic_rs_typed", |bencher| {
        bencher.iter(|| {
            for frame in updates {
                let message: BookMessage = sonic_rs::from_slice(frame).expect("a book message");
                black_box(message);
            }
        });
    });
    // It writes into what it reads, so it gets a copy, which is not timed.
    group.bench_function("simd_json_typed", |bencher| {
        let copies = || {
            updates
                .iter()
                .map(|frame| frame.to_vec())
                .collect::<Vec<_>>()
        };
        let mut buffers = simd_json::Buffers::new(1024);
        bencher.iter_batched_ref(
            copies,
            |copies| {
                for frame in copies {
                    let message: BookMessage =
                        simd_json::serde::from_slice_with_buffers(frame, &mut buffers)
                            .expect("a book message");
                    black_box(message);
                }
            },
            BatchSize::SmallInput,
        );
    });
    group.bench_function("serde_json_typed", |bencher| {
        bencher.iter(|| {
            for frame in updates {
                let message: BookMessage = serde_json::from_slice(frame).expect("a book message");
                black_box(message);
            }
        });
    });
    group.bench_function("serde_json_value", |bencher| {
        bencher.iter(|| {
            for frame in updates {
                black_box(serde_json::from_slice::<serde_json::Value>(frame).is_ok());
            }
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
