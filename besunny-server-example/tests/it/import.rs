//! `besunny import`: what is counted, what changes, what is refused.
use std::fs;

use besunny_testkit::data::say;

use crate::{
    binary::{Desk, Run, binary},
    mailbox::{mail, mbox, numbered},
};

#[test]
fn cmd_a_second_import_changes_nothing() {
    let desk = Desk::new();
    let path = desk.file("a.mbox", numbered(0..30));
    desk.import(&path).counts(0, [30, 0, 0, 0]);
    desk.import(&path).counts(0, [0, 0, 0, 30]);
    desk.import("./a.mbox").counts(0, [0, 0, 0, 30]);
}

#[test]
fn mail_18_each_message_has_one_fate() {
    let desk = Desk::new();
    let reply = "From: a@example.org\nAuto-Submitted: auto-replied\nSubject: Away\n\nAway.\n";
    let bounce = "Return-Path: <>\nFrom: daemon@example.org\nSubject: Failed\n\nNo.\n";
    let path = desk.file(
        "a.mbox",
        mbox([mail(1), mail(1), reply.into(), bounce.into(), "no header at all".into()]),
    );
    desk.import(&path).counts(0, [2, 2, 1, 0]);
    desk.import(&path).counts(0, [0, 0, 0, 5]);
    let verified = desk.run(&["verify"]).ends(0);
    assert_eq!(verified["quarantined"], 1);
}

#[test]
fn bad_input_appended_truncated_and_replaced_files() {
    let desk = Desk::new();
    let path = desk.file("a.mbox", numbered(0..30));
    desk.import(&path).counts(0, [30, 0, 0, 0]);
    desk.file("a.mbox", numbered(0..40));
    desk.import(&path).counts(0, [10, 0, 0, 30]);
    desk.file("a.mbox", numbered(0..35));
    let shrunk = desk.import(&path);
    shrunk.counts(0, [0, 0, 0, 35]);
    shrunk.removed(5);
    desk.file("a.mbox", numbered(100..110));
    let held = desk.import(&path);
    held.counts(1, [10, 0, 0, 0]);
    held.refuses(1, "held_removal", &["35 of 45", "--accept-removals"]);
    held.removed(0);
    desk.run(&["verify"]).ends(1);
    let accepted = desk.run(&["import", "--mbox", &path, "--accept-removals"]);
    accepted.counts(0, [0, 0, 0, 10]);
    accepted.removed(35);
    desk.run(&["verify"]).ends(0);
    desk.file("a.mbox", numbered(0..35));
    desk.run(&["import", "--mbox", &path, "--accept-removals"]).counts(0, [35, 0, 0, 0]);
}

#[test]
fn l3_a_source_that_became_empty_waits_for_a_person() {
    let desk = Desk::new();
    let path = desk.file("a.mbox", numbered(0..5));
    desk.import(&path).counts(0, [5, 0, 0, 0]);
    desk.file("a.mbox", "");
    let held = desk.import(&path);
    held.counts(1, [0, 0, 0, 0]);
    held.refuses(1, "held_removal", &["5 of 5", "--accept-removals"]);
    desk.file("a.mbox", numbered(0..5));
    desk.import(&path).counts(0, [0, 0, 0, 5]);
}

#[test]
fn every_form_of_local_mail() {
    let desk = Desk::new();
    let maildir = desk.path().join("Maildir");
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(maildir.join(part)).unwrap();
    }
    fs::write(maildir.join("cur/1717200000.M1P1.host:2,S"), mail(1)).unwrap();
    fs::write(maildir.join("new/1717200001.M1P1.host"), mail(2)).unwrap();
    let folder = desk.path().join("mails");
    fs::create_dir_all(folder.join("sub")).unwrap();
    fs::write(folder.join("one.eml"), mail(1)).unwrap();
    fs::write(folder.join("sub/two.eml"), mail(3)).unwrap();
    let packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(packed);
    archive.append_dir_all("mails", &folder).unwrap();
    desk.file("mails.tar.gz", archive.into_inner().unwrap().finish().unwrap());
    desk.run(&["import", "--maildir", "Maildir"]).counts(0, [2, 0, 0, 0]);
    desk.run(&["import", "--eml", "mails"]).counts(0, [2, 0, 0, 0]);
    desk.run(&["import", "--eml", "mails.tar.gz"]).counts(0, [2, 0, 0, 0]);
    let verified = desk.run(&["verify"]).ends(0);
    assert_eq!(verified["source"], "all");
    assert_eq!(verified["stored"], 6);
    assert_eq!(verified["sources"].as_array().unwrap().len(), 3);
}

