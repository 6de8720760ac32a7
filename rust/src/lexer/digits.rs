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

/// A number of at most [`SHORT`] digits, without sign and exponent.
pub(crate) struct ShortNumber {
    pub(crate) mantissa: u64,
    pub(crate) decimals: usize,
    /// How many bytes it takes.
    pub(crate) length: usize,
}

/// Reads the number that `text` begins with, if it has neither sign nor exponent and at most
/// [`SHORT`] digits.
#[inline(always)]
pub(crate) fn read_number(text: &[u8]) -> Option<ShortNumber> {
    // Not returned as it is, which would put the common number into memory too.
    let number = match read_common_number(text) {
        Some(number) => number,
        None => read_any_number(text)?,
    };
    Some(number)
}

/// [`read_number`] of most prices, which have at most seven characters, and of most quantities,
/// which have at most seven digits before the point and eight behind it.
///
/// In a price the point is removed from the word, and both parts are converted at once.
#[inline(always)]
fn read_common_number(text: &[u8]) -> Option<ShortNumber> {
    let values = word(text, 0)? ^ ZEROS;
    let others = other_bytes(values);
    let whole = (others.trailing_zeros() / 8) as usize;
    #[expect(
        clippy::needless_bitwise_bool,
        reason = "a branch at the first digit would be mispredicted"
    )]
    let is_padded = (byte(values, 0) == 0) & (whole > 1);
    if whole == 0 || whole == 8 || is_padded || byte(values, whole) != b'.' ^ b'0' {
        return None;
    }
    // After the point, which has no carry, the lowest mark is right again.
    let length = ((others & others.wrapping_sub(1)).trailing_zeros() / 8) as usize;
    let decimals = length.wrapping_sub(whole).wrapping_sub(1);
    if decimals == 0 {
        return None;
    }
    if length < 8 {
        let before = (1_u64 << (whole * 8)).wrapping_sub(1);
        let joined = (values & before) | (values >> 8 & !before);
        return Some(ShortNumber {
            mantissa: leading_value(joined, length.wrapping_sub(1)),
            decimals,
            length,
        });
    }
    let fraction = word(text, whole + 1)? ^ ZEROS;
    if other_bytes(fraction) != 0 || text.get(whole + 9).is_none_or(u8::is_ascii_digit) {
        return None;
    }
    Some(ShortNumber {
        mantissa: leading_value(values, whole)
            .wrapping_mul(100_000_000)
            .wrapping_add(value(fraction)),
        decimals: 8,
        length: whole + 9,
    })
}

/// [`read_number`] of any number.
#[inline(never)]
fn read_any_number(text: &[u8]) -> Option<ShortNumber> {
    let (mut length, mut mantissa) = (0, 0);
    let whole = take(text, &mut length, &mut mantissa);
    if whole == 0 || (whole > 1 && text.first() == Some(&b'0')) {
        return None;
    }
    let mut decimals = 0;
    if text.get(length) == Some(&b'.') {
        length += 1;
        decimals = take(text, &mut length, &mut mantissa);
        if decimals == 0 {
            return None;
        }
    }
    let number = ShortNumber {
        mantissa,
        decimals,
        length,
    };
    (whole + decimals <= SHORT).then_some(number)
}

/// Reads the integer that `text` begins with, if it has no sign and at most [`SHORT`] digits;
/// returns also how many bytes it takes.
#[inline(always)]
pub(crate) fn read_integer(text: &[u8]) -> Option<(u64, usize)> {
    let mut length = 0;
    let mut value = 0;
    take(text, &mut length, &mut value);
    let is_padded = length > 1 && text.first() == Some(&b'0');
    let is_short = (1..=SHORT).contains(&length);
    (is_short && !is_padded).then_some((value, length))
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "one byte is wanted")]
const fn byte(word: u64, at: usize) -> u8 {
    (word >> ((at * 8) & 63)) as u8
}

