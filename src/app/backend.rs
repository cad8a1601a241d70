//! The store that a configuration names, behind the domains' ports, and what only one kind of store has; never a call of a port.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep, timeout_at};

use super::wire::StartError;
use crate::accounts::port::AccountStore;
use crate::alerts::port::{AlertStore, MailStore};
use crate::base::ceilings::STORE_CONTACT_PAUSE;
use crate::base::clock::{Clock, Ticks};
use crate::base::hex;
use crate::config::model::{Config, LeaseMode, RedisStore, Store};
use crate::keys::port::KeyStore;
use crate::limits::Desk;
use crate::limits::port::LeaseStore;
use crate::observe::Metrics;
use crate::portal::port::SessionStore;
use crate::store::embedded::{EmbeddedStore, Options};
use crate::store::redis::{self, CallTimes, OpenError};
use crate::store::spool::{Deadlines, Spool};
use crate::usage::port::UsageStore;
use crate::webhooks::port::{EventFeed, EventStore, InboxStore, NoticeStore, ReplayStore};

/// The ports, and the engine behind them.
pub(super) struct Backend {
    pub(super) accounts: Arc<dyn AccountStore>,
    pub(super) keys: Arc<dyn KeyStore>,
    pub(super) usage: Arc<dyn UsageStore>,
    pub(super) events: Arc<dyn EventStore>,
    pub(super) feed: Arc<dyn EventFeed>,
    pub(super) inboxes: Arc<dyn InboxStore>,
    pub(super) notices: Arc<dyn NoticeStore>,
    pub(super) replays: Arc<dyn ReplayStore>,
    pub(super) sessions: Arc<dyn SessionStore>,
    pub(super) alerts: Arc<dyn AlertStore>,
    pub(super) mails: Arc<dyn MailStore>,
    pub(super) engine: Engine,
}

/// The kind of store.
#[derive(Clone)]
pub(super) enum Engine {
    /// This node is the only one.
    Embedded(Arc<EmbeddedStore>),
    /// Nodes share it.
    Redis(Arc<Shared>),
}

/// A store that nodes share, and what stands before it on this node.
pub(super) struct Shared {
    pub(super) store: redis::Store,
    pub(super) spool: Spool,
    pub(super) spool_file: PathBuf,
    pub(super) desk: Arc<Desk>,
    settings: RedisStore,
}

impl Backend {
    /// Opens what is on this machine: the embedded store, or the spool before a Redis that is not asked anything yet.
    /// `boot` is this process's id.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub(super) fn open(
        config: &Config,
        clock: &Clock,
        boot: &str,
        metrics: &Metrics,
        runtime: &Runtime,
    ) -> Result<Self, StartError> {
        match &config.store {
            Store::Embedded { path } => {
                let store = EmbeddedStore::open(path, clock.clone(), Options::default())?;
                Ok(Self {
                    accounts: store.clone(),
                    keys: store.clone(),
                    usage: store.clone(),
                    events: store.clone(),
                    feed: store.clone(),
                    inboxes: store.clone(),
                    notices: store.clone(),
                    replays: store.clone(),
                    sessions: store.clone(),
                    alerts: store.clone(),
                    mails: store.clone(),
                    engine: Engine::Embedded(store),
                })
            }
            Store::Redis(settings) => {
                runtime.block_on(Self::shared(config, settings, clock, boot, metrics))
            }
        }
    }

    async fn shared(
        config: &Config,
        settings: &RedisStore,
        clock: &Clock,
        boot: &str,
        metrics: &Metrics,
    ) -> Result<Self, StartError> {
        let store = redis::Store::unopened(settings.clone(), clock.clone());
        store.show_times(CallTimes {
            hot: metrics.store_duration("request"),
            calm: metrics.store_duration("background"),
        });
        let all = Arc::new(store.clone());
        let spool = Spool::open(
            &config.spool,
            Deadlines::of(settings.deadline),
            clock.clone(),
            all.clone(),
            all.clone(),
        )
        .await?;
        let desk = Desk::new(
            all.clone() as Arc<dyn LeaseStore>,
            boot,
            &plans_digest(config),
            config.limits.lease == LeaseMode::Strict,
            Ticks::system(),
        );
        Ok(Self {
            accounts: all.clone(),
            keys: all.clone(),
            usage: spool.usage(),
            events: spool.events(),
            feed: all.clone(),
            inboxes: all.clone(),
            notices: all.clone(),
            replays: all.clone(),
            sessions: all.clone(),
            alerts: all.clone(),
            mails: all,
            engine: Engine::Redis(Arc::new(Shared {
                store,
                spool,
                spool_file: config.spool.path.clone(),
                desk,
                settings: settings.clone(),
            })),
        })
    }
}

impl Engine {
    /// Closes what is on this machine. Blocks while it does.
    pub(super) fn close(&self) {
        match self {
            Self::Embedded(store) => store.close(),
            Self::Redis(shared) => shared.spool.close(),
        }
    }
}

impl Shared {
    /// Asks the servers whether they keep what they take, lets calls through where they do, and says that this node lives,
    /// so that it knows its number before it serves.
    async fn try_contact(&self) -> Result<(), OpenError> {
        self.store.try_open(&self.settings).await?;
        if let Err(error) = self.desk.beat().await {
            tracing::debug!(%error, "this node's first beat did not reach the store");
        }
        Ok(())
    }

    /// Makes the first contact, within `most` at most: whether it came about.
    ///
    /// # Errors
    /// The servers, or what is on them, are not what this store needs.
    pub(super) async fn contact_within(&self, most: Duration) -> Result<bool, OpenError> {
        match timeout_at(Instant::now() + most, self.contact()).await {
            Ok(made) => made.map(|()| true),
            Err(_) => Ok(false),
        }
    }

    /// Waits for the first contact, for ever.
    ///
    /// # Errors
    /// The servers, or what is on them, are not what this store needs: waiting is no use.
    pub(super) async fn contact(&self) -> Result<(), OpenError> {
        loop {
            match self.try_contact().await {
                // The link says once that its servers do not answer.
                Err(OpenError::Unavailable(cause)) => {
                    tracing::debug!(cause, "the store is waited for");
                }
                done => return done,
            }
            sleep(STORE_CONTACT_PAUSE).await;
        }
    }
}

/// A digest of everything that limits are made of, by which nodes tell each other which configuration they have.
/// Addresses and files differ between nodes and are no part of it.
pub(super) fn plans_digest(config: &Config) -> String {
    let text = format!(
        "{:?} {:?} {:?}",
        config.default_plan, config.plans, config.limits.lease
    );
    hex::encode(&Sha256::digest(text.as_bytes()))
}
