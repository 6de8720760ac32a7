//! CRC-32 (the one of zlib, gzip and PNG) as arithmetic on polynomials over GF(2).
//!
//! To the next maintainer: a CRC is linear. The text `AB` has the remainder of `A` times
//! `x^(8·|B|)` plus that of `B`, so the checksum of a book is a sum of products, one for each
//! level: the level's own remainder, computed once when the level changed, times a power of `x`
//! that says how many bytes come after it. The sum is reduced modulo the CRC's polynomial once, at
//! the end. This costs one carry-less multiplication a level instead of a pass over the text.
//!
//! Everything here is bit-reflected, as this CRC is: in an n-bit value the bit `k` is the
//! coefficient of `x^(n-1-k)`. The integer product of two such values lacks one bit at the low
//! end, hence the shifts by one. Bytes that are zero at the beginning of a text add nothing, which
//! spares shifting the leading zeros out of a number's digits.
//!
//! Source of the constants: V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using
//! PCLMULQDQ Instruction", 2009, table for the gzip CRC.

/// `x^32 mod P`, reflected: the CRC's polynomial without its highest term.
const POLYNOMIAL: u32 = 0xEDB8_8320;
/// `P`, reflected, 33 bits.
const MODULUS: u64 = 0x1_DB71_0641;
/// `x^64 / P`, reflected, 33 bits.
const INVERSE: u64 = 0x1_F701_1641;

/// How many bytes may come after a part of a text: twenty levels of two numbers of 39 digits.
const LONGEST: usize = 20 * 2 * 39;

/// `x^(8n) mod P` for every `n` up to [`LONGEST`] and the four bytes of a remainder.
static POWERS: [u32; LONGEST + 5] = powers();

const fn powers() -> [u32; LONGEST + 5] {
    let mut table = [0x8000_0000; LONGEST + 5];
    let mut at = 1;
    while at < table.len() {
        let mut power = table[at - 1];
        let mut bit = 0;
        while bit < 8 {
            power = times_x(power);
            bit += 1;
        }
        table[at] = power;
        at += 1;
    }
    table
}

const fn times_x(value: u32) -> u32 {
    (value >> 1) ^ (POLYNOMIAL * (value & 1))
}

/// `x^64 mod P`.
const X_64: u64 = powers()[8] as u64;

/// `x^(8·bytes) mod P`.
#[inline]
fn power(bytes: usize) -> u64 {
    POWERS.get(bytes).copied().unwrap_or_default().into()
}

/// A way to multiply polynomials.
pub(crate) trait Multiply {
    /// The carry-less product of the bits of `a` and `b`.
    fn multiply(a: u64, b: u64) -> u128;
}

/// Runs a computation with the fastest multiplication of this machine.
pub(crate) trait Computation {
    /// What comes out.
    type Output;
    /// Computes.
    fn run<M: Multiply>(self) -> Self::Output;
}

/// Runs `computation` with the fastest multiplication of this machine.
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

/// The remainder of a text of 8-byte words, each given with the number of bytes after it: the sum
/// of `word · x^(8·after + 32)`, which is the CRC with an initial value of zero.
#[derive(Default)]
pub(crate) struct WordSum(u128);

impl WordSum {
    #[inline(always)]
    pub(crate) fn add<M: Multiply>(&mut self, word: u64, after: usize) {
        self.0 ^= M::multiply(word, power(after + 4));
    }

    #[inline(always)]
    pub(crate) fn reduce<M: Multiply>(self) -> u32 {
        // 96 bits: the uppermost coefficients, in the lowest 32, stand for multiples of x^64.
        let sum = self.0 << 1;
        let folded = low(M::multiply(low(sum) & LOW_HALF, X_64)) << 1;
        reduce::<M>(low(sum >> 32) ^ folded)
    }
}

/// The sum of `remainder · x^(8·after)` over the parts of a text.
#[derive(Default)]
pub(crate) struct PartSum(u64);

impl PartSum {
    #[inline(always)]
    pub(crate) fn add<M: Multiply>(&mut self, remainder: u32, after: usize) {
        self.0 ^= low(M::multiply(remainder.into(), power(after)));
    }

    /// The CRC of the whole text, which has `length` bytes.
    #[inline(always)]
    pub(crate) fn finish<M: Multiply>(mut self, length: usize) -> u32 {
        self.add::<M>(u32::MAX, length);
        !reduce::<M>(self.0 << 1)
    }
}

const LOW_HALF: u64 = 0xFFFF_FFFF;

/// The lowest 64 bits.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "on purpose")]
const fn low(product: u128) -> u64 {
    product as u64
}

/// `value mod P` of a polynomial of 64 bits, by Barrett's method.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "32 of 64 bits are left")]
fn reduce<M: Multiply>(value: u64) -> u32 {
    let quotient = low(M::multiply(value & LOW_HALF, INVERSE)) & LOW_HALF;
    ((value ^ low(M::multiply(quotient, MODULUS))) >> 32) as u32
}

/// Multiplication without an instruction for it.
pub(crate) struct Portable;

impl Multiply for Portable {
    #[inline]
    fn multiply(a: u64, b: u64) -> u128 {
        let mut product = 0;
        let mut shifted = u128::from(a);
        let mut rest = b;
        while rest != 0 {
            product ^= shifted * u128::from(rest & 1);
            shifted <<= 1;
            rest >>= 1;
        }
        product
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{_mm_clmulepi64_si128, _mm_cvtsi64_si128};

    use super::{Computation, Multiply};

    struct Pclmul;

    impl Multiply for Pclmul {
        #[inline(always)]
        fn multiply(a: u64, b: u64) -> u128 {
            // SAFETY: only `compute` names this type, and it has the instruction. The result and
            // a `u128` have the same size, and any bits are a valid `u128`.
            unsafe {
                let (a, b) = (_mm_cvtsi64_si128(a as i64), _mm_cvtsi64_si128(b as i64));
                std::mem::transmute(_mm_clmulepi64_si128::<0>(a, b))
            }
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

    use super::{Computation, Multiply};

    struct Pmull;

    impl Multiply for Pmull {
        #[inline(always)]
        fn multiply(a: u64, b: u64) -> u128 {
            // SAFETY: only `compute` names this type, and it has the instruction.
            unsafe { vmull_p64(a, b) }
        }
    }

    #[target_feature(enable = "neon,aes")]
    pub(super) fn compute<C: Computation>(computation: C) -> C::Output {
        computation.run::<Pmull>()
    }
}
