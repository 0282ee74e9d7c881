//! `besunny demo`: the sample workspace, from the simulated Gmail to the project.
use std::{collections::BTreeMap, process::Command};

use besunny::{
    SystemClock,
    core::{clock::Clock, repository::DocumentFilter},
};
use besunny_server::home::Home;
use besunny_testkit::data::say;
use chrono::TimeDelta;
use serde_json::json;

use crate::{
    binary::Desk,
    sample,
    server::Server,
    visitor::{Visitor, between},
};

/// A newcomer waits so long at most for the first routed mail.
const SECONDS: f64 = 60.0;
/// Far below the five minutes after which a calendar that does not call is looked at again.
const CALLED_SECONDS: f64 = 30.0;

#[test]
fn the_first_mail_is_routed_within_a_minute() {
    let desk = Desk::new();
    let mut command = desk.command(&["demo", "--no-browser", "--listen", "127.0.0.1:0"]);
    command.env("BESUNNY_LOG", "off");
    let mut server = Server::start(command);
    let first = server.event("first_routed");
    assert!(first["seconds"].as_f64().unwrap() < SECONDS, "{first}");
    let answer = server.get("/health/sync");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server.end("TERM").ends(0);
}

/// The simulated calendar calls the server, and what changed in it is on the agenda at once (CAL-2).
#[test]
fn cal_2_a_change_in_the_calendar_shows_within_seconds() {
    let desk = Desk::new();
    let mut command = desk.command(&["demo", "--no-browser", "--listen", "127.0.0.1:0"]);
    command.env("BESUNNY_LOG", "off");
    let server = Server::start(command);
    let visitor = Visitor::enter(&server);
    visitor.until("/agenda", |page| page.contains("go-live call").then_some(()));
    let clock = SystemClock::default();
    let now = clock.now();
    let event = json!({
        "summary": "A walk by the river",
        "location": "https://meet.google.com/wlk-rivr-one",
        "start": { "dateTime": (now + TimeDelta::hours(2)).to_rfc3339() },
        "end": { "dateTime": (now + TimeDelta::hours(3)).to_rfc3339() },
    });
    let began = clock.now();
    server.tell_google("/control/accounts/sunny@example.test/calendars/primary/events", &event);
    visitor.until("/agenda", |page| page.contains("A walk by the river").then_some(()));
    let took = (clock.now() - began).as_seconds_f64();
    say(&format!("a change in the calendar was on the agenda after {took:.3} s"));
    assert!(took < CALLED_SECONDS, "{took}");
    server.end("TERM").ends(0);
}

/// Returns the document of a mail that a page lists, by its subject.
fn listed(page: &str, subject: &str) -> Option<String> {
    let (before, _) = page.split_once(subject)?;
    let (_, rest) = before.rsplit_once("/documents/")?;
    rest.split(['"', '/']).next().map(str::to_owned)
}

/// A meeting is under way when the demo starts: what is said shows while the bot listens, and becomes a
/// document of the right project (BOT-10, BOT-12, BOT-13).
#[test]
fn bot_12_what_is_said_in_a_meeting_becomes_a_document_of_its_project() {
    let desk = Desk::new();
    let arguments = ["demo", "--no-browser", "--listen", "127.0.0.1:0", "--pause-ms", "1000"];
    let mut command = desk.command(&arguments);
    command.env("BESUNNY_LOG", "off");
    let server = Server::start(command);
    let visitor = Visitor::enter(&server);
    let meeting = visitor.until("/agenda", |page| {
        let (before, _) = page.split_once("Nightingale: ward 4B, what is left")?;
        let (_, rest) = before.rsplit_once("href=\"")?;
        rest.split('"').next().map(str::to_owned)
    });
    let is_live = |page: &str| page.contains(">Live</span>") && page.contains("good night to hers");
    visitor.until(&meeting, |page| is_live(page).then_some(()));
    let document = visitor.until(&meeting, |page| listed(page, ">The transcript</a>"));
    let routed = "It was routed to <strong><bdi>Nightingale Rollout</bdi></strong>";
    let page = visitor.until(&format!("/documents/{document}"), |page| {
        page.contains(routed).then(|| page.to_owned())
    });
    for said in ["good night to hers", "Go-live call as always, same link."] {
        assert!(page.contains(said), "{said}: {page}");
    }
    server.end("TERM").ends(0);
}

