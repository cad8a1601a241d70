//! A key as rows of `api_key` and `key_secret`, there and back; never which key is wanted.

use rusqlite::{Connection, Row, named_params};

use super::fail::{Done, Fail};
use super::rows::{all, first, json, parsed, run, to_json};
use crate::keys::model::{KeyRecord, StoredSecret};

fn key(row: &Row<'_>) -> rusqlite::Result<KeyRecord> {
    Ok(KeyRecord {
        id: row.get("id")?,
        account_id: row.get("account_id")?,
        name: row.get("name")?,
        scopes: json(row, "scopes")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        last_used_at: row.get("last_used_at")?,
        last_used_ip: parsed(row, "last_used_ip")?,
        disabled: row.get("disabled")?,
        revoked_at: row.get("revoked_at")?,
        allowed_ips: json(row, "allowed_ips")?,
        prefix: row.get("prefix")?,
        last_four: row.get("last_four")?,
        secrets: Vec::new(),
        revision: row.get("revision")?,
    })
}

fn secret(row: &Row<'_>) -> rusqlite::Result<StoredSecret> {
    Ok(StoredSecret {
        digest: row.get("digest")?,
        kind: json(row, "kind")?,
        valid_until: row.get("valid_until")?,
    })
}

pub(super) fn by_id(conn: &Connection, id: &str) -> Done<Option<KeyRecord>> {
    let Some(mut found) = first(conn, "SELECT * FROM api_key WHERE id = ?1", [id], key)? else {
        return Ok(None);
    };
    found.secrets = all(
        conn,
        "SELECT * FROM key_secret WHERE key_id = ?1 ORDER BY position",
        [id],
        secret,
    )?;
    Ok(Some(found))
}

pub(super) fn insert(conn: &Connection, key: &KeyRecord) -> Done<()> {
    let written = run(
        conn,
        "INSERT INTO api_key (id, account_id, name, scopes, created_at, expires_at, last_used_at, last_used_ip,
             disabled, revoked_at, allowed_ips, prefix, last_four, revision)
         VALUES (:id, :account_id, :name, :scopes, :created_at, :expires_at, :last_used_at, :last_used_ip,
             :disabled, :revoked_at, :allowed_ips, :prefix, :last_four, :revision)
         ON CONFLICT DO NOTHING",
        named_params! {
            ":id": key.id,
            ":account_id": key.account_id,
            ":name": key.name,
            ":scopes": to_json(&key.scopes)?,
            ":created_at": key.created_at,
            ":expires_at": key.expires_at,
            ":last_used_at": key.last_used_at,
            ":last_used_ip": key.last_used_ip.map(|ip| ip.to_string()),
            ":disabled": key.disabled,
            ":revoked_at": key.revoked_at,
            ":allowed_ips": to_json(&key.allowed_ips)?,
            ":prefix": key.prefix,
            ":last_four": key.last_four,
            ":revision": key.revision,
        },
    )?;
    if written == 0 {
        return Err(Fail::conflict("there is a key with this id"));
    }
    insert_secrets(conn, key)
}

/// All but id, account, creation and last use.
pub(super) fn replace(conn: &Connection, key: &KeyRecord) -> Done<()> {
    run(
        conn,
        "UPDATE api_key SET name = :name, scopes = :scopes, expires_at = :expires_at, disabled = :disabled,
             revoked_at = :revoked_at, allowed_ips = :allowed_ips, prefix = :prefix, last_four = :last_four,
             revision = :revision
         WHERE id = :id",
        named_params! {
            ":id": key.id,
            ":name": key.name,
            ":scopes": to_json(&key.scopes)?,
            ":expires_at": key.expires_at,
            ":disabled": key.disabled,
            ":revoked_at": key.revoked_at,
            ":allowed_ips": to_json(&key.allowed_ips)?,
            ":prefix": key.prefix,
            ":last_four": key.last_four,
            ":revision": key.revision,
        },
    )?;
    Ok(())
}

pub(super) fn insert_secrets(conn: &Connection, key: &KeyRecord) -> Done<()> {
    for (position, s) in key.secrets.iter().enumerate() {
        let written = run(
            conn,
            "INSERT INTO key_secret (digest, key_id, position, kind, valid_until)
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            (
                &s.digest[..],
                &key.id,
                position,
                to_json(&s.kind)?,
                s.valid_until,
            ),
        )?;
        if written == 0 {
            return Err(Fail::conflict("a digest belongs to another key"));
        }
    }
    Ok(())
}
