//! Makes a thing at most once for a key: a repetition gets what the first call left, another request under its key is refused; never a second one.

use crate::accounts::port::AccountStore;
use crate::base::audit::{ChangeContext, Idempotency, IdempotentAnswer};
use crate::base::error::StoreError;

/// What became of a call that makes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Once<T> {
    /// It was made now.
    Made(T),
    /// It was made by the same call before, which left this, without any secret.
    Before(IdempotentAnswer),
}

/// What the errors of those who make something have in common.
pub(super) trait OnceError: From<StoreError> {
    /// Whether the call conflicts with what is there, and so may have lost to the same call.
    fn is_conflict(&self) -> bool;
    /// The key was used for another request.
    fn reused() -> Self;
}

/// Does `make` unless a call with the same key did it before. `make` writes the answer together with its change
/// ([`crate::base::audit::Change::answered`]); whoever loses a race to the same call is given the winner's answer.
///
/// # Errors
/// [`OnceError::reused`] where the key was used for a request with another digest; what `make` and the store say.
pub(super) async fn once<T, E, F, R>(
    store: &dyn AccountStore,
    caller: &ChangeContext,
    idempotency: Idempotency,
    make: F,
) -> Result<Once<T>, E>
where
    E: OnceError,
    F: FnOnce(ChangeContext) -> R,
    R: Future<Output = Result<T, E>>,
{
    let before = async || {
        let found = store.idempotent_answer(&idempotency.key, caller.at).await?;
        match found {
            Some(a) if a.request_digest != idempotency.request_digest => Err(E::reused()),
            found => Ok(found),
        }
    };
    if let Some(answer) = before().await? {
        return Ok(Once::Before(answer));
    }
    let ctx = ChangeContext {
        idempotency: Some(idempotency.clone()),
        ..caller.clone()
    };
    match make(ctx).await {
        Ok(made) => Ok(Once::Made(made)),
        // It may have lost to the same call: then that one's answer is there by now.
        Err(error) if error.is_conflict() => match before().await? {
            Some(answer) => Ok(Once::Before(answer)),
            None => Err(error),
        },
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use tempfile::TempDir;

    use super::*;
    use crate::accounts::model::Account;
    use crate::base::clock::{Clock, Timestamp};
    use crate::config::model::PlanOverrides;
    use crate::store::embedded::{EmbeddedStore, Options};

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[derive(Debug, PartialEq)]
    enum Error {
        Conflict,
        Other,
        Reused,
    }

    impl From<StoreError> for Error {
        fn from(error: StoreError) -> Self {
            match error {
                StoreError::Conflict(_) => Self::Conflict,
                _ => Self::Other,
            }
        }
    }

    impl OnceError for Error {
        fn is_conflict(&self) -> bool {
            *self == Self::Conflict
        }
        fn reused() -> Self {
            Self::Reused
        }
    }

    fn store(dir: &TempDir) -> Arc<EmbeddedStore> {
        let path = dir.path().join("fuelgate.db");
        EmbeddedStore::open(&path, Clock::manual(NOW), Options::default()).unwrap()
    }

    fn idempotency(digest: u8) -> Idempotency {
        Idempotency {
            key: "t\naccounts.make\nk".to_owned(),
            request_digest: [digest; 32],
        }
    }

    /// Makes an account of this name, and leaves the name as its answer.
    async fn make(store: &EmbeddedStore, name: &str, ctx: ChangeContext) -> Result<(), Error> {
        let account = Account {
            id: name.to_owned(),
            plan: "standard".to_owned(),
            overrides: PlanOverrides::default(),
            suspended: false,
            created_at: NOW,
            erasing: false,
        };
        let change = ctx
            .change("account.put", Some(name), None, json!({}))
            .answered(&ctx, 201, &json!(name));
        store.put_account(&account, &change).await?;
        Ok(())
    }

    async fn call(store: &EmbeddedStore, name: &str, digest: u8) -> Result<Once<()>, Error> {
        let caller = ChangeContext::internal(NOW, "t");
        let ours = idempotency(digest);
        once(store, &caller, ours, |ctx| make(store, name, ctx)).await
    }

    fn answer(made: Result<Once<()>, Error>) -> String {
        match made {
            Ok(Once::Before(answer)) => answer.body,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_repetition_gets_what_the_first_call_left() {
        let dir = TempDir::new().unwrap();
        let store = store(&dir);
        assert_eq!(call(&store, "a", 1).await, Ok(Once::Made(())));
        assert_eq!(answer(call(&store, "b", 1).await), "\"a\"");
        assert_eq!(store.account("b").await.unwrap(), None);
    }

    #[tokio::test]
    async fn another_request_under_the_same_key_is_refused() {
        let dir = TempDir::new().unwrap();
        let store = store(&dir);
        call(&store, "a", 1).await.unwrap();
        assert_eq!(call(&store, "b", 2).await, Err(Error::Reused));
        assert_eq!(store.account("b").await.unwrap(), None);
    }

    #[tokio::test]
    async fn who_loses_a_race_gets_the_winners_answer_if_it_is_the_same_call() {
        let caller = ChangeContext::internal(NOW, "t");
        for (winner, digest) in [("same", 1), ("other", 2)] {
            let dir = TempDir::new().unwrap();
            let store = store(&dir);
            let lost = once(&*store, &caller, idempotency(1), async |ctx| {
                call(&store, winner, digest).await?;
                make(&store, "loser", ctx).await
            })
            .await;
            match digest {
                1 => assert_eq!(answer(lost), "\"same\""),
                _ => assert_eq!(lost, Err(Error::Reused)),
            }
            assert_eq!(store.account("loser").await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn a_conflict_with_something_else_stays_one() {
        let dir = TempDir::new().unwrap();
        let store = store(&dir);
        let caller = ChangeContext::internal(NOW, "t");
        let fail = async |error: fn() -> Error| {
            once(&*store, &caller, idempotency(1), async |_| {
                Err::<(), _>(error())
            })
            .await
        };
        assert_eq!(fail(|| Error::Conflict).await, Err(Error::Conflict));
        assert_eq!(fail(|| Error::Other).await, Err(Error::Other));
    }
}
