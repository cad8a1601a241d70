//! What replays of many deliveries need of a store: jobs that any node goes on with; never how fast they go.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::base::audit::Change;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::{Page, PageRequest};
use crate::webhooks::model::{Delivery, DeliveryState, Endpoint, EndpointStatus};
use crate::webhooks::types;

/// What a replay is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayOnly {
    /// Deliveries that have failed: dead letters.
    Failed,
    /// All deliveries that have ended.
    All,
    /// Events that the webhook wants and that no delivery to it was ever made of: it was disabled, or was made later.
    Missed,
    /// Those, and events of which no delivery to it has succeeded.
    Undelivered,
}

impl ReplayOnly {
    /// Whether it is of events and what one endpoint got of them, and not of deliveries that were made.
    pub const fn is_recovery(self) -> bool {
        matches!(self, Self::Missed | Self::Undelivered)
    }
}

/// How [`ReplayOnly`] is at rest. It was a flag before there was more than two of it, and who knows only the flag must not
/// take a further one for either of them.
mod at_rest {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::ReplayOnly;

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum AtRest {
        IsFailed(bool),
        Further(ReplayOnly),
    }

    pub(super) fn serialize<S: Serializer>(only: &ReplayOnly, s: S) -> Result<S::Ok, S::Error> {
        let at_rest = match only {
            ReplayOnly::Failed => AtRest::IsFailed(true),
            ReplayOnly::All => AtRest::IsFailed(false),
            further => AtRest::Further(*further),
        };
        at_rest.serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<ReplayOnly, D::Error> {
        Ok(match AtRest::deserialize(d)? {
            AtRest::IsFailed(true) => ReplayOnly::Failed,
            AtRest::IsFailed(false) => ReplayOnly::All,
            AtRest::Further(only) => only,
        })
    }
}

/// What a recovery does about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// It makes a delivery.
    Make,
    /// It starts the one that there is anew.
    Restart,
}

/// Which deliveries a job starts anew, or makes; a missing member takes all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayScope {
    /// Those of this account.
    pub account_id: Option<String>,
    /// Those to this endpoint; a recovery has one, and its account.
    pub endpoint_id: Option<String>,
    /// Those of these types or patterns; empty for all.
    pub event_types: Vec<String>,
    /// Those made since; of a recovery: of events that happened since.
    pub from: Timestamp,
    /// Those made before, or of events that happened before.
    pub to: Timestamp,
    /// What it is of.
    #[serde(rename = "only_failed", with = "at_rest")]
    pub only: ReplayOnly,
    /// How many a second.
    pub per_second: u32,
}

impl ReplayScope {
    /// Whether the job is to start this delivery anew, as it is now; one that is under way it never is.
    pub fn wants(&self, d: &Delivery) -> bool {
        let is_ended = match d.state {
            DeliveryState::Failed => true,
            DeliveryState::Succeeded | DeliveryState::Cancelled => self.only == ReplayOnly::All,
            DeliveryState::Pending => false,
        };
        is_ended
            && d.created_at >= self.from
            && d.created_at < self.to
            && self.account_id.as_ref().is_none_or(|a| *a == d.account_id)
            && self
                .endpoint_id
                .as_ref()
                .is_none_or(|e| *e == d.endpoint_id)
            && self.wants_type(&d.event_type)
    }

    fn wants_type(&self, event_type: &str) -> bool {
        self.event_types.is_empty() || types::wants_any(&self.event_types, event_type)
    }

    /// Whether a recovery may give anything to this endpoint, as it is now.
    pub fn takes(&self, endpoint: &Endpoint) -> bool {
        endpoint.status != EndpointStatus::Disabled
            && self.account_id.as_ref() == Some(&endpoint.account_id)
            && self.endpoint_id.as_ref() == Some(&endpoint.id)
    }

