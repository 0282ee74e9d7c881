//! Usernames and virtual addresses, by the rules of USER-2 and USER-3.
use proptest::prelude::*;

use super::*;

fn rule() -> VirtualAddresses {
    VirtualAddresses::new(DEFAULT_PREFIX, ["besunny.ai", "bücher.example"])
        .unwrap()
        .with_alias("inbound@sunny.ai")
        .unwrap()
}

fn check_name(text: &str, expected: Result<&str, UsernameError>) {
    let found = Username::parse(text);
    assert_eq!(found.as_ref().map(Username::as_str).map_err(|error| *error), expected, "{text}");
}

#[test]
fn user_2_usernames_follow_the_grammar() {
    check_name("bob", Ok("bob"));
    check_name("BobLee7", Ok("boblee7"));
    check_name(&"a".repeat(30), Ok(&"a".repeat(30)));
    check_name("ab", Err(UsernameError::TooShort));
    check_name("", Err(UsernameError::TooShort));
    check_name(&"a".repeat(31), Err(UsernameError::TooLong));
    check_name("7bob", Err(UsernameError::StartsWithDigit));
    for wrong in ["bo.b", "bo_b", "bo-b", "böb", "bob ", "bob\n", "bo+b", "ſunny", "\u{212a}ate"]
    {
        check_name(wrong, Err(UsernameError::WrongCharacter));
    }
}

#[test]
fn user_2_reserved_names_are_refused() {
    for name in ["admin", "Postmaster", "ABUSE", "support", "noreply"] {
        check_name(name, Err(UsernameError::Reserved));
    }
    assert_eq!(rule().claim("Inbound"), Err(UsernameError::Reserved));
    assert!(rule().claim("Bob").is_ok());
}

#[test]
fn user_2_errors_name_the_reason_and_no_content() {
    let error = Username::parse("sécret").unwrap_err().to_string();
    assert!(error.contains("ASCII") && !error.contains("sécret"));
}

fn check(address: &str, expected: Option<(&str, Option<&str>)>) {
    let found = rule().recognise(address);
    let found = found.as_ref().map(|f| (f.username.as_str(), f.tag.as_deref()));
    assert_eq!(found, expected, "{address}");
}

#[test]
fn user_3_virtual_addresses_are_recognised() {
    check("ai+bob@besunny.ai", Some(("bob", None)));
    check("AI+Bob@BeSunny.AI", Some(("bob", None)));
    check("ai+bob+News@besunny.ai", Some(("bob", Some("news"))));
    check("ai+bob+a+b.c@besunny.ai", Some(("bob", Some("a+b.c"))));
    check("inbound+bob@sunny.ai", Some(("bob", None)));
    check("ai+bob@bücher.example", Some(("bob", None)));
    check("ai+bob@XN--bcher-kva.example", Some(("bob", None)));
}

#[test]
fn user_3_rfc_5322_forms_of_one_address_are_recognised() {
    check("Name <ai+bob@besunny.ai>", Some(("bob", None)));
    check("\"Lee, Bob\" <ai+bob@besunny.ai>", Some(("bob", None)));
    check("=?utf-8?q?B=C3=B6b?= <ai+bob@besunny.ai>", Some(("bob", None)));
    check("\"ai+bob\"@besunny.ai", Some(("bob", None)));
    check("(note) ai+bob(note)@(note)besunny.ai (note)", Some(("bob", None)));
    check("<@relay.org:ai+bob@besunny.ai>", Some(("bob", None)));
    check("  ai+bob@besunny.ai ", Some(("bob", None)));
}

#[test]
fn user_3_known_flaws_stay_closed() {
    for address in [
        "ai+bob@besunny.ai.evil.com",
        "ai+bob@evil.com",
        "ai+bob@sub.besunny.ai",
        "ai+bob@notbesunny.ai",
        "xai+bob@besunny.ai",
        "john@besunny.ai",
        "ai@besunny.ai",
        "ai+@besunny.ai",
        "ai+bob+@besunny.ai",
        "ai++bob@besunny.ai",
        "ai+bo@besunny.ai",
        "ai+7bob@besunny.ai",
        "ai+bo.b@besunny.ai",
        "ai+bo%62@besunny.ai",
        "ai+admin@besunny.ai",
        "ai+bob@besunny.ai.",
        "ai+bob@besunnу.ai",
        "ai+bob@sunny.ai",
        "inbound+bob@besunny.ai",
        "\"ai+bob@besunny.ai\" <eve@evil.com>",
        "ai+bob@besunny.ai <eve@evil.com>",
        "\"ai+bob@besunny.ai\"@evil.com",
        "ai+bob@besunny.ai, ai+ann@besunny.ai",
        "ai+bob@besunny.ai eve@evil.com",
        "ai+bob@besunny.ai@evil.com",
        "eve@evil.com@besunny.ai",
        "=?utf-8?q?ai+bob=40besunny.ai?=",
        "\"ai+b\\ob\"x@besunny.ai",
        "mailto:ai+bob@besunny.ai",
        "",
    ] {
        check(address, None);
    }
}

