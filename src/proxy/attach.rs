//! What the gateway keeps beside a cached key, so that one look-up gives a request all it needs; never a decision.

use std::sync::Arc;

use http::HeaderValue;

use crate::limits::{AccountLimits, KeyBucket};

/// What stands beside a cached key.
#[derive(Debug)]
pub struct Attached {
    /// What its owner calls it.
    pub name: Box<str>,
    /// Its token bucket.
    pub bucket: Arc<KeyBucket>,
    /// The limits of its account.
    pub limits: Arc<AccountLimits>,
    /// `X-Fuelgate-Account`; a copy shares its bytes.
    pub account_value: HeaderValue,
    /// `X-Fuelgate-Scopes`; keys with the same scopes share its bytes.
    pub scopes_value: HeaderValue,
}
