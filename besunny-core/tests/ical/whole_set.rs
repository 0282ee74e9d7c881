//! Every file of the set: a calendar or a typed error, without a panic.
use std::fs;

use besunny_core::calendar::{
    ics::{self, Caps},
    series::{Allowance, Window, agenda},
};
use besunny_testkit::data;

#[test]
fn cal_6_every_calendar_of_the_set_is_read_or_refused() {
    let Some(folder) = data::find("ical") else { return };
    let day = |text: &str| text.parse().unwrap();
    let window = Window { from: day("1990-01-01T00:00:00Z"), to: day("2035-01-01T00:00:00Z") };
    let (mut read, mut occurrences, mut refused) = (0, 0, Vec::new());
    for (name, path) in data::files(&folder) {
        match ics::read(&fs::read(path).unwrap(), &Caps::default()) {
            Ok(file) => {
                let events = file.entries.iter().map(|entry| &entry.event);
                let found = agenda(events, &window, &mut Allowance::default());
                assert_eq!((found.is_cut, found.unreadable.len()), (false, 0), "{name}");
                occurrences += found.found.len();
                read += 1;
            }
            Err(error) => refused.push(format!("{name}: {error}")),
        }
    }
    let refused = refused.len();
    data::say(&format!("ical set: {read} read, {occurrences} occurrences, {refused} refused"));
    assert!(occurrences > 0);
}