#[test]
fn user_2_whose_mail_it_is_stays_so() {
    let desk = Desk::new();
    let path = desk.file("a.mbox", numbered(0..3));
    for name in ["ai spaces", "x", "1abc", "postmaster", "a/../../b", "äöü"] {
        desk.run(&["import", "--mbox", &path, "--user", name]).refuses(2, "usage", &["--user"]);
    }
    desk.run(&["import", "--mbox", &path, "--user", "Ann"]).counts(0, [3, 0, 0, 0]);
    desk.run(&["import", "--mbox", &path, "--user", "ann"]).counts(0, [0, 0, 0, 3]);
    desk.import(&path).counts(0, [0, 0, 0, 3]);
    desk.run(&["import", "--mbox", &path, "--user", "bob"]).refuses(2, "usage", &["--user"]);
}

#[test]
fn bad_input_sources_that_are_none() {
    let desk = Desk::new();
    let import = |form: &str, path: &str| desk.run(&["import", form, path]);
    import("--mbox", "nowhere.mbox").refuses(2, "source", &["nowhere.mbox"]);
    import("--mbox", ".").refuses(2, "source", &["mbox"]);
    import("--maildir", ".").refuses(2, "source", &["cur"]);
    desk.file("text.txt", "just text");
    import("--eml", "text.txt").refuses(2, "source", &["text.txt", "tar"]);
    import("--mbox", "text.txt").refuses(1, "no_mail", &["text.txt", "From SENDER"]);
    desk.file("empty.mbox", "");
    import("--mbox", "empty.mbox").counts(0, [0, 0, 0, 0]);
    desk.file("broken.tar.gz", [0x1f, 0x8b, 8, 0, 1, 2, 3]);
    import("--eml", "broken.tar.gz").refuses(1, "source", &["broken.tar.gz"]);
    desk.run(&["import"]).refuses(2, "usage", &["--mbox"]);
    desk.run(&["import", "--mbox", "a", "--eml", "b"]).refuses(2, "usage", &["--eml"]);
}

#[cfg(unix)]
#[test]
fn bad_input_hostile_names() {
    use std::os::unix::ffi::OsStrExt;
    let desk = Desk::new();
    for name in ["a b'c\"d;e$(f).mbox", "-dash.mbox", "\u{202e}xobm.mbox", "file:a?mode=ro.mbox"] {
        desk.file(name, numbered(0..2));
        let path = desk.path().join(name);
        desk.import(path.to_str().unwrap()).counts(0, [2, 0, 0, 0]);
    }
    let name = std::ffi::OsStr::from_bytes(b"not-utf-8-\xff.mbox");
    if fs::write(desk.path().join(name), numbered(0..2)).is_ok() {
        let arguments = [std::ffi::OsStr::new("import"), std::ffi::OsStr::new("--mbox"), name];
        desk.run(&arguments).refuses(2, "source", &["UTF-8"]);
    }
}