fn check_list(list: &str, expected: &[&str]) {
    let found = rule().find_all(list);
    let found: Vec<&str> = found.iter().map(|f| f.username.as_str()).collect();
    assert_eq!(found, expected, "{list}");
}

#[test]
fn user_3_lists_groups_and_folded_fields_are_searched() {
    check_list("ai+bob@besunny.ai, Ann <ai+ann@besunny.ai>", &["bob", "ann"]);
    check_list("Team: ai+bob@besunny.ai, x@y.org;, ai+ann@besunny.ai", &["bob", "ann"]);
    check_list("x@y.org,\r\n\t\"Bob\"\r\n <ai+bob@besunny.ai>", &["bob"]);
    check_list("ai+bob@besunny.ai ai+ann@besunny.ai", &["bob", "ann"]);
    check_list("joanna@y.org, ann@y.org", &[]);
    check_list("\"ai+b\"ob@besunny.ai, <ai+b ob@besunny.ai>, ai+(x)bob@besunny.ai", &[]);
    check_list("\"ai+bob@besunny.ai\" <eve@evil.com>", &[]);
}

#[test]
fn user_3_addresses_are_built_in_the_first_domain() {
    let bob = Username::parse("Bob").unwrap();
    assert_eq!(rule().address_of(&bob), "ai+bob@besunny.ai");
}

#[test]
fn wrong_rules_are_refused() {
    let none: [&str; 0] = [];
    assert_eq!(VirtualAddresses::new("ai", none), Err(AddressRuleError::NoDomain));
    for prefix in ["", "a+b", ".a", "a..b", "a b", "ä"] {
        let error = VirtualAddresses::new(prefix, ["x.org"]).unwrap_err();
        assert_eq!(error, AddressRuleError::Prefix(prefix.into()));
    }
    assert!(VirtualAddresses::new("ai", ["not a domain"]).is_err());
    assert!(rule().with_alias("no-at-sign").is_err());
}

#[test]
fn the_rule_is_a_setting() {
    let json = r#"{"domains": ["besunny.ai"], "aliases": ["inbound@sunny.ai"]}"#;
    let rule: VirtualAddresses = serde_json::from_str(json).unwrap();
    assert!(rule.recognise("ai+bob@besunny.ai").is_some());
    insta::assert_json_snapshot!(rule, @r#"
    {
      "prefix": "ai",
      "domains": [
        "besunny.ai"
      ],
      "aliases": [
        "inbound@sunny.ai"
      ]
    }
    "#);
    let written = serde_json::to_string(&rule).unwrap();
    assert_eq!(serde_json::from_str::<VirtualAddresses>(&written).unwrap(), rule);
    assert!(serde_json::from_str::<VirtualAddresses>(r#"{"domains": []}"#).is_err());
}

/// The grammar again, written apart from the parser: `ai+NAME[+TAG]@besunny.ai`, bare.
fn oracle(address: &str) -> bool {
    let Some(local) = address.to_ascii_lowercase().strip_suffix("@besunny.ai").map(str::to_owned)
    else {
        return false;
    };
    let mut parts = local.split('+');
    let (Some("ai"), Some(name)) = (parts.next(), parts.next()) else { return false };
    let tags: Vec<&str> = parts.collect();
    let mut letters = name.chars();
    let tag = tags.join("+");
    let dots = tag.contains("..") || tag.ends_with('.') || tag.starts_with("..");
    local.len() <= 64
        && letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric())
        && (3..=30).contains(&name.len())
        && !["admin", "postmaster", "abuse", "support", "noreply"].contains(&name)
        && (tags.is_empty() || (!tag.is_empty() && !dots))
}

proptest! {
    #[test]
    fn user_3_round_trip(name in "[A-Za-z][A-Za-z0-9]{2,29}", tag in prop::option::of("[a-z0-9]{1,9}")) {
        let Ok(username) = Username::parse(&name) else { return Ok(()) };
        let mut address = rule().address_of(&username);
        if let Some(tag) = &tag {
            address = address.replacen('@', &format!("+{tag}@"), 1);
        }
        let expected = VirtualAddress { username, tag };
        prop_assert_eq!(rule().recognise(&address), Some(expected.clone()));
        let decorated = format!("=?utf-8?q?x?= \"y\" <{}>", address.to_ascii_uppercase());
        prop_assert_eq!(rule().recognise(&decorated), Some(expected));
    }

    #[test]
    fn user_3_only_the_grammar_is_recognised(
        address in "(ai|AI|a|xai)?(\\+|\\+\\+)?[a-z0-9.]{0,5}(\\+[a-z.+]{0,4})?(@besunny\\.ai|@BESUNNY\\.AI|@besunny.ai|@besunny\\.ai\\.x|@)?",
    ) {
        prop_assert_eq!(rule().recognise(&address).is_some(), oracle(&address), "{}", address);
    }

    #[test]
    fn user_3_parsing_never_panics(text in "\\PC*|[ai+bo@besunny.<>\"(),;: ]{0,40}") {
        if rule().recognise(&text).is_some() {
            prop_assert!(text.to_ascii_lowercase().contains('@') && text.contains("besunny"));
        }
        prop_assert!(rule().find_all(&text).len() <= text.len());
    }
}
