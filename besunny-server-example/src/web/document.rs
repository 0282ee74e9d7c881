//! Documents: short to list, whole to read.
use besunny::core::{
    document::{Decider, Document, DocumentKind, DocumentState, ReviewReason},
    history::{Entry, Fact},
    ids::{DocumentId, ProjectId},
    mail::{Attachment, Flag, Kind as MailKind, Mail, Mailbox, SegmentKind},
    repository::{Content, DocumentFilter, RepositoryError, StateFilter},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    Site,
    access::hexadecimal,
    download::blob,
    explanation::{Candidate, Explanation, HistoryLine},
    fact::{DriveEntry, InvitationEntry},
    problem::{Kind, Problem},
    project::{ProjectName, Projects},
    transcript::Transcript,
};

/// A page has so many documents unless another number is asked for.
const PAGE: usize = 25;
/// More are never on one page, so that an answer stays below a megabyte.
const MAX_PAGE: usize = 200;

/// Which documents are wanted, and where the page begins.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Selection {
    /// Only of this project, by id.
    #[serde(default, deserialize_with = "empty_is_none")]
    #[param(value_type = Option<Uuid>)]
    pub project: Option<Uuid>,
    /// Only in this state.
    #[serde(default, deserialize_with = "empty_is_none")]
    pub state: Option<State>,
    /// Only those after this cursor: `next` of the page before.
    #[serde(default, deserialize_with = "empty_is_none")]
    #[param(value_type = Option<Uuid>)]
    pub before: Option<Uuid>,
    /// At most so many, 25 unless said, 200 at most.
    #[serde(default)]
    pub limit: Option<usize>,
}

/// The states one can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not yet classified.
    Pending,
    /// In a project.
    Routed,
    /// In the review queue.
    NeedsReview,
    /// In no project, as a person said.
    NoProject,
}

/// A page of documents, newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DocumentPage {
    /// The documents.
    pub documents: Vec<DocumentSummary>,
    /// The cursor of the next page; absent on the last one.
    pub next: Option<Uuid>,
}

/// A document in a list; title and author are untrusted text.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DocumentSummary {
    /// Its id.
    pub id: Uuid,
    /// Grows with every change; give it back when you assign.
    pub version: u64,
    /// What kind of thing it is.
    pub kind: &'static str,
    /// The subject.
    pub title: String,
    /// The address of the author.
    pub author: String,
    /// When the source received it.
    pub received_at: DateTime<Utc>,
    /// When it was stored.
    pub stored_at: DateTime<Utc>,
    /// What became of it.
    pub state: State,
    /// The project it is in.
    pub project: Option<ProjectName>,
    /// How sure that is, from 0 to 1; 1 when a person decided.
    pub confidence: Option<f64>,
    /// Whether a person decided.
    pub by_person: bool,
    /// Whether a standing rule decided.
    pub by_rule: bool,
    /// Why it waits for a person.
    #[schema(value_type = Option<String>)]
    pub reason: Option<ReviewReason>,
    /// The best guess that was not sure enough.
    pub suggestion: Option<ProjectName>,
    /// When the last of its items went away at the source.
    pub removed_at: Option<DateTime<Utc>>,
}

/// A document with its content, its history and why it is where it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DocumentDetail {
    /// What a list says of it.
    #[serde(flatten)]
    pub summary: DocumentSummary,
    /// What was read out of it: untrusted text throughout.
    pub content: MailContent,
    /// What was said in a meeting, of the document of one.
    pub transcript: Option<Transcript>,
    /// The meeting that it is the document of.
    pub meeting: Option<Uuid>,
    /// What the classifier thought; absent before it looked.
    pub explanation: Option<Explanation>,
    /// What happened to it, oldest first.
    pub history: Vec<HistoryLine>,
}

/// A mail as text; nothing in it is markup.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MailContent {
    /// Authors.
    pub from: Vec<Correspondent>,
    /// First receivers.
    pub to: Vec<Correspondent>,
    /// Further receivers.
    pub cc: Vec<Correspondent>,
    /// The mail's own date, with its offset.
    pub date: Option<String>,
    /// The id of the mail, without brackets.
    pub message_id: Option<String>,
    /// The text, in parts by whose words they are.
    pub segments: Vec<TextSegment>,
    /// What is attached.
    pub attachments: Vec<AttachmentEntry>,
    /// The links in it.
    pub links: Vec<LinkEntry>,
    /// What it brings: `drive_share`, `invitation`, `likely_invitation` or `plain` (MAIL-12).
    #[schema(value_type = String)]
    pub brings: MailKind,
    /// How certain that is, from 0 to 1.
    pub brings_confidence: f32,
    /// The files and folders of Google Drive that the links lead to.
    pub drive_links: Vec<DriveEntry>,
    /// The calendar event that it is about.
    pub invitation: Option<InvitationEntry>,
    /// What was cut, repaired or removed while it was read.
    #[schema(value_type = Vec<String>)]
    pub flags: Vec<Flag>,
    /// The same in words for people, in the same order.
    pub noted: Vec<&'static str>,
}

