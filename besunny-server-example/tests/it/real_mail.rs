//! Each real mailbox, whole: counts add up, `verify` proves it, a second import changes nothing.
use std::path::PathBuf;

use crate::binary::Desk;

/// Returns the archive of a data set, or says loudly that it is not there.
fn archive(set: &str) -> Option<PathBuf> {
    let data = std::env::var_os("BESUNNY_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let path = data.join(set).join("messages.tar.gz");
    if path.is_file() {
        return Some(path);
    }
    eprintln!("SKIPPED: no real mail at {}; set BESUNNY_DATA to its folder", path.display());
    None
}

fn check(set: &str) {
    let Some(path) = archive(set) else { return };
    let (desk, path) = (Desk::new(), path.to_str().unwrap());
    let first = desk.run(&["import", "--eml", path]).ends(0);
    let count = |name: &str| first[name].as_u64().unwrap();
    let seen = count("seen");
    assert!(seen > 1_000, "{first}");
    assert_eq!(seen, count("stored") + count("ignored") + count("quarantined"), "{first}");
    let verified = desk.run(&["verify"]).ends(0);
    for fate in ["stored", "ignored", "quarantined"] {
        assert_eq!(verified[fate], first[fate], "{verified}");
    }
    desk.run(&["import", "--eml", path]).counts(0, [0, 0, 0, seen]);
}

#[test]
fn the_whole_mailbox_enron_farmer_d() {
    check("email_enron/farmer-d");
}

#[test]
fn the_whole_mailbox_enron_kaminski_v() {
    check("email_enron/kaminski-v");
}

#[test]
fn the_whole_mailbox_enron_lokay_m() {
    check("email_enron/lokay-m");
}

#[test]
fn the_whole_mailbox_spamassassin() {
    check("email_spamassassin");
}
