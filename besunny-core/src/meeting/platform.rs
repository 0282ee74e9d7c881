//! Who runs the room that a meeting link leads to.
use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! platforms {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// Who runs a meeting; the order is that in which CAL-11 names them, then by name.
        ///
        /// Where a text has several links, the first platform of this order is meant.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        #[expect(missing_docs, reason = "each is the name of a product")]
        #[non_exhaustive]
        pub enum Platform {
            $(#[serde(rename = $name)] $variant),*
        }

        impl Platform {
            /// Every platform, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the stored name; it never changes.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }
        }
    };
}

platforms! {
    Meet = "meet",
    Zoom = "zoom",
    Teams = "teams",
    Webex = "webex",
    Goto = "goto",
    Whereby = "whereby",
    Jitsi = "jitsi",
    Discord = "discord",
    Around = "around",
    Blackboard = "blackboard",
    BlueJeans = "bluejeans",
    CalCom = "cal_com",
    Chime = "chime",
    Chorus = "chorus",
    ClickMeeting = "clickmeeting",
    CoScreen = "coscreen",
    Daily = "daily",
    Demio = "demio",
    Demodesk = "demodesk",
    Dialpad = "dialpad",
    Doxy = "doxy",
    Duo = "duo",
    EightByEight = "8x8",
    FaceTime = "facetime",
    Feishu = "feishu",
    Framatalk = "framatalk",
    Gather = "gather",
    Gong = "gong",
    Hangouts = "hangouts",
    Jam = "jam",
    JoinMe = "join_me",
    KMeet = "kmeet",
    Kumospace = "kumospace",
    Lark = "lark",
    Lifesize = "lifesize",
    LiveKit = "livekit",
    Livestorm = "livestorm",
    Luma = "luma",
    Meetecho = "meetecho",
    Messenger = "messenger",
    Ovice = "ovice",
    Pop = "pop",
    ProtonMeet = "proton_meet",
    Pumble = "pumble",
    Reclaim = "reclaim",
    RingCentral = "ringcentral",
    Riverside = "riverside",
    Signal = "signal",
    Skype = "skype",
    SkypeForBusiness = "skype_for_business",
    Slack = "slack",
    StarLeaf = "starleaf",
    StreamYard = "streamyard",
    Talky = "talky",
    TeamViewer = "teamviewer",
    Teemyco = "teemyco",
    Telemost = "telemost",
    Tencent = "tencent",
    Tuple = "tuple",
    UserZoom = "userzoom",
    Venue = "venue",
    Vimeo = "vimeo",
    Vonage = "vonage",
    Vsee = "vsee",
    WhatsApp = "whatsapp",
    Workplace = "workplace",
    Zhumu = "zhumu",
    ZmPage = "zm_page",
    ZohoCliq = "zoho_cliq",
    ZohoMeeting = "zoho_meeting",
}

impl Platform {
    /// Says whether a bot can join there (CAL-11).
    #[must_use]
    pub const fn is_bot_capable(self) -> bool {
        matches!(self, Self::Meet | Self::Zoom | Self::Teams)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_stored_as_they_are_said() {
        let mut names = HashSet::new();
        for platform in Platform::ALL {
            let stored = serde_json::to_value(platform).unwrap();
            assert_eq!(stored, platform.as_str());
            assert!(names.insert(platform.as_str()), "{platform}");
        }
    }

    #[test]
    fn cal_11_bots_join_three_platforms() {
        let capable: Vec<&str> = Platform::ALL
            .iter()
            .filter(|one| one.is_bot_capable())
            .map(|one| one.as_str())
            .collect();
        assert_eq!(capable, ["meet", "zoom", "teams"]);
    }
}
