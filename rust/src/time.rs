//! RFC 3339 text to integer nanoseconds since the epoch.

const NANOS: i128 = 1_000_000_000;

/// Nanoseconds since the epoch, `None` if the text is not a timestamp.
///
/// Zero to nine digits after the second count, further ones are dropped. A text without zone is
/// taken as UTC, since one of the exchange's own documentation examples is printed like that.
/// Years are 1 to 9999; leap seconds are refused.
///
/// ```
/// use kraken_connector::time::timestamp_ns;
///
/// assert_eq!(timestamp_ns(b"1970-01-01T00:00:01.5Z"), Some(1_500_000_000));
/// assert_eq!(timestamp_ns(b"yesterday"), None);
/// ```
#[must_use]
pub fn timestamp_ns(text: &[u8]) -> Option<i128> {
    let (moment, rest) = text.split_first_chunk::<19>()?;
    let seconds = civil_seconds(moment)?;
    let (nanos, rest) = fraction(rest)?;
    let offset = zone_seconds(rest)?;
    Some(i128::from(seconds - offset) * NANOS + i128::from(nanos))
}

/// Reads timestamps of which most are in the same minute as the one before, with microseconds.
#[derive(Debug, Default)]
pub(crate) struct RecentTime {
    /// `YYYY-MM-DDTHH:MM` of the last one, and its nanoseconds.
    minute: [u8; 16],
    minute_ns: i64,
}

impl RecentTime {
    /// The same as [`timestamp_ns`], `None` also for what has more than 64 bits.
    #[inline]
    pub(crate) fn timestamp_ns(&mut self, text: &[u8]) -> Option<i64> {
        let (minute, rest) = text.split_first_chunk::<16>()?;
        if *minute == self.minute
            && let Some(nanos) = nanos_in_minute(rest)
        {
            return self.minute_ns.checked_add(nanos);
        }
        let moment: i64 = timestamp_ns(text)?.try_into().ok()?;
        if let Some(nanos) = nanos_in_minute(rest) {
            (self.minute, self.minute_ns) = (*minute, moment.checked_sub(nanos)?);
        }
        Some(moment)
    }
}

/// Nanoseconds of `:SS.ffffffZ`.
#[inline(always)]
fn nanos_in_minute(text: &[u8]) -> Option<i64> {
    let [b':', s0, s1, b'.', u0, u1, u2, u3, u4, u5, b'Z'] = *text else {
        return None;
    };
    let second = two(s0, s1).filter(|second| *second < 60)?;
    let micros = (two(u0, u1)? * 100 + two(u2, u3)?) * 100 + two(u4, u5)?;
    Some((second * 1_000_000 + micros) * 1000)
}

/// Seconds of `YYYY-MM-DDTHH:MM:SS`, read as UTC.
fn civil_seconds(text: &[u8; 19]) -> Option<i64> {
    let [
        y0,
        y1,
        y2,
        y3,
        b'-',
        mo0,
        mo1,
        b'-',
        d0,
        d1,
        sep,
        h0,
        h1,
        b':',
        mi0,
        mi1,
        b':',
        s0,
        s1,
    ] = *text
    else {
        return None;
    };
    let year = two(y0, y1)? * 100 + two(y2, y3)?;
    let (month, day) = (two(mo0, mo1)?, two(d0, d1)?);
    let (hour, minute, second) = (two(h0, h1)?, two(mi0, mi1)?, two(s0, s1)?);
    let valid = matches!(sep, b'T' | b't' | b' ')
        && year >= 1
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    valid.then(|| days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Nanoseconds of an optional `.123456`, and what follows it.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.', text)) = text.split_first() else {
        return Some((0, text));
    };
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(length)?;
    let nanos = (0..9).fold(0, |nanos, at| {
        nanos * 10 + digits.get(at).map_or(0, |&byte| i64::from(byte - b'0'))
    });
    (length > 0).then_some((nanos, rest))
}

/// Seconds east of Greenwich of `Z`, `+HH:MM` or nothing.
fn zone_seconds(text: &[u8]) -> Option<i64> {
    match *text {
        [] | [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => {
            let offset = two(h0, h1)? * 3600 + two(m0, m1)? * 60;
            let signed = if sign == b'-' { -offset } else { offset };
            (offset < 86_400).then_some(signed)
        }
        _ => None,
    }
}

fn two(tens: u8, ones: u8) -> Option<i64> {
    let valid = tens.is_ascii_digit() && ones.is_ascii_digit();
    valid.then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01. A year is counted from March, so that the leap day comes last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + leaps + day_of_year - 719_468
}
