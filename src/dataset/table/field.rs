//! One field of a table: a number, a date, a missing value, text.
//!
//! Not what its column is (`infer`).

use std::borrow::Cow;

/// What stands for a value that is not there, in any column. As pandas reads it, and the `?` of UCI's files.
/// Not `None`, which is the name of a category in too many files.
const MISSING: [&str; 17] = [
    "", "NA", "N/A", "n/a", "na", "#N/A", "#N/A N/A", "#NA", "<NA>", "NaN", "nan", "-nan", "-NaN", "NULL",
    "null", "?", "NaT",
];

/// And where the other values are numbers.
const MISSING_NUMBER: [&str; 8] = [".", "-", "--", "n.a.", "None", "none", "missing", "unknown"];

/// Whether `text` stands for a value that is not there.
pub(in crate::dataset) fn is_missing(text: &str) -> bool {
    MISSING.contains(&text)
}

/// The same of a label: signs that stand for nothing are no class either. The minus of `+` and `-` is one, and is
/// left to whoever knows the other labels.
pub(in crate::dataset) fn is_missing_label(text: &str) -> bool {
    is_missing(text) || matches!(text, "." | "--" | "n.a.")
}

/// The same in a column of numbers.
pub(super) fn is_missing_number(text: &str) -> bool {
    is_missing(text) || MISSING_NUMBER.contains(&text)
}

/// A field without the blanks around it, what a terminal would obey written as an escape: `\u{1b}`.
///
/// Escaped here, where text comes in, and so everywhere: in messages, files and reports.
pub(in crate::dataset) fn text(field: &[u8]) -> String {
    match String::from_utf8_lossy(field.trim_ascii()) {
        Cow::Borrowed(text) if !text.chars().any(is_unseen) => text.to_owned(),
        text => text
            .chars()
            .flat_map(|c| {
                let (escaped, plain) = match is_unseen(c) {
                    true => (Some(c.escape_unicode()), None),
                    false => (None, Some(c)),
                };
                escaped.into_iter().flatten().chain(plain)
            })
            .collect(),
    }
}

/// Control characters, and those that change the direction or the width of the text around them.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A number in plain digits, as nearly every field of nearly every file is: what `str::parse` makes of it, in half the
/// time. `None` of other numbers, and of what is none.
pub(super) fn plain(field: &[u8]) -> Option<f64> {
    fast_float2::parse(field).ok()
}

/// A number as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Number {
    /// A percentage is a hundredth.
    pub(super) value: f64,
    /// `%`, a currency's sign or letters, or nothing.
    pub(super) unit: String,
    /// Whether commas, where they are not the decimal sign, stood between thousands.
    pub(super) thousands: bool,
}

const CURRENCIES: [&str; 15] =
    ["$", "€", "£", "¥", "₹", "₩", "₽", "US$", "USD", "EUR", "GBP", "CHF", "JPY", "INR", "CNY"];

/// Reads a number: plain, with separators between thousands, in percent, of a currency, in parentheses where
/// it is below 0.
pub(super) fn number(text: &str, decimal_comma: bool) -> Option<Number> {
    if !decimal_comma && let Ok(value) = text.parse::<f64>() {
        return Some(Number { value, unit: String::new(), thousands: false });
    }
    let (text, negative) = match text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) {
        Some(inner) => (inner.trim(), true),
        None => (text, false),
    };
    let (sign, text) = match text.strip_prefix(['-', '−']) {
        Some(rest) => (-1.0, rest.trim_start()),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let percent = text.strip_suffix('%').map(|rest| ("%", rest));
    let before = || CURRENCIES.iter().find_map(|unit| Some((*unit, text.strip_prefix(unit)?)));
    let after = || CURRENCIES.iter().find_map(|unit| Some((*unit, text.strip_suffix(unit)?)));
    let (unit, digits) = percent.or_else(before).or_else(after).unwrap_or(("", text));
    let digits = digits.trim();
    let (inner_sign, digits) = match digits.strip_prefix(['-', '−']) {
        Some(rest) if !unit.is_empty() && sign > 0.0 => (-1.0, rest),
        _ => (1.0, digits),
    };
    let (value, thousands) = grouped(digits, decimal_comma)?;
    let scale = if unit == "%" { 0.01 } else { 1.0 };
    // A hundredth by division: 79% is the number nearest to 0.79.
    let value = if scale < 1.0 { value / 100.0 } else { value };
    let value = sign * inner_sign * if negative { -value } else { value };
    Some(Number { value, unit: unit.to_owned(), thousands })
}

