//! Links as calendars have them, and links that only look like it.
use std::fs;

use besunny_testkit::data;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::calendar::EventUid;

#[track_caller]
fn check(url: &str, key: &str) {
    let link = MeetingLink::of_url(url);
    assert_eq!(link.as_ref().map(|link| link.key.as_str()), Some(key), "{url}");
}

#[test]
fn cal_11_one_room_has_one_key() {
    let rooms: [(&str, &[&str]); 9] = [
        (
            "meet:abc-defg-hij",
            &[
                "https://meet.google.com/abc-defg-hij",
                "http://MEET.google.com/ABC-DEFG-HIJ?authuser=1",
                "meet.google.com/abc-defg-hij/",
                "https://meet.google.com/_meet/abcdefghij?pli=1#x",
                "https://www.google.com/url?q=https://meet.google.com/abc-defg-hij&amp;sa=D",
                "https://meet.google.com/linkredirect?dest=https%3A%2F%2Fmeet.google.com%2Fabc-defg-hij",
            ],
        ),
        ("meet:lookup/team", &["https://meet.google.com/lookup/Team?x", "https://g.co/meet/team"]),
        (
            "zoom:1234567890",
            &[
                "https://zoom.us/j/1234567890",
                "https://us02web.zoom.us/j/1234567890?pwd=a.1",
                "https://example.zoom.us/wc/join/1234567890?wpk=x",
                "https://app.zoom.us/wc/1234567890/start",
                "https://zoom.us/w/1234567890?tk=x",
                "https://zoom.us/j/123%204567%20890",
                "zoommtg://zoom.us/join?action=join&confno=1234567890&pwd=x",
                "https://zoom.us/join?confno=1234567890",
            ],
        ),
        ("zoom:ann", &["https://zoom.us/my/Ann", "https://example.zoom.us/my/ann?pwd=x"]),
        ("zoom:gov/1234567890", &["https://www.zoomgov.com/j/1234567890?pwd=x"]),
        (
            "teams:19:meeting_Ab1@thread.v2",
            &[
                "https://teams.microsoft.com/l/meetup-join/19%3ameeting_Ab1%40thread.v2/0?context=%7b%22Tid%22%3a%221%22%7d",
                "https://teams.microsoft.com/l/meetup-join/19:meeting_Ab1@thread.v2/0?context=x&anon=true",
                "https://teams.microsoft.com/_#/l/meetup-join/19:meeting_Ab1@thread.v2/0?context=x",
                "msteams:/l/meetup-join/19:meeting_Ab1@thread.v2/0?context=x",
                "https://gov.teams.microsoft.us/l/meetup-join/19%3ameeting_Ab1%40thread.v2/0",
                "https://urldefense.com/v3/__https://teams.microsoft.com/l/meetup-join/19*3ameeting_Ab1*40thread.v2/0?context=*7b__;JSUl!!x$",
            ],
        ),
        (
            "teams:19:a@thread.tacv2/1700000000000",
            &[
                "https://teams.microsoft.com/l/meetup-join/19%3aa%40thread.tacv2/1700000000000?context=x",
            ],
        ),
        (
            "webex:example/ann.lee",
            &["https://example.webex.com/meet/Ann.Lee", "https://example.webex.com/join/ann.lee"],
        ),
        ("jitsi:weekly round", &["https://meet.jit.si/Weekly%20Round#config.x=1"]),
    ];
    for (key, urls) in rooms {
        for url in urls {
            check(url, key);
        }
    }
}

#[test]
fn cal_11_other_rooms_have_other_keys() {
    check("https://teams.microsoft.com/meet/1234567890123?p=x", "teams:1234567890123");
    check("https://teams.live.com/meet/1234567890123?p=x", "teams:live/1234567890123");
    check("https://example.webex.com/example/j.php?MTID=m0a1b", "webex:m0a1b");
    check("https://other.webex.com/meet/ann.lee", "webex:other/ann.lee");
    check("https://meet.jit.si/tenant/room", "jitsi:tenant/room");
    check("https://8x8.vc/tenant/room", "8x8:tenant/room");
    check("https://example.whereby.com/room", "whereby:example/room");
    check("https://whereby.com/room?roomKey=x", "whereby:room");
    check("https://meet.goto.com/123456789", "goto:123456789");
    check("https://discord.com/invite/aBc", "discord:aBc");
    check("https://facetime.apple.com/join#v=1&p=aB&k=secret", "facetime:aB");
}

#[test]
fn cal_11_the_address_to_join_by_keeps_its_query() {
    for (given, want) in [
        ("https://zoom.us/j/1?pwd=a&amp;from=x", "https://zoom.us/j/1?pwd=a&from=x"),
        ("zoommtg://example.zoom.us/join?confno=1&pwd=a&zc=0", "https://example.zoom.us/j/1?pwd=a"),
        ("zoom.us/j/1?pwd=a", "https://zoom.us/j/1?pwd=a"),
        (
            "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fzoom.us%2Fj%2F1%3Fpwd%3Da&data=x",
            "https://zoom.us/j/1?pwd=a",
        ),
    ] {
        let link = MeetingLink::of_url(given).unwrap();
        assert_eq!(link.url.expose(), want, "{given}");
    }
}

