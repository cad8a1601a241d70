//! Answers remembered under an Idempotency-Key: who may give one, reading and forgetting; never which call wants one.
//!
//! An answer lies in the slot of its change, as `answer:<id of a change>`, so that both are written in one step. Where
//! that is, an index entry tells that is named after the Idempotency-Key alone. Changes under one Idempotency-Key that
//! belong in the same slot share the place, and the first to be carried out wins there. One that belongs in another slot
//! (the call was repeated with another body) finds the claim of the first and *shuts* its place: either the answer is
//! there by then, and the second is refused, or the first will find its place shut and is refused whenever its script
//! runs. Only then is the claim taken over. So at most one of them is ever carried out, whatever the clocks say.

use super::Store;
use super::each::each;
use super::link::{Call, Patience};
use super::names::{Names, SHARDS};
use super::script::script;
use crate::base::audit::{AuditEntry, IdempotentAnswer};
use crate::base::ceilings::{INDEX_GRACE, REVISION_TRIES, STORE_SCRIPT_KEYS};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::hex;

script!(CLAIM, "answer_claim.lua");
script!(VOID, "answer_void.lua");
script!(TAKE, "answer_take.lua");
script!(FORGET, "answer_forget.lua");
script!(DROP_EQUAL, "drop_equal.lua");
script!(LIST_EXPIRED, "list_expired.lua");

fn conflict() -> StoreError {
    StoreError::Conflict("this Idempotency-Key has its answer already".into())
}

/// Milliseconds for which an answer is kept, counted by Redis from when it is written. An answer says itself when it
/// expires by its caller's clock, and readers go by that.
pub(super) fn kept_ms(answer: &IdempotentAnswer, at: Timestamp) -> u64 {
    let kept = answer.expires_at.since(at).as_millis();
    u64::try_from(kept).unwrap_or(u64::MAX).clamp(1, 1 << 40)
}

fn grace_ms() -> u64 {
    u64::try_from(INDEX_GRACE.as_millis()).unwrap_or(u64::MAX)
}

/// The name of an answer's place under the change that claimed it.
pub(super) fn place(claim: &str) -> String {
    format!("answer:{claim}")
}

/// An answer as it is kept.
pub(super) fn to_text(answer: &IdempotentAnswer) -> String {
    format!(
        "{}\n{}\n{}\n{}",
        answer.expires_at.millis(),
        hex::encode(&answer.request_digest),
        answer.status,
        answer.body
    )
}

pub(super) fn from_text(key: &str, text: &str) -> Option<IdempotentAnswer> {
    let mut parts = text.splitn(4, '\n');
    Some(IdempotentAnswer {
        expires_at: Timestamp::from_millis(parts.next()?.parse().ok()?),
        request_digest: hex::decode(parts.next()?)?,
        status: parts.next()?.parse().ok()?,
        body: parts.next()?.to_owned(),
        key: key.to_owned(),
    })
}

/// What an Idempotency-Key is known by.
pub(super) fn index_id(key: &str) -> String {
    crate::store::transfer::answer_index(key)
}

pub(super) fn list(names: &Names, shard: u32) -> String {
    names.index(&format!("r{shard}"), "answers")
}

/// An entry of the list of answers, by which they are forgotten and erased.
pub(super) struct Listed {
    pub(super) index: String,
    pub(super) claim: String,
    pub(super) tag: String,
    pub(super) account_id: String,
}

impl Listed {
    fn member(&self) -> String {
        format!(
            "{} {} {} {}",
            self.index, self.claim, self.tag, self.account_id
        )
    }

    pub(super) fn parse(member: &str) -> Option<Self> {
        let mut parts = member.split(' ').map(str::to_owned);
        Some(Self {
            index: parts.next()?,
            claim: parts.next()?,
            tag: parts.next()?,
            account_id: parts.next()?,
        })
    }
}