/// Digits in groups of three, and a fraction; whether there were groups.
fn grouped(text: &str, decimal_comma: bool) -> Option<(f64, bool)> {
    let (point, separators) = if decimal_comma { (',', ['.', ' ']) } else { ('.', [',', ' ']) };
    let (whole, fraction) = match text.split_once(point) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let is_digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let separator = whole.chars().find(|c| !c.is_ascii_digit());
    let plain: String = match separator {
        None => whole.to_owned(),
        Some(c) if separators.contains(&c) || matches!(c, '\'' | '’' | '\u{a0}' | '\u{202f}') => {
            let mut groups = whole.split(c);
            let first = groups.next()?;
            let led = is_digits(first) && first.len() <= 3 && first != "0";
            if !led || !groups.clone().all(|g| g.len() == 3 && is_digits(g)) {
                return None;
            }
            whole.split(c).collect()
        }
        Some(_) if decimal_comma => {
            // An exponent, as in 1,5e-3.
            return text
                .replacen(',', ".", 1)
                .parse()
                .ok()
                .filter(|_| !text.contains('.'))
                .map(|v| (v, false));
        }
        Some(_) => return text.parse().ok().map(|value| (value, false)),
    };
    let fraction = match fraction {
        Some(fraction) if !fraction.is_empty() || !plain.is_empty() => format!(".{fraction}"),
        Some(_) => return None,
        None => String::new(),
    };
    let text = format!("{plain}{fraction}");
    text.bytes().any(|b| b.is_ascii_digit()).then_some(())?;
    Some((text.parse().ok()?, separator.is_some()))
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Whether `word` is one of `names`, or three or more of its first letters.
fn is_named(word: &str, names: &[&str]) -> bool {
    word.len() >= 3 && names.iter().any(|name| name.starts_with(&word.to_ascii_lowercase()))
}

/// Whether `text` is a date, a time, or both: 2021-09-19, 19.9.2021 14:30, Sep 19, 2021, 2021-09.
pub(super) fn is_date(text: &str) -> bool {
    let Some(first) = text.find(|c: char| c.is_ascii_digit()) else { return false };
    // Words are months and days of the week, and the marks of a time.
    let word = |w: &str| {
        let mark = matches!(w.to_ascii_lowercase().as_str(), "t" | "z" | "am" | "pm" | "utc" | "gmt");
        mark || is_named(w, &MONTHS) || is_named(w, &DAYS)
    };
    let words: Vec<&str> = text.split(|c: char| !c.is_alphabetic()).filter(|w| !w.is_empty()).collect();
    let signs = text.chars().all(|c| c.is_alphanumeric() || "-/.:, +".contains(c));
    if !signs || !words.iter().all(|w| word(w)) || first > 12 {
        return false;
    }
    let month = words.iter().any(|w| is_named(w, &MONTHS));
    let (date, time) = match text.find(':') {
        // The hour is the digits before the colon.
        Some(colon) => {
            let hour = text[..colon].rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1);
            text.split_at(hour)
        }
        None => (text, ""),
    };
    let numbers = |t: &str| -> Vec<(u32, usize)> {
        let parts = t.split(|c: char| !c.is_ascii_digit()).filter(|p| !p.is_empty());
        parts.filter_map(|p| Some((p.parse().ok()?, p.len()))).collect()
    };
    if !time.is_empty() {
        let parts = numbers(time);
        if parts.len() < 2 || parts[0].0 > 24 || parts[1].0 > 59 || parts[1].1 != 2 {
            return false;
        }
    }
    let year = |(value, digits): (u32, usize)| digits == 4 && (1000..3000).contains(&value);
    let day = |(value, digits): (u32, usize)| digits <= 2 && (1..=31).contains(&value);
    let moon = |(value, digits): (u32, usize)| digits <= 2 && (1..=12).contains(&value);
    let short = |(_, digits): (u32, usize)| digits == 2;
    match (numbers(date)[..].as_ref(), month) {
        ([], false) => !time.is_empty(),
        ([a, b], true) => day(*a) && (year(*b) || short(*b)) || year(*a) && day(*b),
        ([a, b], false) => year(*a) && moon(*b) && date.contains('-'),
        ([a, b, c], false) => {
            year(*a) && moon(*b) && day(*c)
                || (year(*c) || short(*c)) && (day(*a) && moon(*b) || moon(*a) && day(*b))
        }
        _ => false,
    }
}

