//! Bots: rooms are staffed, postings tended, and what was heard is written down (BOT-4 to BOT-13).
//!
//! Whatever a provider is asked for is in the store before, and what it answers is stored by one commit
//! that also asks for the next look. So there is one live job for each posting, a crash repeats
//! a call under the same key, and a notice only brings a look forward.
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use futures::{FutureExt as _, future::BoxFuture};
use sha2::{Digest, Sha256};

use super::{
    Worker,
    jobs::{JobError, cause_of, luck},
};
use crate::{
    account::Provider,
    adapter::BotAdapter,
    bot::{
        Amend, Bot, BotFilter, BotPhase, BotPresence, BotRef, Coming, Created, Portion, Speaker,
        Transcript,
    },
    cause::describe,
    commit::{Effect, NewTranscript},
    event::Event,
    ids::{CommitId, MeetingId, PostingId, TenantId, UserId},
    job::{Job, Task},
    meeting::{BEHIND, Meeting, MeetingKey},
    posting::{
        BotStyle, Found, Needs, Outcome, Posting, PostingChange, Stage, Step, Terms, Told,
        completeness, participants, staff,
    },
    repository::{AgendaFilter, BATCH, RepositoryError},
    scheduler::Claim,
    source::{Cursor, SourceError, SourceErrorKind},
    tenant::TenantScope,
    transcript::{self, Spoken},
};

/// Who wants other bots wants them in meetings up to then; what begins later is seen to when it changes.
const FAR: chrono::Duration = chrono::Duration::days(366);
/// So many people are read of one call; more are an audience.
const PEOPLE: usize = 500;
/// So many comings and goings are read of one call; more say nothing about company.
const COMINGS: usize = 10_000;

/// Who sends bots into meetings, and what they are called.
#[derive(Clone, Debug)]
pub struct Bots {
    /// The name of the provider.
    pub provider: Provider,
    /// The adapter.
    pub adapter: BotAdapter,
    /// What bots are called, say and record.
    pub style: BotStyle,
}

/// A posting at the version at which something was to be done for it.
#[derive(Clone, Copy, Debug)]
struct TendAt {
    posting: PostingId,
    version: u64,
    noticed: bool,
}

impl Worker {
    /// Does a job that is about bots; any other is none of its business and stays as it is.
    pub(super) async fn attend(&self, claim: Claim, task: Task) {
        let done = match task {
            Task::Staff { room, meeting: _, cause: _ } => self.staff_room(&claim, &room).await,
            Task::StaffAll { owner, cause } => self.staff_rooms(&claim, owner, cause).await,
            Task::Tend { posting, version, noticed } => {
                self.tend(&claim, TendAt { posting, version, noticed }).await
            }
            Task::Transcribe { meeting, cause: _ } => self.transcribe(&claim, meeting).await,
            Task::Classify { .. }
            | Task::AskAgain { .. }
            | Task::File { .. }
            | Task::Meet { .. }
            | Task::Consent { .. } => Ok(()),
        };
        if let Err(error) = done {
            self.put_off(&claim, &error).await;
        }
    }

    /// Plans the bots of a room.
    async fn staff_room(&self, claim: &Claim, key: &MeetingKey) -> Result<(), JobError> {
        let (scope, now) = (&claim.scope, self.clock.now());
        // A process without bots, such as an import, leaves it to the one that has them.
        let bots = self.bots.as_ref().ok_or(JobError::NoAdapter)?;
        let room = self.repository.room(scope, key, now - BEHIND).await?;
        let owners: BTreeSet<UserId> = room.meetings.iter().map(|meeting| meeting.owner).collect();
        let owners: Vec<UserId> = owners.into_iter().collect();
        let policies = self.repository.bot_policies(scope, &owners).await?;
        let staffing = staff(Needs {
            tenant: scope.tenant(),
            room: key,
            version: room.version,
            provider: &bots.provider,
            meetings: &room.meetings,
            postings: &room.postings,
            policies: &policies,
            now,
        });
        let mut effects = vec![Effect::Staff { room: key.clone(), expected: room.version }];
        for change in staffing.changes {
            let (posting, version) = (change.posting.id, change.posting.version);
            let tend = Task::Tend { posting, version, noticed: false };
            effects.push(Effect::Post(Box::new(change)));
            effects.push(Effect::Enqueue(Job::new(scope.tenant(), tend)));
        }
        if let Some(again_at) = staffing.again_at {
            let at = again_at.timestamp_micros().to_be_bytes();
            let cause = CommitId::derived(&[key.as_str().as_bytes(), &at]);
            let again = Task::Staff { room: key.clone(), meeting: staffing.again_for, cause };
            let by = (again_at - now).to_std().unwrap_or_default();
            effects.push(Effect::Defer { job: Job::new(scope.tenant(), again), by });
        }
        self.complete(scope, &[claim], effects).await
    }

