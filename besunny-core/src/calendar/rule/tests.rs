//! Rules against the examples of RFC 5545 3.8.5.3, and against a plain reading of every second.
use chrono::{NaiveTime, TimeDelta, Timelike};
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> NaiveDateTime {
    match Moment::parse(text).unwrap() {
        Moment::Day(day) => day.and_time(NaiveTime::MIN),
        Moment::Local(at) | Moment::Utc(at) => at,
    }
}

fn walk(rule: &Rule, start: &str, from: &str, to: &str, most: usize) -> (Vec<NaiveDateTime>, bool) {
    let mut found = Vec::new();
    let last = rule.until.map(|until| match until {
        Until::Day(day) => day.and_hms_opt(23, 59, 59).unwrap(),
        Until::Local(at) | Until::Utc(at) => at,
    });
    let to = last.map_or(at(to), |last| last.min(at(to)));
    let is_cut = rule.walk(at(start), at(from)..=to, &mut Steps::new(1_000_000), |time| {
        found.push(time);
        found.len() < most
    });
    (found, is_cut)
}

/// Checks the first occurrences of a rule that begins at `start`; times are left out when they are
/// those of the start.
#[track_caller]
fn check(start: &str, rule: &str, want: &str) {
    let want: Vec<_> = want.split_whitespace().collect();
    let parsed = Rule::parse(rule).unwrap();
    let (got, _) = walk(&parsed, start, start, "20301231T235959", want.len());
    let got: Vec<_> = got
        .iter()
        .zip(&want)
        .map(|(time, want)| {
            time.format(if want.len() == 8 { "%Y%m%d" } else { "%Y%m%dT%H%M" }).to_string()
        })
        .collect();
    assert_eq!(got, want, "{rule}");
}

/// The examples of RFC 5545 3.8.5.3: the start, the rule, the first occurrences.
const EXAMPLES: [(&str, &str, &str); 26] = [
    (
        "19970902T090000",
        "FREQ=DAILY;INTERVAL=10;COUNT=5",
        "19970902 19970912 19970922 19971002 19971012",
    ),
    (
        "19980101T090000",
        "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA",
        "19980101 19980102 19980103",
    ),
    ("19970902T090000", "FREQ=WEEKLY;INTERVAL=2;WKST=SU", "19970902 19970916 19970930 19971014"),
    (
        "19970901T090000",
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
        "19970901 19970903 19970905 19970915 19970917",
    ),
    (
        "19970805T090000",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
        "19970805 19970810 19970819 19970824",
    ),
    (
        "19970805T090000",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
        "19970805 19970817 19970819 19970831",
    ),
    (
        "19970905T090000",
        "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
        "19970905 19971003 19971107 19971205 19980102 19980206",
    ),
    (
        "19970907T090000",
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        "19970907 19970928 19971102 19971130 19980104 19980125",
    ),
    (
        "19970922T090000",
        "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
        "19970922 19971020 19971117 19971222 19980119 19980216",
    ),
    (
        "19970928T090000",
        "FREQ=MONTHLY;BYMONTHDAY=-3",
        "19970928 19971029 19971128 19971229 19980129 19980226",
    ),
    (
        "19970930T090000",
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
        "19970930 19971001 19971031 19971101 19971130",
    ),
    (
        "19970310T090000",
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
        "19970310 19990110 19990210 19990310 20010110",
    ),
    (
        "19970101T090000",
        "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
        "19970101 19970410 19970719 20000101 20000409 20000718 20030101",
    ),
    ("19970519T090000", "FREQ=YEARLY;BYDAY=20MO", "19970519 19980518 19990517"),
    ("19970512T090000", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "19970512 19980511 19990517"),
    ("19970512T090000", "FREQ=YEARLY;BYWEEKNO=20", "19970512 19980511 19990517"),
    ("19970313T090000", "FREQ=YEARLY;BYMONTH=3;BYDAY=TH", "19970313 19970320 19970327 19980305"),
    (
        "19980213T090000",
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        "19980213 19980313 19981113 19990813 20001013",
    ),
    (
        "19961105T090000",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "19961105 20001107 20041102",
    ),
    (
        "19970904T090000",
        "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
        "19970904 19971007 19971106",
    ),
    (
        "19970929T090000",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
        "19970929 19971030 19971127 19971230",
    ),
    (
        "19970902T090000",
        "FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T170000Z",
        "19970902T0900 19970902T1200 19970902T1500",
    ),
    (
        "19970902T090000",
        "FREQ=MINUTELY;INTERVAL=15;COUNT=6",
        "19970902T0900 19970902T0915 19970902T0930 19970902T0945 19970902T1000 19970902T1015",
    ),
    (
        "19970902T090000",
        "FREQ=DAILY;BYHOUR=9,10;BYMINUTE=0,20,40",
        "19970902T0900 19970902T0920 19970902T0940 19970902T1000 19970902T1020 19970902T1040 19970903T0900",
    ),
    (
        "19970902T090000",
        "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,16",
        "19970902T0900 19970902T0920 19970902T0940 19970902T1600 19970902T1620 19970902T1640 19970903T0900",
    ),
    (
        "20070115T090000",
        "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
        "20070115 20070130 20070215 20070315 20070330",
    ),
];

