//! What runs beside requests: flushes, sweeps, deliveries, reloads, retention; never what a request waits for.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::alerts::Alerts;
use super::backend::Engine;
use super::export::Export;
use super::operations;
use super::reload::Reloader;
use super::stop::pause;
use super::watch::FileWatch;
use super::wire::Parts;
use crate::accounts::service::AccountService;
use crate::base::ceilings::operations::{DEAD_LETTER_TIME, REPLAY_MEMORY};
use crate::base::ceilings::{ERASURE_LOOK, ERASURE_RETRY, PENDING_EVENT_AGE, USAGE_FLUSH};
use crate::base::error::StoreError;
use crate::proxy::monitor;
use crate::webhooks::delivery::Worker;
use crate::webhooks::operational::Teller;
use crate::webhooks::replayer::Replayer;
use crate::webhooks::service::WebhookService;
use crate::webhooks::settler::Settler;
use crate::webhooks::sweeper::Sweeper;

/// How often the delivery queue is asked for its length.
const QUEUE_LOOK: Duration = Duration::from_secs(2);
/// How often idle limits are let go.
const LIMITER_SWEEP: Duration = Duration::from_secs(60);
/// How often what is too old is deleted.
const RETENTION: Duration = Duration::from_secs(3600);

/// How soon that is tried again where the store did not take it.
const RETENTION_RETRY: Duration = Duration::from_secs(60);

/// Everything that wants to be run.
pub(super) struct Tasks {
    pub(super) settler: Settler,
    pub(super) sweeper: Sweeper,
    pub(super) worker: Arc<Worker>,
    pub(super) export: Arc<Export>,
    pub(super) accounts: AccountService,
    pub(super) webhooks: WebhookService,
    pub(super) replayer: Replayer,
    pub(super) teller: Teller,
    pub(super) alerts: Alerts,
    pub(super) reloader: Arc<Reloader>,
}

impl Tasks {
    /// Starts all of it; each ends some time after `stop`.
    pub(super) fn start(
        self,
        runtime: &Handle,
        parts: &Arc<Parts>,
        stop: &watch::Receiver<bool>,
    ) -> JoinSet<()> {
        let mut all = JoinSet::new();
        let settler = self.settler;
        let signal = stop.clone();
        all.spawn_on(
            async move {
                if let Err(e) = settler.run(signal).await {
                    tracing::error!("events cannot be settled: {e}");
                }
            },
            runtime,
        );
        let left_before = match &parts.backend.engine {
            Engine::Embedded(_) => parts.clock.now(),
            // What other nodes have recorded may be in their hands still.
            Engine::Redis(_) => parts.clock.now().minus(PENDING_EVENT_AGE),
        };
        all.spawn_on(self.sweeper.run(left_before, stop.clone()), runtime);
        if let Engine::Redis(shared) = &parts.backend.engine {
            let (desk, mut signal) = (Arc::clone(&shared.desk), stop.clone());
            let stopped = async move {
                let _ = signal.wait_for(|s| *s).await;
            };
            all.spawn_on(desk.run(stopped), runtime);
        }
        all.spawn_on(self.worker.run(stop.clone()), runtime);
        all.spawn_on(self.replayer.run(stop.clone()), runtime);
        for task in operations::tell(parts, &self.teller, stop) {
            all.spawn_on(task, runtime);
        }
        for task in self.alerts.run(stop) {
            all.spawn_on(task, runtime);
        }
        all.spawn_on(
            self.webhooks.keep_sealed(parts.clock.clone(), stop.clone()),
            runtime,
        );
        all.spawn_on(
            monitor::run(Arc::clone(&parts.snapshot), stop.clone()),
            runtime,
        );
        let (flusher, mut signal) = (Arc::clone(&parts.flusher), stop.clone());
        all.spawn_on(
            async move {
                let stopped = async move {
                    let _ = signal.wait_for(|s| *s).await;
                };
                flusher.run(stopped).await;
            },
            runtime,
        );
        all.spawn_on(flush_last_uses(Arc::clone(parts), stop.clone()), runtime);
        all.spawn_on(look(self.export, stop.clone()), runtime);
        all.spawn_on(sweep_limits(Arc::clone(parts), stop.clone()), runtime);
        all.spawn_on(retain(Arc::clone(parts), stop.clone()), runtime);
        all.spawn_on(follow_files(self.reloader, stop.clone()), runtime);
        all.spawn_on(resume_erasures(self.accounts, stop.clone()), runtime);
        all
    }
}

