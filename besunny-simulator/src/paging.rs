//! Page tokens: opaque, bound to their request, and mortal.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::clock::later;
use crate::dice;
use crate::form::Form;
use crate::gateway::Call;
use crate::refusal::Refusal;

/// How many items a page has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Unless the request says.
    pub(crate) usual: u32,
    /// Whatever it says.
    pub(crate) most: u32,
}

/// A place in a listing that a token stands for: two numbers that only the listing understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot(pub(crate) u64, pub(crate) u64);

/// Parameters that a token is bound to; the size of the page may change.
const BOUND: [&str; 14] = [
    "q",
    "labelIds",
    "includeSpamTrash",
    "startHistoryId",
    "historyTypes",
    "labelId",
    "syncToken",
    "timeMin",
    "timeMax",
    "updatedMin",
    "orderBy",
    "showDeleted",
    "eventTypes",
    "timeZone",
];

pub(crate) fn max_results(query: &Form, sizes: Sizes) -> Result<usize, Refusal> {
    let asked = query.parsed::<u32>("maxResults", "max_results", "TYPE_UINT32")?;
    let most = asked.filter(|most| *most > 0).unwrap_or(sizes.usual).min(sizes.most);
    Ok(usize::try_from(most).unwrap_or(usize::MAX))
}

/// The token for a place in the listing that `call` reads.
pub(crate) fn token(call: &Call, spot: Spot) -> String {
    let generation = u64::from(*call.world.page_generation.read());
    let made_ms = u64::try_from(call.at.timestamp_millis()).unwrap_or_default();
    encode([generation, made_ms, request_hash(call), spot.0, spot.1])
}

/// Where the request's token points to; absent on the first page.
pub(crate) fn spot(call: &Call) -> Result<Option<Spot>, Refusal> {
    let Some(token) = call.query.get("pageToken").filter(|token| !token.is_empty()) else {
        return Ok(None);
    };
    let dead = || Refusal::invalid_argument("Invalid pageToken");
    let [generation, made_ms, hash, first, second] = decode(token).ok_or_else(dead)?;
    let outlived = call.settings.mail.page_token_life.is_some_and(|life| {
        let made = i64::try_from(made_ms).ok().and_then(chrono::DateTime::from_timestamp_millis);
        made.is_none_or(|made| later(made, life) <= call.at)
    });
    let current = u64::from(*call.world.page_generation.read());
    if outlived || generation != current || hash != request_hash(call) {
        return Err(dead());
    }
    Ok(Some(Spot(first, second)))
}

/// A token that reads the page of `call` again.
pub(crate) fn here(call: &Call, start: Spot) -> String {
    match call.query.get("pageToken").filter(|token| !token.is_empty()) {
        Some(token) => token.to_owned(),
        None => token(call, start),
    }
}

fn request_hash(call: &Call) -> u64 {
    let parts: Vec<_> = BOUND
        .iter()
        .flat_map(|name| {
            call.query.all(name).map(move |value| dice::mix(dice::hash(name), &[dice::hash(value)]))
        })
        .collect();
    let user = call.account().map_or(0, |account| dice::hash(&account.address));
    dice::mix(dice::mix(user, &[dice::hash(call.segment("calendar"))]), &parts)
}

pub(crate) fn encode(words: [u64; 5]) -> String {
    let seal = dice::mix(0, &words);
    let bytes: Vec<_> =
        words.iter().chain([&seal]).flat_map(|word| (word ^ MASK).to_be_bytes()).collect();
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decode(token: &str) -> Option<[u64; 5]> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
    let words: Vec<u64> = bytes
        .chunks(8)
        .map(|word| Some(u64::from_be_bytes(word.try_into().ok()?) ^ MASK))
        .collect::<Option<_>>()?;
    let (seal, words) = words.split_last()?;
    let words: [u64; 5] = words.try_into().ok()?;
    (dice::mix(0, &words) == *seal).then_some(words)
}

/// Keeps anybody from reading a meaning into tokens.
const MASK: u64 = 0x5bd1_e995_9d8f_3c27;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_carry_their_words_and_notice_changes() {
        let words = [1, 2, u64::MAX, 4, 0];
        let token = encode(words);
        assert_eq!(decode(&token), Some(words));
        let mut changed = token.into_bytes();
        changed[3] = if changed[3] == b'A' { b'B' } else { b'A' };
        assert_eq!(decode(&String::from_utf8(changed).unwrap()), None);
        assert_eq!(decode("09214810714760160262"), None);
    }
}
