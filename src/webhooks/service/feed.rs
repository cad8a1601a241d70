//! Reading on in an account's events, as the admin API offers it; never how they are sent.

use super::{WebhookError, WebhookService};
use crate::base::error::FieldError;
use crate::webhooks::feed::{FeedError, Reader, Wanted};
use crate::webhooks::input::Check;
use crate::webhooks::port::EventFeed;

use std::sync::Arc;

impl WebhookService {
    /// A reader of an account's events. An account without events is as good as any: they may come.
    ///
    /// # Errors
    /// What of `wanted` is not acceptable; the store's.
    pub async fn follow(
        &self,
        feed: &Arc<dyn EventFeed>,
        wanted: Wanted,
    ) -> Result<Reader, WebhookError> {
        let mut check = Check::default();
        check.account_id(&wanted.account_id);
        if !wanted.event_types.is_empty() {
            check.event_types(
                &wanted.account_id,
                &wanted.event_types,
                &self.settings.load(),
            );
        }
        check.done().map_err(WebhookError::Invalid)?;
        let opened = Reader::open(Arc::clone(feed), wanted).await;
        opened.map_err(|error| match error {
            FeedError::Ahead { last } => WebhookError::Invalid(vec![FieldError::new(
                "after",
                format!("expected at most {last}, the last number of this account"),
            )]),
            FeedError::Store(error) => error.into(),
        })
    }
}
