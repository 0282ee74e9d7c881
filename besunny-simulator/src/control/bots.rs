//! The hand on the bots of the simulated Attendee.

use serde_json::Value;

use super::ControlError;
use crate::attendee::{Act, WebhookEntry};
use crate::gateway::Shared;

/// What can be done to bots from inside of their calls.
#[derive(Clone, Debug)]
pub struct BotControl {
    world: Shared,
}

impl BotControl {
    pub(crate) fn new(world: Shared) -> Self {
        Self { world }
    }

    /// Every bot as the interface shows it, in the order of creation.
    #[must_use]
    pub fn all(&self) -> Vec<Value> {
        self.world.hall.shown(self.world.clock.now())
    }

    /// Lets something happen in the call of a bot; what cannot happen now does not.
    ///
    /// # Errors
    /// [`ControlError::NoBot`] if there is no such bot.
    pub fn play(&self, bot: &str, act: &Act) -> Result<(), ControlError> {
        let is_there = self.world.hall.play(self.world.clock.now(), bot, act);
        is_there.then_some(()).ok_or_else(|| ControlError::NoBot(bot.to_owned()))
    }

    /// Tries to deliver events, oldest first.
    #[must_use]
    pub fn deliveries(&self) -> Vec<WebhookEntry> {
        self.world.hall.log()
    }
}
