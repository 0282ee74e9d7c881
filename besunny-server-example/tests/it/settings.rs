//! Wrong usage and wrong settings: exit code 2, the thing and the fix.
use std::fs;

use crate::{
    binary::{Desk, binary},
    delivery::SECRET,
};

#[test]
fn wrong_usage_is_2_and_json_too() {
    let desk = Desk::new();
    desk.run(&["nonsense"]).refuses(2, "usage", &["nonsense"]);
    desk.run(&["import", "--nonsense"]).refuses(2, "usage", &["--nonsense"]);
    let plain = binary().arg("nonsense").output().unwrap();
    assert_eq!(plain.status.code(), Some(2));
    assert!(plain.stdout.is_empty());
    assert_eq!(binary().output().unwrap().status.code(), Some(2));
    assert_eq!(binary().arg("--version").output().unwrap().status.code(), Some(0));
}

#[test]
fn bad_input_databases_that_are_none() {
    let desk = Desk::new();
    let check = |db: &str, word: &str| {
        desk.run(&["migrate", "--db", db]).refuses(2, "store", &[word]);
    };
    fs::create_dir(desk.path().join("folder")).unwrap();
    desk.file(
        "text.db",
        "this is no database, it is a text of more than a hundred bytes ".repeat(4),
    );
    check("folder", "folder");
    check("nowhere/a.db", "nowhere");
    check("text.db", "no SQLite database");
}

#[test]
fn migrate_says_from_and_to() {
    let desk = Desk::new();
    let first = desk.run(&["migrate"]).ends(0);
    assert!(first["from"].is_null() && first["to"].as_i64().unwrap() > 0, "{first}");
    let second = desk.run(&["migrate"]).ends(0);
    assert_eq!(second["from"], second["to"]);
}

#[test]
fn ops_1_doctor_names_each_wrong_setting_and_its_fix() {
    let desk = Desk::new();
    let check = |config: &str, want: &[&str]| {
        let path = desk.file("besunny.toml", config);
        let code = i32::from(!want.is_empty());
        let json = desk.run(&["doctor", "--config", &path, "--listen", "127.0.0.1:0"]).ends(code);
        let findings = json["findings"].as_array().unwrap();
        let got: Vec<&str> =
            findings.iter().map(|finding| finding["setting"].as_str().unwrap()).collect();
        assert_eq!(got, want, "{json}");
        assert!(findings.iter().all(|finding| !finding["fix"].as_str().unwrap().is_empty()));
    };
    check("", &[]);
    check("colour = 'red'", &["config"]);
    check("public_url = 'x'\nvirtual_domain = '..'", &["public_url", "virtual_domain"]);
    check("token_file = '/nowhere/token'", &["token_file"]);
    check("[attendee]", &["attendee.secrets_file", "attendee.key_file"]);
    check(
        "[attendee]\nname = ' '",
        &["attendee.name", "attendee.secrets_file", "attendee.key_file"],
    );
    let key = desk.file("key", "0123456789abcdef0123456789abcdef");
    let secret = desk.file("secret", SECRET);
    let bots = |url: &str| {
        format!("[attendee]\nurl = '{url}'\nkey_file = '{key}'\nsecrets_file = '{secret}'")
    };
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    check(&bots(&format!("http://{nobody}")), &["attendee.url"]);
    check(&bots("http://app.attendee.dev"), &["attendee.url"]);
    let json = desk.run(&["doctor", "--listen", "0.0.0.0:0"]).ends(1);
    assert_eq!(json["findings"][0]["setting"], "listen");
}

#[test]
fn ops_1_serve_refuses_wrong_settings() {
    let desk = Desk::new();
    desk.run(&["serve", "--listen", "nowhere"]).refuses(2, "config", &["listen", "127.0.0.1:8080"]);
    desk.run(&["serve", "--listen", "0.0.0.0:0"]).refuses(2, "config", &["BESUNNY_TOKEN"]);
    desk.run(&["serve", "--config", "no.toml"]).refuses(2, "config", &["no.toml"]);
    let path = desk.file("besunny.toml", "\nlisten = '127.0.0.1:0'\nprot = 1\n");
    desk.run(&["serve", "--config", &path]).refuses(2, "config", &["besunny.toml:3", "prot"]);
    let short = desk.command(&["serve"]).env("BESUNNY_TOKEN", "short").output().unwrap();
    crate::binary::Run::from(short).refuses(2, "config", &["BESUNNY_TOKEN"]);
    let filter = desk.command(&["serve"]).env("BESUNNY_LOG", "a=b=c").output().unwrap();
    crate::binary::Run::from(filter).refuses(2, "config", &["BESUNNY_LOG"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    desk.run(&["serve", "--listen", &at]).refuses(2, "listen", &[&at, "--listen"]);
}
