//! Accounts in SQLite, and the port of the audit log and of remembered answers; how an account is erased lives in `erase`.

use async_trait::async_trait;
use rusqlite::{Connection, Row};
use sha2::{Digest, Sha256};

use super::EmbeddedStore;
use super::fail::{Done, Fail};
use super::rows::{all, fetch, first, json, paged, run, to_json};
use super::{change, erase};
use crate::accounts::model::Account;
use crate::accounts::port::{AccountStore, AuditFilter, ErasureStep};
use crate::base::audit::{AuditEntry, Change, IdempotentAnswer};
use crate::base::ceilings;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::{Page, PageRequest};
use crate::config::model::PlanOverrides;

/// SHA-256 of an account's id: all that is kept of an erased one, for a day.
pub(super) fn tombstone(id: &str) -> [u8; 32] {
    Sha256::digest(id.as_bytes()).into()
}

pub(super) fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: row.get("id")?,
        plan: row.get("plan")?,
        overrides: json(row, "overrides")?,
        suspended: row.get("suspended")?,
        created_at: row.get("created_at")?,
        erasing: row.get::<_, Option<String>>("pseudonym")?.is_some(),
    })
}

pub(super) fn by_id(conn: &Connection, id: &str) -> Done<Option<Account>> {
    first(conn, "SELECT * FROM account WHERE id = ?1", [id], account)
}

fn page_of(conn: &Connection, page: &PageRequest) -> Done<Page<Account>> {
    let found = all(
        conn,
        "SELECT * FROM account WHERE id > ?1 ORDER BY id LIMIT ?2",
        (page.after.as_deref().unwrap_or(""), fetch(page)),
        account,
    )?;
    Ok(paged(found, page, |a| a.id.clone()))
}

pub(super) fn insert(conn: &Connection, account: &Account) -> Done<()> {
    run(
        conn,
        "INSERT INTO account (id, plan, overrides, suspended, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        (
            &account.id,
            &account.plan,
            to_json(&account.overrides)?,
            account.suspended,
            account.created_at,
        ),
    )?;
    // Whoever comes back after an erasure is a new account.
    run(
        conn,
        "DELETE FROM erased WHERE digest = ?1",
        [&tombstone(&account.id)[..]],
    )?;
    Ok(())
}

/// Refuses what would be made for an account that is being erased.
pub(super) fn refuse_erasing(account: Option<&Account>) -> Done<()> {
    if account.is_some_and(|a| a.erasing) {
        return Err(Fail::conflict("the account is being erased"));
    }
    Ok(())
}

/// Makes the account with `plan` where there is none.
pub(super) fn ensure(conn: &Connection, id: &str, plan: &str, now: Timestamp) -> Done<()> {
    let known = by_id(conn, id)?;
    refuse_erasing(known.as_ref())?;
    if known.is_none() {
        insert(
            conn,
            &Account {
                id: id.to_owned(),
                plan: plan.to_owned(),
                overrides: PlanOverrides::default(),
                suspended: false,
                created_at: now,
                erasing: false,
            },
        )?;
    }
    Ok(())
}

/// Whether what comes in for the account is to be left out: it is being erased, or was a short while ago.
pub(super) fn is_gone(conn: &Connection, id: &str) -> Done<bool> {
    Ok(first(
        conn,
        "SELECT 1 FROM account WHERE id = ?1 AND pseudonym IS NOT NULL
         UNION ALL SELECT 1 FROM erased WHERE digest = ?2",
        (id, &tombstone(id)[..]),
        |_| Ok(()),
    )?
    .is_some())
}

fn put(conn: &Connection, account: &Account, why: &Change) -> Done<Account> {
    let known = by_id(conn, &account.id)?;
    refuse_erasing(known.as_ref())?;
    let mut stored = account.clone();
    stored.erasing = false;
    if let Some(known) = known {
        stored.created_at = known.created_at;
        run(
            conn,
            "UPDATE account SET plan = ?2, overrides = ?3, suspended = ?4 WHERE id = ?1",
            (
                &stored.id,
                &stored.plan,
                to_json(&stored.overrides)?,
                stored.suspended,
            ),
        )?;
    } else {
        insert(conn, &stored)?;
    }
    change::write(conn, why)?;
    Ok(stored)
}

#[async_trait]
impl AccountStore for EmbeddedStore {
    async fn account(&self, id: &str) -> Result<Option<Account>, StoreError> {
        let id = id.to_owned();
        self.read(move |c| by_id(c, &id)).await
    }

    async fn accounts(&self, page: &PageRequest) -> Result<Page<Account>, StoreError> {
        let page = page.clone();
        self.read(move |c| page_of(c, &page)).await
    }

    async fn put_account(&self, account: &Account, change: &Change) -> Result<Account, StoreError> {
        let (account, change) = (account.clone(), change.clone());
        self.write(move |c| put(c, &account, &change)).await
    }

    async fn plans_in_use(&self) -> Result<Vec<String>, StoreError> {
        self.read(|c| {
            all(
                c,
                "SELECT DISTINCT plan FROM account WHERE pseudonym IS NULL ORDER BY plan",
                [],
                |r| r.get(0),
            )
        })
        .await
    }

    async fn begin_erasure(&self, id: &str, change: &Change) -> Result<(), StoreError> {
        let (id, change) = (id.to_owned(), change.clone());
        self.write(move |c| erase::begin(c, &id, &change)).await
    }

    async fn erase_some(&self, id: &str) -> Result<ErasureStep, StoreError> {
        self.erase_step(id).await
    }

    async fn erasing(&self) -> Result<Vec<String>, StoreError> {
        self.read(|c| {
            all(
                c,
                "SELECT id FROM account WHERE pseudonym IS NOT NULL ORDER BY id",
                [],
                |r| r.get(0),
            )
        })
        .await
    }

    async fn audit_log(
        &self,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        let (filter, page) = (filter.clone(), page.clone());
        self.read(move |c| change::log(c, &filter, &page)).await
    }

    async fn record_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let entry = entry.clone();
        self.write(move |c| change::write_entry(c, &entry)).await
    }

    async fn idempotent_answer(
        &self,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<IdempotentAnswer>, StoreError> {
        let key = key.to_owned();
        self.read(move |c| change::answer(c, &key, now)).await
    }

    async fn forget_answers(&self, now: Timestamp) -> Result<(), StoreError> {
        let limit = ceilings::STORE_DELETE_ROWS;
        while self.write(move |c| change::forget(c, now, limit)).await? == limit as usize {}
        self.write(move |c| erase::forget_tombstones(c, now)).await
    }
}
