//! The world: people, mailboxes, and everything that happens to them for some hours.
use std::{collections::BTreeSet, time::Duration};

use besunny_core::{
    account::{Account, Intake, NewAccount, Provider},
    address::Username,
    clock::Clock,
    ids::{TenantId, UserId},
    project::Project,
    repository::{Accounts, DeadJobFilter, ItemFilter, Outbox, People, Projects, Streams},
    scheduler::Scheduler,
    source::{ItemId, OfferedStream, StreamKey, Subject},
    tenant::{Tenant, TenantScope, User},
    track::Steer,
};
use bytes::Bytes;

use super::{
    faults::Fault,
    nodes::PROVIDER,
    post,
    stage::{DOMAIN, Stage, lock, now},
    truth::{MailTruth, MailboxTruth},
    watches::MANNERS,
};
use crate::{
    bell::Told,
    scripted::{Mailbox, Telling},
    seed::Seed,
};

mod calls;
mod diary;
mod people;

/// Usernames; both tenants have people of the same names.
const NAMES: [&str; 3] = ["ann", "bob", "cleo"];
/// A username nobody has.
const NOBODY: &str = "nobody";
/// A history has at least so many items.
const ITEMS: usize = 40;
/// So many things happen after the first mails.
const EVENTS: u64 = 90;
/// Somebody looks after what is left for so many minutes.
const LONG_MINUTES: u64 = 300;
/// Between two of them pass at most so many seconds.
const PACE: u64 = 400;

/// So many people of a tenant have a calendar at most.
const CALENDARS: usize = 2;

const INTAKES: [Intake; 3] = [Intake::Master, Intake::Addressed, Intake::Whole];
const TELLINGS: [Telling; 4] =
    [Telling::Log, Telling::CursorAtEnd, Telling::Fingerprint, Telling::ListOnly];

/// Plays the world and its post to their end.
pub(super) async fn play(stage: &Stage) {
    futures::join!(pass(stage), post::run(stage));
}

/// Lets things happen for some hours, then calms the faults down.
async fn pass(stage: &Stage) {
    let mut world = World::new(stage);
    world.settle();
    for _ in 0..EVENTS {
        let pause = Duration::from_secs(world.seed.below(PACE));
        stage.clock.sleep_until(stage.clock.now() + pause).await;
        world.happen().await;
        world.attend();
    }
    while stage.truth.lock().delivered() < ITEMS as u64 {
        world.deliver();
    }
    world.calm_down();
    stage.post.close();
    // A held removal and what was given up wait for a person, so one comes by now and then.
    for minute in 1..=LONG_MINUTES {
        stage.clock.sleep_until(stage.clock.now() + Duration::from_mins(1)).await;
        world.attend();
        if minute % 10 == 0 {
            world.tidy_up();
            if stage.is_drained() {
                break;
            }
        }
    }
    world.look_back();
}

use diary::Diary;

struct World<'a> {
    stage: &'a Stage,
    seed: Seed,
    mails: u32,
    diary: Diary,
}

impl<'a> World<'a> {
    fn new(stage: &'a Stage) -> Self {
        World { stage, seed: stage.seed(), mails: 0, diary: Diary::default() }
    }
}

