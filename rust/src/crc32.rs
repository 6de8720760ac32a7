//! CRC-32 (the one of zlib, gzip and PNG) as arithmetic on polynomials over GF(2).
//!
//! To the next maintainer: a CRC is linear. The text `AB` has the remainder of `A` times
//! `x^(8·|B|)` plus that of `B`, so the checksum of a book is a sum of products, one for each
//! level: the level's own remainder, computed once when the level changed, times a power of `x`
//! that says how many bytes come after it. The sum is reduced modulo the CRC's polynomial once, at
//! the end. This costs one carry-less multiplication a level instead of a pass over the text.
//!
//! Everything here is bit-reflected, as this CRC is: in an n-bit value the bit `k` is the
//! coefficient of `x^(n-1-k)`. Multiplying such values as integers loses a factor of `x`, which the
//! tabulated powers make up for by being one too high: below, "power of m" is `x^(m-1)` in memory.
//! Bytes that are zero at the beginning of a text add nothing, which spares shifting the leading
//! zeros out of a number's digits.
//!
//! Source of the method: V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using
//! PCLMULQDQ Instruction", 2009; the two constants of the last step are its table for gzip's CRC.

/// `P`, the CRC's polynomial, without its highest term.
const POLYNOMIAL: u32 = 0xEDB8_8320;
/// `P` in 33 bits.
const MODULUS: u64 = 0x1_DB71_0641;
/// `x^64 / P` in 33 bits.
const INVERSE: u64 = 0x1_F701_1641;

/// How many bytes may come after a part of a text: twenty levels of two numbers of 39 digits.
const LONGEST: usize = 20 * 2 * 39;

/// Powers in the table: a power of two, so that an index needs no check.
const COUNT: usize = 2048;
const _: () = assert!(LONGEST + 5 <= COUNT);

/// The powers of `8n` modulo `P` for every `n` up to [`LONGEST`] and the four bytes of a remainder,
/// and beyond.
static POWERS: [u32; COUNT] = powers();

/// Longer texts are taken in blocks of so many bytes.
const BLOCK: usize = 1024;

/// The powers of `8 · BLOCK · 2^k` modulo `P`, for texts of up to 4 GiB.
static DOUBLED: [u32; 22] = doubled();

#[expect(clippy::indexing_slicing, reason = "computed by the compiler")]
const fn doubled() -> [u32; 22] {
    let mut table = [powers()[BLOCK]; 22];
    let mut at = 1;
    while at < table.len() {
        table[at] = product(table[at - 1], table[at - 1]);
        at += 1;
    }
    table
}

/// The product of two powers modulo `P`, which is one as well.
const fn product(a: u32, b: u32) -> u32 {
    let (mut sum, mut factor, mut rest) = (0, a, b);
    // Bit 31 stands for 1, which makes up for the factor of x that the powers lack.
    factor = (factor >> 1) ^ (POLYNOMIAL * (factor & 1));
    while rest != 0 {
        if rest & (1 << 31) != 0 {
            sum ^= factor;
        }
        rest <<= 1;
        factor = (factor >> 1) ^ (POLYNOMIAL * (factor & 1));
    }
    sum
}

/// The power of 64 modulo `P`.
const POWER_64: u64 = powers()[8] as u64;

#[expect(clippy::indexing_slicing, reason = "computed by the compiler")]
const fn powers() -> [u32; COUNT] {
    // 1/x: P has a constant term, so P - 1 is divisible by x and the rest is the inverse.
    let mut table = [(POLYNOMIAL << 1) | 1; COUNT];
    let mut at = 1;
    while at < table.len() {
        let mut power = table[at - 1];
        let mut bit = 0;
        while bit < 8 {
            power = (power >> 1) ^ (POLYNOMIAL * (power & 1));
            bit += 1;
        }
        table[at] = power;
        at += 1;
    }
    table
}

#[inline(always)]
fn power<A: Arithmetic>(bytes: usize) -> A::Value {
    A::value(
        POWERS
            .get(bytes % COUNT)
            .copied()
            .unwrap_or_default()
            .into(),
    )
}

