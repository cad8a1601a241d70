//! Replays of many deliveries: made, shown and cancelled; never carried out.

use std::sync::Arc;

use serde_json::json;

use super::WebhookError;
use super::deliveries::not_active;
use crate::base::audit::ChangeContext;
use crate::base::ceilings::EVENT_TYPES_PER_WEBHOOK;
use crate::base::ceilings::operations::{REPLAY_JOBS, REPLAY_JOBS_OF_ACCOUNT, REPLAY_PER_SECOND};
use crate::base::error::{FieldError, StoreError};
use crate::base::ids::{self, is_account_id};
use crate::base::page::{Page, PageRequest};
use crate::webhooks::model::EndpointStatus;
use crate::webhooks::port::replays::{
    ReplayBounds, ReplayJob, ReplayScope, ReplayState, ReplaysOf,
};
use crate::webhooks::port::{EventStore, ReplayStore};
use crate::webhooks::types;
use crate::webhooks::view::ReplayView;

const MOST: ReplayBounds = ReplayBounds {
    all: REPLAY_JOBS,
    of_account: REPLAY_JOBS_OF_ACCOUNT,
};

/// The operations. Cheap to share.
#[derive(Clone)]
pub struct ReplayService {
    jobs: Arc<dyn ReplayStore>,
    events: Arc<dyn EventStore>,
}

impl ReplayService {
    /// A service over a store.
    pub fn new(jobs: Arc<dyn ReplayStore>, events: Arc<dyn EventStore>) -> Self {
        Self { jobs, events }
    }

    /// Makes a job that starts deliveries anew, or makes those that were missed, at its rate, on whichever node is free.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` where as many are running as may, or what a disabled webhook missed is to be recovered.
    pub async fn create(
        &self,
        mut scope: ReplayScope,
        ctx: &ChangeContext,
    ) -> Result<ReplayView, WebhookError> {
        let mut wrong = problems(&scope);
        if let Some(id) = &scope.endpoint_id {
            match self.events.endpoint(id).await? {
                Some(e) if scope.account_id.as_ref().is_none_or(|a| *a == e.account_id) => {
                    if scope.only.is_recovery() && e.status == EndpointStatus::Disabled {
                        return Err(not_active(&e));
                    }
                    scope.account_id = Some(e.account_id);
                }
                _ => wrong.push(FieldError::new("webhook_id", "there is no such webhook")),
            }
        }
        if !wrong.is_empty() {
            return Err(WebhookError::Invalid(wrong));
        }
        let job = ReplayJob {
            id: ids::new(ids::REPLAY),
            scope,
            state: ReplayState::Running,
            cursor: None,
            done: 0,
            created_at: ctx.at,
            finished_at: None,
        };
        let view = ReplayView::from(job.clone());
        let change = ctx
            .change(
                "replay.create",
                job.scope.account_id.as_deref(),
                Some(&job.id),
                json!(view),
            )
            .answered(ctx, 202, &json!(view));
        let made = self.jobs.create_replay(&job, MOST, &change).await;
        made.map_err(|e| match e {
            StoreError::Conflict(_) => WebhookError::Conflict(format!(
                "At most {REPLAY_JOBS} replays run at once, {REPLAY_JOBS_OF_ACCOUNT} of one account, and none of one that is being erased."
            )),
            other => other.into(),
        })?;
        Ok(view)
    }

    /// One job.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn replay(&self, id: &str) -> Result<ReplayView, WebhookError> {
        let found = self.jobs.replay_job(id).await?;
        Ok(found.ok_or(WebhookError::NotFound)?.into())
    }

    /// Jobs, newest first, of an account and to a webhook where these are given.
    ///
    /// # Errors
    /// The store's; `NotFound` where there is no such webhook, or it is another account's.
    pub async fn replays(
        &self,
        account_id: Option<&str>,
        webhook_id: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<ReplayView>, WebhookError> {
        let mut account_id = account_id.map(str::to_owned);
        if let Some(id) = webhook_id {
            let endpoint = self.events.endpoint(id).await?;
            let account = endpoint.ok_or(WebhookError::NotFound)?.account_id;
            if account_id.is_some_and(|a| a != account) {
                return Err(WebhookError::NotFound);
            }
            account_id = Some(account);
        }
        let of = account_id.map(|account_id| ReplaysOf {
            account_id,
            endpoint_id: webhook_id.map(str::to_owned),
        });
        let found = self.jobs.replay_jobs(of.as_ref(), page).await?;
        Ok(Page {
            items: found.items.into_iter().map(ReplayView::from).collect(),
            next: found.next,
        })
    }

    /// Ends a job by hand; what it has started anew goes its way.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` where it has ended.
    pub async fn cancel(&self, id: &str, ctx: &ChangeContext) -> Result<ReplayView, WebhookError> {
        let before = self.replay(id).await?;
        let ended = || WebhookError::Conflict("The replay has ended already.".to_owned());
        if before.status != ReplayState::Running {
            return Err(ended());
        }
        let change = ctx.change(
            "replay.cancel",
            before.account_id.as_deref(),
            Some(id),
            json!({ "replayed": before.replayed }),
        );
        let cancelled = self.jobs.cancel_replay(id, ctx.at, &change).await;
        let cancelled = cancelled.map_err(|e| match e {
            StoreError::Conflict(_) => ended(),
            other => other.into(),
        })?;
        Ok(cancelled.into())
    }
}

fn problems(new: &ReplayScope) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let mut add = |field: String, message: &str| wrong.push(FieldError::new(field, message));
    if new.only.is_recovery() && new.endpoint_id.is_none() {
        add(
            "webhook_id".to_owned(),
            "expected the webhook that missed something",
        );
    }
    if new.account_id.as_ref().is_some_and(|a| !is_account_id(a)) {
        add(
            "account_id".to_owned(),
            "expected 1 to 128 characters of A-Z a-z 0-9 _ - . : @",
        );
    }
    if new.event_types.len() > EVENT_TYPES_PER_WEBHOOK {
        add(
            "event_types".to_owned(),
            &format!("expected at most {EVENT_TYPES_PER_WEBHOOK} event types"),
        );
    }
    for (i, t) in new.event_types.iter().enumerate() {
        // A type that rules no more make may have deliveries still.
        if t.is_empty() || t.len() > 100 || (t.contains('*') && !types::is_pattern(t)) {
            add(
                format!("event_types[{i}]"),
                "expected an event type or a pattern such as contact.*",
            );
        }
    }
    if new.from >= new.to {
        add("from".to_owned(), "expected an instant before `to`");
    }
    if !(1..=REPLAY_PER_SECOND).contains(&new.per_second) {
        add(
            "per_second".to_owned(),
            &format!("expected 1 to {REPLAY_PER_SECOND}"),
        );
    }
    wrong
}
