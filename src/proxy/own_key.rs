//! What a key may know about itself, at its well-known path; never another key's.

use bytes::Bytes;
use serde_json::{Value, json};

use super::ctx::Ctx;
use crate::limits::{Policy, UsedQuota};

/// Where a key is described. It wins over any route.
pub const PATH: &str = "/.well-known/fuelgate/key";

/// The description of a request's own key; empty where it has none.
pub fn describe(ctx: &Ctx) -> Bytes {
    let Some(key) = &ctx.key else {
        return Bytes::from_static(b"{}");
    };
    let (grant, with) = (&key.grant, &key.attachment);
    let used = with.limits.used(ctx.now);
    let standings = with.limits.peek(&with.bucket, ctx.now);
    let standings = standings.map(|s| s.policies).unwrap_or_default();
    let policies: Vec<Value> = standings
        .iter()
        .map(|s| {
            json!({
                "policy": s.policy.as_str(),
                "limit": s.quota,
                "remaining": s.remaining,
                "kind": if s.policy.is_quota() { "quota" } else { "rate" },
            })
        })
        .collect();
    let limit = |p: Policy| standings.iter().find(|s| s.policy == p).map(|s| s.quota);
    let body = json!({
        "id": grant.key_id,
        "account_id": grant.account_id,
        "name": with.name,
        "scopes": grant.scopes.split(' ').filter(|s| !s.is_empty()).collect::<Vec<_>>(),
        "expires_at": grant.expires_at,
        "limits": {
            "burst": limit(Policy::Burst),
            "account": limit(Policy::Account),
            "hour": used.hour.limit,
            "month": used.month.limit,
            "policies": policies,
        },
        "usage": { "hour": quota(&used.hour), "month": quota(&used.month) },
    });
    Bytes::from(body.to_string())
}

fn quota(q: &UsedQuota) -> Value {
    json!({ "used": q.used, "limit": q.limit, "resets_at": q.resets_at })
}
