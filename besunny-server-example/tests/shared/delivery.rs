//! A delivery of Attendee, signed as a real server signs.

/// The secret that signed the delivery below; made for this test.
pub(crate) const SECRET: &str = "a25vd24gdG8gdGhlIHNlcnZlciBhbmQgdG8gdGVzdHM=";
/// What signs it.
pub(crate) const SIGNATURE: &str = "SQwWXUTar96/3Ucg7R4uJ35fEQJbdPawhpQlqe0XyzE=";
/// What was sent.
pub(crate) const DELIVERY: &str = r#"{"idempotency_key": "k-1", "bot_id": "bot_1", "bot_metadata": {"n": "\u00e9"},
"trigger": "bot.state_change", "data": {"new_state": "ended", "old_state": "post_processing",
"created_at": "2026-11-20T18:24:53.633446+00:00", "event_metadata": {"x": 1e-07}}}"#;
/// Signs `{}`, which is no event.
pub(crate) const UNREADABLE: &str = "IuwQ3Mw1tCWEyWybYso4z8E/GXAsWzU87ttLkyuz4h8=";