#[test]
fn cal_11_what_only_looks_like_a_meeting_link_is_none() {
    let long = format!("https://zoom.us/j/1?pwd={}", "a".repeat(LINK_BYTES));
    for url in [
        "https://zoom.us.evil.com/j/1",
        "https://evil-zoom.us/j/1",
        "https://evilzoom.us/j/1",
        "https://evil.com/zoom.us/j/1",
        "https://zoom.us@evil.com/j/1",
        "https://me:pw@zoom.us/j/1",
        "https://evil.com\\.zoom.us/j/1",
        "https://zoom.us\\@evil.com/j/1",
        "https://zoom.us:8443/j/1",
        "https://xn--zom-nqa.us/j/1",
        "https://zооm.us/j/1",
        "https://zoom。us/j/1",
        "https://127.0.0.1/j/1",
        "https://[::1]/j/1",
        "https://192.168.0.1/l/meetup-join/19:a@thread.v2/0",
        "https://localhost/abc-defg-hij",
        "https://meet.google.com.evil.com/abc-defg-hij",
        "https://evil.com/url?q=https%3A%2F%2Fzoom.us%2Fj%2F1",
        "https://www.google.com/url?q=https%3A%2F%2Fevil.com%2Fj%2F1",
        "https://www.google.com/url?q=http%3A%2F%2F127.0.0.1%2Fj%2F1",
        "https://zoom.us/j/",
        "https://zoom.us/j/abc",
        "https://zoom.us/j/1/../../rec/x",
        "https://zoom.us/j/%2e%2e/1",
        "https://zoom.us/rec/share/1",
        "https://zoom.us/pricing",
        "https://meet.google.com/",
        "https://meet.google.com/new",
        "https://meet.google.com/landing?x",
        "https://teams.microsoft.com/l/meetup-join/new",
        "https://teams.microsoft.com/l/team/19%3aa",
        "https://whereby.com/pricing",
        "https://discord.com/channels/1",
        "javascript:location='https://zoom.us/j/1'",
        "data:text/html,https://zoom.us/j/1",
        "ftp://zoom.us/j/1",
        "mailto:a@zoom.us/j/1",
        "zoom.us",
        "",
        " ",
        &long,
    ] {
        assert_eq!(MeetingLink::of_url(url), None, "{url}");
    }
}

fn found(text: &str) -> Option<String> {
    MeetingLink::find_in(text).map(|link| link.url.into_exposed())
}

#[test]
fn cal_11_the_best_link_of_a_text_is_found() {
    let rows = [
        ("Join: https://zoom.us/j/1?pwd=a. Bye", Some("https://zoom.us/j/1?pwd=a")),
        ("<https://zoom.us/j/1>", Some("https://zoom.us/j/1")),
        ("(zoom.us/j/1)", Some("https://zoom.us/j/1")),
        (
            "https://discord.gg/a https://zoom.us/j/2 https://zoom.us/j/1",
            Some("https://zoom.us/j/2"),
        ),
        (
            "https://zoom.us/j/1 or https://meet.google.com/abc-defg-hij",
            Some("https://meet.google.com/abc-defg-hij"),
        ),
        (
            "<p>Join <a href=\"https://zoom.us/j/1?pwd=a&amp;x=y\">here</a></p>",
            Some("https://zoom.us/j/1?pwd=a&x=y"),
        ),
        ("<a href='https&#58;//zoom.us/j/1'>here</a>", Some("https://zoom.us/j/1")),
        ("https://example.org/a and a@zoom.us", None),
        ("Room 4, 3rd floor", None),
        ("", None),
    ];
    for (text, want) in rows {
        assert_eq!(found(text).as_deref(), want, "{text}");
    }
}

#[test]
fn cal_11_an_event_is_read_in_order() {
    let text = |text: &str| Some(Untrusted::new(text.to_owned()));
    let mut event = CalendarEvent {
        description: text("<br>https://meet.google.com/abc-defg-hij"),
        location: text("https://teams.live.com/meet/1"),
        conference: ["tel:+1-555", "https://example.org", "https://zoom.us/j/1"]
            .map(|entry| Untrusted::new(entry.to_owned()))
            .to_vec(),
        ..CalendarEvent::new(EventUid::from_source("u"))
    };
    let mut platforms = Vec::new();
    for _ in 0..4 {
        platforms.push(MeetingLink::of_event(&event).map(|link| link.platform));
        match platforms.len() {
            1 => event.conference.clear(),
            2 => event.location = text("Room 4"),
            _ => event.description = None,
        }
    }
    let want = [Some(Platform::Zoom), Some(Platform::Teams), Some(Platform::Meet), None];
    assert_eq!(platforms, want);
}

