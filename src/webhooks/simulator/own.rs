//! Brings what goes to this gateway's own inboxes there without a detour over the network; everything else goes on as it was.
//!
//! The public address of an inbox may lead anywhere from here: to loopback in development, to a load balancer that does
//! not send back to where it came from. If the rules for targets were loosened for it, they would be loosened for what
//! else is at that address. So a request to an inbox never becomes a connection: address and token are compared as text.

use std::sync::Arc;

use async_trait::async_trait;

use super::catch::{Catcher, header_map};
use crate::webhooks::model::{OutgoingRequest, Reply};
use crate::webhooks::port::WebhookTransport;

/// The network, and the inboxes before it.
pub struct WithInboxes {
    network: Arc<dyn WebhookTransport>,
    catcher: Catcher,
}

impl WithInboxes {
    /// Puts the inboxes of `catcher` before `network`.
    pub fn new(network: Arc<dyn WebhookTransport>, catcher: Catcher) -> Self {
        Self { network, catcher }
    }
}

#[async_trait]
impl WebhookTransport for WithInboxes {
    async fn send(&self, request: &OutgoingRequest) -> Result<Reply, String> {
        let Some(token) = self.catcher.token_in(&request.url) else {
            return self.network.send(request).await;
        };
        if let Some(pace) = request.pace {
            tokio::time::sleep(pace.time).await;
        }
        let headers = header_map(&request.headers);
        let take = self.catcher.take(&token, &headers, request.body.as_bytes());
        match tokio::time::timeout(request.timeout, take).await {
            Ok(Ok(caught)) => Ok(Reply {
                status: caught.status(),
                retry_after: None,
                headers: Vec::new(),
                excerpt: String::new(),
            }),
            Ok(Err(error)) => {
                tracing::debug!(%error, "an inbox could not take a webhook");
                Err("the inbox is not available now".to_owned())
            }
            Err(_) => Err("the inbox took too long".to_owned()),
        }
    }

    fn check_url(&self, url: &str) -> Result<(), String> {
        match self.catcher.token_in(url) {
            Some(_) => Ok(()),
            None => self.network.check_url(url),
        }
    }
}
