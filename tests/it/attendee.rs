//! Bots of Attendee over real HTTP, at the simulator: real transcripts arrive complete.
use std::{collections::BTreeMap, fs::File, io::Read, path::Path, sync::Arc, time::Duration};

use besunny_attendee::{Attendee, AttendeeConfig};
use besunny_core::{
    account::Provider,
    adapter::BotAdapter,
    clock::Clock,
    document::DocumentKind,
    meeting::Meeting,
    posting::{BotStatus, BotStyle},
    repository::DocumentFilter,
    worker::{Bots, Worker},
};
use besunny_simulator::{Act, ClockMode, Config, Simulator};
use besunny_testkit::{data, scripted::Fair};
use chrono::TimeDelta;
use secrecy::SecretString;
use serde_json::Value;

use crate::scene::{Scene, in_a_file};

/// What was said in a meeting: who, and the words.
type Lines = Vec<(String, String)>;

/// Meetings by name, with what was said in them.
type Heard = BTreeMap<String, Lines>;

/// Everybody says a line in so long, and the engine looks when the bot is due.
const LINE: Duration = Duration::from_secs(1);
/// A simulated hour is long enough for the longest of them.
const LASTS: i64 = 90;

/// A simulated Attendee, and an engine that sends its bots.
struct Hall {
    scene: Scene,
    simulator: Simulator,
    attendee: Arc<Attendee>,
}

impl Hall {
    async fn new() -> Self {
        let scene = Scene::new(in_a_file, Arc::new(Fair)).await;
        let start_at = Some(scene.clock.now());
        let config = Config { clock: ClockMode::Manual, start_at, ..Config::default() };
        let simulator = Simulator::start(config).await.unwrap();
        let key = SecretString::from(simulator.control().settings().attendee.api_key);
        let config = AttendeeConfig::at(&simulator.base_url());
        let clock: Arc<dyn Clock> = Arc::new(besunny::SystemClock::default());
        let attendee = Arc::new(Attendee::new(config, &key, clock).unwrap());
        Self { scene, simulator, attendee }
    }

    fn worker(&self) -> Worker {
        let attendee = || Arc::<Attendee>::clone(&self.attendee);
        let adapter = BotAdapter {
            bots: attendee(),
            records: attendee(),
            presence: Some(attendee()),
            chat: Some(attendee()),
            control: Some(attendee()),
            receiver: None,
        };
        let (provider, style) = (Provider::new("attendee"), BotStyle::default());
        Worker { bots: Some(Bots { provider, adapter, style }), ..self.scene.worker() }
    }

    /// Lets time go by here and at Attendee.
    fn pass(&self, time: Duration) {
        self.scene.clock.advance(time);
        self.simulator.control().advance(time);
    }

    async fn work(&self, minutes: u64) {
        for _ in 0..minutes {
            self.pass(Duration::from_mins(1));
            self.worker().run_until_idle().await;
        }
    }

    /// Invites a bot to a meeting in ten minutes, in a room of its own.
    async fn invite(&self, number: usize, name: &str) -> Meeting {
        let starts_at = self.scene.clock.now() + TimeDelta::minutes(10);
        let link = format!("https://zoom.us/j/{}", 1_000_000_000 + number);
        let ends_at = starts_at + TimeDelta::minutes(LASTS);
        let title = Some(name.to_owned().into());
        let meeting = self.scene.meeting("ann", name, starts_at, &link);
        self.scene.put(&Meeting { ends_at, title, ..meeting }).await
    }

    /// Returns which bot is in which meeting.
    async fn bots(&self, meetings: &[Meeting]) -> Vec<String> {
        let mut bots = Vec::new();
        for meeting in meetings {
            let postings = self.scene.store.postings_for(&self.scene.scope, &[meeting.id]).await;
            let postings = postings.unwrap();
            assert_eq!(postings.len(), 1, "{postings:?}");
            bots.push(postings[0].bot().unwrap().to_string());
        }
        bots
    }

    fn play(&self, bot: &str, act: &Act) {
        self.simulator.control().bots().play(bot, act).unwrap();
    }

