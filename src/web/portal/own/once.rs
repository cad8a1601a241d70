//! Forms that make something with a secret: sent again they make nothing, and show no secret again.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Own;
use crate::base::audit::{ChangeContext, Idempotency};
use crate::base::{hex, ids};
use crate::web::portal::refuse::PageError;

/// What became of a form that makes something.
#[derive(Debug)]
pub(in crate::web::portal) enum Once<T> {
    /// It was made now.
    Made(T),
    /// It was made when the form was sent before: what is public of it.
    Before(Value),
}

/// The text of a form that is shown anew.
pub(in crate::web::portal) fn fresh() -> String {
    ids::request_id()
}

impl Own {
    /// Does `make` unless the form that carries the text `once` was sent before with the same words in it.
    pub(super) async fn once<T, E: Into<PageError>>(
        &self,
        operation: &str,
        once: &str,
        said: &[&str],
        make: impl AsyncFnOnce(ChangeContext) -> Result<T, E>,
    ) -> Result<Once<T>, PageError> {
        if !hex::is_digits(once, 32) {
            let message = "expected what the form has; load the page again";
            return Err(PageError::field("once", message));
        }
        let digest = digest(said);
        // Who goes back and sends the form with other words wants another one.
        let words = u64::from_be_bytes(std::array::from_fn(|i| digest[i]));
        let key = format!(
            "fuelgate:portal\n{operation}\n{}\n{once}\n{words:016x}",
            self.visit.session.id
        );
        if let Some(before) = self.answered(&key).await? {
            return Ok(Once::Before(before));
        }
        let ctx = ChangeContext {
            idempotency: Some(Idempotency {
                key: key.clone(),
                request_digest: digest,
            }),
            ..self.visit.ctx.clone()
        };
        match make(ctx).await.map_err(Into::into) {
            Ok(made) => Ok(Once::Made(made)),
            // It may have lost to itself, sent twice at once.
            Err(PageError::Conflict(why)) => match self.answered(&key).await? {
                Some(before) => Ok(Once::Before(before)),
                None => Err(PageError::Conflict(why)),
            },
            Err(e) => Err(e),
        }
    }

    async fn answered(&self, key: &str) -> Result<Option<Value>, PageError> {
        let store = &self.state.store;
        let found = store.idempotent_answer(key, self.visit.now).await?;
        Ok(found.map(|a| serde_json::from_str(&a.body).unwrap_or_default()))
    }
}

/// What the words of a form come to; each counts with its length.
fn digest(said: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for word in said {
        hash.update((word.len() as u64).to_be_bytes());
        hash.update(word.as_bytes());
    }
    hash.finalize().into()
}
