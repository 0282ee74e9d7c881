//! Rooms, postings, what was heard, and what people want of bots.
use besunny_core::{
    account::Provider,
    bot::{BotRef, Segment, SegmentKey},
    commit::{Basis, Commit, Decision, Effect, NewTranscript},
    document::DocumentState,
    event::Event,
    history::Fact,
    ids::{CommitId, MeetingId, PostingId},
    job::{Job, Task},
    meeting::{Meeting, MeetingChange, MeetingKey},
    posting::{
        BotPolicy, Posting, PostingChange, Said, Seen, Sent, Served, Stage, Wish, Withdrawal,
    },
    push::{About, Notice},
    repository::{DeadJobFilter, RepositoryError},
    scheduler::{Ask, Failure, JobRest, Receipt},
    transcript::{self, Spoken},
};
use chrono::{Days, TimeDelta};

use super::{
    World,
    bench::{Bench, LEASE, noon},
    meetings::meeting,
};
use crate::conformance::{Broken, Case, Outcome, check, check_equal, clause};

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("store.posting.kept", kept),
        clause("store.posting.conflict", conflict),
        clause("store.posting.one-live", one_live),
        clause("store.posting.told", told),
        clause("store.room.conflict", room_conflict),
        clause("store.room.shows", shows),
        clause("store.said.kept", said),
        clause("store.transcript.stored", stored),
        clause("store.transcript.amended", amended),
        clause("store.transcript.conflict", transcript_conflict),
        clause("store.policy.kept", policies),
        clause("scheduler.note.bots", noted),
        clause("scheduler.fail.dead-letters-of-rooms", dead_letters),
        clause("store.tenant.postings", tenants),
    ]
}

fn room(bench: &Bench) -> Result<MeetingKey, Broken> {
    let link = meeting(bench, "one", 1).link.map(|link| link.key);
    link.ok_or_else(|| Broken::new("the sample has no link"))
}

fn posting(bench: &Bench, name: &str, days: u64) -> Posting {
    let of = meeting(bench, "one", days);
    let (url, key) = of.link.map_or_else(|| unreachable!(), |link| (link.url, link.key));
    Posting {
        id: PostingId::derived(&[name.as_bytes()]),
        version: 1,
        provider: Provider::new("stage"),
        room: key,
        url,
        starts_at: of.starts_at,
        ends_at: of.ends_at,
        serves: vec![Served { meeting: of.id, owner: bench.user }],
        made_at: noon(),
        wish: Wish::Attend,
        stage: Stage::Wanted,
        seen: Seen::default(),
        trouble: None,
        erasure: None,
    }
}

fn sent(bot: &str, posting: Posting) -> Posting {
    let sent = Sent {
        bot: BotRef::from_source(bot),
        join_at: None,
        url: posting.url.clone(),
        stopped_at: None,
        is_stuck: false,
    };
    Posting { stage: Stage::Sent(sent), ..posting }
}

fn post(expected: u64, posting: &Posting) -> Effect {
    let posting = Posting { version: expected + 1, ..posting.clone() };
    Effect::Post(Box::new(PostingChange { expected, posting, said: None, told: Vec::new() }))
}

async fn put(bench: &Bench, name: &str, effects: Vec<Effect>) -> Result<(), RepositoryError> {
    let id = CommitId::derived(&[name.as_bytes()]);
    bench.commit(Commit { id, basis: Basis::Person, at: noon(), effects }).await.map(drop)
}

fn is_conflict(done: &Result<(), RepositoryError>, what: &str) -> Outcome {
    let refused = matches!(done, Err(RepositoryError::Conflict));
    check(refused, format_args!("{what} is no conflict: {done:?}"))
}

