//! Days, ranges and months as people write them.
use chrono::{Months, NaiveDate};

use crate::project::{Period, PeriodError};

/// Years outside of these are slips of the hand.
const YEARS: std::ops::RangeInclusive<i32> = 1990..=2100;
/// A date is written with a few words; more are not read.
const MAX_WORDS: usize = 16;

/// A text is no date, or not one date only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// The text is no day, range or month.
    #[error("it is no day, range or month")]
    NoDate,
    /// Day and month of numbers with slashes cannot be told apart.
    #[error("day and month cannot be told apart")]
    DayOrMonth,
    /// There is no such day.
    #[error("there is no such day")]
    NoSuchDay,
    /// The year is missing, or far from now.
    #[error("the year is missing, or not between 1990 and 2100")]
    Year,
    /// The days make no period.
    #[error(transparent)]
    Period(#[from] PeriodError),
}

#[derive(Clone, Copy, Debug)]
enum Token {
    Day(NaiveDate),
    Number(u32),
    Year(i32),
    Month(u32),
    Dash,
}

/// Reads `2026-06-14`, `14-16 June 2026`, `June 14 to July 2, 2026`, `June 2026` and their like.
///
/// # Errors
/// [`DateError`] says what is wrong; nothing is guessed.
pub fn parse(text: &str) -> Result<Period, DateError> {
    let tokens = tokens(text)?;
    let (start, end) = span(&tokens)?;
    Ok(Period::new(start, end)?)
}

#[expect(clippy::many_single_char_names, reason = "days, months and years in their order")]
fn span(tokens: &[Token]) -> Result<(NaiveDate, NaiveDate), DateError> {
    use Token::{Dash, Day, Month, Number, Year};
    match *tokens {
        [Day(a)] => Ok((a, a)),
        [Day(a), Dash, Day(b)] => Ok((a, b)),
        [Month(m), Year(y)] => month(y, m),
        [Month(m), Dash, Month(n), Year(y)] => Ok((month(y, m)?.0, month(y, n)?.1)),
        [Month(m), Year(y), Dash, Month(n), Year(z)] => Ok((month(y, m)?.0, month(z, n)?.1)),
        [Number(d), Month(m), Year(y)] | [Month(m), Number(d), Year(y)] => {
            day(y, m, d).map(|day| (day, day))
        }
        [Number(d), Dash, Number(e), Month(m), Year(y)]
        | [Month(m), Number(d), Dash, Number(e), Year(y)] => Ok((day(y, m, d)?, day(y, m, e)?)),
        [Number(d), Month(m), Dash, Number(e), Month(n), Year(y)]
        | [Month(m), Number(d), Dash, Month(n), Number(e), Year(y)] => {
            Ok((day(y, m, d)?, day(y, n, e)?))
        }
        [Number(d), Month(m), Year(y), Dash, Number(e), Month(n), Year(z)]
        | [Month(m), Number(d), Year(y), Dash, Month(n), Number(e), Year(z)] => {
            Ok((day(y, m, d)?, day(z, n, e)?))
        }
        _ if !tokens.iter().any(|token| matches!(token, Day(_) | Year(_)))
            && tokens.iter().any(|token| matches!(token, Month(_))) =>
        {
            Err(DateError::Year)
        }
        _ => Err(DateError::NoDate),
    }
}

fn day(year: i32, month: u32, day: u32) -> Result<NaiveDate, DateError> {
    if !YEARS.contains(&year) {
        return Err(DateError::Year);
    }
    NaiveDate::from_ymd_opt(year, month, day).ok_or(DateError::NoSuchDay)
}

/// Returns the first and the last day of a month.
fn month(year: i32, month: u32) -> Result<(NaiveDate, NaiveDate), DateError> {
    let first = day(year, month, 1)?;
    let last = first.checked_add_months(Months::new(1)).and_then(|next| next.pred_opt());
    Ok((first, last.unwrap_or(first)))
}

fn tokens(text: &str) -> Result<Vec<Token>, DateError> {
    let mut tokens = Vec::new();
    for word in words(text) {
        if tokens.len() > MAX_WORDS {
            return Err(DateError::NoDate);
        }
        match word.as_str() {
            "-" | "to" | "until" | "till" | "through" => tokens.push(Token::Dash),
            "of" | "the" | "from" => {}
            word if is_weekday(word) => {}
            word => tokens.push(token(word)?),
        }
    }
    Ok(tokens)
}

/// Parts a text at white space and commas, and ranges at their dash.
fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase().replace(['–', '—', '−'], "-").replace("..", " - ");
    let mut words = Vec::new();
    for word in text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty())
    {
        if word == "-" || whole(word).is_some() {
            words.push(word.to_owned());
            continue;
        }
        for (place, part) in word.split('-').enumerate() {
            if place > 0 {
                words.push("-".to_owned());
            }
            if !part.is_empty() {
                words.push(part.to_owned());
            }
        }
    }
    words
}

fn token(word: &str) -> Result<Token, DateError> {
    if let Some(whole) = whole(word) {
        return whole.map(Token::Day);
    }
    if let Some(month) = month_number(word) {
        return Ok(Token::Month(month));
    }
    let suffixes = ["st", "nd", "rd", "th", "."];
    let bare = suffixes.iter().find_map(|suffix| word.strip_suffix(suffix)).unwrap_or(word);
    let is_number = bare.bytes().all(|byte| byte.is_ascii_digit());
    match (is_number, bare.len()) {
        (true, 1..=2) => Ok(Token::Number(bare.parse().unwrap_or_default())),
        (true, 4) => Ok(Token::Year(bare.parse().unwrap_or_default())),
        _ => Err(DateError::NoDate),
    }
}

