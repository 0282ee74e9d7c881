//! The call of a meeting on its page: the chat, who comes and goes, the recording, and its end (BOT-8).
use askama::Template;
use axum::{
    Extension, Form,
    extract::{Path, State, rejection::FormRejection},
    http::HeaderMap,
    response::{Html, IntoResponse, Redirect, Response},
};
use besunny::core::{bot::Movement, posting::Posting, worker::Recording};
use serde::Deserialize;

use super::{Refusal, meeting::for_ever, refuse};
use crate::web::{
    Site,
    access::Session,
    bot,
    call::{self, Chat, ComingEntry, Comings, Message, NewMessage, RecordingAddress, Since},
    guard, meeting,
    problem::Problem,
};

/// So many portions are read for the page; a chat that is longer is for programs.
const PORTIONS: usize = 8;

#[derive(Template)]
#[template(path = "call.html")]
struct Piece {
    chat: Result<Vec<Message>, Problem>,
    comings: Result<Vec<ComingEntry>, Problem>,
    is_cut: bool,
}

/// What the bot is to write.
#[derive(Debug, Deserialize)]
pub(super) struct Writing {
    form_token: String,
    text: String,
}

/// Whether the recording is to go on.
#[derive(Debug, Deserialize)]
pub(super) struct Capture {
    form_token: String,
    to: To,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum To {
    Pause,
    Resume,
}

/// The wish to erase, which cannot be taken back.
#[derive(Debug, Deserialize)]
pub(super) struct Erasing {
    form_token: String,
    #[serde(default)]
    sure: Option<String>,
}

/// Sends the chat, and who came and went, as they are now.
pub(super) async fn piece(
    State(site): State<Site>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let answer = async {
        let meeting = meeting::own(&site, &id).await?;
        let postings = bot::of(&site, &[meeting.id]).await?.remove(&meeting.id);
        let is_over = postings.is_some_and(|all| all.iter().all(Posting::is_over));
        let (mut is_cut, mut after, mut messages) = (true, Since::default(), Vec::new());
        let mut chat = Ok(());
        for _ in 0..PORTIONS {
            match Chat::read(&site, &id, after).await {
                Ok(read) => {
                    messages.extend(read.messages);
                    after = Since::behind(read.next);
                    is_cut = read.more;
                }
                Err(problem) => (chat, is_cut, after) = (Err(problem), false, Since::default()),
            }
            if !is_cut {
                break;
            }
        }
        let comings = Comings::read(&site, &id, Since::default()).await;
        let comings = comings.map(|read| read.comings);
        let piece = Piece { chat: chat.map(|()| messages), comings, is_cut };
        let answer = Html(piece.render()?).into_response();
        Ok::<_, Refusal>(if is_over { for_ever(answer) } else { answer })
    };
    answer.await.map_err(refuse(&headers))
}

pub(super) async fn write(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    form: Result<Form<Writing>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(Writing { form_token, text }) = form?;
    guard::own_form(&session, &form_token)?;
    NewMessage { text, to: None }.send(&site, &id).await?;
    Ok(back(&id))
}

pub(super) async fn record(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    form: Result<Form<Capture>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(Capture { form_token, to }) = form?;
    guard::own_form(&session, &form_token)?;
    let meeting = meeting::own(&site, &id).await?;
    let to = match to {
        To::Pause => Recording::Pause,
        To::Resume => Recording::Resume,
    };
    site.besunny().record(call::of(&site, &meeting), to).await?;
    Ok(back(&id))
}

/// Sends the browser to the recording, whose address is in no page.
pub(super) async fn recording(
    State(site): State<Site>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let link = RecordingAddress::read(&site, &id).await?;
    Ok(Redirect::to(&link.url).into_response())
}

pub(super) async fn erase(
    State(site): State<Site>,
    Extension(session): Extension<Session>,
    Path(id): Path<String>,
    form: Result<Form<Erasing>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(Erasing { form_token, sure }) = form?;
    guard::own_form(&session, &form_token)?;
    let meeting = meeting::own(&site, &id).await?;
    if sure.as_deref() != Some("yes") {
        return Err(Problem::bad_request("Tick that you are sure: nothing brings it back.").into());
    }
    site.besunny().erase_records(call::of(&site, &meeting)).await?;
    Ok(back(&id))
}

fn back(id: &str) -> Response {
    Redirect::to(&format!("/meetings/{id}")).into_response()
}

impl ComingEntry {
    fn went(&self) -> &'static str {
        match self.movement {
            Some(Movement::Joined) => "came",
            Some(Movement::Left) => "left",
            None => "did something",
        }
    }
}
