//! Takes what is posted to an inbox: finds it, verifies, keeps; never a connection, never an answer's text.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::inbox::{Bounds, Inbox, InboxMessage, Keys, Token};
use crate::base::ceilings::WEBHOOKS_PER_ACCOUNT;
use crate::base::ceilings::simulator::INBOX_BODY_BYTES;
use crate::base::clock::{Clock, Timestamp};
use crate::base::error::StoreError;
use crate::base::page::PageRequest;
use crate::webhooks::model::Endpoint;
use crate::webhooks::port::EventStore;
use crate::webhooks::port::inboxes::InboxStore;
use crate::webhooks::settings::{Settings, SharedSettings};
use crate::webhooks::sign::SigningKey;
use crate::webhooks::verify::verify;

/// What became of something that was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caught {
    /// It is kept, whether it verifies or not.
    Kept,
    /// There is no such inbox, or not any more: a webhook that still has its address is to be disabled.
    Gone,
    /// Its body is larger than an inbox takes.
    TooLarge,
}

impl Caught {
    /// The status that says so.
    pub const fn status(self) -> u16 {
        match self {
            Self::Kept => 204,
            Self::Gone => 410,
            Self::TooLarge => 413,
        }
    }
}

/// The way into inboxes. Cheap to share.
#[derive(Clone)]
pub struct Catcher {
    inboxes: Arc<dyn InboxStore>,
    events: Arc<dyn EventStore>,
    settings: SharedSettings,
    clock: Clock,
}

impl Catcher {
    /// The way into the inboxes of a store.
    pub fn new(
        inboxes: Arc<dyn InboxStore>,
        events: Arc<dyn EventStore>,
        settings: SharedSettings,
        clock: Clock,
    ) -> Self {
        Self {
            inboxes,
            events,
            settings,
            clock,
        }
    }

    /// The token of an inbox of this gateway's, where `url` is the address of one.
    pub fn token_in(&self, url: &str) -> Option<Token> {
        Token::in_url(&self.settings.load().inbox_base, url)
    }

    /// Takes a request that was posted to the address with this token.
    ///
    /// # Errors
    /// The store's.
    pub async fn take(
        &self,
        token: &Token,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Caught, StoreError> {
        if body.len() > INBOX_BODY_BYTES {
            return Ok(Caught::TooLarge);
        }
        let now = self.clock.now();
        let Some(inbox) = self.inboxes.inbox_of_token(&token.digest(), now).await? else {
            return Ok(Caught::Gone);
        };
        let settings = self.settings.load_full();
        let (signers, keys) = self.keys(&inbox, token, &settings, now).await?;
        // Times are compared with the machine's own clock, as deliveries are signed by it.
        let verdict = verify(&keys, headers, body, self.clock.own())
            .map(|i| signers.get(i).cloned().unwrap_or_default());
        let message = InboxMessage::new(headers, body, verdict, now);
        match self
            .inboxes
            .put_message(&inbox, &message, Bounds::default(), now)
            .await
        {
            Ok(()) => Ok(Caught::Kept),
            Err(StoreError::NotFound) => Ok(Caught::Gone),
            Err(e) => Err(e),
        }
    }

    /// The secrets that what comes here may be signed with: the inbox's own, and those of the account's webhooks that
    /// have its address.
    async fn keys(
        &self,
        inbox: &Inbox,
        token: &Token,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<(Vec<String>, Vec<SigningKey>), StoreError> {
        let (mut signers, mut keys) = (Vec::new(), Vec::new());
        let own = settings.sealer.open(&inbox.id, &inbox.sealed).ok();
        if let Some(key) = own
            .and_then(|text| Keys::parse(&text))
            .and_then(|k| SigningKey::new(&k.secret))
        {
            signers.push("inbox".to_owned());
            keys.push(key);
        }
        let page = PageRequest {
            limit: u32::try_from(WEBHOOKS_PER_ACCOUNT).unwrap_or(u32::MAX),
            after: None,
        };
        let url = token.url(&settings.inbox_base);
        let endpoints = self
            .events
            .endpoints(Some(&inbox.account_id), &page)
            .await?;
        for endpoint in endpoints.items.iter().filter(|e| e.url == url) {
            for key in signing_keys(endpoint, settings, now) {
                signers.push(endpoint.id.clone());
                keys.push(key);
            }
        }
        Ok((signers, keys))
    }
}

/// The keys that an endpoint's deliveries are signed with at `now`.
pub(super) fn signing_keys(
    endpoint: &Endpoint,
    settings: &Settings,
    now: Timestamp,
) -> Vec<SigningKey> {
    endpoint
        .secrets
        .iter()
        .filter(|s| s.valid_until.is_none_or(|t| t > now))
        .filter_map(|s| settings.sealer.open(&endpoint.id, s).ok())
        .filter_map(|secret| SigningKey::new(&secret))
        .collect()
}

/// Header fields as a receiver sees them.
pub(super) fn header_map(fields: &[(&'static str, String)]) -> HeaderMap {
    fields
        .iter()
        .filter_map(|(name, value)| {
            let value = HeaderValue::from_str(value).ok()?;
            Some((HeaderName::from_static(name), value))
        })
        .collect()
}
