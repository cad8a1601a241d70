//! The simulator and the inboxes of the account that is signed in; never another's.

use super::Own;
use super::once::Once;
use crate::base::ids;
use crate::base::page::{Page, PageRequest};
use crate::web::portal::refuse::PageError;
use crate::webhooks::simulator::faults::Fault;
use crate::webhooks::simulator::inbox::{INBOX, InboxMessage};
use crate::webhooks::simulator::inboxes::{InboxView, MadeInbox};
use crate::webhooks::simulator::service::{Sample, Sending};
use crate::webhooks::simulator::wanted::Wanted;

/// Said while as many simulations as may are under way on this node.
const BUSY: &str = "The simulator is busy. Try again in a moment.";

/// Where a simulated webhook goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web::portal) enum Target {
    /// To the address of the webhook or inbox that signs.
    Signer,
    /// To this inbox.
    Inbox(String),
    /// There.
    Url(String),
}

impl Own {
    /// A webhook as it would be sent now.
    pub(in crate::web::portal) async fn compose(
        &self,
        wanted: Wanted,
    ) -> Result<Sample, PageError> {
        let wanted = self.wanted(wanted);
        let simulator = &self.state.simulator;
        Ok(simulator.compose(&wanted, |_| "{}".to_owned()).await?)
    }

    /// Sends a webhook, well or with a fault, and waits for the replies.
    pub(in crate::web::portal) async fn simulate(
        &self,
        wanted: Wanted,
        target: &Target,
        fault: Option<Fault>,
    ) -> Result<Sending, PageError> {
        let simulator = &self.state.simulator;
        let busy = || PageError::Conflict(BUSY.to_owned());
        let account = self.account_id();
        let _place = simulator.place_of(account).ok_or_else(busy)?;
        let wanted = self.wanted(wanted);
        let url = match target {
            Target::Signer => None,
            Target::Inbox(id) => self.inbox(id).await?.url,
            Target::Url(url) => Some(url.clone()),
        };
        let ready = simulator
            .ready(&wanted, url.as_deref(), fault, |_| "{}".to_owned())
            .await?;
        let entry = ready.entry(&self.visit.ctx);
        self.state.store.record_audit(&entry).await?;
        Ok(simulator.send(ready).await?)
    }

    /// Of whatever somebody names the account is this one, so that another's webhook or inbox is as good as not there.
    fn wanted(&self, wanted: Wanted) -> Wanted {
        Wanted {
            account_id: Some(self.account_id().to_owned()),
            ..wanted
        }
    }

    /// The account's inboxes, newest first.
    pub(in crate::web::portal) async fn inboxes(
        &self,
        page: &PageRequest,
    ) -> Result<Page<InboxView>, PageError> {
        let account = self.account_id();
        Ok(self.state.simulator.inboxes(account, page).await?)
    }

    /// One inbox.
    pub(in crate::web::portal) async fn inbox(&self, id: &str) -> Result<InboxView, PageError> {
        if !ids::is_valid(INBOX, id) {
            return Err(PageError::NotFound);
        }
        let found = self.state.simulator.inbox(id).await?;
        self.mine(&found.account_id)?;
        Ok(found)
    }

    /// Makes an inbox, once for the text that its form carries.
    pub(in crate::web::portal) async fn create_inbox(
        &self,
        seconds: u64,
        once: &str,
    ) -> Result<Once<MadeInbox>, PageError> {
        self.once(
            "inboxes.create",
            once,
            &[&seconds.to_string()],
            async |ctx| {
                let account = self.account_id();
                let simulator = &self.state.simulator;
                simulator.create_inbox(account, Some(seconds), &ctx).await
            },
        )
        .await
    }

    /// Deletes an inbox and what it caught.
    pub(in crate::web::portal) async fn delete_inbox(&self, id: &str) -> Result<(), PageError> {
        self.inbox(id).await?;
        let ctx = &self.visit.ctx;
        Ok(self.state.simulator.delete_inbox(id, ctx).await?)
    }

    /// What an inbox caught, newest first.
    pub(in crate::web::portal) async fn messages(
        &self,
        id: &str,
        page: &PageRequest,
    ) -> Result<Page<InboxMessage>, PageError> {
        self.inbox(id).await?;
        Ok(self.state.simulator.messages(id, page).await?)
    }
}
