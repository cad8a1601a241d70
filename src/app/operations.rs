//! What goes to the operator's endpoint: notices of the store, keys that expire soon, usage near its quota; never how it is sent.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;
use tokio::sync::{Notify, watch};

use super::stop::pause;
use super::wire::Parts;
use crate::alerts::decide::{highest, last_day};
use crate::base::ceilings::operations::{
    EXPIRY_LOOK, NOTICES_POLL, NOTICES_STEP, THRESHOLD_LOOK, TOLD_MARKS,
};
use crate::base::clock::{DAY, Timestamp};
use crate::base::error::StoreError;
use crate::base::ids;
use crate::base::page::{MAX_LIMIT, PageRequest};
use crate::config::model::OperatorEvents;
use crate::keys::model::KeyRecord;
use crate::limits::UsedQuota;
use crate::webhooks::operational::{Teller, Told, of_notice};
use crate::webhooks::replayer::Replayer;

/// What publishes operational events, and what carries replays out.
pub(super) fn makers(parts: &Parts, wake: &Arc<Notify>) -> (Teller, Replayer) {
    let teller = Teller::new(Arc::clone(&parts.backend.events), Arc::clone(wake));
    let jobs = Arc::clone(&parts.backend.replays);
    (
        teller,
        Replayer::new(
            jobs,
            Arc::clone(&parts.settings),
            parts.clock.clone(),
            Arc::clone(wake),
        ),
    )
}

/// All that tells the operator something; each ends some time after `stop`.
pub(super) fn tell(
    parts: &Arc<Parts>,
    teller: &Teller,
    stop: &watch::Receiver<bool>,
) -> [BoxFuture<'static, ()>; 3] {
    let with = || (Arc::clone(parts), teller.clone(), stop.clone());
    let (p, t, s) = with();
    let notices = tell_notices(p, t, s).boxed();
    let (p, t, s) = with();
    let expiring = tell_expiring(p, t, s).boxed();
    let (p, t, s) = with();
    [notices, expiring, tell_usage(p, t, s).boxed()]
}

/// Tells notices and removes those that were told.
async fn tell_notices(parts: Arc<Parts>, teller: Teller, mut stop: watch::Receiver<bool>) {
    loop {
        match drain(&parts, &teller).await {
            // There may be more.
            Ok(n) if n == NOTICES_STEP as usize => continue,
            Ok(_) => {}
            Err(e) => tracing::debug!("notices are not told now: {e}"),
        }
        if !pause(NOTICES_POLL, &mut stop).await {
            return;
        }
    }
}

async fn drain(parts: &Parts, teller: &Teller) -> Result<usize, StoreError> {
    let notices = parts.backend.notices.waiting_notices(NOTICES_STEP).await?;
    let is_heard = !notices.is_empty() && teller.is_heard().await?;
    for notice in &notices {
        if is_heard && let Some(told) = of_notice(notice) {
            teller.tell(told, parts.clock.now()).await?;
        }
        // One by one, since what was told must not be told again for a later one's sake.
        let done = std::slice::from_ref(notice);
        parts.backend.notices.remove_notices(done).await?;
    }
    Ok(notices.len())
}

/// What is to be told of a key at `now`: the last mark before its expiry that is past, for as long as its event would be
/// kept; later the event may be gone, and telling it again would be another one.
fn expiring(key: &KeyRecord, days: &[u32], retention: Duration, now: Timestamp) -> Option<Told> {
    let expires_at = key.expires_at.filter(|e| *e > now)?;
    if key.revoked_at.is_some() || key.disabled {
        return None;
    }
    let days = last_day(days, expires_at, now)?;
    if expires_at.minus(DAY * days).plus(retention) <= now {
        return None;
    }
    let instant = expires_at.to_string();
    Some(Told {
        id: ids::derived(
            ids::EVENT,
            &["key.expiring", &key.id, &instant, &days.to_string()],
        ),
        event_type: "key.expiring",
        at: now,
        data: json!({
            "account_id": key.account_id,
            "key_id": key.id,
            "name": key.name,
            "prefix": key.prefix,
            "last_four": key.last_four,
            "expires_at": instant,
            "days": days,
        }),
    })
}

/// Tells which keys expire soon.
async fn tell_expiring(parts: Arc<Parts>, teller: Teller, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(e) = look_for_expiring(&parts, &teller).await {
            tracing::debug!("keys that expire soon are not looked for now: {e}");
        }
        if !pause(EXPIRY_LOOK, &mut stop).await {
            return;
        }
    }
}

async fn look_for_expiring(parts: &Parts, teller: &Teller) -> Result<(), StoreError> {
    let webhooks = parts.snapshot.load().config.webhooks.clone();
    let days = &webhooks.operator.key_expiry_days;
    let Some(first) = days.iter().max() else {
        return Ok(());
    };
    if !teller.is_heard().await? {
        return Ok(());
    }
    let mut page = PageRequest {
        limit: MAX_LIMIT,
        after: None,
    };
    loop {
        let now = parts.clock.now();
        let until = now.plus(DAY * *first);
        let found = parts.backend.keys.keys_expiring(now, until, &page).await?;
        for key in &found.items {
            if let Some(told) = expiring(key, days, webhooks.retention, now) {
                teller.tell(told, now).await?;
            }
        }
        match found.next {
            Some(next) => page.after = Some(next),
            None => return Ok(()),
        }
    }
}

