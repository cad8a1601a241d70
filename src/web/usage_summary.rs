//! What an account has used of its quotas, to the request, for the admin API and the portal; never a page or a body.

use crate::base::clock::{HOUR_MS, Timestamp};
use crate::base::error::StoreError;
use crate::config::model::Quotas;
use crate::limits::{Limiter, UsedQuota, UsedQuotas};
use crate::usage::port::UsageStore;

/// What is in memory is exact; an account that is not there has nothing that the store does not have. `quotas` are those of
/// its plan, which are asked for in the second case only.
pub(super) async fn used<E: From<StoreError>>(
    limiter: &Limiter,
    usage: &dyn UsageStore,
    account_id: &str,
    now: Timestamp,
    quotas: impl Future<Output = Result<Quotas, E>>,
) -> Result<UsedQuotas, E> {
    if let Some(limits) = limiter.loaded(account_id) {
        return Ok(limits.used(now));
    }
    let quotas = quotas.await?;
    let (hour, month) = (now.hour_start(), now.month_start());
    let (in_hour, in_month) = usage.used(account_id, hour, month).await?;
    Ok(UsedQuotas {
        hour: UsedQuota {
            used: in_hour,
            limit: quotas.hour,
            resets_at: Timestamp::from_millis(hour.millis() + HOUR_MS),
        },
        month: UsedQuota {
            used: in_month,
            limit: quotas.month,
            resets_at: now.next_month_start(),
        },
    })
}
