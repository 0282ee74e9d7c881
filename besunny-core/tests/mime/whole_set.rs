//! Every file of the set: a mail or a typed error, quickly and without a panic.
use std::{
    fs,
    time::{Duration, Instant},
};

use besunny_core::mail::{self, Caps};

use crate::{files, mime_folder, say};

/// One second is the aim; an unoptimised build on a busy machine gets ten.
const BOUND: Duration = Duration::from_secs(10);

#[test]
#[expect(clippy::disallowed_methods, reason = "the test measures how long one mail takes")]
fn mail_11_every_file_of_the_set_is_read_or_refused() {
    let Some(folder) = mime_folder() else { return };
    let (mut read, mut refused) = (0, Vec::new());
    let mut slowest = (Duration::ZERO, String::new());
    for (name, path) in files(&folder) {
        let raw = fs::read(path).unwrap();
        let start = Instant::now();
        let mail = mail::read(&raw, &Caps::default());
        let elapsed = start.elapsed();
        assert!(elapsed < BOUND, "{name} took {elapsed:?}");
        if elapsed > slowest.0 {
            slowest = (elapsed, name.clone());
        }
        match mail {
            Ok(mail) => {
                let text: String = mail.segments().map(|segment| segment.text).collect();
                assert_eq!(&text, mail.text.expose(), "{name}");
                assert!(!text.contains(['\0', '\r']), "{name}");
                read += 1;
            }
            Err(error) => refused.push(format!("{name}: {error}")),
        }
    }
    say(&format!("mime set: {read} read, {} refused, slowest {slowest:?}", refused.len()));
    assert!(read > 0);
}
