//! The track as a table of steps: what is done next, and what is remembered.
use super::*;

const SCOPE: Scope = Scope { revision: 0 };

fn at() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

fn cursor(text: &str) -> Cursor {
    Cursor::from_source(text)
}

fn page(text: &str) -> Next {
    Next::Page(PageToken::from_source(text))
}

fn begun(head: Option<&str>) -> Track {
    Track::begun(ScanId(1), head.map(cursor), &SCOPE, Relist::default(), at())
}

/// Names the next step in a word.
fn step(track: &Track) -> String {
    match track.step(&SCOPE) {
        Step::Begin => "begin".to_owned(),
        Step::Follow(live) => format!("follow {}", live.cursor),
        Step::List(_, from) => format!("list {}", from.map_or("from the start", PageToken::as_str)),
        Step::Sweep(..) => "sweep".to_owned(),
        Step::Wait => "wait".to_owned(),
    }
}

#[test]
fn a_stream_begins_with_a_listing_and_both_lanes_take_turns() {
    assert_eq!(step(&Track::default()), "begin");
    let track = begun(Some("c1"));
    assert_eq!(step(&track), "list from the start");
    let track = track.listed(page("p2"), 5, Some(9)).unwrap();
    assert_eq!(step(&track), "follow c1");
    let track = track.followed(Next::Cursor { cursor: cursor("c2"), more: false }).unwrap();
    assert_eq!(step(&track), "list p2");
    let track = track.listed(Next::End, 4, None).unwrap();
    let track = track.followed(Next::Cursor { cursor: cursor("c3"), more: false }).unwrap();
    assert_eq!(step(&track), "sweep");
    let track = track.swept(None);
    assert!(track.is_settled());
    assert_eq!(step(&track), "follow c3");
}

#[test]
fn a_promise_that_is_outrun_is_taken_back_and_the_end_knows_how_many_there_were() {
    let total = |track: &Track| track.scan.as_ref().unwrap().progress.total;
    let track = begun(Some("c1")).listed(page("p2"), 5, Some(9)).unwrap();
    assert_eq!(total(&track), Some(9));
    let track = track.listed(page("p3"), 4, None).unwrap();
    assert_eq!(total(&track), Some(9));
    let track = track.listed(page("p4"), 1, None).unwrap();
    assert_eq!(total(&track), None, "ten were listed");
    assert_eq!(total(&track.listed(Next::End, 2, None).unwrap()), Some(12));
}

#[test]
fn the_durable_cursor_stays_until_the_round_is_complete() {
    let track = begun(Some("c1")).listed(Next::End, 0, None).unwrap().swept(None);
    let track = track.followed(page("p2")).unwrap();
    assert_eq!(track.live.as_ref().unwrap().cursor, cursor("c1"));
    assert!(!track.is_settled());
    let track = track.followed(Next::Cursor { cursor: cursor("c2"), more: false }).unwrap();
    assert_eq!(track.live.as_ref().unwrap().cursor, cursor("c2"));
}

#[test]
fn a_cursor_that_comes_at_the_end_of_the_listing_begins_the_live_lane() {
    let track = begun(None).listed(page("p2"), 3, None).unwrap();
    assert_eq!(step(&track), "list p2");
    let track = track.listed(Next::Cursor { cursor: cursor("c1"), more: false }, 1, None).unwrap();
    assert_eq!(step(&track.swept(None)), "follow c1");
}

#[test]
fn a_changed_scope_begins_anew() {
    let track = begun(Some("c1"));
    assert_eq!(track.step(&Scope { revision: 1 }), Step::Begin);
}

#[test]
fn a_lost_log_lets_the_scan_end_and_begins_the_next_one() {
    let track = begun(Some("c1")).listed(page("p2"), 3, None).unwrap().log_lost();
    assert_eq!(step(&track), "list p2");
    let track = track.listed(Next::End, 3, None).unwrap().swept(None);
    assert!(!track.is_settled(), "a listing is due");
    assert_eq!(step(&track), "begin");
}

#[test]
fn a_cursor_of_a_listing_whose_log_was_lost_meanwhile_is_not_taken() {
    let track = begun(None).log_lost();
    let track = track.listed(Next::Cursor { cursor: cursor("old"), more: false }, 1, None).unwrap();
    assert_eq!(track.live, None);
}

#[test]
fn a_restarted_listing_gets_a_new_scan_id() {
    let track = begun(None).listed(page("p2"), 3, None).unwrap().rewound(ScanId(7));
    assert_eq!(track.scan.as_ref().unwrap().id, ScanId(7));
    assert_eq!(step(&track), "list from the start");
    assert!(!track.is_settled());
}

#[test]
fn a_rewound_round_is_read_again_from_its_cursor_and_given_up_in_the_end() {
    let mut track = begun(Some("c1")).listed(Next::End, 0, None).unwrap().swept(None);
    for times in 1..MAX_REWINDS {
        track = track.followed(page("p2")).unwrap();
        track.turn = Lane::Live;
        track = track.rewound(ScanId(9));
        assert_eq!((track.rewinds(), step(&track).as_str()), (times, "follow c1"));
    }
    track.turn = Lane::Live;
    assert_eq!(step(&track.rewound(ScanId(9))), "begin");
}

#[test]
fn a_mass_removal_waits_for_a_person_while_the_live_lane_goes_on() {
    let missing = Missing { unseen: 50, members: 60 };
    let swept = begun(Some("c1")).listed(Next::End, 10, None).unwrap();
    let held = swept.held(missing);
    assert_eq!((held.held_removal(), step(&held).as_str()), (Some(missing), "follow c1"));
    let mut accepted = held.clone().steered(Steer::AcceptRemovals);
    accepted.turn = Lane::Scan;
    assert_eq!(step(&accepted), "sweep");
    assert!(accepted.scan.unwrap().accepted);
    let kept = held.clone().steered(Steer::KeepRemoved);
    assert_eq!((kept.scan.is_none(), kept.is_settled()), (true, true));
    let mut relisted = held.steered(Steer::Relist);
    relisted.turn = Lane::Scan;
    assert_eq!(step(&relisted), "begin");
}

#[test]
fn without_a_log_a_held_removal_waits() {
    let held = begun(None).listed(Next::End, 0, None).unwrap();
    assert_eq!(step(&held.held(Missing { unseen: 50, members: 60 })), "wait");
}

#[test]
fn page_tokens_in_a_circle_are_met_within_three_times_its_length() {
    for length in 1..20 {
        let mut track = begun(None);
        let met = (0..3 * length + 3).find(|step| {
            let next = page(&format!("p{}", step % length));
            match track.clone().listed(next, 1, None) {
                Ok(moved) => {
                    track = moved;
                    false
                }
                Err(TokensRepeat) => true,
            }
        });
        assert!(met.is_some(), "a circle of {length} is never met");
    }
}

#[test]
fn a_long_straight_round_is_no_circle() {
    let mut track = begun(None);
    for number in 0..10_000 {
        track = track.listed(page(&format!("p{number}")), 1, None).unwrap();
    }
}

#[test]
fn the_stored_form() {
    let mut track = begun(Some("c1")).listed(page("p2"), 5, Some(9)).unwrap();
    track.relist = true;
    insta::assert_json_snapshot!(track);
}
