//! Accounts in Redis, and the port of the audit log and of remembered answers; how an account is erased lives in `erase`.

use std::collections::HashMap;

use async_trait::async_trait;

use super::change::carry_out;
use super::each::each;
use super::key_names::expect_ids;
use super::link::{Call, Patience};
use super::lists::{ACCOUNTS, Order, Walk};
use super::names::Names;
use super::script::script;
use super::{Store, answers, audit, erase, plans};
use crate::accounts::model::Account;
use crate::accounts::port::{AccountStore, AuditFilter, ErasureStep};
use crate::base::audit::{AuditEntry, Change, IdempotentAnswer};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::ids::is_account_id;
use crate::base::page::{MAX_LIMIT, Page, PageRequest};

script!(INDEX, "account_index.lua");
script!(PUT, "change.lua", "account_put.lua");

/// What the mark of an account says that was erased a short while ago.
pub(super) const ERASED: &str = "erased";

/// What is there of an account.
pub(super) struct Standing {
    /// There is one.
    pub(super) is_known: bool,
    /// Its pseudonym while it is being erased.
    pub(super) pseudonym: Option<String>,
}

impl Standing {
    /// Refuses what would be made for an account that is being erased.
    pub(super) fn refuse_erasing(&self) -> Result<(), StoreError> {
        match self.pseudonym {
            Some(_) => Err(StoreError::Conflict("the account is being erased".into())),
            None => Ok(()),
        }
    }
}

/// What is there of an account.
pub(super) async fn standing(store: &Store, id: &str) -> Result<Standing, StoreError> {
    let mut pipe = redis::pipe();
    pipe.exists(store.names.of_account(id))
        .get(store.names.erasing(id));
    let (is_known, mark): (bool, Option<String>) = store.link.pipe(Patience::Calm, &pipe).await?;
    Ok(Standing {
        is_known,
        pseudonym: mark.filter(|m| m != ERASED),
    })
}

/// Writes what leads to an account: to be called before it is made or gets a plan, so that neither is ever missed. Where it
/// was made it is called again, since an erasure that ended meanwhile may have taken the entries out.
pub(super) async fn index(store: &Store, id: &str, plan: &str) -> Result<(), StoreError> {
    let shard = Names::shard_of(id);
    let call = Call::new(&INDEX)
        .key(ACCOUNTS.at(&store.names, shard))
        .key(plans::names(&store.names, shard))
        .key(plans::accounts(&store.names, shard, plan))
        .arg(id)
        .arg(plan);
    store.link.script(Patience::Calm, &call).await
}

fn from_fields(id: &str, fields: &HashMap<String, String>) -> Result<Account, StoreError> {
    let corrupt = |what: &str| StoreError::Corrupt(format!("an account's {what}"));
    let field = |name: &str| fields.get(name).ok_or_else(|| corrupt(name));
    let created = field("created")?.parse().map_err(|_| corrupt("created"))?;
    Ok(Account {
        id: id.to_owned(),
        plan: field("plan")?.clone(),
        overrides: serde_json::from_str(field("overrides")?).map_err(|_| corrupt("overrides"))?,
        suspended: field("suspended")? == "1",
        created_at: Timestamp::from_millis(created),
        erasing: fields.contains_key("erasing"),
    })
}

/// One account.
pub(super) async fn read(
    store: &Store,
    patience: Patience,
    id: &str,
) -> Result<Option<Account>, StoreError> {
    if !is_account_id(id) {
        return Ok(None);
    }
    let mut cmd = redis::cmd("HGETALL");
    cmd.arg(store.names.of_account(id));
    let fields: HashMap<String, String> = store.link.run(patience, &cmd).await?;
    match fields.is_empty() {
        true => Ok(None),
        false => from_fields(id, &fields).map(Some),
    }
}

async fn list(store: &Store, page: &PageRequest) -> Result<Page<Account>, StoreError> {
    let limit = page.limit.clamp(1, MAX_LIMIT) as usize;
    let after = page.after.as_deref();
    let mut walk = Walk::new(store, &ACCOUNTS, Order::Ascending, after, limit / 16 + 8);
    let mut items = Vec::new();
    loop {
        let wanted = limit + 1 - items.len();
        let ids = walk.next(wanted).await?;
        let found = each(ids.iter().map(|id| read(store, Patience::Calm, id))).await?;
        items.extend(found.into_iter().flatten());
        if items.len() > limit {
            items.truncate(limit);
            let next = items.last().map(|a: &Account| a.id.clone());
            return Ok(Page { items, next });
        }
        if ids.len() < wanted {
            return Ok(Page { items, next: None });
        }
    }
}

async fn put(store: &Store, account: &Account, change: &Change) -> Result<Account, StoreError> {
    let id = account.id.as_str();
    expect_ids(id, None)?;
    standing(store, id).await?.refuse_erasing()?;
    index(store, id, &account.plan).await?;
    let overrides = serde_json::to_string(&account.overrides)
        .map_err(|e| StoreError::Corrupt(format!("overrides: {e}")))?;
    let call = Call::new(&PUT)
        .key(store.names.of_account(id))
        .key(store.names.erasing(id))
        .arg(id)
        .arg(&account.plan)
        .arg(overrides)
        .arg(u8::from(account.suspended))
        .arg(account.created_at.millis())
        .arg(store.names.changes());
    let slot = store.names.slot(id);
    let (created, before, made): (i64, String, bool) =
        carry_out(store, &slot, change, call).await?;
    if made {
        index(store, id, &account.plan).await?;
    }
    if !before.is_empty() && before != account.plan {
        // What stays is corrected by who looks for plans in use.
        let _ = plans::forget(store, id, &before).await;
    }
    Ok(Account {
        created_at: Timestamp::from_millis(created),
        erasing: false,
        ..account.clone()
    })
}

#[async_trait]
impl AccountStore for Store {
    // A request may wait for this one: its account is read beside its key.
    async fn account(&self, id: &str) -> Result<Option<Account>, StoreError> {
        read(self, Patience::Hot, id).await
    }

    async fn accounts(&self, page: &PageRequest) -> Result<Page<Account>, StoreError> {
        list(self, page).await
    }

    async fn put_account(&self, account: &Account, change: &Change) -> Result<Account, StoreError> {
        put(self, account, change).await
    }

    async fn plans_in_use(&self) -> Result<Vec<String>, StoreError> {
        plans::in_use(self).await
    }

    async fn begin_erasure(&self, id: &str, change: &Change) -> Result<(), StoreError> {
        erase::begin(self, id, change).await
    }

    async fn erase_some(&self, id: &str) -> Result<ErasureStep, StoreError> {
        erase::step(self, id).await
    }

    async fn erasing(&self) -> Result<Vec<String>, StoreError> {
        erase::under_way(self).await
    }

    async fn audit_log(
        &self,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        audit::log(self, filter, page).await
    }

    async fn record_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let change = Change {
            audit: entry.clone(),
            answer: None,
        };
        audit::record(self, &change).await
    }

    async fn idempotent_answer(
        &self,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<IdempotentAnswer>, StoreError> {
        answers::answer(self, key, now).await
    }

    async fn forget_answers(&self, now: Timestamp) -> Result<(), StoreError> {
        answers::forget(self, now).await
    }
}
