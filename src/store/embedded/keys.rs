//! Keys and their digests in SQLite; never a decision about a key.

use async_trait::async_trait;
use rusqlite::Connection;

use super::EmbeddedStore;
use super::fail::{Done, Fail};
use super::key_rows::{self, by_id, insert, insert_secrets};
use super::rows::{all, fetch, first, paged, run};
use super::{accounts, change};
use crate::base::audit::Change;
use crate::base::ceilings;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::{Page, PageRequest};
use crate::keys::model::{Digest, KeyRecord, StoredSecret};
use crate::keys::port::{Imported, KeyStore, LastUse};

fn by_digest(conn: &Connection, digests: &[Digest]) -> Done<Option<KeyRecord>> {
    for digest in digests {
        let id = first(
            conn,
            "SELECT k.id FROM key_secret s JOIN api_key k ON k.id = s.key_id
             LEFT JOIN account a ON a.id = k.account_id
             WHERE s.digest = ?1 AND a.pseudonym IS NULL",
            [&digest[..]],
            |r| r.get::<_, String>(0),
        )?;
        if let Some(id) = id {
            return by_id(conn, &id);
        }
    }
    Ok(None)
}

fn keys(conn: &Connection, account_id: Option<&str>, page: &PageRequest) -> Done<Page<KeyRecord>> {
    let after = page.after.as_deref().unwrap_or("~");
    let ids: Vec<String> = match account_id {
        Some(account) => all(
            conn,
            "SELECT id FROM api_key WHERE account_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            (account, after, fetch(page)),
            |r| r.get(0),
        )?,
        None => all(
            conn,
            "SELECT id FROM api_key WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
            (after, fetch(page)),
            |r| r.get(0),
        )?,
    };
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        found.extend(by_id(conn, &id)?);
    }
    Ok(paged(found, page, |k| k.id.clone()))
}

fn expiring(
    conn: &Connection,
    from: Timestamp,
    to: Timestamp,
    page: &PageRequest,
) -> Done<Page<KeyRecord>> {
    let after = page.after.as_deref().and_then(|a| a.split_once(' '));
    let (instant, id) = after.unwrap_or(("0", ""));
    let instant: i64 = instant.parse().map_err(|_| StoreError::NotFound)?;
    let found: Vec<(i64, String)> = all(
        conn,
        "SELECT expires_at, id FROM api_key WHERE expires_at IS NOT NULL AND revoked_at IS NULL
             AND expires_at >= ?1 AND expires_at < ?2 AND (expires_at, id) > (?3, ?4)
         ORDER BY expires_at, id LIMIT ?5",
        (from, to, instant, id, fetch(page)),
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    let found = paged(found, page, |(instant, id)| format!("{instant} {id}"));
    let mut items = Vec::with_capacity(found.items.len());
    for (_, id) in found.items {
        items.extend(by_id(conn, &id)?);
    }
    Ok(Page {
        items,
        next: found.next,
    })
}

fn count_live(conn: &Connection, account_id: &str, now: Timestamp) -> Done<u64> {
    Ok(first(
        conn,
        "SELECT count(*) FROM api_key WHERE account_id = ?1 AND revoked_at IS NULL
         AND (expires_at IS NULL OR expires_at > ?2)",
        (account_id, now),
        |r| r.get(0),
    )?
    .unwrap_or(0))
}

fn create(
    conn: &Connection,
    key: &KeyRecord,
    default_plan: &str,
    max_keys: u64,
    now: Timestamp,
    why: &Change,
) -> Done<()> {
    accounts::ensure(conn, &key.account_id, default_plan, key.created_at)?;
    if count_live(conn, &key.account_id, now)? >= max_keys {
        return Err(Fail::conflict(
            "the account has as many keys as its plan allows",
        ));
    }
    insert(conn, key)?;
    change::write(conn, why)
}

/// The stored revision, which has to be the one that `key` was made from.
fn expect_revision(conn: &Connection, key: &KeyRecord) -> Done<()> {
    let stored: u64 = first(
        conn,
        "SELECT revision FROM api_key WHERE id = ?1",
        [&key.id],
        |r| r.get(0),
    )?
    .ok_or(StoreError::NotFound)?;
    if stored.checked_add(1) != Some(key.revision) {
        return Err(Fail::conflict("the key was changed meanwhile"));
    }
    Ok(())
}

fn update(conn: &Connection, key: &KeyRecord, why: &Change) -> Done<()> {
    expect_revision(conn, key)?;
    key_rows::replace(conn, key)?;
    run(conn, "DELETE FROM key_secret WHERE key_id = ?1", [&key.id])?;
    insert_secrets(conn, key)?;
    change::write(conn, why)
}

fn import(
    conn: &Connection,
    keys: &[KeyRecord],
    default_plan: &str,
    why: &Change,
) -> Done<Imported> {
    let mut imported = Imported::default();
    for key in keys {
        if is_known(conn, key)? {
            imported.existing += 1;
            continue;
        }
        accounts::ensure(conn, &key.account_id, default_plan, key.created_at)?;
        insert(conn, key)?;
        imported.created += 1;
    }
    change::write(conn, why)?;
    Ok(imported)
}

/// Whether one of the key's digests is there already, in the same account.
fn is_known(conn: &Connection, key: &KeyRecord) -> Done<bool> {
    for secret in &key.secrets {
        let owner = first(
            conn,
            "SELECT k.account_id FROM key_secret s JOIN api_key k ON k.id = s.key_id WHERE s.digest = ?1",
            [&secret.digest[..]],
            |r| r.get::<_, String>(0),
        )?;
        match owner {
            Some(owner) if owner == key.account_id => return Ok(true),
            Some(_) => return Err(Fail::conflict("a digest belongs to another account")),
            None => {}
        }
    }
    Ok(false)
}

fn revoke_account(
    conn: &Connection,
    account_id: &str,
    now: Timestamp,
    why: &Change,
) -> Done<Vec<String>> {
    let mut ids: Vec<String> = all(
        conn,
        "UPDATE api_key SET revoked_at = ?2, revision = revision + 1
         WHERE account_id = ?1 AND revoked_at IS NULL RETURNING id",
        (account_id, now),
        |r| r.get(0),
    )?;
    ids.sort_unstable();
    change::write(conn, why)?;
    Ok(ids)
}

/// The stored end of life stays: a rotation may have set it since `new` was made from what the caller had read.
fn move_digest(conn: &Connection, key_id: &str, old: &Digest, new: &StoredSecret) -> Done<()> {
    run(
        conn,
        "UPDATE OR IGNORE key_secret SET digest = ?3, kind = ?4 WHERE digest = ?2 AND key_id = ?1",
        (
            key_id,
            &old[..],
            &new.digest[..],
            super::rows::to_json(&new.kind)?,
        ),
    )?;
    Ok(())
}

fn note_uses(conn: &Connection, uses: &[LastUse]) -> Done<()> {
    for u in uses {
        run(
            conn,
            "UPDATE api_key SET last_used_at = ?2, last_used_ip = ?3
             WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at < ?2)",
            (&u.key_id, u.at, u.ip.map(|ip| ip.to_string())),
        )?;
    }
    Ok(())
}