    /// Plans the bots of all rooms that a person will meet in.
    async fn staff_rooms(
        &self,
        claim: &Claim,
        owner: UserId,
        cause: CommitId,
    ) -> Result<(), JobError> {
        let (scope, now) = (&claim.scope, self.clock.now());
        let mut rooms = BTreeMap::new();
        let mut filter = AgendaFilter { from: now, to: now + FAR, after: None, limit: BATCH };
        loop {
            let page = self.repository.agenda(scope, owner, &filter).await?;
            filter.after = page.last().map(|last| (last.starts_at, last.id));
            let link = |meeting: &Meeting| Some((meeting.link.as_ref()?.key.clone(), meeting.id));
            rooms.extend(page.iter().filter_map(link));
            if page.len() < BATCH {
                break;
            }
        }
        let job = |(room, meeting)| {
            let task = Task::Staff { room, meeting: Some(meeting), cause };
            Effect::Enqueue(Job::new(scope.tenant(), task))
        };
        self.complete(scope, &[claim], rooms.into_iter().map(job).collect()).await
    }

    /// Does what is to be done for a posting now.
    async fn tend(&self, claim: &Claim, at: TendAt) -> Result<(), JobError> {
        let scope = &claim.scope;
        let posting = self.repository.posting(scope, at.posting).await?;
        let Some(posting) = posting else {
            return self.complete(scope, &[claim], Vec::new()).await;
        };
        let bots = self.bots.as_ref().filter(|bots| bots.provider == posting.provider);
        let bots = bots.ok_or(JobError::NoAdapter)?;
        let desk = Desk { worker: self, bots, scope, luck: luck(claim) };
        if posting.version != at.version {
            // Whoever was first may have ended the posting before our call made its bot.
            if claim.attempt > 0 && posting.is_over() && posting.bot().is_none() {
                desk.keep_out(&posting).await?;
            }
            return self.complete(scope, &[claim], Vec::new()).await;
        }
        let abilities = bots.adapter.bots.abilities();
        let terms = Terms { schedules: abilities.schedules, poll_floor: abilities.poll_floor };
        let now = self.clock.now();
        let step =
            if at.noticed { posting.next_noticed(&terms, now) } else { posting.next(&terms, now) };
        if step == Step::Nothing {
            return self.complete(scope, &[claim], Vec::new()).await;
        }
        // A notice that follows a look too soon asks for the next one as soon as that may be.
        let again = if let Step::Rest(until) = &step { at.noticed.then_some(*until) } else { None };
        let change = desk.step(&posting, step).await;
        let effects = follow(scope, &posting, change, &terms, (self.clock.now(), again, claim));
        self.complete(scope, &[claim], effects).await
    }

    /// Writes what was said in a meeting into its document.
    async fn transcribe(&self, claim: &Claim, id: MeetingId) -> Result<(), JobError> {
        let scope = &claim.scope;
        let meeting = self.repository.meeting(scope, id).await?;
        let postings = self.repository.postings_for(scope, &[id]).await?;
        let ids: Vec<PostingId> = postings.iter().map(|posting| posting.id).collect();
        let segments = self.repository.said(scope, &ids).await?;
        let Some(meeting) = meeting.filter(|_| !segments.is_empty()) else {
            return self.complete(scope, &[claim], Vec::new()).await;
        };
        let people = participants(&postings);
        let said = Spoken {
            segments: &segments,
            participants: &people,
            completeness: completeness(&postings),
        };
        let document = transcript::document(scope.tenant(), &meeting, said)
            .map_err(|error| RepositoryError::Store(error.into()))?;
        let stored = self.repository.document(scope, document.id).await?;
        let expected = stored.map_or(0, |stored| stored.version);
        if expected > 0 {
            let content = self.repository.content(scope, document.id).await?;
            let raw: [u8; 32] = Sha256::digest(&document.raw).into();
            if content.is_some_and(|content| content.raw == raw) {
                return self.complete(scope, &[claim], Vec::new()).await;
            }
        }
        let classify = Task::Classify { document: document.id };
        let new = NewTranscript { meeting: id, expected, document };
        let mut effects = vec![Effect::Transcribe(Box::new(new))];
        if expected == 0 {
            effects.push(Effect::Enqueue(Job::new(scope.tenant(), classify)));
        }
        self.complete(scope, &[claim], effects).await
    }
}