/// Whether a whole number is a date written as 20210919.
pub(super) fn is_compact_date(value: f64) -> bool {
    let day = value as u32;
    value.fract() == 0.0
        && (19_000_101..=21_001_231).contains(&day)
        && (1..=12).contains(&(day / 100 % 100))
        && (1..=31).contains(&(day % 100))
}

/// `x` rounded to three significant digits.
pub(super) fn three_digits(x: f32) -> f32 {
    format!("{x:.2e}").parse().unwrap_or(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, comma: bool) -> Option<f64> {
        number(text, comma).map(|n| n.value)
    }

    #[test]
    fn numbers_as_people_write_them() {
        for (text, expected) in [
            ("1.5", 1.5),
            ("-2e3", -2000.0),
            ("3,524,088", 3_524_088.0),
            ("-1,234.5", -1234.5),
            ("1 234 567", 1_234_567.0),
            ("1'234.5", 1234.5),
            ("79%", 0.79),
            ("7.5 %", 0.075),
            ("$1,200.50", 1200.5),
            ("-$12", -12.0),
            ("$-12", -12.0),
            ("($12)", -12.0),
            ("12 €", 12.0),
            ("EUR 12", 12.0),
            ("−3", -3.0),
        ] {
            assert_eq!(value(text, false), Some(expected), "{text}");
        }
        for text in
            ["1,5", "12,34", "1,2345", "0,123", "V45", "12 34", "1,,000", "%", "$", "", "1.2.3", "250.1x"]
        {
            assert_eq!(value(text, false), None, "{text}");
        }
        for (text, expected) in [
            ("1,5", 1.5),
            ("1.234,5", 1234.5),
            ("0,123", 0.123),
            ("12", 12.0),
            ("5,5 %", 0.055),
            ("1,5e-3", 0.0015),
        ] {
            assert_eq!(value(text, true), Some(expected), "{text}");
        }
        assert_eq!(value("1.5", true), None, "a point between other than thousands");
        assert!(number("3,524,088", false).is_some_and(|n| n.thousands && n.unit.is_empty()));
        assert_eq!(number("$5", false).map(|n| n.unit).as_deref(), Some("$"));
    }

    #[test]
    fn plain_numbers_are_what_the_language_makes_of_them() {
        let bits = |value: Option<f64>| value.map(f64::to_bits);
        let same = |text: &str| assert_eq!(bits(plain(text.as_bytes())), bits(text.parse().ok()), "{text:?}");
        for text in [
            "", ".", "1.", ".5", "+1", "-", "+-1", "1e", "1e+", "1e400", "-0", "1_0", " 1", "1 ", "0x1",
            "inf",
        ] {
            same(text);
        }
        use rand::Rng;
        let mut rng = crate::random::stream(7, crate::random::Stream::Synthetic);
        for _ in 0..200_000 {
            let length = 1 + (rng.next_u64() % 24) as usize;
            let letters = b"0123456789012345678901234567890123456789+-.eEinfty";
            let text = (0..length).map(|_| letters[rng.next_u64() as usize % letters.len()] as char);
            same(&text.collect::<String>());
        }
    }

    #[test]
    fn dates_are_told_from_codes() {
        for text in [
            "2021-09-19",
            "2021-09-19T12:30:00Z",
            "2021-09-19 12:30:00+02:00",
            "19.9.2021",
            "9/19/21",
            "19/09/2021 7:05 PM",
            "Sep 19, 2021",
            "19-Sep-2021",
            "Sunday, 19 September 2021",
            "2021-09",
            "12:30",
        ] {
            assert!(is_date(text), "{text}");
        }
        for text in [
            "V45",
            "250.1",
            "1.2.3",
            "A-12-3",
            "Riga",
            "12-34-56-78",
            "market 12",
            "Mar",
            "10.0.0.1",
            "33/44/55",
        ] {
            assert!(!is_date(text), "{text}");
        }
        assert!(is_compact_date(20_210_919.0) && !is_compact_date(20_211_319.0) && !is_compact_date(2021.0));
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(text(b"\x1b[2Jlabel "), "\\u{1b}[2Jlabel");
        assert_eq!(text("a\u{202e}b\u{9b}".as_bytes()), "a\\u{202e}b\\u{9b}");
        assert_eq!(text("Müller <b>".as_bytes()), "Müller <b>");
    }

    #[test]
    fn medians_keep_three_digits() {
        assert_eq!(
            [0.0, 1.0, 0.12345, -98765.4, 1e-20].map(three_digits),
            [0.0, 1.0, 0.123, -98800.0, 1e-20]
        );
    }
}
