//! What the admin API does with inboxes: makes, shows and deletes them; never what is posted there.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use super::inbox::{INBOX, Inbox, InboxMessage, Keys, Token};
use super::service::{Simulator, invalid, new_secret};
use crate::base::audit::ChangeContext;
use crate::base::ceilings::simulator::{INBOX_LIFE, INBOX_LIFE_DEFAULT, INBOXES_PER_ACCOUNT};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::ids;
use crate::base::page::{Page, PageRequest};
use crate::base::secret::Secret;
use crate::webhooks::service::WebhookError;
use crate::webhooks::settings::Settings;

/// An inbox as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct InboxView {
    /// `ibx_…`.
    pub id: String,
    /// Its account.
    pub account_id: String,
    /// Its address. Whoever knows it can post there. Null where the gateway cannot read it any more.
    pub url: Option<String>,
    /// When it goes, with what it caught.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

impl InboxView {
    fn of(inbox: &Inbox, url: Option<String>) -> Self {
        Self {
            id: inbox.id.clone(),
            account_id: inbox.account_id.clone(),
            url,
            expires_at: inbox.expires_at,
        }
    }

    fn opened(inbox: &Inbox, settings: &Settings) -> Self {
        let keys = settings.sealer.open(&inbox.id, &inbox.sealed).ok();
        let keys = keys.and_then(|text| Keys::parse(&text));
        Self::of(inbox, keys.map(|k| k.token.url(&settings.inbox_base)))
    }
}

/// An inbox with its secret, which nobody will ever see again.
#[derive(Debug)]
pub struct MadeInbox {
    /// The inbox.
    pub inbox: InboxView,
    /// `whsec_…`: what to sign with for whoever has no webhook.
    pub secret: Secret,
}

impl Simulator {
    /// Makes an inbox that lives for `seconds`, an hour where nothing is said.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` when the account has as many as it may.
    pub async fn create_inbox(
        &self,
        account_id: &str,
        seconds: Option<u64>,
        ctx: &ChangeContext,
    ) -> Result<MadeInbox, WebhookError> {
        if !ids::is_account_id(account_id) {
            let form = "expected 1 to 128 characters of A-Z a-z 0-9 _ - . : @";
            return Err(invalid("account_id", form));
        }
        let life = seconds.map_or(INBOX_LIFE_DEFAULT, Duration::from_secs);
        if life.is_zero() || life > INBOX_LIFE {
            let most = format!("expected 1 to {}", INBOX_LIFE.as_secs());
            return Err(invalid("expires_in_seconds", most));
        }
        let settings = self.settings.load_full();
        let keys = Keys {
            token: Token::generate().map_err(|e| WebhookError::Secret(e.to_string()))?,
            secret: new_secret()?,
        };
        let id = ids::new(INBOX);
        let inbox = Inbox {
            sealed: settings.sealer.seal(&id, &keys.to_secret())?,
            id,
            account_id: account_id.to_owned(),
            token_digest: keys.token.digest(),
            expires_at: ctx.at.plus(life),
        };
        let details = json!({ "expires_at": inbox.expires_at });
        let change = ctx
            .change("inbox.create", Some(account_id), Some(&inbox.id), details)
            // The address is a credential as well: who posts there is not asked for another.
            .answered(ctx, 201, &json!(InboxView::of(&inbox, None)));
        self.inboxes
            .create_inbox(&inbox, INBOXES_PER_ACCOUNT, ctx.at, &change)
            .await
            .map_err(|e| match e {
                StoreError::Conflict(_) => WebhookError::Conflict(format!(
                    "The account has {INBOXES_PER_ACCOUNT} inboxes already, or is being erased."
                )),
                other => other.into(),
            })?;
        Ok(MadeInbox {
            inbox: InboxView::of(&inbox, Some(keys.token.url(&settings.inbox_base))),
            secret: keys.secret,
        })
    }

    /// One inbox.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn inbox(&self, id: &str) -> Result<InboxView, WebhookError> {
        let found = self.found(id).await?;
        Ok(InboxView::opened(&found, &self.settings.load()))
    }

    /// Inboxes of an account, newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn inboxes(
        &self,
        account_id: &str,
        page: &PageRequest,
    ) -> Result<Page<InboxView>, WebhookError> {
        let settings = self.settings.load_full();
        let now = self.clock.now();
        let found = self.inboxes.inboxes(account_id, now).await?;
        let views = found.iter().map(|i| InboxView::opened(i, &settings));
        Ok(one_page(views.collect(), |i| &i.id, page))
    }

    /// Deletes an inbox and what it caught.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_inbox(&self, id: &str, ctx: &ChangeContext) -> Result<(), WebhookError> {
        let inbox = self.found(id).await?;
        let account = Some(inbox.account_id.as_str());
        let change = ctx.change("inbox.delete", account, Some(id), json!({}));
        Ok(self.inboxes.delete_inbox(id, ctx.at, &change).await?)
    }

    /// What an inbox caught, newest first.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn messages(
        &self,
        id: &str,
        page: &PageRequest,
    ) -> Result<Page<InboxMessage>, WebhookError> {
        let inbox = self.found(id).await?;
        let now = self.clock.now();
        let found = self.inboxes.messages(&inbox, now).await?;
        Ok(one_page(found, |m| &m.id, page))
    }

    async fn found(&self, id: &str) -> Result<Inbox, WebhookError> {
        let found = self.inboxes.inbox(id, self.clock.now()).await?;
        found.ok_or(WebhookError::NotFound)
    }
}

/// A page of a list that is short enough to be read whole, sorted by id from the newest on.
fn one_page<T>(all: Vec<T>, id: impl Fn(&T) -> &str, page: &PageRequest) -> Page<T> {
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let mut items: Vec<T> = all
        .into_iter()
        .filter(|item| page.after.as_deref().is_none_or(|after| id(item) < after))
        .take(limit.saturating_add(1))
        .collect();
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| has_more).map(|i| id(i).to_owned());
    Page { items, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_from_the_newest_to_the_oldest_and_end() {
        let all = || {
            vec![
                "d".to_owned(),
                "c".to_owned(),
                "b".to_owned(),
                "a".to_owned(),
            ]
        };
        let mut page = PageRequest {
            limit: 2,
            after: None,
        };
        let first = one_page(all(), |i| i, &page);
        assert_eq!(
            (first.items, first.next.as_deref()),
            (vec!["d".to_owned(), "c".to_owned()], Some("c"))
        );
        page.after = first.next.clone();
        let last = one_page(all(), |i| i, &page);
        assert_eq!(
            (last.items, last.next),
            (vec!["b".to_owned(), "a".to_owned()], None)
        );
        page.limit = 200;
        page.after = Some("a".to_owned());
        assert_eq!(one_page(all(), |i| i, &page).items, Vec::<String>::new());
    }
}