/// Claims the answer's Idempotency-Key for a change in the slot of `tag`, and returns under whose claim the answer goes.
///
/// # Errors
/// [`StoreError::Conflict`] where a change in another slot has answered already.
pub(super) async fn claim(
    store: &Store,
    tag: &str,
    entry: &AuditEntry,
    answer: &IdempotentAnswer,
) -> Result<String, StoreError> {
    let index = index_id(&answer.key);
    let kept = kept_ms(answer, entry.at);
    let entry_name = store.names.spread("a", &index);
    let entry_ms = kept.saturating_add(grace_ms());
    let mine = format!("{} {tag}", entry.id);
    for _ in 0..REVISION_TRIES {
        let call = Call::new(&CLAIM).key(&entry_name);
        let call = call.arg(&entry.id).arg(tag).arg(entry_ms);
        let holds: String = store.link.script(Patience::Calm, &call).await?;
        let held = holds
            .split_once(' ')
            .map(|(claim, of)| (claim.to_owned(), of));
        let claimed = match held {
            Some((claim, of)) if of == tag => Some(claim),
            Some((claim, of)) => {
                shut(store, &claim, of, entry.at).await?;
                let call = Call::new(&TAKE).key(&entry_name);
                let call = call.arg(&holds).arg(&mine).arg(entry_ms);
                let taken: bool = store.link.script(Patience::Calm, &call).await?;
                taken.then(|| entry.id.clone())
            }
            None => return Err(StoreError::Corrupt("an answer's index entry".into())),
        };
        if let Some(claim) = claimed {
            list_it(store, tag, entry, answer, &index, &claim).await?;
            return Ok(claim);
        }
    }
    Err(conflict())
}

/// Shuts another change's place for its answer.
async fn shut(store: &Store, claim: &str, tag: &str, at: Timestamp) -> Result<(), StoreError> {
    let call = Call::new(&VOID).key(store.names.account(tag, &place(claim)));
    let call = call.arg(at.millis()).arg(grace_ms());
    match store.link.script(Patience::Calm, &call).await? {
        true => Ok(()),
        false => Err(conflict()),
    }
}

/// Written before the answer itself, so that no answer is missed by who forgets or erases.
async fn list_it(
    store: &Store,
    tag: &str,
    entry: &AuditEntry,
    answer: &IdempotentAnswer,
    index: &str,
    claim: &str,
) -> Result<(), StoreError> {
    let listed = Listed {
        index: index.to_owned(),
        claim: claim.to_owned(),
        tag: tag.to_owned(),
        account_id: entry.account_id.clone().unwrap_or_default(),
    };
    let mut cmd = redis::cmd("ZADD");
    cmd.arg(list(&store.names, Names::shard_of(index)))
        .arg("GT")
        .arg(answer.expires_at.millis())
        .arg(listed.member());
    store.link.run(Patience::Calm, &cmd).await
}

/// Writes an answer of another store, and what leads to it before.
pub(super) async fn copy_in(
    store: &Store,
    listed: &Listed,
    answer: &IdempotentAnswer,
    now: Timestamp,
) -> Result<(), StoreError> {
    let kept = kept_ms(answer, now);
    let set = |name: String, text: String, ms: u64| async move {
        let mut cmd = redis::cmd("SET");
        cmd.arg(name).arg(text).arg("PX").arg(ms);
        store.link.run::<()>(Patience::Calm, &cmd).await
    };
    let mut cmd = redis::cmd("ZADD");
    cmd.arg(list(&store.names, Names::shard_of(&listed.index)))
        .arg(answer.expires_at.millis())
        .arg(listed.member());
    store.link.run::<()>(Patience::Calm, &cmd).await?;
    let claim = format!("{} {}", listed.claim, listed.tag);
    let entry = store.names.spread("a", &listed.index);
    set(entry, claim, kept.saturating_add(grace_ms())).await?;
    let place = store.names.account(&listed.tag, &place(&listed.claim));
    set(place, to_text(answer), kept).await
}