#[async_trait]
impl KeyStore for EmbeddedStore {
    async fn by_digest(&self, digests: &[Digest]) -> Result<Option<KeyRecord>, StoreError> {
        let digests = digests.to_vec();
        self.read(move |c| by_digest(c, &digests)).await
    }

    async fn key(&self, id: &str) -> Result<Option<KeyRecord>, StoreError> {
        let id = id.to_owned();
        self.read(move |c| by_id(c, &id)).await
    }

    async fn keys(
        &self,
        account_id: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<KeyRecord>, StoreError> {
        let (account_id, page) = (account_id.map(str::to_owned), page.clone());
        self.read(move |c| keys(c, account_id.as_deref(), &page))
            .await
    }

    async fn create_key(
        &self,
        key: &KeyRecord,
        default_plan: &str,
        max_keys: u64,
        now: Timestamp,
        change: &Change,
    ) -> Result<(), StoreError> {
        let (key, plan, change) = (key.clone(), default_plan.to_owned(), change.clone());
        self.write(move |c| create(c, &key, &plan, max_keys, now, &change))
            .await
    }

    async fn update_key(&self, key: &KeyRecord, change: &Change) -> Result<(), StoreError> {
        let (key, change) = (key.clone(), change.clone());
        self.write(move |c| update(c, &key, &change)).await
    }

    async fn import_keys(
        &self,
        keys: &[KeyRecord],
        default_plan: &str,
        change: &Change,
    ) -> Result<Imported, StoreError> {
        let (keys, plan, change) = (keys.to_vec(), default_plan.to_owned(), change.clone());
        self.write(move |c| import(c, &keys, &plan, &change)).await
    }

    async fn revoke_account_keys(
        &self,
        account_id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Vec<String>, StoreError> {
        let (account_id, change) = (account_id.to_owned(), change.clone());
        self.write(move |c| revoke_account(c, &account_id, now, &change))
            .await
    }

    async fn move_digest(
        &self,
        key_id: &str,
        old: &Digest,
        new: &StoredSecret,
    ) -> Result<(), StoreError> {
        let (key_id, old, new) = (key_id.to_owned(), *old, new.clone());
        self.write(move |c| move_digest(c, &key_id, &old, &new))
            .await
    }

    async fn note_last_uses(&self, uses: &[LastUse]) -> Result<(), StoreError> {
        // In pieces, so that a busy second's notes do not hold up other writes; noting twice does no harm.
        for piece in uses.chunks(ceilings::STORE_BATCH) {
            let piece = piece.to_vec();
            self.write(move |c| note_uses(c, &piece)).await?;
        }
        Ok(())
    }

    async fn keys_expiring(
        &self,
        from: Timestamp,
        to: Timestamp,
        page: &PageRequest,
    ) -> Result<Page<KeyRecord>, StoreError> {
        let page = page.clone();
        self.read(move |c| expiring(c, from, to, &page)).await
    }

    async fn count_live_keys(&self, account_id: &str, now: Timestamp) -> Result<u64, StoreError> {
        let account_id = account_id.to_owned();
        self.read(move |c| count_live(c, &account_id, now)).await
    }
}
