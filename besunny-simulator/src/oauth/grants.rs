//! Who allowed what to the client, and the tokens that follow from it.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::clock::later;
use crate::config::OauthSettings;
use crate::dice::Dice;
use crate::lock::Guarded;

/// What an embedder needs to act for an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The address of the account.
    pub address: String,
    /// The OAuth client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// A refresh token of the account's grant.
    pub refresh_token: String,
    /// What the grant allows.
    pub scopes: Vec<String>,
}

/// A consent that a user gave, to be exchanged for tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Consent {
    /// Scopes that the user ticked; those of the settings if empty.
    pub scopes: Vec<String>,
    /// The redirect address of the request; not compared if absent.
    pub redirect_uri: Option<String>,
    /// The PKCE challenge (S256) of the request.
    pub code_challenge: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Grants(Guarded<State>);

#[derive(Debug)]
struct State {
    dice: Dice,
    grants: Vec<Grant>,
    by_refresh_token: HashMap<String, GrantId>,
    access: HashMap<String, AccessToken>,
    codes: HashMap<String, Code>,
}

/// The place of a grant in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GrantId(usize);

#[derive(Debug)]
struct Grant {
    account: Arc<Account>,
    refresh_token: String,
    scopes: Arc<[String]>,
    life: GrantLife,
    refreshes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GrantLife {
    Live,
    Revoked,
}

#[derive(Debug)]
struct AccessToken {
    grant: GrantId,
    scopes: Arc<[String]>,
    expires_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
struct Code {
    account: Arc<Account>,
    consent: Consent,
    expires_at: DateTime<Utc>,
}

/// A grant as a request sees it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) account: Arc<Account>,
    pub(crate) grant: GrantId,
    pub(crate) scopes: Arc<[String]>,
    pub(crate) expires_at: DateTime<Utc>,
}

/// A fresh access token.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    pub(crate) caller: Caller,
}