#[test]
fn the_examples_of_the_standard() {
    for (start, rule, want) in EXAMPLES {
        check(start, rule, want);
    }
}

#[test]
fn odd_rules_have_a_meaning() {
    // The start counts and comes first, whatever the rule says.
    check("20240103T090000", "FREQ=WEEKLY;BYDAY=MO;COUNT=3", "20240103 20240108 20240115");
    check("20240131T090000", "FREQ=MONTHLY", "20240131 20240331 20240531");
    check("20240229T090000", "FREQ=YEARLY", "20240229 20280229");
    check("20240101T090000", "freq=daily;count=-1;x-odd=1", "20240101 20240102 20240103");
    check("20241230T090000", "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO", "20241230 20251229 20270104");
    check("20240101T090000", "FREQ=YEARLY;BYWEEKNO=-1;BYDAY=SU", "20240101 20241229 20251228");
    check(
        "20240101T000000",
        "FREQ=HOURLY;BYMINUTE=0,30;BYSETPOS=-1",
        "20240101T0000 20240101T0030 20240101T0130",
    );
    check(
        "20240101T235959",
        "FREQ=SECONDLY;BYHOUR=5;BYMINUTE=7",
        "20240101T2359 20240102T0507 20240102T0507",
    );
    check("20240101T090000", "FREQ=DAILY;BYSECOND=60", "20240101T0900");
}

#[test]
fn what_is_no_rule() {
    for text in [
        "",
        "FREQ",
        "FREQ=",
        "FREQ=OFTEN",
        "COUNT=3",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=x",
        "FREQ=DAILY;UNTIL=soon",
        "FREQ=YEARLY;BYMONTH=13",
        "FREQ=YEARLY;BYMONTH=-1",
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;BYDAY=99MO",
        "FREQ=WEEKLY;WKST=1",
        "RSCALE=CHINESE;FREQ=YEARLY",
        "FREQ=DAILY;BYHOUR=24",
        "FREQ=WEEKLY;BYDAY=\u{fc}",
    ] {
        assert_eq!(Rule::parse(text), None, "{text}");
    }
    let long = format!("FREQ=DAILY;BYSECOND={}", "1,".repeat(VALUES + 1));
    assert_eq!(Rule::parse(&long), None);
}

#[track_caller]
fn check_cost(start: &str, rule: &str, from: &str, to: &str, want: (usize, bool)) {
    let (found, is_cut) = walk(&Rule::parse(rule).unwrap(), start, from, to, 1_000);
    assert_eq!((found.len(), is_cut), want, "{rule}");
}