/// What a posting is tended with.
struct Desk<'a> {
    worker: &'a Worker,
    bots: &'a Bots,
    scope: &'a TenantScope,
    luck: f64,
}

impl Desk<'_> {
    /// Does `step`; a provider that fails is a change of the posting too.
    async fn step(&self, posting: &Posting, step: Step) -> PostingChange {
        let before = posting.clone();
        let done = match step {
            Step::Rest(_) | Step::Nothing => Ok(before.clone()),
            Step::Prepare => Ok(before.clone().prepared()),
            Step::Finish(outcome) => Ok(self.finish(before.clone(), outcome)),
            Step::Create { join_at } => self.create(before.clone(), join_at).await,
            Step::Search => self.search(before.clone()).await,
            Step::Move(amend) => self.reschedule(before.clone(), amend).await,
            Step::Stop => self.stop(before.clone()).await,
            Step::Erase => self.erase(before.clone()).await,
            Step::Look => return self.look(before).await,
        };
        let new = done.unwrap_or_else(|error| self.failed(before.clone(), &error));
        before.changed(new)
    }

    fn now(&self) -> DateTime<Utc> {
        self.worker.clock.now()
    }

    fn failed(&self, posting: Posting, error: &SourceError) -> Posting {
        let text = describe(error);
        tracing::warn!(posting = %posting.id, error = text, "a bot is not as it is wanted");
        posting.failed(error, text, self.luck, self.now())
    }

    /// Asks for the bot, unless an earlier call has made it: that one is adopted, also if it is over.
    ///
    /// The provider forgets a key once its bot is over, and would make another one under it.
    async fn create(
        &self,
        posting: Posting,
        join_at: Option<DateTime<Utc>>,
    ) -> Result<Posting, SourceError> {
        if let Some(bot) = self.lookup(&posting).await? {
            return Ok(posting.sent(&bot, None, self.now()));
        }
        let wanted = posting.wanted(self.scope.tenant(), &self.bots.style, join_at);
        let port = &*self.bots.adapter.bots;
        let guarded = self.worker.guarded(port);
        let created = match guarded.asked("bots.create", || port.create(&wanted)).await {
            Ok(created) => created,
            Err(error) if error.kind == SourceErrorKind::Malformed => {
                return Ok(self.failed(posting, &error).refused(self.now()));
            }
            Err(error) => return Err(error),
        };
        // An earlier call may have told another time.
        let told = match &created {
            Created::New(_) => Some(Told { join_at, url: wanted.meeting }),
            Created::Adopted(_) => None,
        };
        Ok(posting.sent(created.bot(), told, self.now()))
    }

    /// Stops the bot of a posting that is over and knows of none.
    async fn keep_out(&self, posting: &Posting) -> Result<(), SourceError> {
        let Some(bot) = self.lookup(posting).await?.filter(|bot| !bot.is_over()) else {
            return Ok(());
        };
        let port = &*self.bots.adapter.bots;
        self.worker.guarded(port).asked("bots.stop", || port.stop(&bot.at)).await.map(drop)
    }

    async fn search(&self, posting: Posting) -> Result<Posting, SourceError> {
        Ok(match self.lookup(&posting).await? {
            Some(bot) => posting.sent(&bot, None, self.now()),
            None => posting.missed(self.now()),
        })
    }

    /// Looks for the bot of a posting by its key: one that is not over, or the last one that is.
    async fn lookup(&self, posting: &Posting) -> Result<Option<Bot>, SourceError> {
        let port = &*self.bots.adapter.bots;
        let filter = BotFilter { open_only: false, dedup_key: Some(posting.dedup_key()) };
        let (mut page, mut last) = (None, None);
        loop {
            let guarded = self.worker.guarded(port);
            let found = guarded.asked("bots.list", || port.list(&filter, page.as_ref())).await?;
            for bot in found.bots.into_iter().filter(|bot| posting.is_bot(bot)) {
                if !bot.is_over() {
                    return Ok(Some(bot));
                }
                last = Some(bot);
            }
            match found.next {
                Some(next) => page = Some(next),
                None => return Ok(last),
            }
        }
    }

    async fn reschedule(&self, posting: Posting, to: Amend) -> Result<Posting, SourceError> {
        let Some(at) = posting.bot().cloned() else { return Ok(posting) };
        let port = &*self.bots.adapter.bots;
        let guarded = self.worker.guarded(port);
        let changed = guarded.asked("bots.reschedule", || port.reschedule(&at, &to)).await?;
        Ok(posting.moved(to.join_at, changed, self.now()))
    }

    async fn stop(&self, posting: Posting) -> Result<Posting, SourceError> {
        let Some(at) = posting.bot().cloned() else { return Ok(posting) };
        let port = &*self.bots.adapter.bots;
        let changed = self.worker.guarded(port).asked("bots.stop", || port.stop(&at)).await?;
        Ok(posting.stopped(changed, self.now()))
    }

    fn finish(&self, posting: Posting, outcome: Outcome) -> Posting {
        let over = posting.finished(outcome, self.now());
        if self.bots.style.erases_after_import {
            over.erasing_what_is_whole(self.now())
        } else {
            over
        }
    }

    async fn erase(&self, posting: Posting) -> Result<Posting, SourceError> {
        let Some(at) = posting.bot().cloned() else { return Ok(posting) };
        let port = &*self.bots.adapter.records;
        let changed = self.worker.guarded(port).asked("records.erase", || port.erase(&at)).await?;
        Ok(posting.erased(changed, self.now()))
    }

    /// Sees how far a bot is, and what it heard since.
    async fn look(&self, posting: Posting) -> PostingChange {
        let Some(at) = posting.bot().cloned() else { return posting.changed(posting.clone()) };
        let port = &*self.bots.adapter.bots;
        let bot = match self.worker.guarded(port).asked("bots.find", || port.find(&at)).await {
            Ok(bot) => bot,
            Err(error) => return posting.changed(self.failed(posting.clone(), &error)),
        };
        let phase = bot.as_ref().and_then(|bot| bot.phase).max(posting.seen.phase);
        let may_have_heard =
            phase.is_some_and(|phase| phase >= BotPhase::InCall && phase != BotPhase::Erased);
        let mut found = Found { bot, ..Found::default() };
        let mut failure = None;
        if may_have_heard && found.bot.is_some() {
            found.is_anew = posting.reads_anew(self.now());
            let after = posting.seen.cursor.as_ref().filter(|_| !found.is_anew);
            match self.heard(&at, after).await {
                Ok(transcript) => found.transcript = transcript,
                Err(error) => failure = Some(error),
            }
            if phase.is_some_and(BotPhase::is_over) {
                self.attended(&posting, &at, &mut found).await;
            }
        }
        let change = posting.looked(found, self.now());
        match failure {
            Some(error) => PostingChange { posting: self.failed(change.posting, &error), ..change },
            None => change,
        }
    }

    async fn heard(
        &self,
        at: &BotRef,
        after: Option<&Cursor>,
    ) -> Result<Option<Transcript>, SourceError> {
        let port = &*self.bots.adapter.records;
        let guarded = self.worker.guarded(port);
        match guarded.asked("records.transcript", || port.transcript(at, after)).await {
            Ok(transcript) => Ok(Some(transcript)),
            Err(error) if error.kind == SourceErrorKind::StreamGone => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads who took part, and who came and went; it is for people and for measuring, so it may be missing.
    async fn attended(&self, posting: &Posting, at: &BotRef, found: &mut Found) {
        let Some(presence) = self.bots.adapter.presence.as_deref() else { return };
        if posting.seen.participants.is_empty() {
            found.participants = shown(self.people(presence, at).await);
        }
        if posting.seen.company.is_none() {
            found.comings = shown(self.comings(presence, at).await).flatten();
        }
    }

    async fn people(
        &self,
        port: &dyn BotPresence,
        at: &BotRef,
    ) -> Result<Vec<Speaker>, SourceError> {
        let list = Listed::read(PEOPLE, |after| {
            let ask = async move {
                let ask = || port.participants(at, after.as_ref());
                self.worker.guarded(port).asked("presence.participants", ask).await
            };
            ask.boxed()
        });
        Ok(list.await?.entries)
    }

    /// Reads who came and went; none where that is too much.
    async fn comings(
        &self,
        port: &dyn BotPresence,
        at: &BotRef,
    ) -> Result<Option<Vec<Coming>>, SourceError> {
        let list = Listed::read(COMINGS, |after| {
            let ask = async move {
                let ask = || port.comings(at, after.as_ref());
                self.worker.guarded(port).asked("presence.comings", ask).await
            };
            ask.boxed()
        });
        let list = list.await?;
        Ok((!list.is_cut).then_some(list.entries))
    }
}

/// A list that is read portion by portion.
struct Listed<T> {
    entries: Vec<T>,
    /// Whether there is more than was wanted.
    is_cut: bool,
}

impl<T> Listed<T> {
    /// Reads a list to its end, or until there are `most`; `ask` answers what comes after a place.
    async fn read<'a>(
        most: usize,
        ask: impl Fn(Option<Cursor>) -> BoxFuture<'a, Result<Portion<T>, SourceError>>,
    ) -> Result<Self, SourceError> {
        let (mut entries, mut after) = (Vec::new(), None);
        loop {
            let portion = ask(after).await?;
            entries.extend(portion.entries);
            if !portion.more || entries.len() >= most {
                let is_cut = entries.len() > most || portion.more;
                entries.truncate(most);
                return Ok(Self { entries, is_cut });
            }
            after = Some(portion.next);
        }
    }
}

