//! Address lists as people and programs write them.
use proptest::prelude::*;

use super::*;

fn check(text: &str, expected: &[(&str, &str)]) {
    let found: Vec<(String, String)> = Mailbox::parse_list(text)
        .into_iter()
        .map(|m| {
            let name = m.name.map(Untrusted::into_exposed).unwrap_or_default();
            (name, m.address.into_exposed())
        })
        .collect();
    let expected: Vec<(String, String)> =
        expected.iter().map(|(n, a)| ((*n).into(), (*a).into())).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn mail_7_addresses_and_names() {
    check("bob@x.org", &[("", "bob@x.org")]);
    check("Bob Lee <bob@x.org>", &[("Bob Lee", "bob@x.org")]);
    check("\"Lee, Bob\" <bob@x.org>, c@y.org", &[("Lee, Bob", "bob@x.org"), ("", "c@y.org")]);
    check("bob@x.org (Bob (the) Lee)", &[("Bob (the) Lee", "bob@x.org")]);
    check("=?utf-8?q?B=C3=B6b?= <bob@x.org>", &[("Böb", "bob@x.org")]);
    check("\"=?utf-8?q?B=C3=B6b?=\" <bob@x.org>", &[("Böb", "bob@x.org")]);
    check("John Q. Public <j@x.org>", &[("John Q. Public", "j@x.org")]);
    check("<>", &[]);
    check("", &[]);
}

#[test]
fn mail_7_groups_are_flattened() {
    check(
        "Team: a@x.org, B <b@x.org>;, c@x.org",
        &[("", "a@x.org"), ("B", "b@x.org"), ("", "c@x.org")],
    );
    check("undisclosed-recipients:;", &[]);
}

#[test]
fn user_3_quoted_parts_comments_and_routes_are_resolved() {
    check("\"ai+bob\"@x.org", &[("", "ai+bob@x.org")]);
    check("\"a b\"@x.org", &[("", "\"a b\"@x.org")]);
    check("ai+bob(note)@x.org", &[("note", "ai+bob@x.org")]);
    check("(note) ai+bob @ x.org", &[("note", "ai+bob@x.org")]);
    check("<@a.org,@b.org:bob@x.org>", &[("", "bob@x.org")]);
    check("Bob <bob@[127.0.0.1]>", &[("Bob", "bob@[127.0.0.1]")]);
    check("Bob <mailto:bob@x.org>", &[("Bob", "bob@x.org")]);
}

#[test]
fn user_3_broken_addresses_do_not_become_valid_ones() {
    check("\"ai+b\"ob@x.org", &[("", "\"ai+b\"ob@x.org")]);
    check("<\"ai+b\" ob@x.org>", &[("", "\"ai+b\" ob@x.org")]);
    check("<ai+b ob@x.org>", &[("", "ai+b ob@x.org")]);
    check("<long.\t name@x.org>", &[("", "long.name@x.org")]);
    check("a.\"b\".c@x.org", &[("", "a.\"b\".c@x.org")]);
}

#[test]
fn mail_7_broken_lists_lose_no_address() {
    check("a@x.org b@x.org", &[("", "a@x.org"), ("", "b@x.org")]);
    check("A <a@x.org> B <b@x.org>", &[("A", "a@x.org"), ("B", "b@x.org")]);
    check("Bob Lee bob@x.org", &[("Bob Lee", "bob@x.org")]);
    check("Bob <bob@x.org, c@y.org", &[("Bob", "bob@x.org"), ("", "c@y.org")]);
    check("O\"Neil <o@x.org>", &[("O\"Neil", "o@x.org")]);
    check("a@x.org; b@x.org", &[("", "a@x.org"), ("", "b@x.org")]);
    check("root", &[("", "root")]);
    check("Mail Delivery Subsystem", &[("Mail Delivery Subsystem", "")]);
    check("bob@x.org,,c@y.org,", &[("", "bob@x.org"), ("", "c@y.org")]);
    check("=?utf-8?q?bob=40x.org?=", &[("bob@x.org", "")]);
}

fn check_one(text: &str, address: Option<&str>) {
    let found = Mailbox::parse(text).map(|mailbox| mailbox.address.into_exposed());
    assert_eq!(found.as_deref(), address, "{text}");
}

#[test]
fn user_3_one_mailbox_is_strict() {
    check_one("bob@x.org", Some("bob@x.org"));
    check_one("Bob <bob@x.org>", Some("bob@x.org"));
    check_one("(note) \"bob\"@x.org", Some("bob@x.org"));
    check_one("G: bob@x.org;", Some("bob@x.org"));
    for broken in [
        "bob@x.org, c@y.org",
        "bob@x.org c@y.org",
        "Bob bob@x.org",
        "bob@x.org junk",
        "Bob <bob@x.org",
        "Bob <bob@x.org> junk",
        "bob@x.org;",
        "G: bob@x.org",
        "bob@x@y.org",
        "bob",
        "Bob <bob>",
        "b<ob@x.org>>",
        "",
    ] {
        check_one(broken, None);
    }
}

proptest! {
    #[test]
    fn parsing_never_panics(text in "\\PC*") {
        prop_assert!(Mailbox::parse_list(&text).len() <= text.len());
    }

    #[test]
    fn specials_never_panic(text in "[a.@<>\"\\\\(),;: \\[\\]=?é]{0,40}") {
        prop_assert!(Mailbox::parse_list(&text).len() <= text.len());
    }

    #[test]
    fn a_written_mailbox_is_read_back(name in "[A-Za-z ,.\"\\\\]{1,20}", local in "[a-z]{1,8}") {
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        let found = Mailbox::parse(&format!("\"{quoted}\" <{local}@x.org>")).unwrap();
        prop_assert_eq!(found.address.expose(), &format!("{local}@x.org"));
        let words: Vec<&str> = name.split_whitespace().collect();
        let found_name = found.name.map(Untrusted::into_exposed).unwrap_or_default();
        prop_assert_eq!(found_name, words.join(" "));
    }
}
