//! Forms that make something with a secret: sent again they make nothing, and show no secret again.

use serde_json::Value;

use super::Own;
use crate::base::audit::{ChangeContext, Idempotency, IdempotentAnswer};
use crate::base::{hex, ids};
use crate::web::once::{self, OnceError};
use crate::web::portal::guard::TOKEN;
use crate::web::portal::refuse::PageError;

pub(in crate::web::portal) use crate::web::once::Once;

/// The text of a form that is shown anew.
pub(in crate::web::portal) fn fresh() -> String {
    ids::request_id()
}

impl Own {
    /// Does `make` unless the form that carries the text `once` was sent before. With other words in it, it is refused as
    /// [`PageError::SentBefore`].
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
        let session = &self.visit.session.id;
        let idempotency = Idempotency {
            key: format!("{TOKEN}\n{operation}\n{session}\n{once}"),
            request_digest: ids::digest(said),
        };
        let make = async |ctx| make(ctx).await.map_err(Into::into);
        once::once(&*self.state.store, &self.visit.ctx, idempotency, make).await
    }
}

impl OnceError for PageError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }

    fn reused() -> Self {
        Self::SentBefore
    }
}

/// The id of what a form made that was sent before.
pub(in crate::web::portal) fn made_before(before: &IdempotentAnswer) -> String {
    let body: Value = serde_json::from_str(&before.body).unwrap_or_default();
    let id = body.get("id").and_then(Value::as_str);
    id.unwrap_or_default().to_owned()
}