impl Grants {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Guarded::new(State {
            dice: Dice::new(seed, "oauth"),
            grants: Vec::new(),
            by_refresh_token: HashMap::new(),
            access: HashMap::new(),
            codes: HashMap::new(),
        }))
    }

    /// Gives the client a grant for an account.
    pub(crate) fn grant(&self, account: &Arc<Account>, scopes: &[String]) -> String {
        let mut state = self.0.write();
        let refresh_token = format!("1//0{}", state.random(4));
        let id = GrantId(state.grants.len());
        state.grants.push(Grant {
            account: Arc::clone(account),
            refresh_token: refresh_token.clone(),
            scopes: scopes.into(),
            life: GrantLife::Live,
            refreshes: 0,
        });
        state.by_refresh_token.insert(refresh_token.clone(), id);
        refresh_token
    }

    pub(crate) fn issue_code(
        &self,
        account: &Arc<Account>,
        consent: Consent,
        expires_at: DateTime<Utc>,
    ) -> String {
        let mut state = self.0.write();
        let code = format!("4/0A{}", state.random(3));
        state
            .codes
            .insert(code.clone(), Code { account: Arc::clone(account), consent, expires_at });
        code
    }

    /// Takes a code out, so that nobody uses it twice.
    pub(crate) fn take_code(
        &self,
        code: &str,
        now: DateTime<Utc>,
    ) -> Option<(Arc<Account>, Consent)> {
        let code = self.0.write().codes.remove(code)?;
        (code.expires_at > now).then_some((code.account, code.consent))
    }

    pub(crate) fn by_refresh_token(&self, token: &str) -> Option<(GrantId, Arc<Account>)> {
        let state = self.0.read();
        let id = *state.by_refresh_token.get(token)?;
        Some((id, Arc::clone(&state.grants.get(id.0)?.account)))
    }

    /// The newest live grant of an account.
    pub(crate) fn of_account(&self, address: &str) -> Option<GrantId> {
        let state = self.0.read();
        let live =
            |grant: &Grant| grant.account.address == address && grant.life == GrantLife::Live;
        state.grants.iter().rposition(live).map(GrantId)
    }

    /// A fresh access token, unless the grant is revoked.
    pub(crate) fn issue(
        &self,
        id: GrantId,
        now: DateTime<Utc>,
        settings: &OauthSettings,
    ) -> Option<Issued> {
        let mut state = self.0.write();
        let access_token = format!("ya29.a0{}", state.random(6));
        let grant = state.grants.get(id.0).filter(|grant| grant.life == GrantLife::Live)?;
        let caller = Caller {
            account: Arc::clone(&grant.account),
            grant: id,
            scopes: Arc::clone(&grant.scopes),
            expires_at: later(now, settings.access_token_life),
        };
        let refresh_token = grant.refresh_token.clone();
        let token = AccessToken {
            grant: id,
            scopes: Arc::clone(&caller.scopes),
            expires_at: caller.expires_at,
        };
        state.access.retain(|_, token| token.expires_at > now);
        state.access.insert(access_token.clone(), token);
        Some(Issued { access_token, refresh_token, caller })
    }

    pub(crate) fn count_refresh(&self, id: GrantId) {
        if let Some(grant) = self.0.write().grants.get_mut(id.0) {
            grant.refreshes += 1;
        }
    }

    /// Who an access token stands for, if it is good.
    pub(crate) fn caller(&self, token: &str, now: DateTime<Utc>) -> Option<Caller> {
        let state = self.0.read();
        let token = state.access.get(token).filter(|token| token.expires_at > now)?;
        let grant = state.grants.get(token.grant.0)?;
        (grant.life == GrantLife::Live).then(|| Caller {
            account: Arc::clone(&grant.account),
            grant: token.grant,
            scopes: Arc::clone(&token.scopes),
            expires_at: token.expires_at,
        })
    }

    /// Refreshes of all grants of an account so far.
    pub(crate) fn refreshes(&self, address: &str) -> u64 {
        let state = self.0.read();
        let own = state.grants.iter().filter(|grant| grant.account.address == address);
        own.map(|grant| grant.refreshes).sum()
    }

    pub(crate) fn revoke(&self, id: GrantId) {
        let mut state = self.0.write();
        if let Some(grant) = state.grants.get_mut(id.0) {
            grant.life = GrantLife::Revoked;
        }
        state.access.retain(|_, token| token.grant != id);
    }

    /// Revokes the grant that a refresh or access token belongs to; false if there is none.
    pub(crate) fn revoke_by_token(&self, token: &str, now: DateTime<Utc>) -> bool {
        let id = self
            .by_refresh_token(token)
            .map(|(id, _)| id)
            .or_else(|| self.caller(token, now).map(|caller| caller.grant));
        let live = |id: &GrantId| {
            let state = self.0.read();
            state.grants.get(id.0).is_some_and(|grant| grant.life == GrantLife::Live)
        };
        let Some(id) = id.filter(live) else { return false };
        self.revoke(id);
        true
    }

    /// Ends the access tokens of a grant; the grant itself lives.
    pub(crate) fn expire(&self, id: GrantId) {
        self.0.write().access.retain(|_, token| token.grant != id);
    }

    /// Changes what the tokens of a grant may do from the next refresh on.
    pub(crate) fn set_scopes(&self, id: GrantId, scopes: &[String]) {
        if let Some(grant) = self.0.write().grants.get_mut(id.0) {
            grant.scopes = scopes.into();
        }
    }

    pub(crate) fn scopes(&self, id: GrantId) -> Vec<String> {
        self.0.read().grants.get(id.0).map_or_else(Vec::new, |grant| grant.scopes.to_vec())
    }

    pub(crate) fn refresh_token(&self, id: GrantId) -> Option<String> {
        self.0.read().grants.get(id.0).map(|grant| grant.refresh_token.clone())
    }
}

impl State {
    fn random(&mut self, words: usize) -> String {
        let words: Vec<_> = (0..words).map(|_| format!("{:016x}", self.dice.roll())).collect();
        words.concat()
    }
}