#[test]
fn no_rule_walks_for_ever() {
    let old = "19700101T000000";
    check_cost(old, "FREQ=SECONDLY", "20260101", "20260101T000010", (11, false));
    check_cost(old, "FREQ=SECONDLY", "20260101", "20260201", (1_000, true));
    check_cost(old, "FREQ=SECONDLY;COUNT=999999999", "20260101", "20260201", (0, true));
    check_cost(old, "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "20260101", "99991231", (0, false));
    check_cost(old, "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", "20260101", "21260101", (0, false));
    check_cost(
        old,
        "FREQ=DAILY;BYMONTHDAY=31;BYMONTH=4;COUNT=5",
        "20260101",
        "99991231",
        (0, true),
    );
    check_cost(
        "00010101T000000",
        "FREQ=DAILY;INTERVAL=4000000000",
        "20260101",
        "99991231",
        (0, false),
    );
    check_cost(
        "00010101T000000",
        "FREQ=YEARLY;INTERVAL=4294967295",
        "20260101",
        "99991231",
        (0, false),
    );
    check_cost(
        old,
        "FREQ=YEARLY;BYSETPOS=-1;BYHOUR=1,2;BYYEARDAY=1,-1",
        "20260101",
        "20271231T235959",
        (2, false),
    );
    check_cost("20260101T000000", "FREQ=DAILY", "20200101", "20200201", (0, false));
}

/// Reads a rule of whole days in the plainest way: look at every day.
fn plainly(rule: &Rule, start: NaiveDateTime, to: NaiveDateTime) -> Vec<NaiveDateTime> {
    let completed = rule.completed(start.date());
    let months = |day: NaiveDate| i64::from(day.year()) * 12 + i64::from(day.month0());
    let week = |day: NaiveDate| {
        let since = i64::from(day.weekday().days_since(rule.week_starts));
        (i64::from(day.num_days_from_ce()) - since).div_euclid(7)
    };
    let begin = start.date();
    let mut found = vec![start];
    for day in begin.iter_days().skip(1) {
        let periods = match rule.frequency {
            Frequency::Yearly => i64::from(day.year() - begin.year()),
            Frequency::Monthly => months(day) - months(begin),
            Frequency::Weekly => week(day) - week(begin),
            Frequency::Daily | Frequency::Hourly | Frequency::Minutely | Frequency::Secondly => {
                (day - begin).num_days()
            }
        };
        let time = day.and_time(start.time());
        if time > to || rule.count.is_some_and(|count| found.len() as u64 >= count) {
            break;
        }
        if periods % rule.interval == 0 && completed.is_on(day) {
            found.push(time);
        }
    }
    found
}

fn some_rule() -> impl Strategy<Value = String> {
    let frequency = prop::sample::select(vec!["YEARLY", "MONTHLY", "WEEKLY", "DAILY"]);
    let part = prop::sample::select(vec![
        "",
        "BYMONTH=2,11",
        "BYDAY=MO,-1FR",
        "BYDAY=2TU",
        "BYMONTHDAY=13,-1",
        "BYYEARDAY=1,60,-1",
        "BYWEEKNO=1,9,-1",
        "WKST=SU",
        "BYDAY=SA,SU",
    ]);
    (frequency, 1..4_u32, prop::collection::vec(part, 0..3), prop::option::of(1..40_u32)).prop_map(
        |(frequency, interval, parts, count)| {
            let count = count.map(|count| format!(";COUNT={count}")).unwrap_or_default();
            format!("FREQ={frequency};INTERVAL={interval};{}{count}", parts.join(";"))
        },
    )
}

proptest! {
    #[test]
    fn days_are_those_of_a_plain_reading(
        text in some_rule(), start in 0..9_000_i64, ahead in 0..3_000_i64, window in 0..900_i64
    ) {
        let rule = Rule::parse(&text).unwrap();
        let begin = at("20000101T103000");
        let start = begin + TimeDelta::days(start);
        let from = start + TimeDelta::days(ahead);
        let to = from + TimeDelta::days(window);
        let mut found = Vec::new();
        let is_cut = rule.walk(start, from..=to, &mut Steps::new(10_000_000), |time| {
            found.push(time);
            true
        });
        let mut want = plainly(&rule, start, to);
        want.retain(|time| *time >= from && *time <= to);
        prop_assert_eq!((found, is_cut), (want, false), "{}", text);
    }

    #[test]
    fn a_window_shows_what_the_whole_shows(
        text in "FREQ=(SECONDLY|MINUTELY|HOURLY);INTERVAL=[1-9][0-9]?(;BYHOUR=3,17)?(;BYMINUTE=0,59)?(;BYSECOND=0,30)?(;BYDAY=TU)?(;BYSETPOS=-1)?",
        ahead in 0..200_000_i64, window in 0..20_000_i64
    ) {
        let rule = Rule::parse(&text).unwrap();
        let start = at("20240101T000000");
        let from = start + TimeDelta::seconds(ahead);
        let to = from + TimeDelta::seconds(window);
        let walk = |from| {
            let mut found = Vec::new();
            rule.walk(start, from..=to, &mut Steps::new(10_000_000), |time| { found.push(time); true });
            found
        };
        let mut whole = walk(start);
        whole.retain(|time| *time >= from);
        prop_assert_eq!(walk(from), whole);
        prop_assert!(walk(from).iter().all(|time| time.nanosecond() == 0));
    }

    #[test]
    fn no_text_panics(text in "(FREQ=|YEARLY|SECONDLY|;|=|,|BYDAY=|BYSETPOS=|COUNT=|UNTIL=|-|[0-9]{1,8}|MO|\\PC){0,20}") {
        if let Some(rule) = Rule::parse(&text) {
            let (start, to) = (at("00010101T000000"), at("99991231T235959"));
            rule.walk(start, start..=to, &mut Steps::new(2_000), |_| true);
        }
    }
}
