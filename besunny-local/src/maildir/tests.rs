//! Names, folders and moves of mails in a Maildir.

use std::cell::RefCell;

use besunny_core::message::RawMail;

use super::*;

/// Makes a Maildir with these files; each holds its own path.
fn maildir(files: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for part in PARTS {
        fs::create_dir(root.path().join(part)).unwrap();
    }
    for file in files {
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    root
}

/// Checks the mails of a Maildir: their ids, and the files they are read from.
fn check(files: &[&str], want: &[(&str, &str)]) {
    let root = maildir(files);
    let index = index(root.path()).unwrap();
    let read = |mail: &Indexed| match index.read(mail).unwrap() {
        Some(Content::Mail(RawMail::Whole(raw))) => String::from_utf8(raw.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    };
    let got: Vec<_> =
        index.mails.iter().map(|mail| (mail.id.as_str().to_owned(), read(mail))).collect();
    let want: Vec<_> =
        want.iter().map(|(id, path)| ((*id).to_owned(), (*path).to_owned())).collect();
    assert_eq!(got, want, "{files:?}");
    assert_eq!(look(root.path()).unwrap(), index.fingerprint);
}

#[test]
fn subfolders_of_both_layouts_are_read() {
    check(
        &["cur/1:2,S", "new/2", ".Sent/cur/3", "Work/new/4", "Work/Old/cur/5", "New/cur/6"],
        &[
            ("1", "cur/1:2,S"),
            ("2", "new/2"),
            ("3", ".Sent/cur/3"),
            ("4", "Work/new/4"),
            ("5", "Work/Old/cur/5"),
            ("6", "New/cur/6"),
        ],
    );
    check(&["cur/1:2,ST", "tmp/2", ".Trash/cur/3", "Junk/cur/4", "Notes/new", "x"], &[]);
}

#[test]
fn mails_of_one_name_in_several_folders_have_ids_of_their_own() {
    check(
        &["cur/1:2,S", ".Sent/cur/1:2,", "Work/Old/new/1"],
        &[("1", "cur/1:2,S"), ("1/.Sent", ".Sent/cur/1:2,"), ("1/Work/Old", "Work/Old/new/1")],
    );
}

#[cfg(unix)]
#[test]
fn names_that_are_not_text_have_ids_of_their_own() {
    use std::os::unix::ffi::OsStrExt;
    let names: [&[u8]; 5] = [b"1\xff", b"1\xfe", b"1", "1\u{FFFD}ff".as_bytes(), b"1ff"];
    let ids: std::collections::HashSet<_> =
        names.iter().map(|name| escaped(OsStr::from_bytes(name))).collect();
    assert_eq!(ids.len(), names.len());
    assert_eq!(escaped(OsStr::new("1780300000.M1.host")), "1780300000.M1.host");
    assert_eq!(escaped(OsStr::from_bytes(b"1\xff")), "1\u{FFFD}ff");
}

#[cfg(unix)]
#[test]
fn links_to_files_are_followed() {
    let root = maildir(&["x"]);
    std::os::unix::fs::symlink(root.path().join("x"), root.path().join("new/1")).unwrap();
    std::os::unix::fs::symlink("nowhere", root.path().join("new/2")).unwrap();
    assert_eq!(index(root.path()).unwrap().mails.len(), 1);
}

#[test]
fn a_mail_that_is_missed_by_one_walk_is_listed() {
    let place = |name: &str| Place::Delivered { path: PathBuf::from(name), delivered_at: None };
    let walk_of = |names: &str| -> Found {
        names
            .chars()
            .map(|name| (ItemId::from_source(name.to_string()), place(&name.to_string())))
            .collect()
    };
    for (walks, want) in [
        (vec!["abc", "abc"], "abc"),
        (vec!["ab", "abc", "abc"], "abc"),
        (vec!["abc", "ab", "ab"], "ab"),
        (vec!["ab", "bc", "ca", "ab", "bc", "ca", "ab", "bc"], "abc"),
    ] {
        let left = RefCell::new(walks.iter());
        let next = || Ok(walk_of(left.borrow_mut().next().unwrap()));
        let mails = settled(next).unwrap();
        let ids: String = mails.iter().map(|mail| mail.id.as_str()).collect();
        assert_eq!(ids, want, "{walks:?}");
    }
}

#[test]
fn a_mail_that_moves_from_new_to_cur_is_listed_once_and_read_where_it_is() {
    let root = maildir(&["new/1", "cur/2:2,"]);
    let before = index(root.path()).unwrap();
    fs::rename(root.path().join("new/1"), root.path().join("cur/1:2,S")).unwrap();
    let id = ItemId::from_source("1");
    assert!(before.read(before.find(&id).unwrap()).unwrap().is_none());
    assert!(read(root.path(), &id).unwrap().is_some());
    assert_eq!(index(root.path()).unwrap().fingerprint, before.fingerprint);
    // Between the two reads of a walk it is in both.
    fs::write(root.path().join("new/1"), "x").unwrap();
    assert_eq!(index(root.path()).unwrap().mails.len(), 2);
}