/// What a part of a text contributes: its remainder and how many bytes it has. An empty one counts
/// as unknown, since computing it again costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest {
    remainder: u32,
    length: u32,
}

impl Digest {
    pub(crate) const UNKNOWN: Self = Self::new(0, 0);

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "at most LONGEST")]
    const fn new(remainder: u32, length: usize) -> Self {
        let length = length as u32;
        Self { remainder, length }
    }

    #[inline(always)]
    pub(crate) const fn is_unknown(self) -> bool {
        self.length == 0
    }

    /// This part and the next one, of any length, as one.
    #[inline(always)]
    pub(crate) fn append<A: Arithmetic>(self, part: Self) -> Self {
        let weight = power_of_any::<A>(part.length as usize);
        let shifted = A::multiply(A::value(self.remainder.into()), weight);
        Self {
            remainder: reduce::<A>(shifted) ^ part.remainder,
            length: self.length.wrapping_add(part.length),
        }
    }

    /// The CRC of a text that begins with this part and ends with the other.
    #[inline(always)]
    pub(crate) fn crc_with<A: Arithmetic>(self, last: Self) -> u32 {
        let text = Self::new(u32::MAX, 0).append::<A>(self);
        !text.append::<A>(last).remainder
    }
}

/// Like [`power`] without its bound, for texts of individual orders.
#[inline(always)]
fn power_of_any<A: Arithmetic>(bytes: usize) -> A::Value {
    let mut weight = power::<A>(bytes % BLOCK);
    let mut blocks = bytes / BLOCK;
    let mut at = 0;
    while blocks != 0 {
        if blocks & 1 == 1 {
            let doubled = DOUBLED.get(at).copied().unwrap_or_default();
            let product = A::multiply(weight, A::value(doubled.into()));
            weight = A::value(reduce::<A>(product).into());
        }
        (blocks, at) = (blocks >> 1, at + 1);
    }
    weight
}

/// A part of a text in the making, from its last word to its first.
pub(crate) struct Words<A: Arithmetic> {
    sum: A::Value,
    length: usize,
}

impl<A: Arithmetic> Words<A> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self {
            sum: A::value(0),
            length: 0,
        }
    }

    /// Puts the last `bytes` bytes of `word` before the text; the others must be zero.
    #[inline(always)]
    pub(crate) fn prepend(&mut self, word: u64, bytes: usize) {
        let product = A::multiply(A::value(word), power::<A>(self.length + 4));
        self.sum = A::add(self.sum, product);
        self.length += bytes;
    }

    #[inline(always)]
    pub(crate) fn digest(self) -> Digest {
        // 96 bits: the lowest 32, of the highest degree, are multiples of x^64.
        let high = A::multiply(A::low_32(self.sum), A::value(POWER_64));
        let remainder = reduce::<A>(A::add(A::shift_right_32(self.sum), high));
        Digest::new(remainder, self.length)
    }
}

/// A text in the making, from its last part to its first.
pub(crate) struct Parts<A: Arithmetic> {
    sum: A::Value,
    length: usize,
}

impl<A: Arithmetic> Parts<A> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self {
            sum: A::value(0),
            length: 0,
        }
    }

    /// Puts `part` before the text.
    #[inline(always)]
    pub(crate) fn prepend(&mut self, part: Digest) {
        let remainder = A::value(part.remainder.into());
        let product = A::multiply(remainder, power::<A>(self.length));
        self.sum = A::add(self.sum, product);
        self.length += part.length as usize;
    }

    #[inline(always)]
    pub(crate) fn digest(self) -> Digest {
        Digest::new(reduce::<A>(self.sum), self.length)
    }

    /// The CRC of the text.
    #[inline(always)]
    pub(crate) fn crc(mut self) -> u32 {
        self.prepend(Digest::new(u32::MAX, 0));
        !reduce::<A>(self.sum)
    }
}

/// [`Parts`] of any length together; each is far shorter than [`LONGEST`].
pub(crate) struct LongParts<A: Arithmetic> {
    block: Parts<A>,
    /// The text after the block.
    behind: Digest,
}

