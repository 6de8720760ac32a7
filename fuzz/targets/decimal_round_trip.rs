//! A number's exact value, integer and float are those of its text, computed another way; and what
//! a decimal prints reads back as the same decimal.

#![no_main]

use kraken_connector::Decimal;
use kraken_connector::decimal::MAX_DIGITS;
use kraken_connector::lexer::Lexer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut lexer = Lexer::at(data, 0);
    let Ok(number) = lexer.number() else { return };
    let lexeme = std::str::from_utf8(number.lexeme(data)).unwrap().trim();
    let decimal = number.decimal(data).ok();
    assert_eq!(decimal, Decimal::from_lexeme(lexeme.as_bytes()), "{lexeme}");
    assert_eq!(
        decimal.map(|value| value.to_string()),
        expanded(lexeme),
        "{lexeme}"
    );
    assert_eq!(number.to_i64(), lexeme.parse().ok(), "{lexeme}");
    assert_eq!(number.to_f64(data), lexeme.parse().unwrap(), "{lexeme}");
    if let Some(decimal) = decimal {
        check_text(decimal);
        check_scales(decimal);
    }
});

fn check_text(decimal: Decimal) {
    let text = decimal.to_string();
    assert_eq!(Decimal::from_lexeme(text.as_bytes()), Some(decimal));
    assert_eq!(
        Decimal::new(decimal.mantissa(), decimal.scale()),
        Some(decimal)
    );
}

/// At a larger scale the text has more zeros; at a smaller one there is nothing.
fn check_scales(decimal: Decimal) {
    let zeros = "0".repeat(MAX_DIGITS as usize);
    let text = decimal.mantissa().to_string() + &zeros;
    let digits = text.len() - zeros.len();
    for scale in 0..=MAX_DIGITS {
        let padded = scale
            .checked_sub(decimal.scale())
            .map(|count| text[..digits + count as usize].trim_start_matches('0'));
        let expected = padded
            .filter(|text| text.len() <= MAX_DIGITS as usize)
            .map(|text| text.parse().unwrap_or(0));
        assert_eq!(decimal.mantissa_at(scale), expected, "{decimal} at {scale}");
    }
}

/// The number without exponent, moving the point in its text; `None` if it is negative or too long.
/// Zero has neither sign nor exponent.
fn expanded(lexeme: &str) -> Option<String> {
    let limit = MAX_DIGITS as usize;
    let (digits, exponent) = lexeme.split_once(['e', 'E']).unwrap_or((lexeme, "0"));
    let (digits, exponent) = match digits.trim_start_matches('-') {
        zero if zero.bytes().all(|byte| matches!(byte, b'0' | b'.')) => (zero, "0"),
        _ => (digits, exponent),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let exponent: i64 = exponent.parse().ok()?;
    let scale = i64::try_from(fraction.len())
        .unwrap()
        .checked_sub(exponent)?;
    let mut digits = [whole, fraction].concat();
    let significant = |digits: &str| digits.trim_start_matches('0').len();
    if whole.starts_with('-') || scale.unsigned_abs() > limit as u64 || significant(&digits) > limit
    {
        return None;
    }
    digits += &"0".repeat(usize::try_from(-scale).unwrap_or(0));
    let scale = usize::try_from(scale).unwrap_or(0);
    let digits = format!(
        "{:0>width$}",
        digits.trim_start_matches('0'),
        width = scale + 1
    );
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale > 0 { "." } else { "" };
    (significant(&digits) <= limit).then(|| format!("{whole}{point}{fraction}"))
}
