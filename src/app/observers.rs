//! Who hears of a changed account: its limits and its keys in memory; never what the change was about.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::accounts::service::effective_plan;
use crate::accounts::state::{AccountObserver, AccountState};
use crate::base::clock::Clock;
use crate::keys::cache::KeyObserver;
use crate::limits::Limiter;
use crate::proxy::snapshot::Snapshot;

/// Carries a change of an account to the limiter and the key cache before the change is answered.
pub(super) struct AccountChanges {
    pub(super) limiter: Arc<Limiter>,
    pub(super) keys: Arc<dyn KeyObserver>,
    pub(super) snapshot: Arc<ArcSwap<Snapshot>>,
    pub(super) clock: Clock,
}

impl AccountObserver for AccountChanges {
    fn account_changed(&self, state: &AccountState) {
        let account = state.account();
        let Some(plan) = effective_plan(&self.snapshot.load().config, &account) else {
            return;
        };
        if let Some(limits) = self.limiter.loaded(&account.id) {
            limits.set_plan(&plan, Some(state.read_at()), self.clock.now());
        }
    }

    fn account_gone(&self, account_id: &str) {
        self.keys.account_keys_changed(account_id);
        self.limiter.forget(account_id, []);
    }
}
