//! What a change carries into its script, its audit entry and its answer, and the way to them; never a change itself.
//!
//! A change in the slot of `tag` leaves `P:{tag}:audit:<id>` and, under an Idempotency-Key, `P:{tag}:answer:<id>`, in the
//! very script that carries it out (`scripts/change.lua`). What leads there lies in other slots and is written before:
//! an entry of the log's index that leads nowhere belongs to a change that was refused or never came, and readers pass
//! it over. A refused change takes its entry back; what a crash leaves is for `repair`.

use redis::FromRedisValue;

use super::Store;
use super::answers;
use super::audit::Mention;
use super::link::{Call, Patience};
use crate::base::audit::Change;
use crate::base::error::StoreError;

/// A change whose audit entry and answer can be found as soon as a script writes them.
pub(super) struct Announced {
    mention: Mention,
    audit_key: String,
    answer_key: String,
    audit_text: String,
    answer_text: String,
    times: String,
}

/// Writes what leads to a change in `slot` (`fg:{acct_1}`, `fg:{q3}`). To be called right before the script.
///
/// # Errors
/// [`StoreError::Conflict`] where the answer's Idempotency-Key has its answer in another slot; one in the same slot is
/// refused by the script.
pub(super) async fn announce(
    store: &Store,
    slot: &str,
    change: &Change,
) -> Result<Announced, StoreError> {
    let tag = store.names.tag(slot)?;
    let entry = &change.audit;
    let (mut claim, mut answer_text, mut kept) = ("-".to_owned(), String::new(), 0);
    if let Some(answer) = &change.answer {
        claim = answers::claim(store, tag, entry, answer).await?;
        answer_text = answers::to_text(answer);
        kept = answers::kept_ms(answer, entry.at);
    }
    let mention = Mention::of(entry, tag);
    mention.add(store).await?;
    Ok(Announced {
        audit_key: store.names.account(tag, &format!("audit:{}", entry.id)),
        answer_key: store.names.account(tag, &answers::place(&claim)),
        audit_text: super::audit::to_text(entry)?,
        answer_text,
        times: format!("{kept} {}", entry.at.millis()),
        mention,
    })
}

impl Announced {
    /// Adds what `change.lua` reads: the last two keys and the last three arguments.
    pub(super) fn add(&self, call: Call) -> Call {
        call.key(&self.audit_key)
            .key(&self.answer_key)
            .arg(&self.audit_text)
            .arg(&self.answer_text)
            .arg(&self.times)
    }

    /// Takes the log's index entry back, for a change that was refused: not for one whose outcome is unknown. Where that
    /// fails the entry leads nowhere, and is passed over.
    pub(super) async fn withdraw(&self, store: &Store) {
        let _ = self.mention.remove(store).await;
    }
}

/// Announces a change, carries it out by a call of its script, and takes the announcement back where that is refused.
///
/// # Errors
/// Those of [`announce`] and of the script.
pub(super) async fn carry_out<T: FromRedisValue>(
    store: &Store,
    slot: &str,
    change: &Change,
    call: Call,
) -> Result<T, StoreError> {
    let announced = announce(store, slot, change).await?;
    let done = store
        .link
        .script(Patience::Calm, &announced.add(call))
        .await;
    if is_refusal(&done) {
        announced.withdraw(store).await;
    }
    done
}

/// Whether a script refused, so that nothing was changed for certain.
pub(super) fn is_refusal<T>(done: &Result<T, StoreError>) -> bool {
    matches!(done, Err(StoreError::Conflict(_) | StoreError::NotFound))
}