    /// What a recovery is to do about a released event that happened at `at` for an endpoint that it [`takes`]; `delivery`
    /// is where the event's delivery to that stands, where there is one.
    ///
    /// [`takes`]: Self::takes
    pub fn recovers(
        &self,
        endpoint: &Endpoint,
        event_type: &str,
        at: Timestamp,
        delivery: Option<DeliveryState>,
    ) -> Option<Recovery> {
        let is_wanted = at >= self.from
            && at < self.to
            && self.wants_type(event_type)
            && types::wants_any(&endpoint.event_types, event_type);
        match delivery.filter(|_| is_wanted) {
            None if is_wanted && self.only.is_recovery() => Some(Recovery::Make),
            Some(DeliveryState::Failed | DeliveryState::Cancelled)
                if self.only == ReplayOnly::Undelivered =>
            {
                Some(Recovery::Restart)
            }
            _ => None,
        }
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayState {
    /// Some node is at it, or will be.
    Running,
    /// All is started anew.
    Done,
    /// It was ended by hand.
    Cancelled,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayJob {
    /// `rpl_…`.
    pub id: String,
    /// Which deliveries.
    pub scope: ReplayScope,
    /// Where it stands.
    pub state: ReplayState,
    /// Up to where it came in the store's own order; `None` at the beginning.
    pub cursor: Option<String>,
    /// Deliveries that were started anew, or made.
    pub done: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it came to its end.
    pub finished_at: Option<Timestamp>,
}

/// A job that this node may go on with until its claim ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedReplay {
    /// The job.
    pub job: ReplayJob,
    /// Whose claim it is; going on needs it.
    pub claim: String,
}

/// What one step of a job did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayStep {
    /// Deliveries that were started anew, or made.
    pub restarted: u64,
    /// Where to go on; `None` at the end.
    pub cursor: Option<String>,
}

/// How many jobs may be running, a new one included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayBounds {
    /// Of everybody's.
    pub all: usize,
    /// Of one account's.
    pub of_account: usize,
}

/// Whose jobs are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplaysOf {
    /// The account's.
    pub account_id: String,
    /// Of them those to this endpoint; all where there is none.
    pub endpoint_id: Option<String>,
}

