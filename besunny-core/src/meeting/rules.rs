//! Which addresses are rooms, and what of an address says which room.
//!
//! A rule is a host and a shape. Whatever stands in braces names the room and becomes its key; what
//! follows the shape is left out, as passwords and invitations are. To recognise one more platform,
//! add its rows to [`RULES`].
use super::platform::Platform;
use crate::url::{WebUrl, pair, percent_decoded};

mod part;

use part::Part;

/// The longest key: a room of Teams has some 90 bytes.
const KEY_BYTES: usize = 512;

/// One form of address.
struct Rule {
    platform: Platform,
    /// `a.b` is that host, `.a.b` also every host below, `{}.a.b` one whose first label is the room.
    hosts: &'static [&'static str],
    /// Segments of a path, then perhaps `?name={..}` or `#name={..}`.
    shape: &'static str,
    /// Set apart from others where the same name may be another room there.
    realm: &'static str,
}

const fn rule(platform: Platform, hosts: &'static [&'static str], shape: &'static str) -> Rule {
    Rule { platform, hosts, shape, realm: "" }
}

impl Rule {
    const fn in_realm(self, realm: &'static str) -> Self {
        Self { realm, ..self }
    }

    /// Returns the key of the room that `url` leads to, without the name of the platform.
    fn room(&self, url: &WebUrl<'_>, segments: &[String]) -> Option<String> {
        let mut names = Names::of(self.realm);
        self.hosts.iter().find_map(|host| names.host(url, host))?;
        let (shape, tail) = match self.shape.find(['?', '#']) {
            Some(at) => self.shape.split_at(at),
            None => (self.shape, ""),
        };
        let mut found = segments.iter();
        for part in shape.split('/').filter(|part| !part.is_empty()) {
            names.take(part, found.next()?)?;
        }
        if let Some((name, part)) = tail.get(1..).and_then(|tail| tail.split_once('=')) {
            let pairs = if tail.starts_with('?') { url.query } else { url.fragment };
            names.take(part, &percent_decoded(pair(pairs, name)?)?)?;
        }
        names.finish()
    }
}

/// What of an address names the room.
struct Names(String);

impl Names {
    fn of(realm: &str) -> Self {
        Self(realm.to_owned())
    }

    fn host(&mut self, url: &WebUrl<'_>, host: &str) -> Option<()> {
        let Some(domain) = host.strip_prefix("{}") else { return url.is_at(host).then_some(()) };
        let label = url.host.strip_suffix(domain)?;
        self.push(&Part::Room.read(label)?);
        Some(())
    }

    fn take(&mut self, pattern: &str, text: &str) -> Option<()> {
        match Part::of(pattern) {
            None => (pattern == text).then_some(()),
            Some(part) => {
                self.push(&part.read(text)?);
                Some(())
            }
        }
    }

    fn push(&mut self, name: &str) {
        if !name.is_empty() {
            let slash = if self.0.is_empty() { "" } else { "/" };
            self.0.push_str(slash);
            self.0.push_str(name);
        }
    }

    fn finish(self) -> Option<String> {
        (!self.0.is_empty() && self.0.len() <= KEY_BYTES).then_some(self.0)
    }
}

/// Says which room an address leads to: the platform, and a key without its name.
pub(super) fn recognise(url: &WebUrl<'_>) -> Option<(Platform, String)> {
    let segments: Option<Vec<String>> = url.segments().into_iter().map(percent_decoded).collect();
    let segments = segments?;
    // Browsers take such steps before they ask, programs perhaps not: it is two addresses.
    if segments.iter().any(|part| part == "." || part == "..") {
        return None;
    }
    let room = |rule: &Rule| Some((rule.platform, rule.room(url, &segments)?));
    RULES.iter().flat_map(|rules| rules.iter()).find_map(room)
}

const RULES: [&[Rule]; 3] = [BOTS, NAMED, OTHERS];

const ZOOM: &[&str] = &[".zoom.us", ".zoom.com", ".zoom.com.cn", ".zoom-x.de"];
const ZOOM_GOV: &[&str] = &[".zoomgov.com"];
const TEAMS: &[&str] =
    &["teams.microsoft.com", "teams.live.com", "teams.cloud.microsoft", ".teams.microsoft.us"];

