//! stub
#![allow(missing_docs)]
use serde::{Deserialize, Serialize};
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Username(String);
impl Username {
    pub fn as_str(&self) -> &str {
        &self.0
    }
    pub fn parse(s: &str) -> Result<Self, std::fmt::Error> {
        Ok(Self(s.to_lowercase()))
    }
}
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualAddress {
    pub username: Username,
    pub tag: Option<String>,
}
#[derive(Clone, Debug)]
pub struct VirtualAddresses(String);
impl VirtualAddresses {
    pub fn new(d: &str) -> Self {
        Self(d.to_owned())
    }
    pub fn recognise(&self, a: &str) -> Option<VirtualAddress> {
        let (l, d) = a.split_once('@')?;
        if d != self.0 {
            return None;
        }
        let mut p = l.split('+');
        if p.next()? != "ai" {
            return None;
        }
        Some(VirtualAddress { username: Username::parse(p.next()?).ok()?, tag: None })
    }
}
