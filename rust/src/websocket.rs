//! Frames of a WebSocket after its handshake (RFC 6455, section 5.2), as far as Kraken sends them.
//!
//! Complete, unfragmented, uncompressed text frames are read here. Other frames are only
//! recognised, for a full implementation of the protocol to read.
//!
//! ```
//! use kraken_connector::websocket::{Frame, frame_at};
//!
//! assert_eq!(frame_at(b"\x81\x02hi", 1024), Frame::Text(2..4));
//! assert_eq!(frame_at(b"\x89\x00", 1024), Frame::Control(2));
//! assert_eq!(frame_at(b"\x81", 1024), Frame::Partial(2));
//! ```

use std::ops::Range;

const FIN_TEXT: u8 = 0x81;
const CONTROL: u8 = 0x08;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
const RESERVED: u8 = 0x70;
const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
/// Control frames are never longer (RFC 6455, section 5.5).
const LONGEST_CONTROL: usize = 125;

/// The frame at the beginning of some bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A text message in one frame: the range of its payload, which ends with the frame.
    Text(Range<usize>),
    /// A ping or pong of this length, header included. Messages go on after it.
    Control(usize),
    /// Any other frame of this length, header included: binary, compressed, a fragment, a close, or
    /// one that nobody knows. No message need follow it: after a close or an error what comes is
    /// not processed (RFC 6455, sections 1.4 and 7.1.7).
    Foreign(usize),
    /// The beginning of a frame that violates the protocol, or is longer than allowed.
    Broken,
    /// An incomplete frame: how many bytes it has at least, counted from its beginning.
    Partial(usize),
}

/// The frame at the beginning of `bytes`; a payload may have `max_size` bytes.
#[inline]
#[must_use]
pub fn frame_at(bytes: &[u8], max_size: usize) -> Frame {
    let &[first, second, ..] = bytes else {
        return Frame::Partial(2);
    };
    let is_control = first & CONTROL != 0;
    if second & MASKED != 0 || (is_control && first & (FIN | RESERVED) != FIN) {
        return Frame::Broken;
    }
    let header = header_size(second);
    let Some(length) = length(bytes, second) else {
        return Frame::Partial(header);
    };
    let longest = if is_control {
        LONGEST_CONTROL
    } else {
        max_size
    };
    let Some(end) = usize::try_from(length)
        .ok()
        .filter(|length| *length <= longest)
        .and_then(|length| length.checked_add(header))
    else {
        return Frame::Broken;
    };
    if bytes.len() < end {
        Frame::Partial(end)
    } else if first == FIN_TEXT {
        Frame::Text(header..end)
    } else if first == PING || first == PONG {
        Frame::Control(end)
    } else {
        Frame::Foreign(end)
    }
}

/// The size of a header: two bytes, and two or eight of extended length.
#[inline]
const fn header_size(second: u8) -> usize {
    match second {
        126 => 4,
        127 => 10,
        _ => 2,
    }
}

/// The length of the payload, unless the header is cut short.
#[inline]
fn length(bytes: &[u8], second: u8) -> Option<u64> {
    match second {
        126 => Some(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?).into()),
        127 => Some(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)),
        short => Some(short.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Frame, frame_at};

    fn text(length: usize) -> Vec<u8> {
        let mut frame = vec![0x81];
        match length {
            0..126 => frame.push(u8::try_from(length).unwrap()),
            126..0x1_0000 => {
                frame.push(126);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.resize(frame.len() + length, b'x');
        frame
    }

    #[test]
    fn text_of_every_length_form_is_found() {
        for (length, header) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            let frame = text(length);
            assert_eq!(
                frame_at(&frame, 1 << 20),
                Frame::Text(header..header + length)
            );
        }
    }

    #[test]
    fn every_cut_of_a_text_is_partial_and_asks_for_no_more_than_the_frame() {
        for length in [5, 200, 70_000] {
            let frame = text(length);
            for cut in (0..12.min(frame.len())).chain([frame.len() - 1]) {
                let Frame::Partial(needed) = frame_at(&frame[..cut], 1 << 20) else {
                    panic!("cut at {cut}");
                };
                assert!(needed > cut && needed <= frame.len());
            }
        }
    }

    #[test]
    fn control_frames_are_told_by_their_length() {
        assert_eq!(frame_at(&[0x89, 0], 100), Frame::Control(2));
        assert_eq!(frame_at(&[0x8a, 1, 7, 0x81], 100), Frame::Control(3));
        assert_eq!(frame_at(&[0x89, 3, 0], 100), Frame::Partial(5));
    }

    #[test]
    fn other_frames_are_told_by_their_length() {
        let cases: [&[u8]; 6] = [
            &[0x01, 1, b'x'], // the first fragment of a text
            &[0x00, 1, b'x'], // a continuation
            &[0x82, 1, b'x'], // binary
            &[0xc1, 1, b'x'], // compressed
            &[0x88, 1, b'x'], // a close, with half a code
            &[0x8b, 1, b'x'], // reserved for the future
        ];
        for case in cases {
            assert_eq!(frame_at(case, 1000), Frame::Foreign(3), "{case:?}");
            assert_eq!(frame_at(&case[..2], 1000), Frame::Partial(3), "{case:?}");
        }
    }

    #[test]
    fn what_breaks_the_rules_is_told_from_its_header() {
        let cases: [&[u8]; 5] = [
            &[0x81, 0x81, 0, 0, 0, 0, 0], // servers do not mask
            &[0x89, 126, 0, 126],         // a ping that is too long
            &[0x09, 0],                   // a fragmented ping
            &[0xd9, 0],                   // a ping with a reserved bit
            &[0x81, 126, 0x40, 0],        // longer than allowed
        ];
        for case in cases {
            assert_eq!(frame_at(case, 1000), Frame::Broken, "{case:?}");
        }
    }
}