/// [`value`] of the first `count` digits, one to eight.
#[inline(always)]
const fn leading_value(digits: u64, count: usize) -> u64 {
    // Zeros in front do not change the value.
    value(digits << (64_usize.wrapping_sub(count * 8) & 63))
}

/// The number of eight digits 0 to 9, the first in the lowest byte: neighbours are joined to
/// pairs, pairs to fours, fours to the result. Each step multiplies the earlier one of two
/// neighbours by its weight and adds the later one, in the place of the later one.
#[inline(always)]
const fn value(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(1 + (10 << 8)) >> 8 & 0x00FF_00FF_00FF_00FF;
    let fours = pairs.wrapping_mul(1 + (100 << 16)) >> 16 & 0x0000_FFFF_0000_FFFF;
    fours.wrapping_mul(1 + (10_000 << 32)) >> 32
}

/// Whether `text` has the form of `pattern`, in which `0` stands for any digit and every other
/// character for itself.
#[inline(always)]
pub(crate) fn has_form<const N: usize>(text: &[u8; N], pattern: &[u8; N]) -> bool {
    const { assert!(N >= 8, "as many bytes as a word has") };
    let mut others = 0;
    let mut at = 0;
    while at < N {
        // The last word overlaps the one before.
        let start = if at + 8 > N { N - 8 } else { at };
        let (Some(text), Some(pattern)) = (word(text, start), word(pattern, start)) else {
            return false;
        };
        // 0x7F where the pattern has no digit, 0x76 where it has one.
        let is_other = other_bytes(pattern ^ ZEROS) >> 7;
        let values = text ^ pattern;
        others |= values.wrapping_add(LOW * 0x76 + is_other * 9) | values;
        at += 8;
    }
    others & HIGH == 0
}

/// The end of a run of plain characters: a quote, a backslash, a control character or the end
/// of the frame.
#[inline(always)]
pub(crate) fn plain_end(frame: &[u8], at: usize) -> usize {
    run_end(frame, at, special_bytes, 0)
}

/// Like [`plain_end`], but the run also ends at bytes that are not ASCII.
#[inline(always)]
pub(crate) fn plain_ascii_end(frame: &[u8], at: usize) -> usize {
    run_end(frame, at, special_or_wide_bytes, HIGH)
}

#[inline(always)]
fn run_end(frame: &[u8], mut at: usize, ends: impl Fn(u64) -> u64, forbidden: u64) -> usize {
    while let Some(word) = word(frame, at) {
        let special = ends(word);
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while let Some(&byte) = frame.get(at) {
        let is_special = byte < b' ' || byte == b'"' || byte == b'\\';
        if is_special || u64::from(byte) & forbidden & 0x80 != 0 {
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

/// The same with bytes that are not ASCII. Marking these makes it unnecessary to tell them from
/// bytes below a bound, whose high bit a subtraction sets as well.
#[inline(always)]
const fn special_or_wide_bytes(word: u64) -> u64 {
    let quote = (word ^ (LOW * b'"' as u64)).wrapping_sub(LOW);
    let backslash = (word ^ (LOW * b'\\' as u64)).wrapping_sub(LOW);
    let control = word.wrapping_sub(LOW * b' ' as u64);
    (quote | backslash | control | word) & HIGH
}

#[cfg(test)]
mod tests {
    use super::{has_form, is_ascii};

    #[test]
    fn a_form_holds_for_every_digit_and_for_nothing_else() {
        let pattern = b"00-00:00.0";
        for at in 0..pattern.len() {
            for byte in 0..=u8::MAX {
                let mut text = *b"10-92:39.7";
                text[at] = byte;
                let fits = match pattern[at] {
                    b'0' => byte.is_ascii_digit(),
                    other => byte == other,
                };
                assert_eq!(has_form(&text, pattern), fits, "{byte} at {at}");
            }
        }
    }

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
