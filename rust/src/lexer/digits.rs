//! Digits and plain text, eight bytes at a time.

/// Any number of this many digits fits into 64 bits.
pub(crate) const SHORT: usize = 19;

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;
const ZEROS: u64 = 0x3030_3030_3030_3030;

const POWERS: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/// Whether all bytes are ASCII. The standard library reads blocks of 32 bytes and then single
/// bytes; here the last block is also read as a whole, so that it overlaps the one before.
#[inline(always)]
pub(crate) fn is_ascii(frame: &[u8]) -> bool {
    let (blocks, rest) = frame.as_chunks::<32>();
    let Some(last) = frame.last_chunk::<32>() else {
        return rest.is_ascii();
    };
    let (words, _) = last.as_chunks();
    let seen = words
        .iter()
        .fold(0, |seen, word| seen | u64::from_le_bytes(*word));
    seen & HIGH == 0 && blocks.as_flattened().is_ascii()
}

/// The eight bytes at `at`, the first one lowest.
#[inline(always)]
fn word(frame: &[u8], at: usize) -> Option<u64> {
    let chunk = frame.get(at..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*chunk))
}

/// Appends the digits from `at` on to `mantissa`, which wraps beyond 64 bits. Returns how many.
#[inline(always)]
pub(crate) fn take(frame: &[u8], at: &mut usize, mantissa: &mut u64) -> usize {
    let start = *at;
    while let Some(word) = word(frame, *at) {
        let values = word ^ ZEROS;
        let others = other_bytes(values);
        if others == 0 {
            *mantissa = mantissa
                .wrapping_mul(100_000_000)
                .wrapping_add(value(values));
            *at += 8;
            continue;
        }
        let count = others.trailing_zeros() / 8;
        if count > 0 {
            // Zeros in front do not change the value.
            let tail = value(values << (64 - count * 8));
            let power = POWERS.get(count as usize).copied().unwrap_or_default();
            *mantissa = mantissa.wrapping_mul(power).wrapping_add(tail);
            *at += count as usize;
        }
        return *at - start;
    }
    while let Some(&byte @ b'0'..=b'9') = frame.get(*at) {
        let digit = u64::from(byte - b'0');
        *mantissa = mantissa.wrapping_mul(10).wrapping_add(digit);
        *at += 1;
    }
    *at - start
}