/// Says why nothing was read, where that is all that follows from it.
fn shown<T>(read: Result<T, SourceError>) -> Option<T> {
    let log = |error: &SourceError| {
        tracing::warn!(error = describe(error), "who took part cannot be read");
    };
    read.inspect_err(log).ok()
}

/// Returns what follows from a change of a posting: the next look, a new plan, a document.
fn follow(
    scope: &TenantScope,
    before: &Posting,
    change: PostingChange,
    terms: &Terms,
    (now, again, claim): (DateTime<Utc>, Option<DateTime<Utc>>, &Claim),
) -> Vec<Effect> {
    let (tenant, cause) = (scope.tenant(), cause_of(&[claim]));
    let posting = &change.posting;
    let mut effects = Vec::new();
    if let Some(due_at) = again.or_else(|| posting.due_at(terms, now)) {
        let (id, version, noticed) = (posting.id, posting.version, again.is_some());
        let tend = Task::Tend { posting: id, version, noticed };
        let job = Job::new(tenant, tend);
        effects.push(match (due_at - now).to_std() {
            Ok(by) if !by.is_zero() => Effect::Defer { job, by },
            Ok(_) | Err(_) => Effect::Enqueue(job),
        });
    }
    if needs_plan(before, posting) {
        let meeting = posting.serves.first().map(|served| served.meeting);
        let staff = Task::Staff { room: posting.room.clone(), meeting, cause };
        effects.push(Effect::Enqueue(Job::new(tenant, staff)));
    }
    if has_news(before, &change) {
        let jobs = posting.serves.iter().map(|served| {
            Effect::Enqueue(Job::new(tenant, Task::Transcribe { meeting: served.meeting, cause }))
        });
        effects.extend(jobs);
    }
    let told = told(tenant, before, posting);
    effects.insert(0, Effect::Post(Box::new(PostingChange { told, ..change })));
    effects
}

