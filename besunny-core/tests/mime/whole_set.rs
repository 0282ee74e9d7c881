//! Every file of the set: a mail or a typed error, without a panic.
//!
//! How long that takes, and in how much memory, `cargo xtask bench MIME` measures.
use std::fs;

use besunny_core::mail::{self, Caps};
use besunny_testkit::data;

#[test]
fn mail_11_every_file_of_the_set_is_read_or_refused() {
    let Some(folder) = data::find("mime") else { return };
    let (mut read, mut refused) = (0, Vec::new());
    for (name, path) in data::files(&folder) {
        match mail::read(&fs::read(path).unwrap(), &Caps::default()) {
            Ok(mail) => {
                let text: String = mail.segments().map(|segment| segment.text).collect();
                assert_eq!(&text, mail.text.expose(), "{name}");
                assert!(!text.contains(['\0', '\r']), "{name}");
                read += 1;
            }
            Err(error) => refused.push(format!("{name}: {error}")),
        }
    }
    data::say(&format!("mime set: {read} read, {} refused", refused.len()));
    assert!(read > 0);
}
