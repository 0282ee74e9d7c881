//! Which request meets which fault.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::{Fault, Sight};
use crate::dice;
use crate::lock::Guarded;
use crate::operation::Operation;

/// A scripted fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultRule {
    /// The operation it waits for; any if absent.
    #[serde(default)]
    pub operation: Option<Operation>,
    /// The account it waits for; any if absent.
    #[serde(default)]
    pub account: Option<String>,
    /// The message it waits for, by id; any request if absent.
    #[serde(default)]
    pub message: Option<String>,
    /// Requests to let pass first.
    #[serde(default)]
    pub skip: u64,
    /// How often it strikes; for ever if absent.
    #[serde(default)]
    pub times: Option<u64>,
    /// What goes wrong.
    pub fault: Fault,
}

impl FaultRule {
    /// Strikes the next request for an operation, once.
    #[must_use]
    pub fn once(operation: Operation, fault: Fault) -> Self {
        Self {
            operation: Some(operation),
            account: None,
            message: None,
            skip: 0,
            times: Some(1),
            fault,
        }
    }

    /// Strikes every request for an operation.
    #[must_use]
    pub fn always(operation: Operation, fault: Fault) -> Self {
        Self { times: None, ..Self::once(operation, fault) }
    }
}

/// A fault that strikes at random.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultChance {
    /// The operation it may strike; any if absent.
    #[serde(default)]
    pub operation: Option<Operation>,
    /// The account it may strike; any if absent.
    #[serde(default)]
    pub account: Option<String>,
    /// From 0 to 1.
    pub probability: f64,
    /// What goes wrong.
    pub fault: Fault,
}

/// All faults to come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultScript {
    /// The first rule that fits strikes.
    pub rules: Vec<FaultRule>,
    /// Drawn in order where no rule struck; the first hit strikes.
    pub chances: Vec<FaultChance>,
    /// The seed of the chances; the simulator's if absent.
    pub seed: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct FaultPlan {
    seed: u64,
    state: Guarded<State>,
}

#[derive(Debug, Default)]
struct State {
    script: FaultScript,
    /// How many fitting requests each rule has seen.
    seen: Vec<u64>,
    /// Requests so far, by operation and account.
    requests: HashMap<(Operation, u64), u64>,
    fired: BTreeMap<String, u64>,
}

impl FaultPlan {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, state: Guarded::default() }
    }

    pub(crate) fn script(&self) -> FaultScript {
        self.state.read().script.clone()
    }

    /// Replaces all faults; counting starts anew, `fired` goes on.
    pub(crate) fn set(&self, script: FaultScript) {
        let mut state = self.state.write();
        state.seen = vec![0; script.rules.len()];
        state.requests.clear();
        state.script = script;
    }

    pub(crate) fn add(&self, rule: FaultRule) {
        let mut state = self.state.write();
        state.script.rules.push(rule);
        state.seen.push(0);
    }

    pub(crate) fn draw(&self, sight: Sight<'_>) -> Option<Fault> {
        let idle = {
            let state = self.state.read();
            state.script.rules.is_empty() && state.script.chances.is_empty()
        };
        if idle {
            return None;
        }
        let mut state = self.state.write();
        let state = &mut *state;
        for (rule, seen) in state.script.rules.iter().zip(&mut state.seen) {
            let is_named = rule.message.as_deref().is_none_or(|id| sight.message == Some(id));
            if is_named
                && fits(rule.operation, rule.account.as_deref(), sight)
                && rule.fault.applies(sight)
            {
                *seen += 1;
                let turn = seen.saturating_sub(rule.skip);
                if turn > 0 && rule.times.is_none_or(|times| turn <= times) {
                    return Some(rule.fault.clone());
                }
            }
        }
        let account = sight.account.map_or(0, dice::hash);
        let number = state.requests.entry((sight.operation, account)).or_default();
        *number += 1;
        let seed = state.script.seed.unwrap_or(self.seed);
        let question = [dice::hash(sight.operation.name()), account, *number];
        let chances = state.script.chances.iter().enumerate();
        let mut struck = chances.filter(|(place, chance)| {
            let place = u64::try_from(*place).unwrap_or_default();
            let roll = dice::mix(seed, &[question[0], question[1], question[2], place]);
            fits(chance.operation, chance.account.as_deref(), sight)
                && chance.fault.applies(sight)
                && dice::happens(roll, chance.probability)
        });
        struck.next().map(|(_, chance)| chance.fault.clone())
    }

    /// Counts a fault that really reached a client.
    pub(crate) fn count(&self, kind: &str) {
        *self.state.write().fired.entry(kind.to_owned()).or_default() += 1;
    }

    pub(crate) fn fired(&self) -> BTreeMap<String, u64> {
        self.state.read().fired.clone()
    }
}

fn fits(operation: Option<Operation>, account: Option<&str>, sight: Sight<'_>) -> bool {
    operation.is_none_or(|wanted| wanted == sight.operation)
        && account.is_none_or(|wanted| {
            sight.account.is_some_and(|account| account.eq_ignore_ascii_case(wanted))
        })
}
