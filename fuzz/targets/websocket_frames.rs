//! The frame decoder against a naive one, on any bytes and at every cut.
//!
//! The first two bytes of the input are the size limit, the rest is what the socket gave.

#![no_main]

use kraken_connector::websocket::{Frame, frame_at};
use libfuzzer_sys::fuzz_target;

/// Longer inputs show nothing new and are slow to cut everywhere.
const LONGEST: usize = 1024;

/// Opcodes (RFC 6455, section 11.8).
const TEXT: u8 = 1;
const PING: u8 = 9;
const PONG: u8 = 10;

fuzz_target!(|data: &[u8]| {
    let [high, low, stream @ ..] = data else {
        return;
    };
    let max_size = usize::from(u16::from_be_bytes([*high, *low]));
    let stream = &stream[..stream.len().min(LONGEST)];
    for cut in 0..=stream.len() {
        assert_eq!(
            frame_at(&stream[..cut], max_size),
            naive(&stream[..cut], max_size)
        );
    }
    check_progress(stream, max_size);
    check_cuts(stream, max_size);
});

/// A reader that goes from frame to frame comes to an end, and every frame lies within the stream.
fn check_progress(stream: &[u8], max_size: usize) {
    let mut at = 0;
    loop {
        at += match frame_at(&stream[at..], max_size) {
            Frame::Text(payload) => payload.end,
            Frame::Control(length) | Frame::Foreign(length) => length,
            Frame::Broken | Frame::Partial(_) => return,
        };
        assert!(at <= stream.len());
    }
}

/// Waiting for the requested number of bytes leads to the frame that was there all along.
fn check_cuts(stream: &[u8], max_size: usize) {
    let mut have = 0;
    while let Frame::Partial(needed) = frame_at(&stream[..have], max_size) {
        assert!(needed > have);
        if needed > stream.len() {
            assert_eq!(frame_at(stream, max_size), naive(stream, max_size));
            return;
        }
        have = needed;
    }
    assert_eq!(
        frame_at(&stream[..have], max_size),
        frame_at(stream, max_size)
    );
}

/// RFC 6455, section 5.2, bit by bit.
fn naive(bytes: &[u8], max_size: usize) -> Frame {
    if bytes.len() < 2 {
        return Frame::Partial(2);
    }
    let bit = |byte: usize, index: u32| bytes[byte] >> index & 1 == 1;
    let (is_final, is_masked, is_control) = (bit(0, 7), bit(1, 7), bit(0, 3));
    let is_reserved = bit(0, 6) || bit(0, 5) || bit(0, 4);
    if is_masked || is_control && (!is_final || is_reserved) {
        return Frame::Broken;
    }
    let short = bytes[1] % 128;
    let extended = if short == 126 {
        2
    } else if short == 127 {
        8
    } else {
        0
    };
    let header = 2 + extended;
    if bytes.len() < header {
        return Frame::Partial(header);
    }
    let length = bytes[2..header]
        .iter()
        .fold(0_u128, |sum, &byte| sum * 256 + u128::from(byte));
    let length = if extended == 0 {
        u128::from(short)
    } else {
        length
    };
    if length > if is_control { 125 } else { max_size as u128 } {
        return Frame::Broken;
    }
    let end = header + usize::try_from(length).unwrap();
    match bytes[0] % 16 {
        _ if bytes.len() < end => Frame::Partial(end),
        TEXT if is_final && !is_reserved => Frame::Text(header..end),
        PING | PONG => Frame::Control(end),
        _ => Frame::Foreign(end),
    }
}