const BOTS: &[Rule] = {
    use Platform::{Meet, Teams, Zoom};
    &[
        rule(Meet, &["meet.google.com"], "/lookup/{lower}").in_realm("lookup"),
        rule(Meet, &["g.co"], "/meet/{lower}").in_realm("lookup"),
        rule(Meet, &["meet.google.com"], "/_meet/{meet}"),
        rule(Meet, &["meet.google.com"], "/{meet}"),
        rule(Zoom, ZOOM, "/j/{digits}"),
        rule(Zoom, ZOOM, "/w/{digits}"),
        rule(Zoom, ZOOM, "/s/{digits}"),
        rule(Zoom, ZOOM, "/my/{lower}"),
        rule(Zoom, ZOOM, "/wc/join/{digits}"),
        rule(Zoom, ZOOM, "/wc/{digits}"),
        rule(Zoom, ZOOM, "/join?confno={digits}"),
        rule(Zoom, ZOOM_GOV, "/j/{digits}").in_realm("gov"),
        rule(Zoom, ZOOM_GOV, "/w/{digits}").in_realm("gov"),
        rule(Zoom, ZOOM_GOV, "/s/{digits}").in_realm("gov"),
        rule(Zoom, ZOOM_GOV, "/my/{lower}").in_realm("gov"),
        rule(Zoom, ZOOM_GOV, "/wc/join/{digits}").in_realm("gov"),
        rule(Zoom, ZOOM_GOV, "/wc/{digits}").in_realm("gov"),
        rule(Teams, TEAMS, "/l/meetup-join/{thread}/{message}"),
        rule(Teams, TEAMS, "/l/meetup-join/{thread}"),
        rule(Teams, &["teams.microsoft.com", "teams.cloud.microsoft"], "/meet/{digits}"),
        rule(Teams, &["teams.live.com"], "/meet/{digits}").in_realm("live"),
        rule(Teams, &[".teams.microsoft.us"], "/meet/{digits}").in_realm("us"),
    ]
};

/// The others that CAL-11 names.
const NAMED: &[Rule] = {
    use Platform::{Discord, Goto, Jitsi, Webex, Whereby};
    const DISCORD: &[&str] = &[".discord.com", ".discordapp.com"];
    const GOTO: &[&str] =
        &[".gotomeeting.com", ".gotowebinar.com", "app.goto.com", "meet.goto.com"];
    const JITSI: &[&str] = &["meet.jit.si", "meet.jitsi.net"];
    &[
        rule(Webex, &[".webex.com"], "/{any}/j.php?MTID={word}"),
        rule(Webex, &[".webex.com"], "/wbxmjs/joinservice/sites/{any}/meeting/download/{word}"),
        rule(Webex, &[".webex.com"], "/webappng/sites/{any}/meeting/{any}/{word}"),
        rule(Webex, &["{}.webex.com"], "/meet/{lower}"),
        rule(Webex, &["{}.webex.com"], "/join/{lower}"),
        rule(Goto, GOTO, "/join/{digits}"),
        rule(Goto, GOTO, "/meeting/{digits}"),
        rule(Goto, GOTO, "/webinar/{digits}"),
        rule(Goto, &["meet.goto.com", "gotomeet.me", ".gotomeet.me"], "/{room}"),
        rule(
            Whereby,
            &["whereby.com", "www.whereby.com", "app.whereby.com", "appear.in"],
            "/{room}",
        ),
        rule(Whereby, &["{}.whereby.com"], "/{room}"),
        rule(Jitsi, JITSI, "/{room}/{room}"),
        rule(Jitsi, JITSI, "/{room}"),
        rule(Discord, &["discord.gg"], "/{word}"),
        rule(Discord, DISCORD, "/invite/{word}"),
        rule(Discord, DISCORD, "/channels/{digits}/{digits}"),
    ]
};

