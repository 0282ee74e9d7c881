//! Streams: what each does, what it could not take in, and what waits for a person.
use askama::Template;
use axum::{
    Extension, Form,
    extract::{
        Path, Query, State,
        rejection::{FormRejection, QueryRejection},
    },
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use besunny::core::{ids::JobId, source::ItemId, track::Steer};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::{Frame, Place, Refusal, refuse, show, show_changed, tag};
use crate::web::{
    Site,
    access::Session,
    guard,
    instant::{Shown, span},
    job::{self, DeadJobs},
    problem::Problem,
    stream::{self, QuarantinePage, QuarantinedItem, ScanPhase, StreamHealth, StreamState},
};

/// So many quarantined items of a stream are shown; REST names more.
const SHOWN: usize = 50;

/// A stream with the first of what it could not take in.
struct Card {
    stream: StreamHealth,
    quarantined: Vec<QuarantinedItem>,
}

/// The streams, as a piece of the page.
#[derive(Template)]
#[template(path = "streams_list.html")]
struct Piece<'a> {
    list: &'a Streams,
}

/// The streams of the person.
struct Streams {
    cards: Vec<Card>,
    given_up: DeadJobs,
    form_token: String,
    now: DateTime<Utc>,
}

#[derive(Template)]
#[template(path = "streams.html")]
struct Page {
    frame: Frame,
    list: Streams,
    seen: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Poll {
    #[serde(default)]
    seen: Option<String>,
}

/// Which item is to be read again; none means all that are shown.
#[derive(Debug, Deserialize)]
pub(super) struct Again {
    form_token: String,
    #[serde(default)]
    item: Option<String>,
}

/// Which job is to be tried again; none means all that were given up.
#[derive(Debug, Deserialize)]
pub(super) struct Replay {
    form_token: String,
    #[serde(default)]
    job: Option<String>,
}

/// What is asked of a stream.
#[derive(Debug, Deserialize)]
pub(super) struct Ask {
    form_token: String,
    ask: Steer,
}

pub(super) async fn page(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
) -> Result<Response, Refusal> {
    let list = Streams::read(&site, &session).await?;
    let frame = Frame::of(&site, &session, Place::Streams).await?;
    show(&Page { frame, seen: tag(&Piece { list: &list }.render()?), list })
}

/// Sends the streams again when something has changed.
pub(super) async fn piece(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    seen: Result<Query<Poll>, QueryRejection>,
) -> Result<Response, Response> {
    let answer = async {
        let Query(Poll { seen }) = seen?;
        let list = Streams::read(&site, &session).await?;
        show_changed(&Piece { list: &list }, seen.as_deref())
    };
    answer.await.map_err(refuse(&headers))
}

pub(super) async fn retry(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Again>, FormRejection>,
) -> Result<Response, Response> {
    let answer = async {
        let Form(Again { form_token, item }) = form?;
        guard::own_form(&session, &form_token)?;
        let stream = stream::own(&site, &id).await?;
        let items = if let Some(item) = item {
            vec![ItemId::from_source(item)]
        } else {
            let page = QuarantinePage::read(&site, stream, None).await?;
            page.items.into_iter().map(|item| ItemId::from_source(item.id)).collect()
        };
        site.besunny().retry(site.scope(), stream, &items).await?;
        done(&site, &session, &headers).await
    };
    answer.await.map_err(refuse(&headers))
}

pub(super) async fn replay(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    form: Result<Form<Replay>, FormRejection>,
) -> Result<Response, Response> {
    let answer = async {
        let Form(Replay { form_token, job }) = form?;
        guard::own_form(&session, &form_token)?;
        let jobs = if let Some(job) = job {
            vec![job::own(&site, &job).await?]
        } else {
            all_given_up(&site).await?
        };
        for job in jobs {
            site.besunny().replay(site.scope(), job).await?;
        }
        done(&site, &session, &headers).await
    };
    answer.await.map_err(refuse(&headers))
}

/// Names all jobs of the person that were given up.
async fn all_given_up(site: &Site) -> Result<Vec<JobId>, Problem> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let DeadJobs { jobs, next } = DeadJobs::read(site, after).await?;
        all.extend(jobs.into_iter().map(|job| JobId::from_uuid(job.id)));
        if next.is_none() {
            return Ok(all);
        }
        after = next;
    }
}

pub(super) async fn steer(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Ask>, FormRejection>,
) -> Result<Response, Response> {
    let answer = async {
        let Form(Ask { form_token, ask }) = form?;
        guard::own_form(&session, &form_token)?;
        let stream = stream::own(&site, &id).await?;
        site.besunny().steer(site.scope(), stream, ask).await?;
        done(&site, &session, &headers).await
    };
    answer.await.map_err(refuse(&headers))
}

/// Shows the streams as they are after a person's word.
async fn done(site: &Site, session: &Session, headers: &HeaderMap) -> Result<Response, Refusal> {
    if !guard::is_htmx(headers) {
        return Ok(Redirect::to("/streams").into_response());
    }
    let list = Streams::read(site, session).await?;
    show_changed(&Piece { list: &list }, None)
}

impl Streams {
    async fn read(site: &Site, session: &Session) -> Result<Self, Problem> {
        let mut cards = Vec::new();
        for stream in StreamHealth::all(site).await? {
            let mut quarantined = Vec::new();
            if stream.items.quarantined > 0 {
                let id = besunny::core::ids::StreamId::from_uuid(stream.id);
                quarantined = QuarantinePage::read(site, id, None).await?.items;
                quarantined.truncate(SHOWN);
            }
            cards.push(Card { stream, quarantined });
        }
        let given_up = DeadJobs::read(site, None).await?;
        let form_token = session.form_token().to_owned();
        Ok(Self { cards, given_up, form_token, now: site.clock().now() })
    }

    fn shown(&self, at: &DateTime<Utc>) -> Shown {
        Shown::new(*at, self.now)
    }
}

impl Card {
    fn state(&self) -> &'static str {
        self.stream.state.name()
    }

    /// Names the state for the style sheet.
    fn tone(&self) -> &'static str {
        match self.stream.state {
            StreamState::Live => "good",
            StreamState::New | StreamState::Scanning => "busy",
            StreamState::Failing | StreamState::Held | StreamState::Paused => "bad",
        }
    }

    fn more(&self) -> u64 {
        self.stream.items.quarantined.saturating_sub(self.quarantined.len() as u64)
    }

    fn is_held(&self) -> bool {
        self.stream.state == StreamState::Held
    }

    /// Says how long a scan still takes, when that can be told.
    fn left(&self) -> Option<String> {
        let scan = self.stream.scan.as_ref()?;
        scan.eta_seconds.map(|seconds| span(TimeDelta::seconds(seconds)))
    }

    fn lag(&self) -> Option<String> {
        self.stream.lag_seconds.map(|seconds| match seconds {
            0..60 => "under a minute".to_owned(),
            seconds => span(TimeDelta::seconds(seconds)),
        })
    }
}