/// Returns what people are told of: once, that the host of their call does not let the bot record.
fn told(tenant: TenantId, before: &Posting, after: &Posting) -> Vec<Event> {
    let denied_at = after.seen.denied_at.filter(|_| before.seen.denied_at.is_none());
    let tell = |at| {
        let served = after.serves.iter();
        served.map(move |served| Event::recording_denied(tenant, after.id, *served, at)).collect()
    };
    denied_at.map(tell).unwrap_or_default()
}

/// Says whether another bot may be needed now: one was lost, cannot be moved, or is out of the way.
fn needs_plan(before: &Posting, after: &Posting) -> bool {
    let is_lost = match after.stage {
        Stage::Over { outcome, .. } => match outcome {
            Outcome::Lost | Outcome::Withdrawn => !before.is_over(),
            Outcome::Attended | Outcome::Failed | Outcome::Refused | Outcome::Missed => false,
        },
        Stage::Wanted | Stage::Asked(_) | Stage::Sent(_) | Stage::Collecting { .. } => false,
    };
    let has_left = before.is_open() && !after.is_open();
    is_lost || has_left || (after.is_stuck() && !before.is_stuck())
}

/// Says whether the document of the meeting is to be written: the bot is over, and something was heard.
fn has_news(before: &Posting, change: &PostingChange) -> bool {
    let is_collected = |posting: &Posting| match posting.stage {
        Stage::Collecting { .. } | Stage::Over { .. } => true,
        Stage::Wanted | Stage::Asked(_) | Stage::Sent(_) => false,
    };
    let after = &change.posting;
    let is_news = change.said.is_some()
        || !is_collected(before)
        || before.seen.participants != after.seen.participants
        || before.completeness() != after.completeness();
    is_collected(after) && after.seen.has_heard && is_news
}