impl<A: Arithmetic> LongParts<A> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self {
            block: Parts::new(),
            behind: Digest::UNKNOWN,
        }
    }

    /// Puts `part` before the text.
    #[inline(always)]
    pub(crate) fn prepend(&mut self, part: Digest) {
        if self.block.length + part.length as usize > LONGEST {
            let block = std::mem::replace(&mut self.block, Parts::new());
            self.behind = block.digest().append::<A>(self.behind);
        }
        self.block.prepend(part);
    }

    #[inline(always)]
    pub(crate) fn digest(self) -> Digest {
        self.block.digest().append::<A>(self.behind)
    }
}

/// `value mod P` of a polynomial of 64 bits, by Barrett's method.
#[inline(always)]
fn reduce<A: Arithmetic>(value: A::Value) -> u32 {
    let quotient = A::multiply(A::low_32(value), A::value(INVERSE));
    let multiple = A::multiply(A::low_32(quotient), A::value(MODULUS));
    (A::low_64(A::add(value, multiple)) >> 32) as u32
}

/// Polynomials of up to 128 bits.
pub(crate) trait Arithmetic {
    type Value: Copy;
    fn value(bits: u64) -> Self::Value;
    fn low_64(value: Self::Value) -> u64;
    fn low_32(value: Self::Value) -> Self::Value;
    fn shift_right_32(value: Self::Value) -> Self::Value;
    fn add(a: Self::Value, b: Self::Value) -> Self::Value;
    /// The product of the lower 64 bits.
    fn multiply(a: Self::Value, b: Self::Value) -> Self::Value;
}

/// A computation that is generic over the arithmetic.
pub(crate) trait Computation {
    type Output;
    fn run<A: Arithmetic>(self) -> Self::Output;
}

/// Runs `computation` in the fastest arithmetic of this machine.
#[inline]
pub(crate) fn compute<C: Computation>(computation: C) -> C::Output {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("pclmulqdq") {
        // SAFETY: the instruction was just found.
        return unsafe { x86::compute(computation) };
    }
    #[cfg(target_arch = "aarch64")]
    if std::arch::is_aarch64_feature_detected!("aes") {
        // SAFETY: the instruction was just found.
        return unsafe { aarch64::compute(computation) };
    }
    computation.run::<Portable>()
}

/// Arithmetic without an instruction for it.
pub(crate) struct Portable;

impl Arithmetic for Portable {
    type Value = u128;

    fn value(bits: u64) -> u128 {
        bits.into()
    }

    #[expect(clippy::cast_possible_truncation, reason = "on purpose")]
    fn low_64(value: u128) -> u64 {
        value as u64
    }

    fn low_32(value: u128) -> u128 {
        value & 0xFFFF_FFFF
    }

    fn shift_right_32(value: u128) -> u128 {
        value >> 32
    }

    fn add(a: u128, b: u128) -> u128 {
        a ^ b
    }

    fn multiply(a: u128, b: u128) -> u128 {
        let (a, mut rest) = (u128::from(Self::low_64(a)), Self::low_64(b));
        let mut product = 0;
        while rest != 0 {
            product ^= a << rest.trailing_zeros();
            rest &= rest - 1;
        }
        product
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, _mm_and_si128, _mm_clmulepi64_si128, _mm_cvtsi64_si128, _mm_cvtsi128_si64,
        _mm_set_epi32, _mm_srli_si128, _mm_xor_si128,
    };

    use super::{Arithmetic, Computation};

    /// Stays in vector registers: the way out and back takes as long as a multiplication.
    struct Pclmul;

    impl Arithmetic for Pclmul {
        type Value = __m128i;

        #[inline(always)]
        fn value(bits: u64) -> __m128i {
            // SAFETY: SSE2 is part of x86-64.
            unsafe { _mm_cvtsi64_si128(bits.cast_signed()) }
        }