impl World<'_> {
    /// Makes tenants, people, projects and mailboxes.
    fn settle(&mut self) {
        for name in ["acme", "globex", "initech"].iter().take(2 + self.seed.index(2)) {
            let tenant = TenantId::derived(&[name.as_bytes()]);
            let scope = TenantScope::trusted(tenant);
            let created_at = self.stage.clock.now();
            let store = &self.stage.store;
            now(store.found(&Tenant { id: tenant, name: (*name).to_owned(), created_at }));
            lock(&self.stage.tenants).push(scope);
            let people = 1 + self.seed.index(NAMES.len());
            for username in NAMES.iter().take(people) {
                self.add_person(scope, username);
            }
            for number in 0..2 {
                self.open_mailbox(scope, name, number);
            }
            for username in NAMES.iter().take(people.min(CALENDARS)) {
                self.open_calendar(scope, name, username);
            }
        }
    }

    fn add_person(&mut self, scope: TenantScope, username: &'static str) {
        let (tenant, created_at) = (scope.tenant(), self.stage.clock.now());
        let id = UserId::derived(&[tenant.as_bytes(), username.as_bytes()]);
        let Ok(name) = Username::parse(username) else { return };
        let user = User { id, username: name, name: username.to_owned(), created_at };
        now(self.stage.store.add_user(&scope, &user));
        self.stage.truth.lock().people.insert((tenant, username), id);
        let Ok(mut project) = Project::new(tenant, id, "Harbour Lights", created_at) else {
            return;
        };
        project.signals.codes.push("HBL-7".to_owned());
        now(self.stage.store.put_project(&scope, &project));
    }

    fn open_mailbox(&mut self, scope: TenantScope, tenant: &str, number: usize) {
        let subject = Subject::from_source(format!("box{number}@{tenant}.example"));
        let telling = *self.seed.pick(&TELLINGS);
        let intake = *self.seed.pick(&INTAKES);
        let owners: Vec<UserId> = {
            let truth = self.stage.truth.lock();
            let mine = truth.people.iter().filter(|((of, _), _)| *of == scope.tenant());
            mine.map(|(_, id)| *id).collect()
        };
        let owner = *self.seed.pick(&owners);
        self.stage.mail.open(subject.clone(), telling);
        self.stage.watches.open(subject.clone(), *self.seed.pick(&MANNERS));
        let provider = Provider::new(PROVIDER);
        let grant = NewAccount { owner, provider, subject: subject.clone(), intake };
        let account = Account::new(scope.tenant(), grant, self.stage.clock.now());
        let key = StreamKey::from_source("mailbox");
        let offered = OfferedStream { key, title: "Mailbox".to_owned(), proposed: true };
        now(self.stage.store.connect(&scope, &account, &[offered]));
        let items = std::collections::BTreeMap::new();
        let mailbox = MailboxTruth { scope, account: account.id, subject, owner, intake, items };
        let index = {
            let mut truth = self.stage.truth.lock();
            truth.mailboxes.push(mailbox);
            truth.mailboxes.len() - 1
        };
        let first = if self.seed.one_in(4) { 45 } else { self.seed.index(12) };
        for _ in 0..first {
            self.put_mail(index);
        }
    }

    /// Lets one thing happen.
    async fn happen(&mut self) {
        match self.seed.below(100) {
            0..=35 => self.deliver(),
            36..=51 => self.turn_page(),
            52..=53 => self.forged_notice(),
            54 => self.forget_watches(),
            55..=62 => self.remove(),
            63..=67 => self.hide(),
            68..=70 => self.poison(),
            71..=73 => self.fail_on_item(),
            74..=77 => self.with_mailbox(Mailbox::expire_log),
            78..=84 => self.with_mailbox(Mailbox::kill_page_tokens),
            85 => self.revoke(),
            86 => self.mass_removal(),
            87..=88 => self.change_rules(),
            89..=90 => self.relist().await,
            91..=94 => self.person_decides(),
            95 => self.welcome(),
            96 => self.foreign_notice(),
            _ => self.tidy_up(),
        }
    }

    fn any_mailbox(&mut self) -> usize {
        let count = self.stage.truth.lock().mailboxes.len();
        self.seed.index(count)
    }

    fn with_mailbox(&mut self, change: impl FnOnce(&mut Mailbox)) {
        let subject = self.any_subject();
        self.stage.mail.with(&subject, change);
    }

    /// Picks an item that is there, with its mailbox.
    fn any_item(&mut self) -> Option<(Subject, ItemId)> {
        let subject = self.any_subject();
        let ids = self.stage.mail.with(&subject, |mailbox| mailbox.in_scope());
        let ids: Vec<ItemId> = ids.into_iter().collect();
        if ids.is_empty() {
            return None;
        }
        Some((subject, self.seed.pick(&ids).clone()))
    }

    /// Puts a mail into a mailbox, sometimes into two, and tells whoever asked.
    fn deliver(&mut self) {
        let index = self.any_mailbox();
        let line = self.put_mail(index);
        if self.seed.one_in(8) {
            let twin = self.any_mailbox();
            self.put_copy(twin, &line);
        }
        let subject = self.stage.truth.lock().mailboxes[index].subject.clone();
        self.stage.watches.tell(&subject);
    }

    fn put_mail(&mut self, index: usize) -> String {
        self.mails += 1;
        let line = format!("m{}", self.mails);
        let mail = self.write(&line);
        self.stage.truth.lock().mails.insert(line.clone(), mail);
        self.put_copy(index, &line);
        line
    }

    fn put_copy(&mut self, index: usize, line: &str) {
        let id = ItemId::from_source(format!("{:08x}", self.seed.below(1 << 32)));
        let mut truth = self.stage.truth.lock();
        let Some(raw) = truth.mails.get(line).map(|mail| mail.raw.clone()) else { return };
        let mailbox = &mut truth.mailboxes[index];
        if mailbox.items.contains_key(&id) {
            return;
        }
        mailbox.items.insert(id.clone(), line.to_owned());
        let at = self.stage.clock.now();
        self.stage.mail.with(&mailbox.subject, |mailbox| mailbox.deliver(&id, raw, at));
    }

    /// Writes a mail and what must become of it.
    fn write(&mut self, line: &str) -> MailTruth {
        let mut names: BTreeSet<&'static str> = BTreeSet::new();
        for name in NAMES.iter().chain([&NOBODY]) {
            if self.seed.one_in(2) {
                names.insert(name);
            }
        }
        let is_loop = self.seed.one_in(12);
        let mut lines = vec![
            format!("Message-ID: <{line}@sim.example>"),
            "Date: Mon, 1 Jun 2026 09:30:00 +0200".to_owned(),
            "From: Sender <sender@sim.example>".to_owned(),
            "To: everybody@sim.example".to_owned(),
        ];
        for name in &names {
            let header = *self.seed.pick(&["To", "Cc", "Delivered-To", "X-Original-To"]);
            let tag = if self.seed.one_in(3) { "+tag" } else { "" };
            lines.push(format!("{header}: ai+{name}{tag}@{DOMAIN}"));
        }
        if is_loop {
            lines.push("Auto-Submitted: auto-replied".to_owned());
        }
        let code = if self.seed.one_in(2) { " HBL-7" } else { "" };
        lines.extend([format!("Subject: {line}{code}"), String::new(), format!("About {line}.")]);
        MailTruth { raw: Bytes::from(lines.join("\r\n")), names, is_loop }
    }

    /// A notice about somebody whom nobody here follows.
    fn foreign_notice(&self) {
        let subject = "stranger@evil.example".to_owned();
        self.stage.post.send(&Told { subject, ..Told::default() });
    }

    fn forged_notice(&mut self) {
        let subject = self.any_subject();
        self.stage.post.forge(&subject);
    }

    fn forget_watches(&mut self) {
        let subject = self.any_subject();
        self.stage.watches.forget(&subject);
    }

    fn any_subject(&mut self) -> Subject {
        let index = self.any_mailbox();
        self.stage.truth.lock().mailboxes[index].subject.clone()
    }

    fn remove(&mut self) {
        if let Some((subject, id)) = self.any_item() {
            self.stage.mail.with(&subject, |mailbox| mailbox.remove(&id));
            self.stage.watches.tell(&subject);
        }
    }

    /// Moves a mail into the trash, or everything back out of it.
    fn hide(&mut self) {
        let Some((subject, id)) = self.any_item() else { return };
        let back = self.seed.one_in(2);
        self.stage.mail.with(&subject, |mailbox| {
            if back {
                mailbox.show_all();
            } else {
                mailbox.hide(&id, true);
            }
        });
        self.stage.watches.tell(&subject);
    }

    fn poison(&mut self) {
        let Some((subject, id)) = self.any_item() else { return };
        self.stage.mail.with(&subject, |mailbox| mailbox.poison(&id, true));
    }

    fn fail_on_item(&mut self) {
        if let Some((subject, id)) = self.any_item() {
            self.stage.faults.keep_failing(subject, id);
        }
    }

    fn revoke(&mut self) {
        self.with_mailbox(|mailbox| mailbox.revoke(true));
    }

    /// Loses the log and most of the mails, so that only a listing can tell.
    fn mass_removal(&mut self) {
        let largest = {
            let truth = self.stage.truth.lock();
            let by_size = truth.mailboxes.iter().max_by_key(|mailbox| mailbox.items.len());
            by_size.map(|mailbox| mailbox.subject.clone())
        };
        let Some(subject) = largest else { return };
        self.stage.mail.with(&subject, |mailbox| {
            for id in mailbox.in_scope().into_iter().skip(3) {
                mailbox.remove(&id);
            }
            mailbox.expire_log();
        });
    }

    /// Changes which mails of a mailbox are taken in.
    fn change_rules(&mut self) {
        let narrow = |mailbox: &MailboxTruth| mailbox.intake == Intake::Addressed;
        let (index, scope, id) = {
            let truth = self.stage.truth.lock();
            let Some(index) = truth.mailboxes.iter().position(narrow) else { return };
            (index, truth.mailboxes[index].scope, truth.mailboxes[index].account)
        };
        self.stage.faults.fire(Fault::RulesChanged);
        let accounts = now(self.stage.store.accounts(&scope));
        let Some(mut account) = accounts.into_iter().find(|account| account.id == id) else {
            return;
        };
        // Widening, since what was taken in under wider rules before would stay.
        account.intake = Intake::Whole;
        now(self.stage.store.connect(&scope, &account, &[]));
        self.stage.truth.lock().mailboxes[index].intake = Intake::Whole;
    }

    /// Somebody comes whom mails have named before.
    fn welcome(&mut self) {
        let scope = *self.seed.pick(&lock(&self.stage.tenants));
        let tenant = scope.tenant();
        let is_new = |name: &&&str| {
            let truth = self.stage.truth.lock();
            !truth.people.contains_key(&(tenant, **name))
        };
        let Some(name) = NAMES.iter().find(is_new) else { return };
        self.add_person(scope, name);
        self.stage.faults.fire(Fault::Newcomer);
    }

    /// A person asks for a new listing, and mails arrive while it is under way.
    async fn relist(&mut self) {
        self.stage.faults.fire(Fault::Relisted);
        let index = self.any_mailbox();
        let (scope, account) = {
            let truth = self.stage.truth.lock();
            (truth.mailboxes[index].scope, truth.mailboxes[index].account)
        };
        for status in now(self.stage.store.streams(&scope)) {
            if status.account == account && status.paused.is_none() {
                now(self.stage.store.steer(&scope, status.id, Steer::Relist));
            }
        }
        for _ in 0..4 {
            let pause = Duration::from_secs(self.seed.below(8));
            self.stage.clock.sleep_until(self.stage.clock.now() + pause).await;
            self.put_mail(index);
        }
    }

    /// Ends all faults: grants are given again, and what was given up is asked for again.
    fn calm_down(&mut self) {
        self.stage.calm_down();
        let subjects: Vec<Subject> = {
            let truth = self.stage.truth.lock();
            let mailboxes = truth.mailboxes.iter().map(|mailbox| &mailbox.subject);
            let calendars = truth.calendars.iter().map(|calendar| &calendar.subject);
            mailboxes.chain(calendars).cloned().collect()
        };
        for subject in subjects {
            self.stage.mail.with(&subject, |mailbox| mailbox.revoke(false));
        }
        self.tidy_up();
        self.plan_last();
    }

    /// A person looks at the console: reconnects, accepts removals, asks again for what failed.
    fn tidy_up(&mut self) {
        self.stage.marks.relent();
        let tenants = lock(&self.stage.tenants).clone();
        for scope in tenants {
            for status in now(self.stage.store.streams(&scope)) {
                if status.paused.is_some() {
                    let subject = self.subject_of(status.account);
                    self.stage.mail.with(&subject, |mailbox| mailbox.revoke(false));
                    now(self.stage.store.steer(&scope, status.id, Steer::Resume));
                }
                if status.track.held_removal().is_some() {
                    self.stage.faults.fire(Fault::MassRemoval);
                    now(self.stage.store.steer(&scope, status.id, Steer::AcceptRemovals));
                }
                self.ask_again(scope, status.id);
            }
            for dead in now(self.stage.store.dead_jobs(&scope, &DeadJobFilter::default())) {
                self.stage.faults.fire(Fault::JobGivenUp);
                now(self.stage.store.replay(&scope, dead.job.id));
            }
        }
    }

    fn ask_again(&self, scope: TenantScope, stream: besunny_core::ids::StreamId) {
        let failed = now(self.stage.store.items(&scope, stream, ItemFilter::Quarantined, None));
        let ids: Vec<ItemId> = failed.into_iter().map(|item| item.id).collect();
        if !ids.is_empty() {
            now(self.stage.store.ask_again(&scope, stream, &ids));
        }
    }

    fn subject_of(&self, account: besunny_core::ids::AccountId) -> Subject {
        let truth = self.stage.truth.lock();
        let found = truth.mailboxes.iter().find(|mailbox| mailbox.account == account);
        let mailbox = found.map(|mailbox| &mailbox.subject);
        let found = truth.calendars.iter().find(|calendar| calendar.account == account);
        let subject = mailbox.or(found.map(|calendar| &calendar.subject));
        subject.map_or_else(|| Subject::from_source(""), Subject::clone)
    }
}