/// What is to be told of a quota: the highest mark that its use has reached.
fn reached(
    account_id: &str,
    policy: &str,
    quota: &UsedQuota,
    marks: &OperatorEvents,
    now: Timestamp,
) -> Option<Told> {
    let mark = highest(&marks.usage_percent, quota.used, quota.limit)?;
    let resets_at = quota.resets_at.to_string();
    let percent = mark.to_string();
    Some(Told {
        id: ids::derived(
            ids::EVENT,
            &[
                "usage.threshold_reached",
                account_id,
                policy,
                &resets_at,
                &percent,
            ],
        ),
        event_type: "usage.threshold_reached",
        at: now,
        data: json!({
            "account_id": account_id,
            "policy": policy,
            "percent": mark,
            "used": quota.used,
            "limit": quota.limit,
            "resets_at": resets_at,
        }),
    })
}

/// Tells which accounts in use come near a quota.
async fn tell_usage(parts: Arc<Parts>, teller: Teller, mut stop: watch::Receiver<bool>) {
    // What this node told: most looks find nothing else, and the store need not be asked.
    let mut told: HashSet<String> = HashSet::new();
    while pause(THRESHOLD_LOOK, &mut stop).await {
        if let Err(e) = look_at_usage(&parts, &teller, &mut told).await {
            tracing::debug!("usage near its quota is not told now: {e}");
        }
    }
}

async fn look_at_usage(
    parts: &Parts,
    teller: &Teller,
    told: &mut HashSet<String>,
) -> Result<(), StoreError> {
    let config = Arc::clone(&parts.snapshot.load().config);
    let now = parts.clock.now();
    let mut all: Vec<Told> = Vec::new();
    parts.limiter.each_used(now, |account, used| {
        for (policy, quota) in [("hour", &used.hour), ("month", &used.month)] {
            all.extend(reached(
                account,
                policy,
                quota,
                &config.webhooks.operator,
                now,
            ));
        }
    });
    all.retain(|t| !told.contains(&t.id));
    if all.is_empty() || !teller.is_heard().await? {
        return Ok(());
    }
    if told.len() > TOLD_MARKS {
        told.clear();
    }
    for t in all {
        let id = t.id.clone();
        teller.tell(t, now).await?;
        told.insert(id);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn key(expires_at: Timestamp) -> KeyRecord {
        KeyRecord {
            id: "key_1".to_owned(),
            account_id: "a".to_owned(),
            name: "n".to_owned(),
            scopes: Vec::new(),
            created_at: NOW,
            expires_at: Some(expires_at),
            last_used_at: None,
            last_used_ip: None,
            disabled: false,
            revoked_at: None,
            allowed_ips: Vec::new(),
            prefix: "lf_live".to_owned(),
            last_four: "abcd".to_owned(),
            secrets: Vec::new(),
            revision: 1,
        }
    }

    #[test]
    fn each_mark_before_an_expiry_is_one_event_and_the_last_that_is_past_counts() {
        let retention = DAY * 30;
        let days = [14, 7, 1];
        let told = |left: Duration| {
            let told = expiring(&key(NOW.plus(left)), &days, retention, NOW);
            told.map(|t| t.data["days"].as_u64().unwrap())
        };
        let hour = Duration::from_secs(3600);
        for (left, expected) in [
            (DAY * 15, None),
            (DAY * 14, Some(14)),
            (DAY * 7 + hour, Some(14)),
            (DAY * 7, Some(7)),
            (DAY + hour, Some(7)),
            (DAY, Some(1)),
            (hour, Some(1)),
        ] {
            assert_eq!(told(left), expected, "{left:?}");
        }
        let end = NOW.plus(DAY * 3);
        let at = |now| expiring(&key(end), &days, retention, now).unwrap().id;
        assert_eq!(at(NOW), at(NOW.plus(hour)));
        assert_ne!(at(NOW), at(NOW.plus(DAY * 2)));
        assert_eq!(expiring(&key(NOW), &days, retention, NOW), None);
    }

    #[test]
    fn a_mark_whose_event_may_be_gone_is_not_told_again() {
        let day_kept = |left| expiring(&key(NOW.plus(left)), &[14], DAY, NOW);
        assert!(day_kept(DAY * 13 + Duration::from_secs(1)).is_some());
        assert_eq!(day_kept(DAY * 13), None);
    }

    #[test]
    fn disabled_and_revoked_keys_are_not_told_of() {
        let mut off = key(NOW.plus(DAY));
        off.disabled = true;
        assert_eq!(expiring(&off, &[14], DAY * 30, NOW), None);
    }

    #[test]
    fn the_highest_mark_that_is_reached_is_told_once_a_window() {
        let marks = OperatorEvents::default();
        let quota = |used, limit| UsedQuota {
            used,
            limit,
            resets_at: NOW,
        };
        let percent = |used, limit| {
            let told = reached("a", "hour", &quota(used, limit), &marks, NOW);
            told.map(|t| t.data["percent"].as_u64().unwrap())
        };
        assert_eq!(percent(79, Some(100)), None);
        assert_eq!(percent(80, Some(100)), Some(80));
        assert_eq!(percent(100, Some(100)), Some(100));
        assert_eq!(percent(u64::MAX, Some(1)), Some(100));
        assert_eq!(percent(9, None), None);
        assert_eq!(percent(9, Some(0)), None);
        let id = |account, policy, used| {
            reached(account, policy, &quota(used, Some(100)), &marks, NOW)
                .unwrap()
                .id
        };
        assert_eq!(id("a", "hour", 80), id("a", "hour", 99));
        assert_ne!(id("a", "hour", 80), id("a", "hour", 100));
        assert_ne!(id("a", "hour", 80), id("a", "month", 80));
        assert_ne!(id("a", "hour", 80), id("b", "hour", 80));
    }
}
