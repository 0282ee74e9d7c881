//! Moments as Calendar writes them: `{date}` or `{dateTime, timeZone}`.
use besunny_core::calendar::EventTime;
use chrono::DateTime;
use serde_json::Value;

use crate::wire;

/// Reads a moment; `None` where there is none, or none that can be read.
pub(super) fn read(value: Option<&Value>) -> Option<EventTime> {
    let value = value?;
    if let Some(day) = wire::text(value, "date") {
        return day.parse().ok().map(EventTime::Day);
    }
    let at = DateTime::parse_from_rfc3339(wire::text(value, "dateTime")?).ok()?;
    let zone = wire::text(value, "timeZone").map(str::to_owned);
    Some(EventTime::At { at, zone })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cal_6_moments_keep_their_offset_and_zone() {
        let at = json!({ "dateTime": "2026-06-01T09:00:00+02:00", "timeZone": "Europe/Berlin" });
        let Some(EventTime::At { at, zone }) = read(Some(&at)) else { panic!() };
        assert_eq!(at.to_rfc3339(), "2026-06-01T09:00:00+02:00");
        assert_eq!(zone.as_deref(), Some("Europe/Berlin"));
        let day = read(Some(&json!({ "date": "2026-06-01" }))).unwrap();
        assert!(day.is_day());
        for odd in [
            json!(null),
            json!(true),
            json!({}),
            json!({ "date": "2026-13-01" }),
            json!({ "dateTime": "2026-06-01T09:00:00" }),
            json!({ "dateTime": 5 }),
        ] {
            assert_eq!(read(Some(&odd)), None, "{odd}");
        }
    }
}
