//! Streams: what is known of items, what a scan met, and what people ask for.
use besunny_core::{
    account::{Account, Intake},
    calendar::{CalendarEvent, EventUid},
    commit::{Detection, Effect, Holding},
    ids::StreamId,
    item::{IgnoredReason, ItemState, QuarantineReason},
    mail::RecipientKind,
    push::Watch,
    repository::{BATCH, ItemFilter, Offer, RepositoryError},
    scheduler::{Lease, PauseReason, Rest},
    source::{Cursor, ItemId, ItemRef, OfferedStream, Relist, Scope, StreamKey},
    track::{Missing, ScanId, Steer, Track},
};

use super::{
    World,
    bench::{Bench, LEASE, item, item_id, noon, person},
};
use crate::conformance::{Broken, Case, Outcome, check, check_equal, clause};

pub(super) fn cases() -> Vec<Case<World>> {
    vec![
        clause("store.known.revision", known_revision),
        clause("store.known.policy", known_policy),
        clause("store.known.owner", known_owner),
        clause("store.known.quarantined", known_quarantined),
        clause("store.known.other-stream", known_other_stream),
        clause("store.unseen.marks", unseen_marks),
        clause("store.unseen.keeps-newer-mark", unseen_newer_mark),
        clause("store.unseen.in-batches", unseen_batches),
        clause("store.items.states", items_states),
        clause("store.asked.again", asked_again),
        clause("store.steer.relists", steer),
        clause("store.detect.once", detect_once),
        clause("store.watch.kept", watch_kept),
        clause("store.connect.repeatable", connect_again),
        clause("store.offer.new", offer_new),
        clause("store.offer.withdrawn", offer_withdrawn),
        clause("store.offer.conflict", offer_conflict),
        clause("store.find-stream.place", find_stream),
    ]
}

async fn known_revision(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    bench.stored(&lease, "held").await?;
    let ids = [item_id("held"), item_id("other")];
    let known = bench.store.known(&bench.scope, lease.stream, &ids, Scope::default()).await?;
    check_equal(&known, &[(item_id("held"), item("held").revision)].into(), "what is known")
}

async fn known_policy(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let reason = IgnoredReason::NotAddressed;
    bench.apply(&lease, vec![Effect::Ignore { item: item("no"), reason, policy: 3 }]).await?;
    let ids = [item_id("no")];
    let same = Scope { revision: 3 };
    let known = bench.store.known(&bench.scope, lease.stream, &ids, same).await?;
    check_equal(&known.len(), &1, "an ignored item under the same rules")?;
    let other = Scope { revision: 4 };
    let known = bench.store.known(&bench.scope, lease.stream, &ids, other).await?;
    check_equal(&known.len(), &0, "an ignored item under other rules")
}

/// The account was connected anew for somebody else.
async fn known_owner(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let (lease, eve) = (bench.lease().await?, bench.add_person("eve").await?);
    let event = CalendarEvent::new(EventUid::from_source("one"));
    let hold = |by, id: &str| Effect::Hold {
        item: item(id),
        by,
        events: vec![(bench.user, event.clone())],
    };
    let effects = vec![hold(Holding::Calendar, "event"), hold(Holding::Mail, "mail")];
    bench.apply(&lease, effects).await?;
    let ids = ["event", "mail"].map(item_id);
    let known = async || {
        let known = bench.store.known(&bench.scope, lease.stream, &ids, Scope::default()).await;
        known.map(|known| known.len())
    };
    check_equal(&known().await?, &2, "items of the owner")?;
    let account = Account { owner: eve, ..bench.account.clone() };
    bench.store.connect(&bench.scope, &account, &[]).await?;
    check_equal(&known().await?, &1, "a mail, and an event of somebody else's calendar")
}

async fn known_quarantined(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    bench.apply(&lease, vec![quarantine("bad")]).await?;
    let ids = [item_id("bad")];
    let known = bench.store.known(&bench.scope, lease.stream, &ids, Scope::default()).await?;
    check(known.is_empty(), "a quarantined item is taken for one that need not be read again")
}

async fn known_other_stream(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    bench.stored(&lease, "moved").await?;
    let ids = [item_id("moved")];
    let known = bench.store.known(&bench.scope, bench.streams[1], &ids, Scope::default()).await?;
    check_equal(&known.len(), &1, "an item that another stream of the account holds")
}

async fn unseen_marks(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    for name in ["a", "b", "c"] {
        bench.stored(&lease, name).await?;
    }
    bench.apply(&lease, vec![quarantine("d")]).await?;
    let scan = ScanId(100);
    let track = Track::begun(scan, None, &Scope::default(), Relist::default(), noon());
    bench.follow(&lease, track, &[item("b")]).await?;
    let unseen = bench.store.unseen(&bench.scope, lease.stream, scan, None).await?;
    check_equal(&unseen, &["a", "c", "d"].map(item_id).to_vec(), "what the scan did not meet")?;
    let after = item_id("a");
    let unseen = bench.store.unseen(&bench.scope, lease.stream, scan, Some(&after)).await?;
    check_equal(&unseen, &["c", "d"].map(item_id).to_vec(), "the same after an id")?;
    let missing = bench.store.missing(&bench.scope, lease.stream, scan).await?;
    check_equal(&missing, &Missing { unseen: 3, members: 4 }, "how many are missing")
}