/// Brings last uses of keys to the store.
async fn flush_last_uses(parts: Arc<Parts>, mut stop: watch::Receiver<bool>) {
    while pause(USAGE_FLUSH, &mut stop).await {
        // What is not written goes with the next flush.
        if let Err(e) = parts.last_uses.flush(&*parts.backend.keys).await {
            tracing::debug!("last uses are not written: {e}");
        }
    }
}

/// Brings everything that was counted to the store, at a clean stop.
pub(super) async fn flush_all(parts: &Parts) -> bool {
    let usage = parts.flusher.flush_now().await;
    let uses = parts.last_uses.flush(&*parts.backend.keys).await;
    for (what, error) in [
        ("usage", usage.as_ref().err()),
        ("when keys were used last", uses.as_ref().err()),
    ] {
        if let Some(error) = error {
            tracing::error!("{what} could not be written before the stop: {error}");
        }
    }
    usage.is_ok() && uses.is_ok()
}

async fn look(export: Arc<Export>, mut stop: watch::Receiver<bool>) {
    loop {
        export.read_queue().await;
        if !pause(QUEUE_LOOK, &mut stop).await {
            return;
        }
    }
}

async fn sweep_limits(parts: Arc<Parts>, mut stop: watch::Receiver<bool>) {
    while pause(LIMITER_SWEEP, &mut stop).await {
        parts.limiter.sweep(parts.clock.now());
    }
}

async fn retain(parts: Arc<Parts>, mut stop: watch::Receiver<bool>) {
    loop {
        let wait = if prune(&parts).await {
            RETENTION
        } else {
            RETENTION_RETRY
        };
        if !pause(wait, &mut stop).await {
            return;
        }
    }
}

/// Whether everything that is too old is gone.
async fn prune(parts: &Parts) -> bool {
    let now = parts.clock.now();
    let events = parts.snapshot.load().config.webhooks.retention;
    let backend = &parts.backend;
    let events = {
        let dead = now.minus(events.max(DEAD_LETTER_TIME));
        backend.events.prune_events(now.minus(events), dead).await
    };
    let answers = backend.accounts.forget_answers(now).await;
    let inboxes = backend.inboxes.prune_inboxes(now).await;
    let sessions = backend.sessions.prune_sessions(now).await;
    let mails = backend.mails.prune_mails(now).await;
    let replays = backend
        .replays
        .prune_replays(now.minus(REPLAY_MEMORY))
        .await;
    for (what, done) in [
        ("events", &events),
        ("answers", &answers),
        ("inboxes", &inboxes),
        ("sessions", &sessions),
        ("mails", &mails),
        ("replays", &replays),
    ] {
        match done {
            Ok(()) => {}
            // The store says itself that it is away.
            Err(e @ StoreError::Unavailable(_)) => {
                tracing::debug!("old {what} are not deleted now: {e}");
            }
            Err(e) => tracing::warn!("old {what} are not deleted: {e}"),
        }
    }
    [events, answers, inboxes, sessions, mails, replays]
        .iter()
        .all(Result::is_ok)
}

/// Goes on with erasures that an earlier process left, and now and then with those of nodes that have ended since.
async fn resume_erasures(accounts: AccountService, mut stop: watch::Receiver<bool>) {
    loop {
        let wait = match accounts.resume().await {
            Ok(_) => ERASURE_LOOK,
            Err(e) => {
                tracing::debug!("erasures cannot be resumed now: {e}");
                ERASURE_RETRY
            }
        };
        if !pause(wait, &mut stop).await {
            return;
        }
    }
}

async fn follow_files(reloader: Arc<Reloader>, mut stop: watch::Receiver<bool>) {
    let mut files = match FileWatch::new() {
        Ok(files) => files,
        Err(e) => {
            tracing::warn!("files cannot be watched, SIGHUP still reloads: {e}");
            return;
        }
    };
    loop {
        let watched = reloader.watched();
        files.follow(watched.iter().map(std::path::PathBuf::as_path));
        tokio::select! {
            () = files.changed() => {}
            _ = stop.wait_for(|s| *s) => return,
        }
        reloader.file_changed().await;
    }
}