/// Reads a day that is one word: `2026-06-14`, `14.6.2026`, `14/6/2026`.
#[expect(clippy::many_single_char_names, reason = "days, months and years in their order")]
fn whole(word: &str) -> Option<Result<NaiveDate, DateError>> {
    let split = |mark: char| -> Option<[&str; 3]> {
        let parts: Vec<&str> = word.split(mark).collect();
        let are_numbers =
            parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        let parts: [&str; 3] = parts.try_into().ok()?;
        are_numbers.then_some(parts)
    };
    let number = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX);
    let year = |text: &str| if text.len() == 4 { text.parse().unwrap_or_default() } else { 0 };
    if let Some([y, m, d]) = split('-').filter(|parts| parts[0].len() == 4) {
        return Some(day(year(y), number(m), number(d)));
    }
    if let Some([d, m, y]) = split('.') {
        return Some(day(year(y), number(m), number(d)));
    }
    let [a, b, y] = split('/')?;
    Some(match (number(a), number(b)) {
        (d, m) if d == m || d > 12 => day(year(y), m, d),
        (m, d) if d > 12 => day(year(y), m, d),
        _ => Err(DateError::DayOrMonth),
    })
}

fn month_number(word: &str) -> Option<u32> {
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
    let word = word.trim_end_matches('.');
    let word = if word == "sept" { "sep" } else { word };
    let place =
        MONTHS.iter().position(|name| *name == word || word.len() == 3 && name.starts_with(word));
    place.and_then(|place| u32::try_from(place + 1).ok())
}

fn is_weekday(word: &str) -> bool {
    const DAYS: [&str; 7] =
        ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let word = word.trim_end_matches('.');
    word.len() >= 3 && DAYS.iter().any(|name| name.starts_with(word))
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, Days};

    use super::*;

    fn check(text: &str, want: Result<&str, DateError>) {
        let got = parse(text).map(|period| period.to_string());
        assert_eq!(got, want.map(str::to_owned), "{text:?}");
    }

    #[test]
    fn onb_1_days_ranges_and_months() {
        for (text, want) in [
            ("2026-06-14", "2026-06-14 to 2026-06-14"),
            ("14 June 2026", "2026-06-14 to 2026-06-14"),
            ("14th of June, 2026", "2026-06-14 to 2026-06-14"),
            ("Sunday, June 14, 2026", "2026-06-14 to 2026-06-14"),
            ("jun 14 2026", "2026-06-14 to 2026-06-14"),
            ("14. June 2026", "2026-06-14 to 2026-06-14"),
            ("14.6.2026", "2026-06-14 to 2026-06-14"),
            ("14/06/2026", "2026-06-14 to 2026-06-14"),
            ("06/14/2026", "2026-06-14 to 2026-06-14"),
            ("06/06/2026", "2026-06-06 to 2026-06-06"),
            ("2026-06-14 to 2026-06-16", "2026-06-14 to 2026-06-16"),
            ("2026-06-14..2026-06-16", "2026-06-14 to 2026-06-16"),
            ("2026-06-14 – 2026-06-16", "2026-06-14 to 2026-06-16"),
            ("14.06.2026-16.06.2026", "2026-06-14 to 2026-06-16"),
            ("14-16 June 2026", "2026-06-14 to 2026-06-16"),
            ("June 14–16, 2026", "2026-06-14 to 2026-06-16"),
            ("30 June to 2 July 2026", "2026-06-30 to 2026-07-02"),
            ("June 30 - July 2, 2026", "2026-06-30 to 2026-07-02"),
            ("30 Dec 2026 until 2 Jan 2027", "2026-12-30 to 2027-01-02"),
            ("June 2026", "2026-06-01 to 2026-06-30"),
            ("from June to August 2026", "2026-06-01 to 2026-08-31"),
            ("Dec 2026 - Feb 2028", "2026-12-01 to 2028-02-29"),
            ("29 February 2028", "2028-02-29 to 2028-02-29"),
        ] {
            check(text, Ok(want));
        }
    }

    #[test]
    fn onb_1_what_is_no_date_is_refused_with_the_reason() {
        use DateError::{DayOrMonth, NoDate, NoSuchDay, Year};
        for (text, want) in [
            ("", NoDate),
            ("soon", NoDate),
            ("2026", NoDate),
            ("14", NoDate),
            ("14 June 26", Year),
            ("14 June", Year),
            ("June", Year),
            ("06/07/2026", DayOrMonth),
            ("31 June 2026", NoSuchDay),
            ("2026-02-30", NoSuchDay),
            ("29 February 2026", NoSuchDay),
            ("0 June 2026", NoSuchDay),
            ("2026-13-01", NoSuchDay),
            ("14 June 0026", Year),
            ("14.6.26", Year),
            ("16-14 June 2026", DateError::Period(PeriodError::Backwards)),
            ("2000-01-01 to 2026-01-01", DateError::Period(PeriodError::TooLong)),
            ("14 June 2026 15 June 2026", NoDate),
            ("99999999999999999999-01-01", NoDate),
            ("- - -", NoDate),
            ("٢٠٢٦-٠٦-١٤", NoDate),
        ] {
            check(text, Err(want));
        }
        check(&"1-".repeat(500_000), Err(NoDate));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_much(text in "[0-9a-z \\-./,–]{0,60}") {
            if let Ok(period) = parse(&text) {
                proptest::prop_assert!(YEARS.contains(&period.start().year()));
                let again = parse(&period.to_string());
                proptest::prop_assert_eq!(again, Ok(period));
            }
        }
    }

    #[test]
    fn a_period_is_widened_by_days() {
        let period = parse("2026-06-14").unwrap().widened(Days::new(2), Days::new(3));
        assert_eq!(period.to_string(), "2026-06-12 to 2026-06-17");
    }
}