async fn unseen_newer_mark(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let scope = Scope::default();
    let track = |id| Track::begun(ScanId(id), None, &scope, Relist::default(), noon());
    bench.stored(&lease, "a").await?;
    bench.follow(&lease, track(200), &[item("a")]).await?;
    bench.follow(&lease, Track::default(), &[item("a")]).await?;
    let unseen = bench.store.unseen(&bench.scope, lease.stream, ScanId(200), None).await?;
    check(unseen.is_empty(), "a mark was lost when the item was met again without a scan")
}

async fn unseen_batches(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let ids: Vec<ItemId> = (0..BATCH + 3).map(|n| item_id(&format!("i{n:05}"))).collect();
    let effects = ids.iter().map(|id| Effect::Ignore {
        item: ItemRef { id: id.clone(), revision: None },
        reason: IgnoredReason::NotAddressed,
        policy: 0,
    });
    bench.apply(&lease, effects.collect()).await?;
    let first = bench.store.unseen(&bench.scope, lease.stream, ScanId(9), None).await?;
    check_equal(&first, &ids[..BATCH].to_vec(), "the first batch")?;
    let rest = bench.store.unseen(&bench.scope, lease.stream, ScanId(9), first.last()).await?;
    check_equal(&rest, &ids[BATCH..].to_vec(), "the second batch")
}

async fn items_states(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    bench.stored(&lease, "a").await?;
    let reason = IgnoredReason::AutoReply;
    let ignore = Effect::Ignore { item: item("b"), reason: reason.clone(), policy: 0 };
    bench.apply(&lease, vec![ignore, quarantine("c")]).await?;
    let all = bench.store.items(&bench.scope, lease.stream, ItemFilter::All, None).await?;
    let states: Vec<_> = all.iter().map(|item| (item.id.as_str(), &item.state)).collect();
    let ignored = ItemState::Ignored(reason);
    let quarantined = ItemState::Quarantined(QuarantineReason::Unreadable("broken".to_owned()));
    let want = vec![("a", &ItemState::Stored), ("b", &ignored), ("c", &quarantined)];
    check_equal(&states, &want, "all items")?;
    let only = bench.store.items(&bench.scope, lease.stream, ItemFilter::Quarantined, None).await?;
    check_equal(&only.len(), &1, "quarantined items")?;
    let health = bench.store.streams(&bench.scope).await?;
    let counts = health.iter().find(|status| status.id == lease.stream).map(|it| it.items);
    let want = besunny_core::repository::ItemCounts { stored: 1, ignored: 1, quarantined: 1 };
    check_equal(&counts, &Some(want), "how many of each")
}

async fn asked_again(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    bench.apply(&lease, vec![quarantine("bad"), quarantine("worse")]).await?;
    bench.release(&lease, std::time::Duration::from_hours(1)).await?;
    bench.store.ask_again(&bench.scope, lease.stream, &[item_id("bad")]).await?;
    let at = bench.store.position(&bench.scope, lease.stream).await?;
    check_equal(&at.asked, &vec![item_id("bad")], "what was asked for")?;
    let lease = bench.lease().await?;
    bench.apply(&lease, vec![bench.store_effect("bad", "healed")?]).await?;
    let at = bench.store.position(&bench.scope, lease.stream).await?;
    check(at.asked.is_empty(), "an item that was read is still asked for")?;
    let unknown = bench.store.ask_again(&bench.scope, lease.stream, &[item_id("x")]).await;
    check(unknown.is_err(), "an item nobody knows can be asked for")
}

async fn steer(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let old = bench.pass(&lease, vec![bench.store_effect("a", "old")?]).await?;
    bench.store.steer(&bench.scope, lease.stream, Steer::Relist).await?;
    let at = bench.store.position(&bench.scope, lease.stream).await?;
    check(at.track.relist, "the track was not steered")?;
    check(bench.commit(old).await.is_err(), "a pass undid what a person asked for")?;
    bench.release(&lease, std::time::Duration::from_hours(1)).await?;
    world.advance(besunny_core::scheduler::COALESCE).await;
    bench.lease().await.map(drop)
}

async fn detect_once(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let username = person(bench.user, "ann")?.username;
    let found = |kind| {
        Effect::Detect(Detection {
            item: item_id("a"),
            address: "ai+ann@example.com".to_owned(),
            username: username.clone(),
            user: Some(bench.user),
            kind,
        })
    };
    bench.apply(&lease, vec![found(RecipientKind::To)]).await?;
    bench.apply(&lease, vec![found(RecipientKind::Cc)]).await.map(drop)
}