async fn kept(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let one = sent("b", posting(&bench, "one", 1));
    put(&bench, "first", vec![post(0, &one)]).await?;
    let over = Posting { ends_at: one.ends_at + TimeDelta::hours(1), version: 2, ..one.clone() };
    put(&bench, "second", vec![post(1, &over)]).await?;
    let served: Vec<_> = one.serves.iter().map(|served| served.meeting).collect();
    let found = bench.store.postings_for(&bench.scope, &served).await?;
    check_equal(&found, &vec![over.clone()], "postings for a meeting")?;
    let other = Posting { serves: Vec::new(), version: 3, ..over };
    put(&bench, "third", vec![post(2, &other)]).await?;
    let store = world.reopened().await;
    check_equal(&store.posting(&bench.scope, one.id).await?, &Some(other), "the posting")?;
    let found = store.postings_for(&bench.scope, &served).await?;
    check_equal(&found, &Vec::new(), "postings for a meeting that it is not for any more")
}

async fn told(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let one = posting(&bench, "one", 1);
    let tenant = bench.scope.tenant();
    let event = Event::recording_denied(tenant, one.id, one.serves[0], noon());
    let told = vec![event.clone()];
    let change = PostingChange { expected: 0, posting: one, said: None, told };
    let effects = || vec![Effect::Post(Box::new(change.clone()))];
    for _ in 0..2 {
        put(&bench, "first", effects()).await?;
    }
    is_conflict(&put(&bench, "late", effects()).await, "a posting that was read before")?;
    let store = world.reopened().await;
    check_equal(&store.unpublished(10).await?, &vec![event], "what is to be published")
}

async fn conflict(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let (one, two) = (posting(&bench, "one", 1), posting(&bench, "two", 2));
    put(&bench, "first", vec![post(0, &one)]).await?;
    for expected in [0, 2] {
        let late = put(&bench, &format!("late {expected}"), vec![post(expected, &one)]).await;
        is_conflict(&late, "a posting at another version")?;
    }
    let both = put(&bench, "both", vec![post(0, &two), post(7, &one)]).await;
    is_conflict(&both, "one of two postings at another version")?;
    check_equal(&bench.store.posting(&bench.scope, two.id).await?, &None, "its neighbour")
}

async fn one_live(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let (one, two) = (posting(&bench, "one", 1), posting(&bench, "two", 1));
    let both = put(&bench, "both", vec![post(0, &one), post(0, &two)]).await;
    is_conflict(&both, "two live postings at once")?;
    put(&bench, "one", vec![post(0, &one)]).await?;
    is_conflict(&put(&bench, "two", vec![post(0, &two)]).await, "a second live posting")?;
    let withdrawn = Posting { wish: Wish::Withdrawn(Withdrawal::Replaced), ..one.clone() };
    put(&bench, "instead", vec![post(0, &two), post(1, &withdrawn)]).await?;
    let (later, three) = (posting(&bench, "one", 3), posting(&bench, "three", 3));
    put(&bench, "three", vec![post(0, &three)]).await?;
    let swapped = [
        Posting { starts_at: later.starts_at, ..two.clone() },
        Posting { starts_at: two.starts_at, ..three.clone() },
    ];
    put(&bench, "swap", swapped.iter().map(|posting| post(1, posting)).collect()).await?;
    let found = bench.store.posting(&bench.scope, two.id).await?.map(|found| found.starts_at);
    check_equal(&found, &Some(later.starts_at), "a start that was swapped")
}

async fn room_conflict(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let room = room(&bench)?;
    let plan = |expected| vec![Effect::Staff { room: room.clone(), expected }];
    is_conflict(&put(&bench, "early", plan(1)).await, "a plan of a room that was never planned")?;
    put(&bench, "first", plan(0)).await?;
    is_conflict(&put(&bench, "again", plan(0)).await, "a plan from an older version")?;
    put(&bench, "second", plan(1)).await?;
    let found = world.reopened().await.room(&bench.scope, &room, noon()).await?;
    check_equal(&found.version, &2, "version of the room")
}

fn meet(expected: u64, meeting: &Meeting) -> Effect {
    let meeting = Meeting { version: expected + 1, ..meeting.clone() };
    Effect::Meet(Box::new(MeetingChange { expected, meeting, seen: None }))
}

