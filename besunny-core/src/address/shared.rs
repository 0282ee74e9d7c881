//! Mail providers whose domains say nothing about an organisation.

/// Domains under which anybody can have an address.
const SHARED: [&str; 18] = [
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "live.com",
    "msn.com",
    "yahoo.com",
    "ymail.com",
    "icloud.com",
    "me.com",
    "mac.com",
    "aol.com",
    "gmx.net",
    "gmx.de",
    "web.de",
    "proton.me",
    "protonmail.com",
    "mail.ru",
];

/// Says whether anybody can have an address of a domain, which is in lower case.
#[must_use]
pub fn is_shared(domain: &str) -> bool {
    SHARED.contains(&domain)
}