/// Somebody who wrote or got a mail.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Correspondent {
    /// The display name.
    pub name: Option<String>,
    /// The address.
    pub address: String,
}

/// A part of the text.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TextSegment {
    /// `own`, `quoted` or `signature`.
    #[schema(value_type = String)]
    pub kind: SegmentKind,
    /// The words.
    pub text: String,
}

/// Something attached to a mail.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AttachmentEntry {
    /// Its file name, made harmless.
    pub name: String,
    /// The type it claims to have.
    pub claimed_type: String,
    /// Its size.
    pub size_bytes: usize,
    /// What it is fetched by.
    pub sha256: String,
    /// Whether it belongs into the text, as an image does.
    pub inline: bool,
}

/// A link in a mail.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LinkEntry {
    /// The whole of it.
    pub url: String,
    /// The host it really leads to.
    pub host: String,
}

/// A document that waits for a person.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReviewEntry {
    /// The document.
    pub document: DocumentSummary,
    /// Where it may belong, the likeliest first.
    pub candidates: Vec<Candidate>,
}

impl Selection {
    /// Reads the page that is asked for.
    pub(super) async fn read(&self, site: &Site) -> Result<(Vec<Document>, Option<Uuid>), Problem> {
        let limit = self.limit.unwrap_or(PAGE);
        if !(1..=MAX_PAGE).contains(&limit) {
            return Err(Problem::bad_request(format!("`limit` is 1 to {MAX_PAGE}.")));
        }
        let before = self.before.map(DocumentId::from_uuid);
        if let Some(cursor) = before {
            own(site, cursor).await.map_err(|problem| {
                if problem.kind != Kind::Missing {
                    return problem;
                }
                Problem::bad_request("`before` is no cursor of yours: give `next` of a page.")
            })?;
        }
        let filter = DocumentFilter {
            owner: Some(site.user()),
            kind: None,
            project: self.project.map(ProjectId::from_uuid),
            state: self.state.map(Into::into),
            before,
            limit: limit + 1,
        };
        let mut found = site.besunny().store().documents(site.scope(), &filter).await?;
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| has_more).map(|last| last.id.as_uuid());
        Ok((found, next))
    }
}

/// Finds a document of the person; what is somebody else's is not there.
pub(super) async fn own(site: &Site, id: DocumentId) -> Result<Document, Problem> {
    let found = site.besunny().store().document(site.scope(), id).await?;
    let own = found.filter(|document| document.owner == site.user());
    own.ok_or_else(|| Problem::missing("document"))
}

/// Reads what is in a document.
pub(super) async fn content(site: &Site, id: DocumentId) -> Result<Content, Problem> {
    let content = site.besunny().store().content(site.scope(), id).await?;
    content.ok_or_else(|| Problem::missing("document"))
}

/// Reads an id out of a path; what is no id is not there.
pub(super) fn id(text: &str) -> Result<DocumentId, Problem> {
    text.parse().ok().ok_or_else(|| Problem::missing("document"))
}

impl DocumentDetail {
    pub(super) async fn read(site: &Site, id: DocumentId) -> Result<Self, Problem> {
        let document = own(site, id).await?;
        let content = content(site, id).await?;
        let history = site.besunny().store().history(site.scope(), id).await?;
        let projects = Projects::of(site).await?;
        let transcript = match document.kind {
            DocumentKind::Email => None,
            DocumentKind::MeetingTranscript => Transcript::read(&blob(site, &content.raw).await?),
        };
        Ok(Self {
            summary: DocumentSummary::of(&document, &projects),
            content: MailContent::of(&content.mail),
            transcript,
            meeting: history.iter().find_map(meeting_of),
            explanation: Explanation::of(&history, &projects),
            history: history.iter().map(|entry| HistoryLine::of(entry, &projects)).collect(),
        })
    }
}

fn meeting_of(entry: &Entry) -> Option<Uuid> {
    let Fact::Transcribed { meeting } = entry.fact else { return None };
    Some(meeting.as_uuid())
}

