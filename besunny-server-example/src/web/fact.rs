//! What a mail brings besides its words: its kind, files in Google Drive, a calendar event.
use besunny::core::{
    mail::{CalendarTime, DriveKind, DriveLink, Invitation, InvitationSource, Kind, Method},
    untrusted::Untrusted,
};
use chrono::{NaiveDate, NaiveDateTime};
use serde::Serialize;
use utoipa::ToSchema;

/// A file or folder of Google Drive that a mail links to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DriveEntry {
    /// What the link says it leads to: `file`, `folder`, `document` and so on.
    #[schema(value_type = String)]
    pub kind: DriveKind,
    /// Its id at Google.
    pub id: String,
}

/// A calendar event that a mail is about, as the mail writes it: untrusted text.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InvitationEntry {
    /// `calendar`, or `text_lines` when it only reads like an invitation.
    #[schema(value_type = String)]
    pub source: InvitationSource,
    /// What the sender asks for: `request`, `cancel` and so on (RFC 5546).
    #[schema(value_type = Option<String>)]
    pub method: Option<Method>,
    /// Its id, the same across its updates.
    pub uid: Option<String>,
    /// The title.
    pub summary: Option<String>,
    /// The place, or the address of a conference.
    pub location: Option<String>,
    /// The organizer, mostly `mailto:` and an address.
    pub organizer: Option<String>,
    /// When it begins.
    pub start: Option<CalendarMoment>,
    /// When it ends.
    pub end: Option<CalendarMoment>,
    /// The rule by which it repeats.
    pub rule: Option<String>,
}

/// A date or a time of a calendar (RFC 5545), as it is written there.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CalendarMoment {
    /// The value, such as `20260601T090000Z` or `20260601`.
    pub value: String,
    /// The zone it is written in, by a name of the sender's calendar.
    pub zone: Option<String>,
}

impl DriveEntry {
    pub(super) fn of(link: &DriveLink) -> Self {
        Self { kind: link.kind, id: link.id.as_str().to_owned() }
    }

    /// Names what it is for people.
    pub(super) const fn name(&self) -> &'static str {
        match self.kind {
            DriveKind::File => "File",
            DriveKind::Folder => "Folder",
            DriveKind::Document => "Google document",
            DriveKind::Spreadsheet => "Google spreadsheet",
            DriveKind::Presentation => "Google presentation",
            DriveKind::Form => "Google form",
            DriveKind::Item => "File or folder",
            _ => "Something in Google Drive",
        }
    }
}

impl InvitationEntry {
    pub(super) fn of(invitation: &Invitation) -> Self {
        Self {
            source: invitation.source,
            method: invitation.method,
            uid: text(invitation.uid.as_ref()),
            summary: text(invitation.summary.as_ref()),
            location: text(invitation.location.as_ref()),
            organizer: text(invitation.organizer.as_ref()),
            start: invitation.dtstart.as_ref().map(CalendarMoment::of),
            end: invitation.dtend.as_ref().map(CalendarMoment::of),
            rule: text(invitation.rrule.as_ref()),
        }
    }

    /// Says for people what the mail wants.
    pub(super) const fn name(&self) -> &'static str {
        match (self.source, self.method) {
            (InvitationSource::TextLines, _) => "It reads like an invitation",
            (_, None | Some(Method::Publish | Method::Add)) => "A calendar event",
            (_, Some(Method::Request)) => "An invitation",
            (_, Some(Method::Reply)) => "An answer to an invitation",
            (_, Some(Method::Cancel)) => "An event is called off",
            (_, Some(Method::Refresh)) => "Somebody asks for the event again",
            (_, Some(Method::Counter | Method::DeclineCounter)) => "Another time is proposed",
        }
    }
}

impl CalendarMoment {
    fn of(time: &CalendarTime) -> Self {
        Self { value: time.value.expose().clone(), zone: text(time.zone.as_ref()) }
    }

    /// Writes it for people; what is no date stays as it is.
    pub(super) fn written(&self) -> String {
        let (value, is_utc) = match self.value.strip_suffix('Z') {
            Some(value) => (value, true),
            None => (self.value.as_str(), false),
        };
        let instant = NaiveDateTime::parse_from_str(value, "%Y%m%dT%H%M%S");
        let day = NaiveDate::parse_from_str(value, "%Y%m%d");
        let written = match (instant, day) {
            (Ok(at), _) => at.format("%Y-%m-%d %H:%M").to_string(),
            (_, Ok(day)) => day.to_string(),
            (Err(_), Err(_)) => return self.value.clone(),
        };
        match (is_utc, &self.zone) {
            (true, _) => format!("{written} UTC"),
            (false, Some(zone)) => format!("{written} ({zone})"),
            (false, None) => written,
        }
    }
}

/// Names the kind of a mail for people; most are plain, which needs no word.
pub(super) const fn kind_name(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::DriveShare => Some("It shares files of Google Drive"),
        Kind::Invitation => Some("It is about a calendar event"),
        Kind::LikelyInvitation => Some("It may be an invitation"),
        Kind::Plain => None,
    }
}

fn text(text: Option<&Untrusted<String>>) -> Option<String> {
    text.map(|text| text.expose().clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_for_people() {
        for (value, zone, want) in [
            ("20260601T090000Z", None, "2026-06-01 09:00 UTC"),
            ("20260601T090000", Some("Europe/Zurich"), "2026-06-01 09:00 (Europe/Zurich)"),
            ("20260601T090000", None, "2026-06-01 09:00"),
            ("20260601", None, "2026-06-01"),
            ("soon", Some("x"), "soon"),
        ] {
            let (value, zone) = (value.to_owned(), zone.map(str::to_owned));
            assert_eq!(CalendarMoment { value, zone }.written(), want);
        }
    }
}
