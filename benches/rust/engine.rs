//! Frame bytes to verified book on a recorded session, compared with its parts and other parsers.

#![expect(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main,
};
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

/// Times `read` of all frames.
fn bench_frames<'f>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    frames: &[&'f [u8]],
    mut read: impl FnMut(&'f [u8]),
) {
    group.bench_function(name, |bencher| {
        bencher.iter(|| frames.iter().for_each(|frame| read(frame)));
    });
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
    let mut batch = BookBatch::default();
    bench_frames(&mut group, "parse_message", updates, |frame| {
        black_box(parse_message(frame, &mut batch).is_ok());
    });
    bench_frames(&mut group, "validate", updates, |frame| {
        black_box(kraken_connector::lexer::validate(frame).is_ok());
    });
    bench_frames(&mut group, "sonic_rs_typed", updates, |frame| {
        let message: BookMessage = sonic_rs::from_slice(frame).expect("a book message");
        black_box(message);
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
    bench_frames(&mut group, "serde_json_typed", updates, |frame| {
        let message: BookMessage = serde_json::from_slice(frame).expect("a book message");
        black_box(message);
    });
    bench_frames(&mut group, "serde_json_value", updates, |frame| {
        black_box(serde_json::from_slice::<serde_json::Value>(frame).is_ok());
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