/// The issue of it all: nobody knows the sender, a person says where one mail belongs, and the next
/// one is routed by what was learned, and says why (CLS-7, CLS-9).
#[test]
fn cls_9_a_visitor_corrects_one_mail_and_the_next_is_routed_by_what_was_learned() {
    let desk = Desk::new();
    let arguments = ["demo", "--no-browser", "--listen", "127.0.0.1:0", "--pause-ms", "400"];
    let mut command = desk.command(&arguments);
    command.env("BESUNNY_LOG", "off");
    let server = Server::start(command);
    let visitor = Visitor::enter(&server);
    let first = visitor.until("/review", |page| listed(page, "An old sail"));
    let page = visitor.page(&format!("/documents/{first}"));
    assert!(page.contains("simulated-model"), "the language model was asked: {page}");
    assert!(page.contains("Left to you") && !page.contains("Decided by"), "{page}");
    let token = between(&page, "name=\"form_token\" value=\"", "\"").unwrap();
    let version = between(&page, "name=\"version\" value=\"", "\"").unwrap();
    let (options, _) = page.split_once(">Lantern Nights</option>").unwrap();
    let (_, project) = options.rsplit_once("<option value=\"").unwrap();
    let project = project.split('"').next().unwrap();
    let fields = [("form_token", token), ("version", version), ("project", project)];
    let answer = visitor.submit(&format!("/documents/{first}/assign"), &fields);
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");

    // Mail keeps coming, also of the same person; what came before the correction is as it was.
    let learned = |page: &str| {
        let later = ["The boathouse key", "When does the moon rise", "My nephew can climb"];
        let found = later.iter().find_map(|subject| listed(page, subject))?;
        let page = visitor.page(&format!("/documents/{found}"));
        page.contains("Decided by <code>learned/").then_some(page)
    };
    let page = visitor.until("/", learned);
    assert!(page.contains("It was routed to <strong><bdi>Lantern Nights</bdi></strong>"), "{page}");
    assert!(
        page.contains("The only mail of this sender that was answered is in Lantern Nights."),
        "{page}"
    );
    assert!(page.contains("of past choices were right."), "{page}");
    server.end("TERM").ends(0);
}

/// The simulated model counts words and describes nothing: what is known are the visitor's words (ONB-4).
#[test]
fn onb_4_a_project_is_described_by_the_answers_of_the_visitor_alone() {
    let desk = Desk::new();
    let mut command = desk.command(&["demo", "--no-browser", "--listen", "127.0.0.1:0"]);
    command.env("BESUNNY_LOG", "off");
    let server = Server::start(command);
    let visitor = Visitor::enter(&server);
    let page = visitor.page("/projects");
    let token = between(&page, "name=\"form_token\" value=\"", "\"").unwrap();
    let begun = visitor.submit("/onboarding", &[("form_token", token)]);
    let path = between(&begun, "location: ", "\r\n").unwrap_or_else(|| panic!("{begun}"));
    let send = |step: &str, answer: &str| {
        let page = visitor.page(path);
        let version = between(&page, "name=\"version\" value=\"", "\"").unwrap();
        let fields = [("form_token", token), ("version", version), ("answer", answer)];
        let answer = visitor.submit(&format!("{path}/{step}"), &fields);
        assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    };
    for answer in [
        "Riverside+flood+works+RVF-12",
        "A+film+about+the+new+dykes.",
        "dyke",
        "60+second+film",
        "Ann+Miller",
        "none",
        "Cy+Moss",
        "14-16+June+2026",
        "Weir",
        "",
    ] {
        send("answer", answer);
    }
    send("confirm", "");
    let page = visitor.page(path);
    assert!(page.contains("Made of your answers alone"), "{page}");
    assert!(page.contains("RVF-12") && !page.contains("project_name"), "{page}");
    server.end("TERM").ends(0);
}

/// The rules are right or leave a mail to a person; none goes where it does not belong (CLS-7).
#[tokio::test]
async fn no_mail_of_the_sample_is_routed_wrongly() {
    let desk = Desk::new();
    for mbox in ["present.mbox", "arriving.mbox"] {
        sample::import(&desk, mbox);
    }
    let home = Home::open(desk.path().join("test.db"), |builder, _| Ok(builder)).await.unwrap();
    let got = routes(&home).await;
    let (mut right, mut waiting) = (0, 0);
    for mail in sample::expected() {
        match (mail.state.as_deref(), got.get(&mail.id)) {
            (Some("ignored"), found) => assert_eq!(found, None, "{} is ignored", mail.id),
            (_, Some(Some(project))) => {
                assert_eq!(*project, mail.project, "{}", mail.id);
                right += 1;
            }
            (_, Some(None)) => waiting += 1,
            (_, None) => panic!("{} is not there", mail.id),
        }
    }
    insta::assert_snapshot!(format!("{right} right, {waiting} left to a person"), @"49 right, 11 left to a person");
}

/// Returns the project of each mail by its message id.
async fn routes(home: &Home) -> BTreeMap<String, Option<String>> {
    let store = home.besunny.store();
    let filter = DocumentFilter { limit: 200, ..DocumentFilter::default() };
    let mut routes = BTreeMap::new();
    for document in store.documents(&home.scope, &filter).await.unwrap() {
        let content = store.content(&home.scope, document.id).await.unwrap().unwrap();
        let projects = store.projects(&home.scope, document.owner).await.unwrap();
        let project = document
            .state
            .project()
            .map(|id| projects.iter().find(|project| project.id == id).unwrap().name.clone());
        let id = content.mail.message_id.unwrap().expose().clone();
        routes.insert(id, project);
    }
    routes
}

