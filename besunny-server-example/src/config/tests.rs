//! What is wrong with settings, as tables.
use super::*;

fn config(text: &str) -> Config {
    toml::from_str(text).unwrap()
}

fn check(text: &str, want: &[&str]) {
    let findings = config(text).findings();
    let got: Vec<&str> = findings.iter().map(|finding| finding.setting.as_str()).collect();
    assert_eq!(got, want, "{text}");
    assert!(findings.iter().all(|finding| !finding.fix.is_empty()));
}

#[test]
fn ops_1_each_wrong_setting_is_named() {
    check("", &[]);
    check("public_url = 'https://mail.example.org'\nhosts = ['mail.example.org:8443']", &[]);
    check("public_url = 'mail.example.org'", &["public_url"]);
    check("public_url = 'https://mail.example.org/path'", &["public_url"]);
    check("hosts = ['not a host']", &["hosts"]);
    check("virtual_domain = 'no domain'", &["virtual_domain"]);
    check("remember_for_days = 1", &[]);
    check("remember_for_days = 0", &["remember_for_days"]);
    check("remember_for_days = 3651", &["remember_for_days"]);
}

#[test]
fn ml_5_what_is_compared_makes_sense() {
    check("[shadow]\nmodel = 'rules'", &[]);
    check("[shadow]\nmodel = 'learned@3'", &[]);
    check("[shadow]\nmodel = 'learned'", &["shadow.model"]);
    check("[shadow]\nmodel = 'language'", &["shadow.model"]);
    let language = "[language]\nbase_url = 'https://a.example/v1'\nmodel = 'm'\n";
    check(&format!("{language}[shadow]\nmodel = 'language'"), &[]);
    let experiment = |share: &str, model: &str| {
        format!("[experiment]\nname = 'x'\nshare = {share}\nmodel = '{model}'\n")
    };
    check(&experiment("0.1", "rules"), &[]);
    check(&experiment("0.0", "rules"), &["experiment"]);
    check(&experiment("0.5", "language"), &["experiment.model"]);
    check(&format!("{}{language}", experiment("0.5", "language")), &[]);
    let both = format!("{}{language}[shadow]\nmodel = 'language'", experiment("0.5", "language"));
    check(&both, &["experiment.model"]);
    let magic = toml::from_str::<Config>("[shadow]\nmodel = 'magic'").unwrap_err().to_string();
    assert!(magic.contains("learned@VERSION"), "{magic}");
}

#[test]
fn bot_3_bots_have_words_that_can_be_sent() {
    check("[attendee]", &[]);
    check("[attendee]\nname = ''", &["attendee.name"]);
    check("promise.meeting_transcript = 1.0", &["promise.meeting_transcript"]);
    let settings = config("promise.meeting_transcript = 0.5").engine();
    assert!((settings.promised.meeting_transcript - 0.5).abs() < f64::EPSILON);
}

#[test]
fn ops_1_the_mailbox_is_an_address() {
    check("[google]\naccount = 'me'", &["google.account"]);
    check("[google]\naccount = 'me@example.org'", &[]);
    let channels = "[google]\naccount = 'me@example.org'\n[google.channels]\nsecret_file = 'a'";
    check(channels, &["google.channels"]);
    check(&channels.replace("[google.", "calendars = true\n[google."), &[]);
    let addressed = "[google]\naccount = 'me@example.org'\nintake = 'addressed'";
    check(addressed, &["virtual_domain"]);
    check(&format!("virtual_domain = 'example.org'\n{addressed}"), &[]);
    check("user = '7'", &["user"]);
}

#[test]
fn ops_1_a_server_that_others_reach_has_a_name() {
    let found = |text: &str| config(text).unnamed("0.0.0.0:80".parse().unwrap());
    assert_eq!(found("").unwrap().setting, "public_url");
    assert_eq!(found("hosts = ['mail.example.org']"), None);
}

#[test]
fn what_was_done_is_remembered_for_days() {
    let remembered = |text: &str| config(text).remember_for().unwrap();
    assert_eq!(remembered(""), None);
    assert_eq!(remembered("remember_for_days = 2"), Some(Duration::from_hours(48)));
}

#[test]
fn the_address_to_listen_on_has_a_port() {
    let listen = |text: &str| config(text).listen(None).map(|address| address.to_string());
    assert_eq!(listen("").unwrap(), DEFAULT_LISTEN);
    assert_eq!(listen("listen = '[::1]:80'").unwrap(), "[::1]:80");
    assert_eq!(listen("listen = 'localhost'").unwrap_err().setting, "listen");
    let given = config("listen = '[::1]:80'").listen(Some("127.0.0.1:1"));
    assert_eq!(given.unwrap().port(), 1);
}