async fn shows(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let eve = bench.add_person("eve").await?;
    let one = meeting(&bench, "one", 1);
    let of_eve =
        Meeting { id: meeting(&bench, "eve", 1).id, owner: eve, ..meeting(&bench, "one", 2) };
    let elsewhere = Meeting { link: None, ..meeting(&bench, "elsewhere", 1) };
    let past = Meeting { ends_at: noon(), ..meeting(&bench, "past", 0) };
    let all = [&one, &of_eve, &elsewhere, &past];
    put(&bench, "meetings", all.iter().map(|one| meet(0, one)).collect()).await?;
    let open = Posting { ends_at: noon(), ..posting(&bench, "open", 0) };
    let over = Posting { ends_at: noon(), ..posting(&bench, "over", 1) };
    let over = over.finished(besunny_core::posting::Outcome::Missed, noon());
    let late = posting(&bench, "late", 3).finished(besunny_core::posting::Outcome::Missed, noon());
    let postings = [&open, &over, &late];
    put(&bench, "postings", postings.iter().map(|one| post(0, one)).collect()).await?;
    let found = bench.store.room(&bench.scope, &room(&bench)?, noon()).await?;
    let mut want = vec![one.clone(), of_eve];
    want.sort_by_key(|meeting| meeting.id);
    check_equal(&found.meetings, &want, "meetings in the room")?;
    let mut want = vec![open, late];
    want.sort_by_key(|posting| posting.id);
    check_equal(&found.postings, &want, "postings of the room")?;
    put(&bench, "moved", vec![meet(1, &Meeting { link: None, ..one })]).await?;
    let found = bench.store.room(&bench.scope, &room(&bench)?, noon()).await?;
    check_equal(&found.meetings.len(), &1, "meetings in the room after one went elsewhere")
}

fn segment(key: &str, second: i64, text: &str) -> Segment {
    Segment {
        key: SegmentKey::from_source(key),
        speaker: None,
        starts_at: noon() + TimeDelta::seconds(second),
        duration: None,
        text: text.to_owned().into(),
        is_final: true,
    }
}

fn heard(expected: u64, posting: &Posting, is_whole: bool, segments: &[Segment]) -> Effect {
    let posting = Posting { version: expected + 1, ..posting.clone() };
    let said = Some(Said { segments: segments.to_vec(), is_whole });
    Effect::Post(Box::new(PostingChange { expected, posting, said, told: Vec::new() }))
}

async fn said(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let (one, two) = (posting(&bench, "one", 1), posting(&bench, "two", 2));
    let (first, second) = (segment("b", 1, "first"), segment("a", 2, "second"));
    put(&bench, "1", vec![heard(0, &one, false, &[second.clone(), first.clone()])]).await?;
    put(&bench, "2", vec![heard(0, &two, false, &[segment("b", 0, "elsewhere")])]).await?;
    let found = bench.store.said(&bench.scope, &[one.id]).await?;
    check_equal(&found, &vec![first.clone(), second.clone()], "what was said, in order")?;
    let both = bench.store.said(&bench.scope, &[one.id, two.id]).await?;
    check_equal(&both.first().map(|said| said.starts_at), &Some(noon()), "what two bots heard")?;
    let better = segment("b", 3, "first, heard better");
    put(&bench, "3", vec![heard(1, &one, false, std::slice::from_ref(&better))]).await?;
    let found = bench.store.said(&bench.scope, &[one.id]).await?;
    check_equal(&found, &vec![second, better.clone()], "a piece that came again")?;
    put(&bench, "4", vec![heard(2, &one, true, std::slice::from_ref(&better))]).await?;
    let found = world.reopened().await.said(&bench.scope, &[one.id]).await?;
    check_equal(&found, &vec![better], "a whole")
}

fn transcript(bench: &Bench, expected: u64, text: &str) -> Result<NewTranscript, Broken> {
    let of = meeting(bench, "one", 1);
    let segments = [segment("a", 0, text)];
    let spoken = Spoken { segments: &segments, ..Spoken::default() };
    let document = transcript::document(bench.scope.tenant(), &of, spoken);
    let document = document.map_err(|error| Broken::new(error.to_string()))?;
    Ok(NewTranscript { meeting: of.id, expected, document })
}

