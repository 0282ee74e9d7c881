//! Attendee's words in ours. They grow every few months, so an unknown one is no error.
use besunny_core::bot::{BotPhase, Capture, EndReason};

/// States that are not over, to ask for by name.
pub(crate) const OPEN: [&str; 13] = [
    "ready",
    "scheduled",
    "staged",
    "joining",
    "waiting_room",
    "joined_not_recording",
    "joined_recording",
    "joined_recording_paused",
    "joined_recording_permission_denied",
    "joining_breakout_room",
    "leaving_breakout_room",
    "leaving",
    "post_processing",
];

/// Returns the phase of a state (BOT-7).
pub(crate) fn phase(state: &str) -> Option<BotPhase> {
    Some(match state {
        // A bot that joins at once is `ready` for a moment; it can no longer be cancelled.
        "ready" | "staged" => BotPhase::Committed,
        "scheduled" => BotPhase::Planned,
        "joining" | "connecting" => BotPhase::Joining,
        "waiting_room" => BotPhase::Lobby,
        "joined_not_recording"
        | "joined_recording"
        | "joined_recording_paused"
        | "joined_recording_permission_denied"
        | "joining_breakout_room"
        | "leaving_breakout_room"
        | "connected" => BotPhase::InCall,
        "leaving" | "disconnecting" => BotPhase::Leaving,
        "post_processing" => BotPhase::Processing,
        "ended" => BotPhase::Done,
        "fatal_error" => BotPhase::Failed,
        "data_deleted" => BotPhase::Erased,
        _ => return None,
    })
}

/// Returns whether a bot in this state records; it does while it moves between rooms.
pub(crate) fn capture(state: &str) -> Capture {
    match state {
        "joined_recording" | "joining_breakout_room" | "leaving_breakout_room" | "connected" => {
            Capture::On
        }
        "joined_recording_paused" => Capture::Paused,
        "joined_recording_permission_denied" => Capture::Denied,
        _ => Capture::Off,
    }
}

/// Returns what an event says of the end, if it says anything.
pub(crate) fn ending(event: &str, sub_type: Option<&str>) -> Option<EndReason> {
    let known = sub_type.and_then(by_sub_type);
    let by_event = match event {
        "meeting_ended" => EndReason::MeetingEnded,
        "leave_requested" => EndReason::Requested,
        "could_not_join_meeting" => EndReason::Other,
        "fatal_error" => EndReason::ProviderFault,
        _ => return None,
    };
    Some(match (known, sub_type) {
        (Some(reason), _) => reason,
        // Asked to leave for a reason that is new.
        (None, Some(_)) if event == "leave_requested" => EndReason::Other,
        (None, _) => by_event,
    })
}

fn by_sub_type(sub_type: &str) -> Option<EndReason> {
    Some(match sub_type {
        "user_requested" => EndReason::Requested,
        "auto_leave_silence" => EndReason::Silence,
        "auto_leave_only_participant_in_meeting" => EndReason::Alone,
        "auto_leave_max_uptime_exceeded" | "global_runtime_timeout" => EndReason::MaxTime,
        "request_to_join_denied" | "waiting_room_timeout_exceeded" => EndReason::NotAdmitted,
        "authorized_user_not_in_meeting_timeout_exceeded"
        | "meeting_not_started_waiting_for_host" => EndReason::NotStarted,
        "meeting_not_found" => EndReason::BadLink,
        "login_required" | "bot_login_attempt_failed" | "zoom_app_cannot_join_anonymously" => {
            EndReason::LoginRequired
        }
        "blocked_by_captcha" => EndReason::Captcha,
        "out_of_credits" => EndReason::LimitReached,
        "process_terminated"
        | "rtmp_connection_failed"
        | "ui_element_not_found"
        | "heartbeat_timeout"
        | "bot_not_launched"
        | "attendee_internal_error"
        | "unable_to_connect_to_meeting" => EndReason::ProviderFault,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bot_7_every_state_has_a_phase_and_new_ones_have_none() {
        for state in OPEN {
            assert!(!phase(state).unwrap().is_over(), "{state}");
        }
        for state in ["ended", "fatal_error", "data_deleted"] {
            assert!(phase(state).unwrap().is_over(), "{state}");
        }
        assert_eq!(phase("joined_singing"), None);
        assert_eq!(capture("joined_singing"), Capture::Off);
    }

    #[test]
    fn ends_are_read_from_events() {
        for (event, sub_type, want) in [
            ("meeting_ended", None, Some(EndReason::MeetingEnded)),
            ("leave_requested", Some("user_requested"), Some(EndReason::Requested)),
            ("leave_requested", None, Some(EndReason::Requested)),
            ("leave_requested", Some("auto_leave_new"), Some(EndReason::Other)),
            (
                "could_not_join_meeting",
                Some("request_to_join_denied"),
                Some(EndReason::NotAdmitted),
            ),
            ("could_not_join_meeting", Some("new"), Some(EndReason::Other)),
            ("fatal_error", Some("new"), Some(EndReason::ProviderFault)),
            ("fatal_error", Some("out_of_credits"), Some(EndReason::LimitReached)),
            ("left_meeting", None, None),
        ] {
            assert_eq!(ending(event, sub_type), want, "{event} {sub_type:?}");
        }
    }
}
