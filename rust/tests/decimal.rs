use kraken_connector::Decimal;
use kraken_connector::decimal::MAX_DIGITS;
use proptest::prelude::*;

fn parse(text: &str) -> Option<(u128, u32)> {
    let number = Decimal::from_lexeme(text.as_bytes())?;
    Some((number.mantissa(), number.scale()))
}

#[test]
fn digits_are_kept_as_written() {
    assert_eq!(parse("45285.2"), Some((452_852, 1)));
    assert_eq!(parse("0.00100000"), Some((100_000, 8)));
    assert_eq!(parse("7"), Some((7, 0)));
    assert_eq!(parse("886110000000.00"), Some((88_611_000_000_000, 2)));
}

#[test]
fn exponents_are_expanded() {
    assert_eq!(parse("1e-08"), Some((1, 8)));
    assert_eq!(parse("1.5e3"), Some((1500, 0)));
    assert_eq!(parse("1.50E+1"), Some((150, 1)));
}

#[test]
fn zero_has_neither_sign_nor_exponent() {
    assert_eq!(parse("0e5"), Some((0, 0)));
    assert_eq!(parse("0e-8"), Some((0, 0)));
    assert_eq!(parse("0.00E-8"), Some((0, 2)));
    assert_eq!(parse("0e-99999999999999999999"), Some((0, 0)));
    assert_eq!(parse("-0.0"), Some((0, 1)));
    assert_eq!(parse("-0"), Some((0, 0)));
    assert_eq!(parse("-0.00000001"), None);
}

#[test]
fn numbers_that_no_book_holds_are_refused() {
    assert_eq!(parse("-1"), None);
    assert_eq!(parse("1e39"), None);
    assert_eq!(parse("1e-39"), None);
    assert_eq!(parse("1e99999999999999999999"), None);
    assert_eq!(parse(&"9".repeat(39)), None);
    assert_eq!(parse(&"9".repeat(38)).unwrap().0, 10_u128.pow(38) - 1);
}

proptest! {
    #[test]
    fn text_survives_the_round_trip(mantissa in 0..10_u128.pow(MAX_DIGITS), scale in 0..=MAX_DIGITS) {
        let number = Decimal::new(mantissa, scale).unwrap();
        prop_assert_eq!(Decimal::from_lexeme(number.to_string().as_bytes()), Some(number));
    }

    #[test]
    fn a_longer_scale_only_adds_zeros(mantissa in 0..10_u128.pow(19), scale in 0..10_u32, more in 0..10_u32) {
        let number = Decimal::new(mantissa, scale).unwrap();
        let padded = number.mantissa_at(scale + more).unwrap();
        prop_assert_eq!(padded, mantissa * 10_u128.pow(more));
    }
}