/// Where the run of digits that begins at `at` ends.
#[inline(always)]
pub(crate) fn run_of_digits_end(frame: &[u8], mut at: usize) -> usize {
    while let Some(word) = word(frame, at) {
        let others = other_bytes(word ^ ZEROS);
        if others != 0 {
            return at + others.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while frame.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

/// The high bit of every byte that is not 0 to 9; those above the lowest may be wrong.
#[inline(always)]
const fn other_bytes(values: u64) -> u64 {
    (values.wrapping_add(LOW * 0x76) | values) & HIGH
}

/// The digits of a number that fit into 64 bits.
pub(crate) struct ShortNumber {
    pub(crate) mantissa: u64,
    pub(crate) decimals: usize,
}

/// Reads a number without sign and exponent and of at most [`SHORT`] digits.
///
/// Most numbers have their point in the first eight bytes, and most prices end there too: the
/// point is then removed from the word, and both parts are converted at once.
#[inline(always)]
pub(crate) fn read_number(frame: &[u8], at: &mut usize) -> Option<ShortNumber> {
    let values = word(frame, *at)? ^ ZEROS;
    let others = other_bytes(values);
    let whole = others.trailing_zeros() / 8;
    if whole == 0 || (values.trailing_zeros() >= 8 && whole > 1) {
        return None;
    }
    if whole == 8 {
        return take_long_number(frame, at);
    }
    let start = *at;
    *at += whole as usize;
    if values >> (whole * 8) & 0xFF != u64::from(b'.' ^ b'0') {
        let mantissa = value(values << (64 - whole * 8));
        return Some(ShortNumber {
            mantissa,
            decimals: 0,
        });
    }
    *at += 1;
    // After the point, which has no carry, the lowest mark is right again.
    let length = (others & others.wrapping_sub(1)).trailing_zeros() / 8;
    if length < 8 {
        let decimals = length - whole - 1;
        let before = (1_u64 << (whole * 8)) - 1;
        let joined = (values & before) | (values >> 8 & !before);
        *at = start + length as usize;
        if decimals == 0 {
            return None;
        }
        return Some(ShortNumber {
            mantissa: value(joined << (64 - (length - 1) * 8)),
            decimals: decimals as usize,
        });
    }
    let mut mantissa = value(values << (64 - whole * 8));
    let decimals = take(frame, at, &mut mantissa);
    let is_short = decimals > 0 && whole as usize + decimals <= SHORT;
    is_short.then_some(ShortNumber { mantissa, decimals })
}

/// Reads an integer without sign and of at most [`SHORT`] digits.
#[inline(always)]
pub(crate) fn read_integer(frame: &[u8], at: &mut usize) -> Option<u64> {
    let start = *at;
    let mut value = 0;
    let length = take(frame, at, &mut value);
    let is_padded = length > 1 && frame.get(start) == Some(&b'0');
    (1..=SHORT)
        .contains(&length)
        .then_some(value)
        .filter(|_| !is_padded)
}

#[cold]
fn take_long_number(frame: &[u8], at: &mut usize) -> Option<ShortNumber> {
    let start = *at;
    let mut mantissa = 0;
    let whole = take(frame, at, &mut mantissa);
    if whole > 1 && frame.get(start) == Some(&b'0') {
        return None;
    }
    let mut decimals = 0;
    if frame.get(*at) == Some(&b'.') {
        *at += 1;
        decimals = take(frame, at, &mut mantissa);
        if decimals == 0 {
            return None;
        }
    }
    let number = ShortNumber { mantissa, decimals };
    (whole + decimals <= SHORT).then_some(number)
}

/// The number of eight digits 0 to 9, the first in the lowest byte: neighbours are joined to
/// pairs, pairs to fours, fours to the result.
#[inline(always)]
const fn value(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_FFFF_0000_FFFF;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xFFFF_FFFF
}

/// The end of a run of plain characters: a quote, a backslash, a control character or the end
/// of the frame.
#[inline(always)]
pub(crate) fn plain_end(frame: &[u8], at: usize) -> usize {
    run_end::<0>(frame, at)
}

/// Like [`plain_end`], but the run also ends at bytes that are not ASCII.
#[inline(always)]
pub(crate) fn plain_ascii_end(frame: &[u8], at: usize) -> usize {
    run_end::<HIGH>(frame, at)
}

#[inline(always)]
fn run_end<const FORBIDDEN: u64>(frame: &[u8], mut at: usize) -> usize {
    while let Some(word) = word(frame, at) {
        let special = special_bytes(word) | (word & FORBIDDEN);
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while let Some(&byte) = frame.get(at) {
        let is_special = byte < b' ' || byte == b'"' || byte == b'\\';
        if is_special || u64::from(byte) & FORBIDDEN & 0x80 != 0 {
            break;
        }
        at += 1;
    }
    at
}

/// The high bit of every byte that ends a plain run. Bytes above the lowest such byte may be
/// marked wrongly, by a borrow; the lowest is always right.
#[inline(always)]
const fn special_bytes(word: u64) -> u64 {
    const fn zero_bytes(word: u64) -> u64 {
        word.wrapping_sub(LOW) & !word
    }
    let quote = zero_bytes(word ^ (LOW * b'"' as u64));
    let backslash = zero_bytes(word ^ (LOW * b'\\' as u64));
    let control = word.wrapping_sub(LOW * b' ' as u64) & !word;
    (quote | backslash | control) & HIGH
}

#[cfg(test)]
mod tests {
    use super::is_ascii;

    #[test]
    fn one_byte_that_is_not_ascii_is_found_wherever_it_stands() {
        for length in 0..100 {
            let mut frame = vec![b'a'; length];
            assert!(is_ascii(&frame));
            for at in 0..length {
                frame[at] = 0x80;
                assert!(!is_ascii(&frame), "{at} of {length}");
                frame[at] = 0x7F;
            }
        }
    }
}