/// L2: what a delivery hints at is on the disk before it is answered.
///
/// The demo's own Pub/Sub calls; the system calls of the server are watched.
#[cfg(target_os = "linux")]
#[test]
fn a_delivery_is_synced_before_it_is_answered() {
    if Command::new("strace").arg("-V").output().is_err() {
        return say(
            "SKIPPED: strace is not here, so nobody watched what is synced; install strace",
        );
    }
    let desk = Desk::new();
    let demo = desk.command(&["demo", "--no-browser", "--listen", "127.0.0.1:0"]);
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-qq", "-s", "64", "-o", "trace"]);
    command.args(["-e", "trace=read,recvfrom,write,writev,sendto,fdatasync,fsync"]);
    command.arg(demo.get_program()).args(demo.get_args());
    command.current_dir(desk.path()).env("BESUNNY_LOG", "off");
    let mut server = Server::start(command);
    server.event("first_routed");
    let trace = || std::fs::read_to_string(desk.path().join("trace")).unwrap_or_default();
    let mut answers = Answers::default();
    while answers.count < 3 {
        answers = Answers::read(&trace());
        std::thread::yield_now();
    }
    let process = trace().split_whitespace().next().unwrap().to_owned();
    server.end_process(&process, "TERM").ends(0);
    assert_eq!(answers.unsynced, 0, "an answer went out before the log of the store was synced");
}

#[test]
fn an_answer_before_the_sync_is_seen() {
    let read = "7 recvfrom(9<TCP:[1->2]>, \"POST /webhooks/gmail HTTP/1.1\\r\\n\", 8192) = 90\n";
    let sync = "8  fdatasync(5<test.db-wal>) = 0\n";
    let begun = "8 fsync(5<test.db-wal> <unfinished ...>\n";
    let ended = "8 <... fsync resumed>)           = 0\n";
    let other = "8 fsync(5<test.db>) = 0\n";
    let answer = "7 writev(9<TCP:[1->2]>, [{\"HTTP/1.1 200 OK\\r\\n\"}], 1) = 80\n";
    let unsynced = |lines: &[&str]| Answers::read(&lines.concat()).unsynced;
    assert_eq!(unsynced(&[read, sync, answer]), 0);
    assert_eq!(unsynced(&[read, begun, ended, answer]), 0);
    assert_eq!(unsynced(&[read, answer, sync]), 1);
    assert_eq!(unsynced(&[sync, read, answer]), 1);
    assert_eq!(unsynced(&[begun, read, ended, answer]), 1);
    assert_eq!(unsynced(&[read, begun, answer, ended]), 1);
    assert_eq!(unsynced(&[read, other, answer]), 1);
}

/// The deliveries in a trace.
#[derive(Default)]
struct Answers {
    count: usize,
    unsynced: usize,
}

impl Answers {
    /// Follows each connection from a delivery that is read to the answer that is written.
    ///
    /// Only a sync that began after the delivery was read and ended before the answer counts.
    fn read(trace: &str) -> Self {
        let mut answers = Self::default();
        let mut open: BTreeMap<&str, Delivery> = BTreeMap::new();
        let mut begun: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, line) in trace.lines().enumerate() {
            let Some((thread, call)) = line.split_once(char::is_whitespace) else { continue };
            let call = call.trim_start();
            let starts = call.starts_with("fdatasync(") || call.starts_with("fsync(");
            if starts && call.contains("-wal>") {
                begun.insert(thread, at);
            }
            if (starts || call.contains("sync resumed>")) && call.ends_with("= 0") {
                let began_at = begun.remove(thread);
                for delivery in open.values_mut() {
                    delivery.synced |= began_at.is_some_and(|began_at| delivery.read_at < began_at);
                }
            } else if let Some(socket) = socket(call) {
                let sent = call.starts_with("write") || call.starts_with("sendto");
                if call.contains("\"POST /webhooks/gmail") && !sent {
                    open.insert(socket, Delivery { read_at: at, synced: false });
                } else if call.contains("\"HTTP/1.1 200")
                    && sent
                    && let Some(delivery) = open.remove(socket)
                {
                    answers.count += 1;
                    answers.unsynced += usize::from(!delivery.synced);
                }
            }
        }
        answers
    }
}

/// A delivery that is not answered yet.
struct Delivery {
    read_at: usize,
    synced: bool,
}

/// Returns the name of the connection a call is about.
fn socket(call: &str) -> Option<&str> {
    let (_, rest) = call.split_once("<socket:[").or_else(|| call.split_once("<TCP:["))?;
    rest.split_once(']').map(|(name, _)| name)
}