fn transcribe(new: &NewTranscript) -> Vec<Effect> {
    vec![Effect::Transcribe(Box::new(new.clone()))]
}

async fn stored(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let new = transcript(&bench, 0, "hello")?;
    put(&bench, "first", transcribe(&new)).await?;
    let store = world.reopened().await;
    let document = store.document(&bench.scope, new.document.id).await?;
    let document = document.ok_or_else(|| Broken::new("no document was stored"))?;
    check_equal(&document.state, &DocumentState::Pending, "its state")?;
    check_equal(&(document.version, document.kind), &(1, new.document.kind), "version, kind")?;
    let content = store.content(&bench.scope, document.id).await?;
    let content = content.ok_or_else(|| Broken::new("the document has no content"))?;
    check_equal(&content.mail, &*new.document.mail, "its content")?;
    let raw = store.blob(&bench.scope, &content.raw).await?;
    check_equal(&raw, &Some(new.document.raw.clone()), "its record")?;
    let history = store.history(&bench.scope, document.id).await?;
    let facts: Vec<Fact> = history.into_iter().map(|entry| entry.fact).collect();
    check_equal(&facts, &vec![Fact::Transcribed { meeting: new.meeting }], "its history")
}

async fn amended(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let first = transcript(&bench, 0, "hello")?;
    put(&bench, "first", transcribe(&first)).await?;
    let state = DocumentState::NoProject { by: bench.user };
    let fact = Fact::Declined { by: bench.user, from: None, act: CommitId::derived(&[b"act"]) };
    let document = first.document.id;
    let decision = Decision { document, expected: 1, state: state.clone(), fact };
    put(&bench, "decided", vec![Effect::Decide(decision)]).await?;
    let more = transcript(&bench, 2, "hello, and good bye")?;
    put(&bench, "second", transcribe(&more)).await?;
    let store = world.reopened().await;
    let content = store.content(&bench.scope, more.document.id).await?;
    let text = content.map(|content| content.mail.text);
    check_equal(&text, &Some(more.document.mail.text.clone()), "its text")?;
    let document = store.document(&bench.scope, more.document.id).await?;
    let document = document.map(|document| (document.version, document.state));
    check_equal(&document, &Some((3, state)), "its version and state")?;
    let last = store.history(&bench.scope, more.document.id).await?.pop().map(|entry| entry.fact);
    check_equal(&last, &Some(Fact::Amended { meeting: more.meeting }), "its history")
}

async fn transcript_conflict(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let early = put(&bench, "early", transcribe(&transcript(&bench, 1, "hello")?)).await;
    is_conflict(&early, "a document that is not there")?;
    put(&bench, "first", transcribe(&transcript(&bench, 0, "hello")?)).await?;
    let again = put(&bench, "again", transcribe(&transcript(&bench, 0, "other")?)).await;
    is_conflict(&again, "a document that is there already")
}

async fn policies(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let eve = bench.add_person("eve").await?;
    let both = [bench.user, eve];
    let said = bench.store.bot_policies(&bench.scope, &both).await?;
    check(said.is_empty(), "somebody wants what nobody said")?;
    for (name, policy) in [("all", BotPolicy::All), ("never", BotPolicy::Never)] {
        put(&bench, name, vec![Effect::Prefer { user: bench.user, policy }]).await?;
    }
    let said = world.reopened().await.bot_policies(&bench.scope, &both).await?;
    check_equal(&said, &[(bench.user, BotPolicy::Never)].into(), "what people want")
}