impl ReviewEntry {
    /// Lists where a document may belong, as its history says.
    pub(super) async fn read(
        site: &Site,
        document: &Document,
        projects: &Projects,
    ) -> Result<Self, RepositoryError> {
        let history = site.besunny().store().history(site.scope(), document.id).await?;
        let explanation = Explanation::of(&history, projects);
        let candidates = explanation.map(|explanation| explanation.candidates());
        let mut candidates = candidates.unwrap_or_default();
        candidates.retain(|candidate| projects.has(ProjectId::from_uuid(candidate.project.id)));
        Ok(Self { document: DocumentSummary::of(document, projects), candidates })
    }
}

impl DocumentSummary {
    pub(crate) fn of(document: &Document, projects: &Projects) -> Self {
        let (route, review) = match &document.state {
            DocumentState::Pending | DocumentState::NoProject { .. } => (None, None),
            DocumentState::Routed(route) => (Some(route), None),
            DocumentState::NeedsReview(review) => (None, Some(review)),
        };
        Self {
            id: document.id.as_uuid(),
            version: document.version,
            kind: document.kind.as_str(),
            title: document.title.expose().clone(),
            author: document.author.expose().clone(),
            received_at: document.received_at,
            stored_at: document.stored_at,
            state: State::of(&document.state),
            project: route.map(|route| projects.name(route.project)),
            confidence: route.map(|route| route.confidence),
            by_person: document.state.is_of_person(),
            by_rule: route.is_some_and(|route| matches!(route.by, Decider::Rule(_))),
            reason: review.map(|review| review.reason),
            suggestion: review.and_then(|it| it.suggestion).map(|id| projects.name(id)),
            removed_at: document.removed_at,
        }
    }
}

impl MailContent {
    fn of(mail: &Mail) -> Self {
        let segments = mail
            .segments()
            .map(|segment| TextSegment { kind: segment.kind, text: segment.text.to_owned() });
        let links = mail.links.iter().map(|link| LinkEntry::of(link.expose()));
        Self {
            from: correspondents(&mail.from),
            to: correspondents(&mail.to),
            cc: correspondents(&mail.cc),
            date: mail.date.map(|date| date.to_rfc3339()),
            message_id: mail.message_id.as_ref().map(|id| id.expose().clone()),
            segments: segments.collect(),
            attachments: mail.attachments.iter().map(AttachmentEntry::of).collect(),
            links: links.collect(),
            brings: mail.kind(),
            brings_confidence: mail.kind().confidence(),
            drive_links: mail.drive_links.iter().map(DriveEntry::of).collect(),
            invitation: mail.invitation.as_ref().map(InvitationEntry::of),
            flags: mail.flags.iter().collect(),
            noted: mail.flags.iter().map(Flag::in_words).collect(),
        }
    }
}

impl AttachmentEntry {
    fn of(attachment: &Attachment) -> Self {
        let name = attachment.name.as_ref().map(|name| name.expose().clone());
        Self {
            name: name.unwrap_or_else(|| "unnamed".to_owned()),
            claimed_type: attachment.mime_type.expose().clone(),
            size_bytes: attachment.size_bytes,
            sha256: hexadecimal(&attachment.sha256),
            inline: attachment.inline,
        }
    }
}

impl LinkEntry {
    /// Finds the host a link leads to; what stands before an `@` is no part of it.
    fn of(url: &str) -> Self {
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        Self { url: url.to_owned(), host: host.to_lowercase() }
    }
}

impl State {
    const fn of(state: &DocumentState) -> Self {
        match state {
            DocumentState::Pending => Self::Pending,
            DocumentState::Routed(_) => Self::Routed,
            DocumentState::NeedsReview(_) => Self::NeedsReview,
            DocumentState::NoProject { .. } => Self::NoProject,
        }
    }
}

impl From<State> for StateFilter {
    fn from(state: State) -> Self {
        match state {
            State::Pending => Self::Pending,
            State::Routed => Self::Routed,
            State::NeedsReview => Self::NeedsReview,
            State::NoProject => Self::NoProject,
        }
    }
}

fn correspondents(mailboxes: &[Mailbox]) -> Vec<Correspondent> {
    let correspondent = |mailbox: &Mailbox| Correspondent {
        name: mailbox.name.as_ref().map(|name| name.expose().clone()),
        address: mailbox.address.expose().clone(),
    };
    mailboxes.iter().map(correspondent).collect()
}

/// Forms send a field that was left open as an empty text.
fn empty_is_none<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    use serde::de::IntoDeserializer;
    let text = String::deserialize(from)?;
    if text.is_empty() {
        return Ok(None);
    }
    T::deserialize(text.into_deserializer()).map(Some)
}
