//! Each real mailbox, its first 500 mails: counts add up, `verify` proves it, a second import changes nothing.
//!
//! `cargo xtask real-mail` does the same with whole mailboxes, optimised.
use std::path::{Path, PathBuf};

use besunny_testkit::data;

use crate::binary::Desk;

/// Set to read whole mailboxes.
const WHOLE: &str = "BESUNNY_REAL_MAIL_WHOLE";
/// So many mails of each mailbox are read within seconds without optimisation.
const FIRST: u64 = 500;

/// Writes the first mails of an archive into an archive of their own.
fn first(path: &Path, desk: &Desk) -> PathBuf {
    let packed = std::fs::File::open(path).unwrap();
    let mut whole = tar::Archive::new(flate2::read::GzDecoder::new(packed));
    let mut part = tar::Builder::new(Vec::new());
    let members = whole.entries().unwrap().map(Result::unwrap);
    let mails = members.filter(|member| member.header().entry_type().is_file());
    for member in mails.take(usize::try_from(FIRST).unwrap()) {
        let header = member.header().clone();
        part.append(&header, member).unwrap();
    }
    desk.file("first.tar", part.into_inner().unwrap()).into()
}

fn check(set: &str) {
    let Some(whole) = data::find(&format!("{set}/messages.tar.gz")) else { return };
    let desk = Desk::new();
    let path = if std::env::var_os(WHOLE).is_some() { whole } else { first(&whole, &desk) };
    let path = path.to_str().unwrap();
    let first = desk.run(&["import", "--eml", path]).ends(0);
    let count = |name: &str| first[name].as_u64().unwrap();
    let seen = count("seen");
    assert!(seen >= FIRST, "{first}");
    println!("{set}: {first}");
    assert_eq!(seen, count("stored") + count("ignored") + count("quarantined"), "{first}");
    let verified = desk.run(&["verify"]).ends(0);
    for fate in ["stored", "ignored", "quarantined"] {
        assert_eq!(verified[fate], first[fate], "{verified}");
    }
    desk.run(&["import", "--eml", path]).counts(0, [0, 0, 0, seen]);
}

#[test]
fn the_first_500_mails_of_enron_farmer_d() {
    check("email_enron/farmer-d");
}

#[test]
fn the_first_500_mails_of_enron_kaminski_v() {
    check("email_enron/kaminski-v");
}

#[test]
fn the_first_500_mails_of_enron_lokay_m() {
    check("email_enron/lokay-m");
}

#[test]
fn the_first_500_mails_of_spamassassin() {
    check("email_spamassassin");
}