        #[inline(always)]
        fn low_64(value: __m128i) -> u64 {
            // SAFETY: SSE2 is part of x86-64.
            unsafe { _mm_cvtsi128_si64(value).cast_unsigned() }
        }

        #[inline(always)]
        fn low_32(value: __m128i) -> __m128i {
            // SAFETY: SSE2 is part of x86-64.
            unsafe { _mm_and_si128(value, _mm_set_epi32(0, 0, 0, -1)) }
        }

        #[inline(always)]
        fn shift_right_32(value: __m128i) -> __m128i {
            // SAFETY: SSE2 is part of x86-64.
            unsafe { _mm_srli_si128::<4>(value) }
        }

        #[inline(always)]
        fn add(a: __m128i, b: __m128i) -> __m128i {
            // SAFETY: SSE2 is part of x86-64.
            unsafe { _mm_xor_si128(a, b) }
        }

        #[inline(always)]
        fn multiply(a: __m128i, b: __m128i) -> __m128i {
            // SAFETY: only `compute` names this type, and it has the instruction.
            unsafe { _mm_clmulepi64_si128::<0>(a, b) }
        }
    }

    #[target_feature(enable = "pclmulqdq")]
    pub(super) fn compute<C: Computation>(computation: C) -> C::Output {
        computation.run::<Pclmul>()
    }
}

#[cfg(target_arch = "aarch64")]
mod aarch64 {
    use std::arch::aarch64::vmull_p64;

    use super::{Arithmetic, Computation, Portable};

    struct Pmull;

    impl Arithmetic for Pmull {
        type Value = u128;

        #[inline(always)]
        fn value(bits: u64) -> u128 {
            Portable::value(bits)
        }

        #[inline(always)]
        fn low_64(value: u128) -> u64 {
            Portable::low_64(value)
        }

        #[inline(always)]
        fn low_32(value: u128) -> u128 {
            Portable::low_32(value)
        }

        #[inline(always)]
        fn shift_right_32(value: u128) -> u128 {
            Portable::shift_right_32(value)
        }

        #[inline(always)]
        fn add(a: u128, b: u128) -> u128 {
            Portable::add(a, b)
        }

        #[inline(always)]
        fn multiply(a: u128, b: u128) -> u128 {
            // SAFETY: only `compute` names this type, and it has the instruction.
            unsafe { product(Self::low_64(a), Self::low_64(b)) }
        }
    }

    /// Not `inline(always)`, which only callers with the instruction may inline.
    #[inline]
    #[target_feature(enable = "neon,aes")]
    fn product(a: u64, b: u64) -> u128 {
        vmull_p64(a, b)
    }

    #[target_feature(enable = "neon,aes")]
    pub(super) fn compute<C: Computation>(computation: C) -> C::Output {
        computation.run::<Pmull>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Arithmetic, Computation, Parts, Portable, Words, compute};

    /// The CRC of a text given in parts of at most 39 bytes.
    struct Text<'t>(&'t [Vec<u8>]);

    impl Computation for Text<'_> {
        type Output = u32;

        fn run<A: Arithmetic>(self) -> u32 {
            let mut text = Parts::<A>::new();
            for part in self.0.iter().rev() {
                let mut words = Words::<A>::new();
                for word in part.rchunks(8) {
                    let mut bytes = [0; 8];
                    bytes[8 - word.len()..].copy_from_slice(word);
                    words.prepend(u64::from_le_bytes(bytes), word.len());
                }
                text.prepend(words.digest());
            }
            text.crc()
        }
    }

    #[test]
    fn the_check_value_comes_out() {
        let text = [b"123456789".to_vec()];
        assert_eq!(Text(&text).run::<Portable>(), 0xCBF4_3926);
        assert_eq!(compute(Text(&[])), 0);
    }

    proptest! {
        #[test]
        fn parts_have_the_crc_of_the_whole(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..=39), 0..=40),
        ) {
            let expected = crc32fast::hash(&parts.concat());
            prop_assert_eq!(Text(&parts).run::<Portable>(), expected);
            prop_assert_eq!(compute(Text(&parts)), expected);
        }
    }
}
