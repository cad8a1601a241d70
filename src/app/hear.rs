//! What a node does for a store that it shares with others: hears of their changes, sends again after a failover, reads the clocks; never what a request waits for.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::backend::Shared;
use super::stop::pause;
use super::wire::Parts;
use crate::base::ceilings::{ACCOUNTS_HEARD, REDIS_CLOCK_PAUSE};
use crate::keys::cache::KeyObserver;
use crate::store::redis::notices::{Changed, Heard};

/// Starts all of it; each ends some time after `stop`, which is given when the last write of this process is made.
pub(super) fn start(
    runtime: &Handle,
    parts: &Arc<Parts>,
    shared: &Arc<Shared>,
    stop: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut all = JoinSet::new();
    all.spawn_on(
        hear(Arc::clone(parts), Arc::clone(shared), stop.clone()),
        runtime,
    );
    all.spawn_on(send_again(Arc::clone(shared), stop.clone()), runtime);
    all.spawn_on(
        read_clocks(Arc::clone(parts), Arc::clone(shared), stop.clone()),
        runtime,
    );
    let (spooling, signal) = (Arc::clone(shared), stop.clone());
    all.spawn_on(async move { spooling.spool.run(signal).await }, runtime);
    all
}

/// Brings what other nodes changed to the caches of this one.
async fn hear(parts: Arc<Parts>, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut notices = shared.store.notices();
    // Accounts that are being read, so that one slow answer does not hold up what is heard next.
    let mut reads = JoinSet::new();
    loop {
        let heard = tokio::select! {
            heard = notices.next() => heard,
            _ = stop.wait_for(|s| *s) => return,
        };
        match heard {
            None => return,
            Some(Heard::Lost) => {
                // Accounts first: a key that is read again takes its account along.
                parts.accounts.age_all();
                parts.keys.age_all();
            }
            Some(Heard::Changed(Changed::Account(id))) => {
                while reads.len() >= ACCOUNTS_HEARD {
                    let _ = reads.join_next().await;
                }
                while reads.try_join_next().is_some() {}
                let parts = Arc::clone(&parts);
                reads.spawn(async move {
                    let now = parts.clock.now();
                    parts.accounts.changed_elsewhere(&id, now).await;
                });
            }
            Some(Heard::Changed(changed)) => take(&parts, &changed),
        }
    }
}

fn take(parts: &Parts, changed: &Changed) {
    match changed {
        Changed::Key(id) => parts.keys.key_changed(id),
        Changed::AccountKeys(id) => parts.keys.account_keys_changed(id),
        Changed::KeysAdded => parts.keys.keys_added(),
        Changed::AccountGone(id) => parts.accounts.gone(id),
        Changed::AccountErased(id) => parts.accounts.erased(id),
        Changed::Account(_) => {}
    }
}

/// Has what was written last sent again whenever a connection to a server was made: a failover may have lost it.
async fn send_again(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut connects = shared.store.connects();
    loop {
        tokio::select! {
            changed = connects.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            _ = stop.wait_for(|s| *s) => return,
        }
        shared.spool.resend();
    }
}

async fn read_clocks(parts: Arc<Parts>, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    while pause(REDIS_CLOCK_PAUSE, &mut stop).await {
        shared.store.read_clocks(&parts.clock).await;
    }
}