#[test]
fn stored_links_are_as_they_were() {
    let link = MeetingLink::of_url("https://us02web.zoom.us/j/1234567890?pwd=a").unwrap();
    let stored = serde_json::to_string(&link).unwrap();
    insta::assert_snapshot!(stored, @r#"{"url":"https://us02web.zoom.us/j/1234567890?pwd=a","platform":"zoom","key":"zoom:1234567890"}"#);
    assert_eq!(serde_json::from_str::<MeetingLink>(&stored).unwrap(), link);
}

/// A line of the public set, and what is expected of it.
type Row = (usize, Option<(&'static str, bool, u32)>);

/// By line of the file: platform, whether a bot can join, and the start of the key's SHA-256, as
/// the addresses themselves may not stand here. Written by hand from the addresses.
const PUBLIC_SET: [Row; 45] = [
    (1, Some(("meet", true, 0x48af_8535))),
    (2, Some(("proton_meet", false, 0xb774_e0e4))),
    (3, Some(("proton_meet", false, 0xb774_e0e4))),
    (4, Some(("teams", true, 0x38f4_6d4e))),
    (5, Some(("teams", true, 0x38f4_6d4e))),
    (6, None),
    (7, None),
    (8, None),
    (9, Some(("zoom", true, 0x8d9e_3b9b))),
    (10, Some(("meet", true, 0x48af_8535))),
    (11, Some(("meet", true, 0x48af_8535))),
    (12, Some(("zoom", true, 0xcb49_fe67))),
    (13, Some(("zoom", true, 0x6483_cd75))),
    (14, Some(("zoom", true, 0x6483_cd75))),
    (15, Some(("around", false, 0x9e43_4f25))),
    (16, Some(("around", false, 0x9e43_4f25))),
    (17, Some(("facetime", false, 0xe20f_ff03))),
    (18, Some(("teemyco", false, 0x7594_d3ed))),
    (19, Some(("demodesk", false, 0x3b22_b0fe))),
    (20, Some(("zoho_cliq", false, 0xf7e0_496b))),
    (21, Some(("slack", false, 0x68b0_1b65))),
    (22, Some(("gather", false, 0x96d4_5f62))),
    (23, Some(("vimeo", false, 0x9293_f3fe))),
    (24, Some(("pumble", false, 0xdf5b_464d))),
    (25, Some(("cal_com", false, 0x9b8d_ab6a))),
    (26, Some(("zm_page", false, 0xf851_7412))),
    (27, Some(("meetecho", false, 0xa7c3_8f98))),
    (28, Some(("streamyard", false, 0x0818_1a19))),
    (29, Some(("streamyard", false, 0x6688_eeeb))),
    (30, None),
    (31, None),
    (32, None),
    (33, Some(("meet", true, 0xd6b8_6959))),
    (34, None),
    (35, None),
    (36, Some(("zoom", true, 0x0ba8_ba09))),
    (37, Some(("zoom", true, 0x8d9e_3b9b))),
    (38, Some(("teams", true, 0x3655_74cb))),
    (39, Some(("teams", true, 0x3655_74cb))),
    (40, None),
    (41, Some(("workplace", false, 0xbf21_a449))),
    (42, Some(("zoom", true, 0x6483_cd75))),
    (43, None),
    (44, Some(("zoom", true, 0x1e51_0c25))),
    (45, Some(("zoom", true, 0x0ba8_ba09))),
];

#[test]
fn cal_11_every_address_of_the_public_set() {
    let Some(path) = data::find("conference_links/meetingbar_urls.jsonl") else { return };
    let lines = fs::read_to_string(path).unwrap();
    let mut got = Vec::new();
    for line in lines.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let link = MeetingLink::of_url(row["url"].as_str().unwrap());
        got.push(link.map(|link| {
            let hash = Sha256::digest(link.key.as_str());
            let start = hash.iter().take(4).fold(0, |start, byte| start << 8 | u32::from(*byte));
            (link.platform.as_str(), link.is_bot_capable(), start)
        }));
    }
    let got: Vec<Row> = (1..).zip(got).collect();
    assert_eq!(got, PUBLIC_SET);
}

proptest! {
    #[test]
    fn cal_11_a_link_found_is_found_again(
        host in "(us02web\\.|)zoom\\.us|meet\\.google\\.com|[a-z.@\\\\]{1,12}zoom\\.us",
        path in "(/j|/w|/my|)/[a-z0-9%.-]{0,12}",
        query in "(\\?[a-z]{1,3}=[a-zA-Z0-9&;%]{0,12}|)",
    ) {
        let url = format!("https://{host}{path}{query}");
        if let Some(link) = MeetingLink::of_url(&url) {
            let again = MeetingLink::of_url(link.url.expose()).unwrap();
            prop_assert_eq!(again.key, link.key.clone());
            let shown = link.url.expose().split('/').nth(2).unwrap().to_owned();
            prop_assert!(shown.ends_with("zoom.us") || shown == "meet.google.com", "{}", shown);
            prop_assert!(!shown.contains(['@', '\\', '%']));
        }
    }

    #[test]
    fn cal_11_no_text_is_too_odd(text in "([ -~\\n]|é|&#|https://|zoom\\.us/j/|<a href=|</a>|\\*|__;){0,60}") {
        if let Some(link) = MeetingLink::find_in(&text) {
            prop_assert_eq!(MeetingLink::of_url(link.url.expose()).map(|again| again.key), Some(link.key));
        }
    }
}