/// Jobs at rest, and the steps that they are made of.
#[async_trait]
pub trait ReplayStore: Send + Sync {
    /// Makes a job. `Conflict` where as many as `most` says are running, of all or of its account. Of an account's jobs that
    /// have ended the newest [`crate::base::ceilings::operations::REPLAY_JOBS_KEPT`] are kept.
    async fn create_replay(
        &self,
        job: &ReplayJob,
        most: ReplayBounds,
        change: &Change,
    ) -> Result<(), StoreError>;
    /// One job.
    async fn replay_job(&self, id: &str) -> Result<Option<ReplayJob>, StoreError>;
    /// Jobs, newest first, of all or of some.
    async fn replay_jobs(
        &self,
        of: Option<&ReplaysOf>,
        page: &PageRequest,
    ) -> Result<Page<ReplayJob>, StoreError>;
    /// Takes a running job that nobody has claimed at `now`, oldest first.
    async fn claim_replay(
        &self,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<ClaimedReplay>, StoreError>;
    /// Starts the next deliveries of a job anew, `limit` at most, oldest first, and moves nothing of the job itself. A
    /// recovery goes along the account's released events and makes deliveries as well; it is at its end where its endpoint
    /// is gone or disabled.
    async fn replay_some(
        &self,
        job: &ReplayJob,
        limit: u32,
        now: Timestamp,
    ) -> Result<ReplayStep, StoreError>;
    /// Writes how far a claimed job came and keeps the claim until `until`; without a cursor the job is done. False where
    /// the claim was lost or the job was cancelled.
    async fn advance_replay(
        &self,
        claimed: &ClaimedReplay,
        step: &ReplayStep,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Ends a job by hand. `Conflict` where it has ended.
    async fn cancel_replay(
        &self,
        id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<ReplayJob, StoreError>;
    /// Forgets jobs that ended before `before`.
    async fn prune_replays(&self, before: Timestamp) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(only: ReplayOnly) -> ReplayScope {
        ReplayScope {
            account_id: Some("a".to_owned()),
            endpoint_id: Some("whk_1".to_owned()),
            event_types: Vec::new(),
            from: Timestamp::from_secs(10),
            to: Timestamp::from_secs(20),
            only,
            per_second: 5,
        }
    }

    fn endpoint() -> Endpoint {
        Endpoint {
            id: "whk_1".to_owned(),
            account_id: "a".to_owned(),
            url: "https://example.com/".to_owned(),
            event_types: vec!["contact.*".to_owned()],
            description: None,
            status: EndpointStatus::Paused,
            disabled_reason: None,
            created_at: Timestamp::from_secs(15),
            secrets: Vec::new(),
            revision: 1,
        }
    }

    #[test]
    fn what_there_was_first_is_a_flag_at_rest_and_what_came_later_is_none() {
        use ReplayOnly::{All, Failed, Missed, Undelivered};
        for (only, text) in [
            (Failed, "true"),
            (All, "false"),
            (Missed, "\"missed\""),
            (Undelivered, "\"undelivered\""),
        ] {
            let at_rest = serde_json::to_string(&scope(only)).unwrap();
            assert!(
                at_rest.contains(&format!("\"only_failed\":{text},")),
                "{at_rest}"
            );
            let read: ReplayScope = serde_json::from_str(&at_rest).unwrap();
            assert_eq!(read, scope(only));
        }
    }

    #[test]
    fn a_recovery_makes_what_was_missed_and_leaves_what_is_under_way() {
        use DeliveryState::{Cancelled, Failed, Pending, Succeeded};
        use Recovery::{Make, Restart};
        use ReplayOnly::{All, Missed, Undelivered};
        let at = Timestamp::from_secs(10);
        for (only, state, done) in [
            (Missed, None, Some(Make)),
            (Missed, Some(Failed), None),
            (Missed, Some(Succeeded), None),
            (Undelivered, None, Some(Make)),
            (Undelivered, Some(Failed), Some(Restart)),
            (Undelivered, Some(Cancelled), Some(Restart)),
            (Undelivered, Some(Pending), None),
            (Undelivered, Some(Succeeded), None),
            (All, None, None),
        ] {
            let recovers = scope(only).recovers(&endpoint(), "contact.created", at, state);
            assert_eq!(recovers, done, "{only:?} {state:?}");
        }
    }

    #[test]
    fn a_recovery_is_of_its_range_of_its_types_and_of_those_that_the_endpoint_wants() {
        let all = scope(ReplayOnly::Missed);
        let some = ReplayScope {
            event_types: vec!["contact.deleted".to_owned()],
            ..all.clone()
        };
        let made = |scope: &ReplayScope, event_type: &str, seconds: i64| {
            let at = Timestamp::from_secs(seconds);
            scope.recovers(&endpoint(), event_type, at, None).is_some()
        };
        assert!(made(&all, "contact.created", 10) && made(&all, "contact.created", 19));
        assert!(!made(&all, "contact.created", 9) && !made(&all, "contact.created", 20));
        assert!(!made(&all, "deal.won", 15) && !made(&some, "contact.created", 15));
        assert!(made(&some, "contact.deleted", 15));
    }

    #[test]
    fn a_recovery_gives_nothing_to_others_nor_to_a_disabled_endpoint() {
        let scope = scope(ReplayOnly::Missed);
        let with = |change: fn(&mut Endpoint)| {
            let mut endpoint = endpoint();
            change(&mut endpoint);
            scope.takes(&endpoint)
        };
        assert!(with(|_| {}));
        assert!(!with(|e| e.status = EndpointStatus::Disabled));
        assert!(!with(|e| e.account_id = "b".to_owned()));
        assert!(!with(|e| e.id = "whk_2".to_owned()));
    }
}
