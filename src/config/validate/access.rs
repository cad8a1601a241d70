//! Checks admin tokens and the settings of API keys; never a key itself.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::words::{is_name, under};
use super::{Check, listen};
use crate::base::{hex, ids};
use crate::config::file::{AdminFile, AdminTokenFile, KeysFile, LegacyFile};
use crate::config::model::{
    Admin, AdminToken, KeyCacheSettings, Keys, LegacyFormat, Pepper, Permission,
};
use crate::config::tree::steps;

/// Bytes of a pepper at least: 128 bits, if they are random.
const PEPPER_BYTES: usize = 16;
/// Compiled size of a legacy pattern, in bytes: it runs on what clients send.
const PATTERN_SIZE: usize = 1 << 20;

/// The admin API.
pub(super) fn admin(check: &mut Check<'_>, a: &AdminFile) -> Admin {
    let at = steps!["admin"];
    let listener = listen::parts(check, &a.address, a.tls.as_ref(), &at);
    let tokens = match (&a.token, &a.tokens) {
        (Some(t), None) => single_token(check, t.0.expose()),
        (None, Some(list)) => named_tokens(check, list),
        (Some(_), Some(_)) => {
            check.problem(
                &steps!["admin", "tokens"],
                "expected either `token` or `tokens`, not both",
            );
            Vec::new()
        }
        (None, None) => {
            if !check.is_faulty(&steps!["admin", "tokens"]) {
                check.problem(
                    &steps!["admin", "token"],
                    "missing; expected `token` (one token with every permission) or `tokens`",
                );
            }
            Vec::new()
        }
    };
    Admin { listener, tokens }
}

fn single_token(check: &mut Check<'_>, token: &str) -> Vec<AdminToken> {
    if token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()) {
        check.problem(
            &steps!["admin", "token"],
            "expected a token of printable ASCII without spaces, not empty",
        );
    }
    vec![AdminToken {
        name: "admin".to_owned(),
        sha256: Sha256::digest(token).into(),
        permissions: Permission::ALL.to_vec(),
    }]
}

fn named_tokens(check: &mut Check<'_>, list: &[AdminTokenFile]) -> Vec<AdminToken> {
    if list.is_empty() {
        check.problem(&steps!["admin", "tokens"], "expected at least one token");
    }
    let mut tokens: Vec<AdminToken> = Vec::new();
    for (i, t) in list.iter().enumerate() {
        let at = steps!["admin", "tokens", i];
        if t.name.trim().is_empty() || t.name.chars().any(char::is_control) {
            check.problem(&under(&at, "name"), "expected a name for the audit log");
        }
        if tokens.iter().any(|other| other.name == t.name) {
            check.problem(
                &under(&at, "name"),
                "expected a name that no other token has",
            );
        }
        let sha256 = check.ok(&under(&at, "sha256"), digest(t.sha256.0.expose()));
        tokens.push(AdminToken {
            name: t.name.clone(),
            sha256: sha256.unwrap_or_default(),
            permissions: t.permissions.clone(),
        });
    }
    tokens
}

fn digest(text: &str) -> Result<[u8; 32], String> {
    let bytes = hex::decode(text).ok_or("expected the SHA-256 of the token as 64 hex digits")?;
    if bytes == <[u8; 32]>::from(Sha256::digest("")) {
        return Err("expected the SHA-256 of a token, found that of nothing".to_owned());
    }
    Ok(bytes)
}

/// API keys.
pub(super) fn keys(check: &mut Check<'_>, k: &KeysFile) -> Keys {
    let prefix_fine = k.prefix.len() <= 32 && k.prefix.split('_').all(|p| is_name(p, "", 32));
    if !prefix_fine {
        check.problem(
            &steps!["keys", "prefix"],
            "expected at most 32 letters and digits with single underscores between them, such as lf_live",
        );
    }
    for (i, id) in k.deny.iter().enumerate() {
        if !ids::is_valid(ids::KEY, id) {
            check.problem(
                &steps!["keys", "deny", i],
                "expected a key's id: key_ and 32 hex digits",
            );
        }
    }
    if k.cache.max_stale_seconds < k.cache.max_age_seconds {
        check.problem(
            &steps!["keys", "cache", "max_stale_seconds"],
            format!(
                "expected at least keys.cache.max_age_seconds, which is {}",
                k.cache.max_age_seconds
            ),
        );
    }
    Keys {
        prefix: k.prefix.clone(),
        peppers: peppers(check, k),
        cache: KeyCacheSettings {
            capacity: k.cache.capacity,
            max_age: Duration::from_secs(k.cache.max_age_seconds),
            max_stale: Duration::from_secs(k.cache.max_stale_seconds),
        },
        deny: k.deny.clone(),
        legacy: legacy(check, &k.legacy),
    }
}

fn peppers(check: &mut Check<'_>, k: &KeysFile) -> Vec<Pepper> {
    if k.peppers.is_empty() && !check.options.allow_empty_peppers {
        check.problem(
            &steps!["keys", "peppers"],
            "expected at least one pepper: without one, whoever reads the store could make keys",
        );
    }
    let mut found: Vec<Pepper> = Vec::new();
    for (i, p) in k.peppers.iter().enumerate() {
        let at = steps!["keys", "peppers", i];
        if !is_name(&p.id, "-_", 32) {
            check.problem(
                &under(&at, "id"),
                "expected 1 to 32 letters, digits, - and _",
            );
        }
        if found.iter().any(|other| other.id == p.id) {
            check.problem(&under(&at, "id"), "expected an id that no other pepper has");
        }
        if p.secret.0.expose().len() < PEPPER_BYTES {
            check.problem(
                &under(&at, "secret"),
                format!("expected at least {PEPPER_BYTES} bytes that nobody can guess: openssl rand -base64 32"),
            );
        }
        found.push(Pepper {
            id: p.id.clone(),
            secret: p.secret.0.clone(),
        });
    }
    found
}

fn legacy(check: &mut Check<'_>, list: &[LegacyFile]) -> Vec<LegacyFormat> {
    let mut found = Vec::new();
    for (i, l) in list.iter().enumerate() {
        let at = steps!["keys", "legacy", i, "pattern"];
        let pattern = check.ok(&at, pattern(&l.pattern));
        found.extend(pattern.map(|pattern| LegacyFormat {
            pattern,
            hash: l.hash,
        }));
    }
    found
}

/// A pattern that has to match the whole secret.
fn pattern(text: &str) -> Result<regex::Regex, String> {
    if !text.starts_with('^') || !text.ends_with('$') || text.ends_with("\\$") {
        return Err("expected a pattern of the whole secret, from ^ to $".to_owned());
    }
    // Around it once more: in `^a|b$` neither side is anchored at both ends.
    let whole = regex::RegexBuilder::new(&format!(r"\A(?:{text})\z"))
        .size_limit(PATTERN_SIZE)
        .build()
        .map_err(|e| {
            let last = e.to_string().lines().last().unwrap_or_default().to_owned();
            format!(
                "expected a regular expression: {}",
                last.trim_start_matches("error: ")
            )
        })?;
    if whole.is_match("") {
        return Err("expected a pattern that does not match empty text".to_owned());
    }
    Ok(whole)
}