async fn watch_kept(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let watch = Watch {
        id: besunny_core::ids::WatchId::derived(&[b"w"]),
        handle: Some("handle".to_owned()),
        since: noon(),
        until: Some(noon() + chrono::Duration::days(7)),
        trouble: None,
    };
    bench.apply(&lease, vec![Effect::Watch(Some(watch.clone()))]).await?;
    let status = bench.store.streams(&bench.scope).await?;
    let kept = status.iter().find(|status| status.id == lease.stream);
    check_equal(&kept.and_then(|kept| kept.watch.clone()), &Some(watch.clone()), "the watch")?;
    bench.release(&lease, std::time::Duration::ZERO).await?;
    check_equal(&bench.lease().await?.watch, &Some(watch), "the watch in a lease")
}

async fn connect_again(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    let mut track = Track::default();
    track.live = Some(besunny_core::track::Live {
        cursor: Cursor::from_source("17"),
        round: None,
        scope: Scope::default(),
        rewinds: 0,
    });
    bench.follow(&lease, track.clone(), &[]).await?;
    let mut account = bench.account.clone();
    account.intake = Intake::Addressed;
    bench.store.connect(&bench.scope, &account, &[]).await?;
    let at = bench.store.position(&bench.scope, lease.stream).await?;
    check_equal(&at.track, &track, "the track after the account was connected again")?;
    check_equal(&bench.store.accounts(&bench.scope).await?, &vec![account], "accounts")
}

async fn find_stream(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let place = bench.store.find_stream(&bench.scope, bench.streams[1]).await?;
    let want = (bench.account.clone(), StreamKey::from_source("second"));
    check_equal(&place, &Some(want), "where a stream is followed")?;
    let unknown = StreamId::derived(&[b"unknown"]);
    let place = bench.store.find_stream(&bench.scope, unknown).await?;
    check_equal(&place, &None, "where an unknown stream is followed")?;
    let evil = Bench::new(&world, "evil").await?;
    let place = bench.store.find_stream(&evil.scope, bench.streams[1]).await?;
    check_equal(&place, &None, "where a stream of another tenant is followed")
}

fn quarantine(id: &str) -> Effect {
    let reason = QuarantineReason::Unreadable("broken".to_owned());
    Effect::Quarantine { item: item_id(id), reason }
}

/// Takes in that the account offers these streams, all proposed but those with a question mark.
async fn offer(bench: &Bench, lease: &Lease, keys: &[&str]) -> Result<(), RepositoryError> {
    let stream = |key: &&str| OfferedStream {
        key: StreamKey::from_source(key.trim_end_matches('?')),
        title: (*key).to_owned(),
        proposed: !key.ends_with('?'),
    };
    let streams = keys.iter().map(stream).collect();
    let offer = Offer { expected: lease.offers, streams };
    bench.store.offer(&bench.scope, bench.account.id, &offer).await
}

/// Leases what is due; returns the key of each stream, and whether it is followed.
async fn due(bench: &Bench) -> Result<Vec<(String, bool)>, Broken> {
    let leases = bench.leases().await?;
    let told = |lease: &Lease| (lease.at.key.as_str().to_owned(), lease.is_followed);
    let mut due: Vec<_> = leases.iter().map(told).collect();
    due.sort();
    Ok(due)
}

async fn offer_new(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    check_equal(&lease.is_followed, &true, "a stream that was connected")?;
    offer(&bench, &lease, &["first", "second", "third", "fourth?"]).await?;
    let want = vec![("third".to_owned(), true)];
    check_equal(&due(&bench).await?, &want, "what is due after the offer")?;
    let followed = bench.store.streams(&bench.scope).await?;
    let followed = followed.iter().filter(|status| status.is_followed).count();
    check_equal(&followed, &3, "streams that are followed")
}

async fn offer_withdrawn(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let leases = bench.leases().await?;
    for lease in &leases {
        bench.end(lease, Rest::Paused(PauseReason::StreamGone)).await?;
    }
    let [first, _] = &leases[..] else { return Err(Broken::new("two streams are due")) };
    offer(&bench, first, &["second"]).await?;
    let gone = bench.leases().await?;
    let told: Vec<_> = gone.iter().map(|it| (it.at.key.as_str(), it.is_followed)).collect();
    check_equal(&told, &vec![("first", false)], "a stream that is offered no more")?;
    bench.release(&gone[0], LEASE * 100).await?;
    check_equal(&due(&bench).await?.len(), &0, "streams that are due")?;
    offer(&bench, &gone[0], &["first", "second"]).await?;
    let want = vec![("first".to_owned(), true)];
    check_equal(&due(&bench).await?, &want, "a stream that is offered again")
}

async fn offer_conflict(world: World) -> Outcome {
    let bench = Bench::acme(&world).await?;
    let lease = bench.lease().await?;
    offer(&bench, &lease, &["first", "second", "third"]).await?;
    let late = offer(&bench, &lease, &["first"]).await;
    check(
        matches!(late, Err(RepositoryError::Conflict)),
        format_args!("an offer of before another one was taken in: {late:?}"),
    )?;
    let followed = bench.store.streams(&bench.scope).await?;
    check_equal(&followed.iter().all(|status| status.is_followed), &true, "all are followed")
}