/// The answer remembered under `key`, unless it expired before `now`.
pub(super) async fn answer(
    store: &Store,
    key: &str,
    now: Timestamp,
) -> Result<Option<IdempotentAnswer>, StoreError> {
    let get = |name: String| {
        let mut cmd = redis::cmd("GET");
        cmd.arg(name);
        async move { store.link.run::<Option<String>>(Patience::Calm, &cmd).await }
    };
    let claim = get(store.names.spread("a", &index_id(key))).await?;
    let Some((claim, tag)) = claim.as_deref().and_then(|c| c.split_once(' ')) else {
        return Ok(None);
    };
    let text = get(store.names.account(tag, &place(claim))).await?;
    Ok(text
        .and_then(|t| from_text(key, &t))
        .filter(|a| a.expires_at > now))
}

/// Forgets answers that expired before `now`. Redis forgets them by itself as well, by its own clock; the list would stay.
pub(super) async fn forget(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    for shard in 0..SHARDS {
        loop {
            let mut cmd = redis::cmd("ZRANGE");
            cmd.arg(list(&store.names, shard))
                .arg("-inf")
                .arg(now.millis());
            cmd.arg("BYSCORE")
                .arg("LIMIT")
                .arg(0)
                .arg(STORE_SCRIPT_KEYS);
            let members: Vec<String> = store.link.run(Patience::Calm, &cmd).await?;
            if members.is_empty() {
                break;
            }
            let gone = members
                .iter()
                .map(|m| forget_one(store, shard, m, Some(now)));
            each(gone).await?;
        }
    }
    Ok(())
}

/// The answer first, then what leads to it.
async fn forget_one(
    store: &Store,
    shard: u32,
    member: &str,
    now: Option<Timestamp>,
) -> Result<(), StoreError> {
    if let Some(listed) = Listed::parse(member) {
        let call = Call::new(&FORGET).key(store.names.account(&listed.tag, &place(&listed.claim)));
        let call = match now {
            Some(now) => call.arg(now.millis()),
            None => call.arg(""),
        };
        let gone: bool = store.link.script(Patience::Calm, &call).await?;
        if gone {
            let call = Call::new(&DROP_EQUAL).key(store.names.spread("a", &listed.index));
            let call = call.arg(format!("{} {}", listed.claim, listed.tag));
            store.link.script::<()>(Patience::Calm, &call).await?;
        }
    }
    let latest = now.map_or_else(|| "inf".to_owned(), |n| n.millis().to_string());
    let call = Call::new(&LIST_EXPIRED).key(list(&store.names, shard));
    store
        .link
        .script::<()>(Patience::Calm, &call.arg(member).arg(latest))
        .await
}

/// Erases an account's answers in a part of the list. `from` is where an earlier call ended; `None` when all is done.
pub(super) async fn erase_some(
    store: &Store,
    account_id: &str,
    from: &str,
) -> Result<Option<String>, StoreError> {
    let (shard, cursor) = from.split_once(' ').unwrap_or(("0", "0"));
    let shard: u32 = shard.parse().unwrap_or(0);
    if shard >= SHARDS {
        return Ok(None);
    }
    let mut cmd = redis::cmd("ZSCAN");
    cmd.arg(list(&store.names, shard)).arg(cursor);
    cmd.arg("COUNT").arg(STORE_SCRIPT_KEYS);
    let (next, members): (String, Vec<(String, String)>) =
        store.link.run(Patience::Calm, &cmd).await?;
    let theirs = members.iter().map(|(m, _)| m);
    let theirs = theirs.filter(|m| Listed::parse(m).is_some_and(|l| l.account_id == account_id));
    each(theirs.map(|m| forget_one(store, shard, m, None))).await?;
    Ok(Some(if next == "0" {
        format!("{} 0", shard + 1)
    } else {
        format!("{shard} {next}")
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        let answer = IdempotentAnswer {
            key: "k".into(),
            request_digest: [7; 32],
            status: 201,
            body: "{\"a\":\n\"é\"}\n".into(),
            expires_at: Timestamp::from_secs(9),
        };
        assert_eq!(from_text("k", &to_text(&answer)), Some(answer));
        assert_eq!(from_text("k", "void"), None);
    }
}