    /// Returns what the documents of all meetings say, by title: who, and the words.
    async fn documents(&self) -> Heard {
        let (store, scope) = (&self.scene.store, &self.scene.scope);
        let kind = Some(DocumentKind::MeetingTranscript);
        let mut filter = DocumentFilter { kind, limit: 50, ..DocumentFilter::default() };
        let mut heard = Heard::new();
        loop {
            let page = store.documents(scope, &filter).await.unwrap();
            let Some(last) = page.last() else { return heard };
            filter.before = Some(last.id);
            for document in page {
                let content = store.content(scope, document.id).await.unwrap().unwrap();
                let lines = content.mail.text.expose().lines().map(|line| {
                    let (speaker, words) = line["[00:00:00] ".len()..].split_once(": ").unwrap();
                    (speaker.to_owned(), words.to_owned())
                });
                let again = heard.insert(document.title.into_exposed(), lines.collect());
                assert_eq!(again, None, "a meeting has two documents");
            }
        }
    }
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Reads meetings of `QMSum`: turns with their speakers.
fn qmsum() -> Option<Heard> {
    let folder = data::find("meetings_qmsum")?;
    let mut heard = Heard::new();
    for (_, path) in data::files(&folder).iter().filter(|(name, _)| name.ends_with(".tar.gz")) {
        let unpacked = flate2::read::GzDecoder::new(File::open(path).unwrap());
        for entry in tar::Archive::new(unpacked).entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().to_string_lossy().into_owned();
            if Path::new(&name).extension().is_none_or(|kind| kind != "json") {
                continue;
            }
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let meeting: Value = serde_json::from_str(&text).unwrap();
            let turns = meeting["meeting_transcripts"].as_array().unwrap().iter();
            let lines = turns.map(|turn| {
                let text = |field: &str| words(turn[field].as_str().unwrap());
                (text("speaker").replace(':', ""), text("content"))
            });
            heard.insert(name, lines.filter(|(_, words)| !words.is_empty()).collect());
        }
    }
    Some(heard)
}

/// Reads meetings of AMI: sentences, of nobody in particular.
fn ami() -> Option<Heard> {
    let folder = data::find("meetings_ami")?;
    let mut heard = Heard::new();
    for (name, path) in data::files(&folder) {
        if path.extension().is_none_or(|kind| kind != "story") {
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        // Summaries follow in the same file.
        let said = text.split("@highlight").next().unwrap();
        let lines = said.split_inclusive(". ").map(|line| ("Speaker".to_owned(), words(line)));
        heard.insert(name, lines.filter(|(_, words)| !words.is_empty()).collect());
    }
    Some(heard)
}

#[tokio::test]
async fn bot_12_real_transcripts_flow_through_attendee_and_arrive_complete() {
    let (Some(mut want), Some(ami)) = (qmsum(), ami()) else { return };
    want.extend(ami);
    assert!(want.len() >= 150, "{} meetings", want.len());
    let hall = Hall::new().await;
    let mut meetings = Vec::new();
    for (number, name) in want.keys().enumerate() {
        meetings.push(hall.invite(number, name).await);
    }
    hall.work(9).await;
    let bots = hall.bots(&meetings).await;
    let said: Vec<(&String, &Lines)> = bots.iter().zip(want.values()).collect();
    for bot in &bots {
        hall.play(bot, &Act::LetIn);
    }
    let longest = want.values().map(Vec::len).max().unwrap();
    for n in 0..longest {
        for (bot, lines) in &said {
            if let Some((name, text)) = lines.get(n).cloned() {
                hall.play(bot, &Act::Says { name, text });
            }
        }
        hall.pass(LINE);
        if n % 240 == 239 {
            hall.worker().run_until_idle().await;
        }
    }
    for bot in &bots {
        hall.play(bot, &Act::Ends);
    }
    hall.work(5).await;
    for bot in &bots {
        hall.play(bot, &Act::Prepared);
    }
    hall.work(65).await;
    let found = hall.documents().await;
    assert_eq!(found.len(), want.len());
    for (name, lines) in &want {
        assert_eq!(found[name].len(), lines.len(), "{name}");
        assert!(found[name] == *lines, "{name} differs from what was said");
    }
    for meeting in &meetings {
        let postings = hall.scene.store.postings_for(&hall.scene.scope, &[meeting.id]).await;
        assert_eq!(postings.unwrap()[0].status(), BotStatus::Completed);
    }
}
