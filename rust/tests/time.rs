use kraken_connector::time::timestamp_ns;

fn parse(text: &str) -> Option<i128> {
    timestamp_ns(text.as_bytes())
}

#[test]
fn any_number_of_digits_counts_up_to_nine() {
    let second = 1_690_731_049_000_000_000;
    assert_eq!(parse("2023-07-30T15:30:49Z"), Some(second));
    assert_eq!(
        parse("2023-07-30T15:30:49.008834Z"),
        Some(second + 8_834_000)
    );
    assert_eq!(
        parse("2023-07-30T15:30:49.123456789Z"),
        Some(second + 123_456_789)
    );
    assert_eq!(
        parse("2023-07-30T15:30:49.1234567899Z"),
        Some(second + 123_456_789)
    );
}

#[test]
fn a_missing_zone_is_utc_and_others_are_taken_off() {
    let second = 1_655_107_750_000_000_000;
    assert_eq!(
        parse("2022-06-13T08:09:10.7890123"),
        Some(second + 789_012_300)
    );
    assert_eq!(parse("2022-06-13t10:09:10+02:00"), Some(second));
    assert_eq!(parse("2022-06-13 07:39:10-00:30"), Some(second));
}

#[test]
fn the_calendar_is_gregorian() {
    assert_eq!(parse("1970-01-01T00:00:00Z"), Some(0));
    assert_eq!(parse("1969-12-31T23:59:59.5Z"), Some(-500_000_000));
    assert_eq!(parse("2000-02-29T00:00:00Z"), Some(951_782_400_000_000_000));
    assert_eq!(
        parse("0001-01-01T00:00:00Z"),
        Some(-62_135_596_800_000_000_000)
    );
    assert_eq!(
        parse("9999-12-31T23:59:59Z"),
        Some(253_402_300_799_000_000_000)
    );
}

#[test]
fn what_is_no_timestamp_is_none() {
    for text in [
        "",
        "2023-07-30",
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2023-13-01T00:00:00Z",
        "2023-07-30T24:00:00Z",
        "2023-07-30T23:60:00Z",
        "2023-07-30T23:59:60Z",
        "2023-07-30T23:59:59.Z",
        "2023-07-30T23:59:59+24:00",
        "2023-07-30T23:59:59Zz",
        "0000-01-01T00:00:00Z",
        "2023-07-30T23:59:5\u{663}Z",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}
