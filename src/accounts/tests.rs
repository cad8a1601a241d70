//! What accounts promise: one state for all, changes that hold at once, erasure to the end; never a real store.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::model::Account;
use super::port::{AccountStore, AuditFilter, ErasureStep};
use super::service::{AccountError, AccountService, Erasure, PutAccount, effective_plan};
use super::state::{AccountObserver, AccountState, Accounts, Standing};
use crate::base::audit::{AuditEntry, Change, ChangeContext, IdempotentAnswer};
use crate::base::ceilings::{ACCOUNT_AGE, ACCOUNT_SWEEP};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::{Page, PageRequest};
use crate::config::model::{Config, PlanOverrides, Quotas, RateOverride};
use crate::config::{LoadOptions, load_bytes};

mod again;

#[derive(Default)]
struct FakeStore {
    accounts: Mutex<BTreeMap<String, Account>>,
    changes: Mutex<Vec<Change>>,
    reads: AtomicUsize,
    failing: AtomicBool,
    /// Steps that an erasure takes.
    steps: AtomicUsize,
}

impl FakeStore {
    fn up(&self) -> Result<(), StoreError> {
        if self.failing.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("told to".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl AccountStore for FakeStore {
    async fn account(&self, id: &str) -> Result<Option<Account>, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.up()?;
        let found = self.accounts.lock().get(id).cloned();
        tokio::task::yield_now().await;
        Ok(found)
    }
    async fn accounts(&self, _page: &PageRequest) -> Result<Page<Account>, StoreError> {
        Ok(Page {
            items: self.accounts.lock().values().cloned().collect(),
            next: None,
        })
    }
    async fn put_account(&self, account: &Account, change: &Change) -> Result<Account, StoreError> {
        self.up()?;
        tokio::task::yield_now().await;
        self.changes.lock().push(change.clone());
        self.accounts
            .lock()
            .insert(account.id.clone(), account.clone());
        Ok(account.clone())
    }
    async fn plans_in_use(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }
    async fn begin_erasure(&self, id: &str, change: &Change) -> Result<(), StoreError> {
        self.up()?;
        self.changes.lock().push(change.clone());
        let mut all = self.accounts.lock();
        all.get_mut(id).ok_or(StoreError::NotFound)?.erasing = true;
        Ok(())
    }
    async fn erase_some(&self, id: &str) -> Result<ErasureStep, StoreError> {
        self.up()?;
        if self.accounts.lock().get(id).is_some_and(|a| !a.erasing) {
            return Err(StoreError::Conflict("not marked".into()));
        }
        let more = self
            .steps
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if more.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
            return Ok(ErasureStep::More);
        }
        self.accounts.lock().remove(id);
        Ok(ErasureStep::Done)
    }
    async fn erasing(&self) -> Result<Vec<String>, StoreError> {
        let all = self.accounts.lock();
        Ok(all
            .values()
            .filter(|a| a.erasing)
            .map(|a| a.id.clone())
            .collect())
    }
    async fn audit_log(
        &self,
        _filter: &AuditFilter,
        _page: &PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        Err(StoreError::NotFound)
    }
    async fn record_audit(&self, _entry: &AuditEntry) -> Result<(), StoreError> {
        Ok(())
    }
    async fn idempotent_answer(
        &self,
        _key: &str,
        _now: Timestamp,
    ) -> Result<Option<IdempotentAnswer>, StoreError> {
        Ok(None)
    }
    async fn forget_answers(&self, _now: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
}

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl AccountObserver for Heard {
    fn account_changed(&self, state: &AccountState) {
        self.0.lock().push(state.account().plan.clone());
    }
    fn account_gone(&self, account_id: &str) {
        self.0.lock().push(format!("gone {account_id}"));
    }
}

struct Desk {
    config: Config,
    store: Arc<FakeStore>,
    accounts: Arc<Accounts>,
    heard: Arc<Heard>,
    service: AccountService,
}

const NOW: Timestamp = Timestamp::from_secs(1_000_000);

const YAML: &str = r#"
listeners: [ { address: "127.0.0.1:0" } ]
admin: { address: "127.0.0.1:0", token: "0123456789abcdef0123456789abcdef" }
store: { engine: embedded, path: /tmp/unused.db }
keys: { prefix: lf_live, peppers: [ { id: p1, secret: "0123456789abcdef0123456789abcdef" } ] }
scopes: { "contacts:read": "r" }
default_plan: standard
plans:
  standard: { rate: { requests: 50, per_seconds: 1, burst: 100 }, max_keys: 7 }
  large: { rate: { requests: 500, per_seconds: 1, burst: 1000 }, quotas: { hour: 10, month: 100 } }
upstreams: { crm: { targets: [ { address: "127.0.0.1:9" } ] } }
routes:
  - { path: "/v1/contacts", methods: [GET], scopes: ["contacts:read"], upstream: crm, cost: 5 }
"#;

fn desk() -> Desk {
    let options = LoadOptions::default();
    let config = load_bytes(YAML.as_bytes(), Path::new("t.yaml"), &|_| None, &options).unwrap();
    let store = Arc::new(FakeStore::default());
    let accounts = Arc::new(Accounts::new(store.clone()));
    let heard = Arc::new(Heard::default());
    accounts.observe(heard.clone());
    Desk {
        config,
        service: AccountService::new(store.clone(), accounts.clone()),
        store,
        accounts,
        heard,
    }
}

fn ctx() -> ChangeContext {
    ChangeContext::internal(NOW, "test")
}

fn plan(name: &str) -> PutAccount {
    PutAccount {
        plan: Some(name.into()),
        ..PutAccount::default()
    }
}

impl Desk {
    async fn put(&self, put: &PutAccount) -> Result<Account, AccountError> {
        self.service.put(&self.config, "a", put, &ctx()).await
    }
}

#[tokio::test]
async fn many_who_ask_at_once_share_one_read_and_one_state() {
    let d = desk();
    d.put(&plan("standard")).await.unwrap();
    let fresh = Accounts::new(d.store.clone());
    let before = d.store.reads.load(Ordering::SeqCst);
    let all = futures_util::future::join_all((0..1000).map(|_| fresh.get("a", NOW))).await;
    assert_eq!(d.store.reads.load(Ordering::SeqCst), before + 1);
    let first = all[0].clone().unwrap().unwrap();
    assert!(
        all.iter()
            .all(|s| Arc::ptr_eq(s.as_ref().unwrap().as_ref().unwrap(), &first))
    );
    assert!(fresh.get("nobody", NOW).await.unwrap().is_none());
}

#[tokio::test]
async fn a_change_holds_at_once_and_is_told() {
    let d = desk();
    d.put(&plan("standard")).await.unwrap();
    let state = d.accounts.get("a", NOW).await.unwrap().unwrap();
    assert_eq!(state.standing(), Standing::Good);
    d.put(&plan("large")).await.unwrap();
    assert_eq!(state.account().plan, "large");
    let suspend = PutAccount {
        suspended: Some(true),
        ..PutAccount::default()
    };
    d.put(&suspend).await.unwrap();
    assert_eq!(state.standing(), Standing::Suspended);
    // A change of plan does not lift the suspension.
    let back = d.put(&plan("standard")).await.unwrap();
    assert!(back.suspended && state.standing() == Standing::Suspended);
    assert_eq!(
        *d.heard.0.lock(),
        ["standard", "large", "large", "standard"]
    );
    let last = d.store.changes.lock().last().unwrap().audit.clone();
    assert_eq!(last.details["plan"]["from"], "large");
    // What changes nothing is not written.
    let writes = d.store.changes.lock().len();
    d.put(&plan("standard")).await.unwrap();
    assert_eq!(d.store.changes.lock().len(), writes);
}

#[tokio::test]
async fn an_old_state_is_read_again_and_serves_while_the_store_is_away() {
    let d = desk();
    d.put(&plan("standard")).await.unwrap();
    let state = d.accounts.get("a", NOW).await.unwrap().unwrap();
    d.store.accounts.lock().get_mut("a").unwrap().plan = "large".into();
    let later = NOW.plus(ACCOUNT_AGE);
    d.store.failing.store(true, Ordering::SeqCst);
    let known = d.accounts.get("a", later).await.unwrap().unwrap();
    assert_eq!(known.account().plan, "standard");
    assert!(d.accounts.get("b", later).await.is_err());
    d.store.failing.store(false, Ordering::SeqCst);
    d.accounts.get("a", later).await.unwrap();
    assert_eq!(state.account().plan, "large");
    assert_eq!(d.heard.0.lock().last().unwrap(), "large");
}

#[tokio::test]
async fn a_change_made_elsewhere_is_read_at_once_or_as_soon_as_the_store_answers() {
    let d = desk();
    d.put(&plan("standard")).await.unwrap();
    let state = d.accounts.get("a", NOW).await.unwrap().unwrap();
    let change = |to: &str| d.store.accounts.lock().get_mut("a").unwrap().plan = to.into();
    change("large");
    d.accounts.changed_elsewhere("a", NOW).await;
    assert_eq!(state.account().plan, "large");
    assert_eq!(d.heard.0.lock().last().unwrap(), "large");
    change("standard");
    d.store.failing.store(true, Ordering::SeqCst);
    d.accounts.changed_elsewhere("a", NOW).await;
    d.accounts.get("a", NOW).await.unwrap();
    assert_eq!(state.account().plan, "large");
    d.store.failing.store(false, Ordering::SeqCst);
    d.accounts.get("a", NOW).await.unwrap();
    assert_eq!(state.account().plan, "standard");
    change("large");
    d.accounts.age_all();
    d.accounts.get("a", NOW).await.unwrap();
    assert_eq!(state.account().plan, "large");
    // One that nobody here has asked for is not read.
    let reads = d.store.reads.load(Ordering::SeqCst);
    d.accounts.changed_elsewhere("b", NOW).await;
    assert_eq!(d.store.reads.load(Ordering::SeqCst), reads);
}

#[tokio::test]
async fn what_was_read_before_a_change_is_not_put_over_it() {
    let d = desk();
    d.put(&plan("standard")).await.unwrap();
    let fresh = Accounts::new(d.store.clone());
    // The fake reads and then yields: the change comes between.
    let mut reading = Box::pin(fresh.get("a", NOW));
    assert!(futures_util::poll!(&mut reading).is_pending());
    let changed = {
        let mut all = d.store.accounts.lock();
        let a = all.get_mut("a").unwrap();
        a.plan = "large".into();
        a.clone()
    };
    fresh.changed(changed, NOW);
    let state = reading.await.unwrap().unwrap();
    assert_eq!(state.account().plan, "large");
    // The same with an erasure: nothing that is not marked comes back.
    let fresh = Accounts::new(d.store.clone());
    let mut reading = Box::pin(fresh.get("a", NOW));
    assert!(futures_util::poll!(&mut reading).is_pending());
    d.store.accounts.lock().get_mut("a").unwrap().erasing = true;
    fresh.gone("a");
    let state = reading.await.unwrap().unwrap();
    assert_eq!(state.standing(), Standing::Gone);
}

#[tokio::test]
async fn wrong_plans_and_overrides_are_named() {
    let d = desk();
    let rate = |requests, per_seconds, burst| {
        Some(RateOverride {
            requests,
            per_seconds,
            burst,
        })
    };
    let put = PutAccount {
        plan: Some("none".into()),
        overrides: Some(PlanOverrides {
            rate: rate(0, 1, 4),
            account_rate: rate(1, 0, 5),
            quotas: None,
            max_keys: Some(0),
        }),
        suspended: None,
    };
    let wrong = match d.put(&put).await {
        Err(AccountError::Invalid(e)) => e.into_iter().map(|e| e.field).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let want = [
        "overrides.rate.requests",
        "overrides.rate.burst",
        "overrides.account_rate.per_seconds",
        "overrides.max_keys",
        "plan",
    ];
    assert_eq!(wrong, want);
    let quotas = PutAccount {
        plan: Some("large".into()),
        overrides: Some(PlanOverrides {
            quotas: Some(Quotas {
                hour: Some(101),
                month: None,
            }),
            ..PlanOverrides::default()
        }),
        suspended: None,
    };
    let refused = d.put(&quotas).await;
    assert!(
        matches!(refused, Err(AccountError::Invalid(e)) if e[0].field == "overrides.quotas.hour")
    );
    let bad_id = d
        .service
        .put(&d.config, "a b", &plan("large"), &ctx())
        .await;
    assert!(matches!(bad_id, Err(AccountError::Invalid(e)) if e[0].field == "id"));
}

#[tokio::test]
async fn overrides_are_kept_until_others_are_given() {
    let d = desk();
    let overrides = |max_keys| {
        Some(PlanOverrides {
            max_keys,
            ..PlanOverrides::default()
        })
    };
    assert_eq!(d.service.max_keys(&d.config, "a").await.unwrap(), 7);
    let put = PutAccount {
        overrides: overrides(Some(3)),
        ..PutAccount::default()
    };
    d.put(&put).await.unwrap();
    let a = d.put(&plan("large")).await.unwrap();
    assert_eq!(effective_plan(&d.config, &a).unwrap().max_keys, 3);
    assert_eq!(d.service.max_keys(&d.config, "a").await.unwrap(), 3);
    let put = PutAccount {
        overrides: overrides(None),
        ..PutAccount::default()
    };
    d.put(&put).await.unwrap();
    assert_eq!(d.service.max_keys(&d.config, "a").await.unwrap(), 100);
}

#[tokio::test]
async fn an_erased_account_is_refused_from_the_first_moment_and_then_gone() {
    let d = desk();
    d.put(&plan("standard")).await.unwrap();
    let state = d.accounts.get("a", NOW).await.unwrap().unwrap();
    d.store.steps.store(20, Ordering::SeqCst);
    assert_eq!(d.service.erase("a", &ctx()).await.unwrap(), Erasure::Done);
    assert_eq!(state.standing(), Standing::Gone);
    assert!(d.heard.0.lock().contains(&"gone a".to_owned()));
    assert!(matches!(
        d.service.get("a").await,
        Err(AccountError::NotFound)
    ));
    assert!(matches!(
        d.service.erase("a", &ctx()).await,
        Err(AccountError::NotFound)
    ));
    // The id may be used anew, by an account with nothing of the old one's.
    d.put(&plan("large")).await.unwrap();
    let anew = d.accounts.get("a", NOW).await.unwrap().unwrap();
    assert_eq!(anew.standing(), Standing::Good);
}

#[tokio::test(start_paused = true)]
async fn an_erasure_outlives_its_caller_the_stores_failures_and_the_process() {
    let d = desk();
    d.put(&plan("standard")).await.unwrap();
    d.store.steps.store(usize::MAX, Ordering::SeqCst);
    assert_eq!(
        d.service.erase("a", &ctx()).await.unwrap(),
        Erasure::Running
    );
    assert!(matches!(
        d.put(&plan("large")).await,
        Err(AccountError::Conflict(_))
    ));
    assert_eq!(
        d.service.erase("a", &ctx()).await.unwrap(),
        Erasure::Running
    );
    // Another process finds it begun, and a store that refuses at first.
    let accounts = Arc::new(Accounts::new(d.store.clone()));
    let other = AccountService::new(d.store.clone(), accounts);
    assert_eq!(other.resume().await.unwrap(), 1);
    d.store.failing.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(600)).await;
    d.store.failing.store(false, Ordering::SeqCst);
    d.store.steps.store(3, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(d.store.accounts.lock().is_empty());
    assert_eq!(other.resume().await.unwrap(), 0);
}

#[tokio::test]
async fn accounts_that_nobody_holds_are_forgotten() {
    let d = desk();
    let account = d.put(&plan("standard")).await.unwrap();
    let held = d.accounts.get("a", NOW).await.unwrap().unwrap();
    for i in 0..ACCOUNT_SWEEP * 3 {
        let mut a = account.clone();
        a.id = format!("b{i}");
        d.store.accounts.lock().insert(a.id.clone(), a);
        d.accounts.get(&format!("b{i}"), NOW).await.unwrap();
    }
    assert!(d.accounts.all().len() <= ACCOUNT_SWEEP);
    assert!(Arc::ptr_eq(&held, &d.accounts.known("a").unwrap()));
}