/// Root may read every file, so a run by root is given to a user who may not.
#[cfg(unix)]
#[test]
fn bad_input_one_file_that_may_not_be_read() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt};
    const NOBODY: u32 = 65_534;
    let desk = Desk::new();
    let folder = desk.path().join("mails");
    fs::create_dir(&folder).unwrap();
    for number in 0..3 {
        fs::write(folder.join(format!("{number}.eml")), mail(number)).unwrap();
    }
    let locked = folder.join("1.eml");
    let set = |mode| fs::set_permissions(&locked, fs::Permissions::from_mode(mode)).unwrap();
    set(0o000);
    let is_root = fs::File::open(&locked).is_ok();
    if is_root {
        for path in [desk.path(), &folder, &locked] {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    let run = |arguments: &[&str]| {
        let mut command = desk.command(arguments);
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.output().map(Run::from)
    };
    let Ok(first) = run(&["import", "--eml", "mails"]) else {
        return say("SKIPPED: root may read every file, and another user may not run the binary");
    };
    first.counts(0, [2, 0, 1, 0]);
    run(&["verify"]).unwrap().ends(0);
    set(0o600);
    run(&["import", "--eml", "mails"]).unwrap().counts(0, [1, 0, 0, 2]);
    run(&["verify"]).unwrap().ends(0);
}

#[test]
fn bad_input_a_mail_of_50_mib_is_quarantined_and_its_neighbours_are_stored() {
    let desk = Desk::new();
    let large = format!("Subject: large\nFrom: a@example.org\n\n{}", "x".repeat(79) + "\n");
    let large = large + &("y".repeat(79) + "\n").repeat((50 << 20) / 80);
    let path = desk.file("a.mbox", mbox([mail(1), large, mail(2)]));
    desk.import(&path).counts(0, [2, 0, 1, 0]);
    desk.import(&path).counts(0, [0, 0, 0, 3]);
    desk.run(&["verify"]).ends(0);
}

#[test]
fn bad_input_a_file_that_changes_while_it_is_read() {
    let desk = Desk::new();
    let path = desk.file("a.mbox", numbered(0..2_000));
    let grow = |to: &str| desk.import_while(&path, || desk.file("a.mbox", to));
    grow(&numbered(0..2_100)).counts(0, [2_100, 0, 0, 0]);
    desk.run(&["verify"]).ends(0);
    desk.file("a.mbox", numbered(0..2_200));
    grow(&numbered(0..2_050)).ends(0);
    desk.run(&["verify"]).ends(0);
}

#[test]
fn bad_input_mails_that_leave_while_they_are_read_are_not_counted() {
    let desk = Desk::new();
    let path = desk.file("a.mbox", numbered(0..2_000));
    let replaced = desk.import_while(&path, || desk.file("a.mbox", numbered(5_000..5_100)));
    replaced.counts(1, [100, 0, 0, 0]);
    replaced.refuses(1, "held_removal", &["--accept-removals"]);
}

#[test]
fn cls_7_projects_are_there_before_the_first_mail() {
    let desk = Desk::new();
    let path = desk.file("a.mbox", mbox([mail(1), mail(2).replace("Mail 2", "About RVF-12")]));
    let projects = "[[project]]\nname = 'River'\ncodes = ['RVF-12']\n";
    desk.file("projects.toml", projects);
    desk.run(&["import", "--mbox", &path, "--projects", "projects.toml"]).counts(0, [2, 0, 0, 0]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let tally = runtime.block_on(async {
        let db = desk.path().join("test.db");
        let home = besunny_server::home::Home::open(db.as_path(), |it, _| Ok(it)).await.unwrap();
        home.besunny.store().tally(&home.scope, None).await.unwrap()
    });
    assert_eq!(tally.routed.values().sum::<u64>(), 1);
    assert_eq!((tally.needs_review, tally.pending), (1, 0));
}

#[test]
fn cls_7_a_wrong_projects_file_names_key_and_line() {
    let desk = Desk::new();
    let path = desk.file("a.mbox", numbered(0..1));
    let check = |text: &str, words: &[&str]| {
        desk.file("p.toml", text);
        desk.run(&["import", "--mbox", &path, "--projects", "p.toml"]).refuses(2, "config", words);
    };
    check("[[project]]\nname = 'A'\ncolour = 'red'\n", &["p.toml:3", "colour"]);
    check("[[project]]\nname = 3\n", &["p.toml:2"]);
    check("[[project]]\ncodes = []\n", &["p.toml:1", "name"]);
    check("[[project]]\nname = ' '\n", &["1 to 200"]);
    check("[[project]]\nname = 'A'\n[[project]]\nname = 'a '\n", &["two projects"]);
    check("[[project\n", &["p.toml:1"]);
    desk.run(&["import", "--mbox", &path, "--projects", "no.toml"]).refuses(
        2,
        "config",
        &["no.toml"],
    );
}

#[test]
fn a_person_reads_text_and_logs_stay_on_stderr() {
    let desk = Desk::new();
    let path = desk.file("a.mbox", numbered(0..2));
    let output = binary()
        .current_dir(desk.path())
        .args(["import", "--mbox", &path])
        .env("BESUNNY_LOG", "debug")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("2 mails seen") && text.lines().count() == 1, "{text}");
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(!log.contains("Text of mail") && !log.contains("ann1@"), "{log}");
}
