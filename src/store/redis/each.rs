//! Several calls at once, a bounded number under way; never what they are for.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::base::ceilings::STORE_CALLS;
use crate::base::error::StoreError;

/// What all of them give, in their order, with up to [`STORE_CALLS`] under way at once.
///
/// # Errors
/// The first failure; those not begun by then are not begun.
pub(super) fn each<T, F>(
    calls: impl IntoIterator<Item = F>,
) -> impl Future<Output = Result<Vec<T>, StoreError>>
where
    F: Future<Output = Result<T, StoreError>>,
{
    // Made at once, so that no closure that borrows is held while they are awaited.
    let calls: Vec<F> = calls.into_iter().collect();
    stream::iter(calls).buffered(STORE_CALLS).try_collect()
}