/// Those that calendars in the wild have besides.
const OTHERS: &[Rule] = {
    use Platform::{
        Around, Blackboard, BlueJeans, CalCom, Chime, Chorus, ClickMeeting, CoScreen, Daily, Demio,
        Demodesk, Dialpad, Doxy, Duo, EightByEight, FaceTime, Feishu, Framatalk, Gather, Gong,
        Hangouts, Jam, JoinMe, KMeet, Kumospace, Lark, Lifesize, LiveKit, Livestorm, Luma,
        Meetecho, Messenger, Ovice, Pop, ProtonMeet, Pumble, Reclaim, RingCentral, Riverside,
        Signal, Skype, SkypeForBusiness, Slack, StarLeaf, StreamYard, Talky, TeamViewer, Teemyco,
        Telemost, Tencent, Tuple, UserZoom, Venue, Vimeo, Vonage, Vsee, WhatsApp, Workplace, Zhumu,
        ZmPage, ZohoCliq, ZohoMeeting,
    };
    const CLIQ: &[&str] =
        &["cliq.zoho.com", "cliq.zoho.eu", "cliq.zoho.in", "cliq.zoho.com.au", "cliq.zoho.jp"];
    const ZOHO: &[&str] =
        &["meeting.zoho.com", "meeting.zoho.eu", "meeting.zoho.in", "meeting.zoho.com.au"];
    const TENCENT: &[&str] = &[".voovmeeting.com", "meeting.tencent.com"];
    const GATHER: &[&str] = &["app.gather.town", "app.v2.gather.town", "gather.town"];
    const DIALPAD: &[&str] =
        &["meetings.dialpad.com", "www.uberconference.com", "uberconference.com"];
    &[
        rule(Around, &[".around.co"], "/r/{word}"),
        rule(Blackboard, &[".bbcollab.com"], "/guest/{word}"),
        rule(Blackboard, &[".bbcollab.com"], "/invite/{word}"),
        rule(Blackboard, &[".bbcollab.com"], "/collab/ui/session/{any}/{word}"),
        rule(BlueJeans, &[".bluejeans.com"], "/{digits}"),
        rule(BlueJeans, &[".bluejeans.com"], "/a2m/live-event/{word}"),
        rule(CalCom, &["app.cal.com", "cal.com"], "/video/{word}"),
        rule(Chime, &[".chime.aws"], "/meetings/{lower}"),
        rule(Chime, &["chime.aws"], "/{lower}"),
        rule(Chorus, &["go.chorus.ai"], "/{word}"),
        rule(ClickMeeting, &["{}.clickmeeting.com"], "/{room}"),
        rule(CoScreen, &["join.coscreen.co"], "/{word}"),
        rule(Daily, &["{}.daily.co"], "/{word}"),
        rule(Demio, &["event.demio.com", "my.demio.com"], "/ref/{word}"),
        rule(Demodesk, &["demodesk.com", "www.demodesk.com"], "/{code}"),
        rule(Dialpad, DIALPAD, "/room/{lower}"),
        rule(Dialpad, DIALPAD, "/{room}"),
        rule(Doxy, &["doxy.me", "www.doxy.me"], "/{room}"),
        rule(Doxy, &["{}.doxy.me"], "/{room}"),
        rule(Duo, &["duo.app.goo.gl"], "/{word}"),
        rule(EightByEight, &["8x8.vc"], "/{room}/{room}"),
        rule(EightByEight, &["8x8.vc"], "/{room}"),
        rule(FaceTime, &["facetime.apple.com"], "/join#p={word}"),
        rule(Feishu, &[".feishu.cn"], "/j/{digits}"),
        rule(Framatalk, &["framatalk.org"], "/{room}"),
        rule(Gather, GATHER, "/app/{word}/{word}"),
        rule(Gather, GATHER, "/app/{word}"),
        rule(Gong, &["join.gong.io"], "/{word}"),
        rule(Hangouts, &["hangouts.google.com"], "/call/{word}"),
        rule(Hangouts, &["hangouts.google.com", "plus.google.com"], "/hangouts/_/{word}/{word}"),
        rule(Hangouts, &["hangouts.google.com", "plus.google.com"], "/hangouts/_/{word}"),
        rule(Jam, &["jam.systems"], "/{room}"),
        rule(JoinMe, &[".join.me"], "/{room}"),
        rule(KMeet, &["kmeet.infomaniak.com"], "/{room}"),
        rule(Kumospace, &["kumospace.com", "www.kumospace.com"], "/{room}"),
        rule(Lark, &[".larksuite.com"], "/j/{digits}"),
        rule(Lifesize, &["call.lifesizecloud.com", "guest.lifesize.com"], "/{word}"),
        rule(LiveKit, &["meet.livekit.io"], "/rooms/{word}"),
        rule(Livestorm, &["app.livestorm.com", "app.livestorm.co"], "/p/{word}"),
        rule(Luma, &["lu.ma", "luma.com"], "/join/{word}"),
        rule(Meetecho, &[".meetecho.com"], "/{word}?session={word}"),
        rule(Messenger, &[".messenger.com", ".facebook.com"], "/groupcall/{word}"),
        rule(Ovice, &["{}.ovice.in", "{}.ovice.com"], "/"),
        rule(Pop, &["pop.com", "www.pop.com"], "/j/{word}"),
        rule(ProtonMeet, &["meet.proton.me"], "/join/{word}"),
        rule(Pumble, &["meet.pumble.com"], "/{word}"),
        rule(Reclaim, &["reclaim.ai"], "/z/{word}"),
        rule(RingCentral, &[".ringcentral.com"], "/join/{digits}"),
        rule(RingCentral, &[".ringcentral.com"], "/j/{digits}"),
        rule(Riverside, &["riverside.fm"], "/studio/{lower}"),
        rule(Signal, &["signal.link"], "/call#key={word}"),
        rule(Skype, &["join.skype.com"], "/meetnow/{word}"),
        rule(Skype, &["join.skype.com"], "/{word}"),
        rule(SkypeForBusiness, &["meet.lync.com"], "/{lower}/{lower}/{word}"),
        rule(Slack, &["app.slack.com"], "/huddle/{word}/{word}"),
        rule(StarLeaf, &["meet.starleaf.com"], "/{word}"),
        rule(StreamYard, &["streamyard.com", "www.streamyard.com"], "/guest/{code}"),
        rule(StreamYard, &["streamyard.com", "www.streamyard.com"], "/{code}"),
        rule(Talky, &["talky.io"], "/{room}"),
        rule(TeamViewer, &["go.blizz.com", "meeting.teamviewer.com"], "/join/{word}"),
        rule(TeamViewer, &["go.teamviewer.com"], "/{word}"),
        rule(Teemyco, &["app.teemyco.com"], "/room/{word}/{word}"),
        rule(Telemost, &["telemost.yandex.ru", "telemost.360.yandex.ru"], "/j/{digits}"),
        rule(Tencent, TENCENT, "/dm/{word}"),
        rule(Tencent, TENCENT, "/s/{word}"),
        rule(Tencent, TENCENT, "/p/{word}"),
        rule(Tuple, &["tuple.app", "www.tuple.app"], "/c/{word}"),
        rule(UserZoom, &["go.userzoom.com"], "/participate/{word}"),
        rule(Venue, &["app.venue.live"], "/app/{word}"),
        rule(Vimeo, &["venues.vimeo.com"], "/{digits}/{word}"),
        rule(Vimeo, &["vimeo.com"], "/event/{digits}"),
        rule(Vonage, &["meetings.vonage.com"], "/{room}"),
        rule(Vsee, &["vsee.com", "www.vsee.com"], "/c/{word}"),
        rule(WhatsApp, &["call.whatsapp.com"], "/{any}/{word}"),
        rule(Workplace, &[".workplace.com"], "/groupcall/{word}"),
        rule(Zhumu, &[".zhumu.com", ".zhumu.me"], "/j/{digits}"),
        rule(ZmPage, &["{}.zm.page"], "/"),
        rule(ZohoCliq, CLIQ, "/meetings/{word}"),
        rule(ZohoMeeting, ZOHO, "/{any}?key={digits}"),
        rule(ZohoMeeting, &["meet.zoho.com", "meet.zoho.eu", "meet.zoho.in"], "/{word}"),
    ]
};