async fn noted(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let one = sent("bot", posting(&bench, "one", 1));
    let over = sent("gone", posting(&bench, "over", 2));
    let over = over.finished(besunny_core::posting::Outcome::Attended, noon());
    put(&bench, "both", vec![post(0, &one), post(0, &over)]).await?;
    let receipt = |provider: &str, bot: &str, dedup: &str| {
        let about = About::Bot(BotRef::from_source(bot));
        let notices = vec![Notice { about, dedup: Some(dedup.to_owned()) }];
        Receipt { provider: Provider::new(provider), notices }
    };
    let first = bench.store.note(&receipt("stage", "bot", "1")).await?;
    check_equal(&(first.postings, first.unknown), &(1, 0), "a notice of a bot")?;
    let again = bench.store.note(&receipt("stage", "bot", "1")).await?;
    check_equal(&(again.postings, again.repeated), &(0, 1), "the same notice")?;
    bench.store.note(&receipt("stage", "bot", "2")).await?;
    for (provider, bot) in [("other", "bot"), ("stage", "gone"), ("stage", "stranger")] {
        let noted = bench.store.note(&receipt(provider, bot, &format!("{provider} {bot}"))).await?;
        check_equal(&(noted.postings, noted.unknown), &(0, 1), "a notice of nobody's bot")?;
    }
    let claims = world.reopened().await.claim(Ask { limit: 10, lease_for: LEASE }).await?;
    let tasks: Vec<Task> = claims.into_iter().map(|claim| claim.job.task).collect();
    let want = Task::Tend { posting: one.id, version: 1, noticed: true };
    check_equal(&tasks, &vec![want], "what is to be done")
}

/// Two people meet in one room, and the plan of it for each of them is given up.
async fn dead_letters(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let bob = bench.add_person("bob").await?;
    let anns = meeting(&bench, "one", 1);
    let bobs = Meeting { id: MeetingId::derived(&[b"two"]), owner: bob, ..anns.clone() };
    let room = room(&bench)?;
    let (mut effects, mut jobs) = (Vec::new(), Vec::new());
    for of in [anns, bobs] {
        let (owner, meeting) = (of.owner, Some(of.id));
        let cause = CommitId::derived(&[of.id.as_bytes()]);
        let task = Task::Staff { room: room.clone(), meeting, cause };
        let job = Job::new(bench.scope.tenant(), task);
        let change = MeetingChange { expected: 0, meeting: of, seen: None };
        effects.extend([Effect::Meet(Box::new(change)), Effect::Enqueue(job.clone())]);
        jobs.push((owner, job.id));
    }
    put(&bench, "rooms", effects).await?;
    for claim in bench.store.claim(Ask { limit: 10, lease_for: LEASE }).await? {
        let failure =
            Failure { rest: JobRest::GivenUp(None), error: "it failed".to_owned(), strike: true };
        bench.store.fail(&claim, failure).await?;
    }
    for (owner, want) in jobs {
        let filter = DeadJobFilter { owner: Some(owner), ..DeadJobFilter::default() };
        let dead = bench.store.dead_jobs(&bench.scope, &filter).await?;
        let dead: Vec<_> = dead.iter().map(|dead| dead.job.id).collect();
        check_equal(&dead, &vec![want], "dead jobs of a person")?;
    }
    Ok(())
}

async fn tenants(world: World) -> Outcome {
    let acme = Bench::acme(&world).await?;
    let one = posting(&acme, "one", 1);
    let secret = meeting(&acme, "one", 1);
    let effects = vec![heard(0, &one, false, &[segment("a", 0, "secret")]), meet(0, &secret)];
    put(&acme, "secret", effects).await?;
    put(&acme, "never", vec![Effect::Prefer { user: acme.user, policy: BotPolicy::All }]).await?;
    let evil = Bench::new(&world, "evil").await?;
    let (store, scope) = (&evil.store, &evil.scope);
    check_equal(&store.posting(scope, one.id).await?, &None, "a posting of others")?;
    let found = store.postings_for(scope, &[secret.id]).await?;
    check_equal(&found, &Vec::new(), "postings of others")?;
    check_equal(&store.said(scope, &[one.id]).await?, &Vec::new(), "what others heard")?;
    let room = store.room(scope, &room(&acme)?, noon() - Days::new(9)).await?;
    check(room.meetings.is_empty() && room.postings.is_empty(), "the room of others is shown")?;
    let said = store.bot_policies(scope, &[acme.user]).await?;
    check(said.is_empty(), "what others want is shown")?;
    let refused = put(&evil, "theirs", vec![post(1, &one)]).await;
    is_conflict(&refused, "a change of a posting of others")
}
