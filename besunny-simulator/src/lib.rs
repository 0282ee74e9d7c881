#![doc = include_str!("../README.md")]

mod account;
mod agenda;
mod answer;
mod attendee;
mod batch;
mod calendar;
mod clock;
mod config;
mod control;
mod dice;
mod fault;
mod fieldmask;
mod form;
mod gateway;
mod gmail;
mod journal;
mod load;
mod lock;
mod mailbox;
mod model;
mod oauth;
mod operation;
mod paging;
mod pubsub;
mod quota;
mod refusal;
mod simulator;
mod wire;
mod world;

pub use attendee::{Act, WebhookEntry};
pub use clock::ClockMode;
pub use config::{
    AttendeeSettings, AttendeeWebhook, CalendarSettings, Config, MailSettings, Metering,
    ModelSettings, OauthSettings, Padding, PushSettings, QuotaSettings, RateRefusal,
    RetryAfterForm, Settings, Subscription, WireSettings,
};
pub use control::{
    AccountState, AgendaControl, BotControl, Control, ControlError, Delivered, Delivery,
    MailboxControl, UsageTable,
};
pub use fault::plan::{FaultChance, FaultRule, FaultScript};
pub use fault::{
    Damage, Fault, LostSync, ModelFault, Oddity, PushFault, RefusalFault, RetryAfter, SpoiledId,
    WireFault,
};
pub use journal::RequestEntry;
pub use load::split_mbox;
pub use model::Brain;
pub use oauth::grants::{Consent, Credentials};
pub use operation::Operation;
pub use pubsub::forgery::Forgery;
pub use pubsub::queue::{CallEntry, DeliveryEntry};
pub use quota::Usage;
pub use simulator::{Simulator, StartError};
