//! Fills an embedded store with something of every kind, through its ports; never a copy.

use std::time::Duration;

use serde_json::json;

use crate::accounts::model::Account;
use crate::accounts::port::{AccountStore, ErasureStep};
use crate::alerts::model::AlertSettings;
use crate::alerts::port::AlertStore;
use crate::base::audit::{AuditEntry, Change, ChangeContext, IdempotentAnswer};
use crate::base::clock::{Clock, DAY_MS, HOUR_MS, Timestamp};
use crate::base::ids;
use crate::base::secret::Secret;
use crate::config::model::{LegacyHash, PlanOverrides};
use crate::keys::model::{Digest, DigestKind, KeyRecord, StoredSecret};
use crate::keys::port::{KeyStore, LastUse, SecretUses};
use crate::keys::previous_uses::PreviousUses;
use crate::store::embedded::EmbeddedStore;
use crate::usage::model::{Counts, KeyUsageRow, RejectionRow, RouteUsageRow, UsageBatch};
use crate::usage::port::UsageStore;
use crate::webhooks::health::Effect;
use crate::webhooks::model::{
    Attempt, Endpoint, EndpointStatus, Event, EventState, HeaderField, Outcome, Settlement,
};
use crate::webhooks::port::replays::{
    ReplayBounds, ReplayJob, ReplayOnly, ReplayScope, ReplayState, ReplayStep,
};
use crate::webhooks::port::{ClaimTerms, EventStore, ReplayStore};
use crate::webhooks::seal::Sealer;

pub(super) fn now() -> Timestamp {
    Clock::system().now()
}

pub(super) fn ago(ms: i64) -> Timestamp {
    Timestamp::from_millis(now().millis() - ms)
}

fn context() -> ChangeContext {
    ChangeContext::internal(now(), "test")
}

pub(super) fn why(action: &str, account: &str) -> Change {
    Change {
        audit: context().entry(
            action,
            Some(account),
            Some("thing"),
            json!({ "of": account }),
        ),
        answer: None,
    }
}

fn digest(n: u64) -> Digest {
    use sha2::Digest as _;
    sha2::Sha256::digest(n.to_le_bytes()).into()
}

pub(super) fn key(account: &str, n: u64) -> KeyRecord {
    let secret = |n, kind, valid_until| StoredSecret {
        digest: digest(n),
        kind,
        valid_until,
    };
    let mut secrets = vec![secret(2 * n, DigestKind::Pepper("p1".into()), None)];
    if n.is_multiple_of(2) {
        let old = DigestKind::Legacy(LegacyHash::Sha256);
        secrets.push(secret(2 * n + 1, old, Some(ago(-HOUR_MS))));
    }
    KeyRecord {
        id: ids::new(ids::KEY),
        account_id: account.to_owned(),
        name: format!("key {n}\n\"é\""),
        scopes: vec!["contacts:read".into(), "deals:write".into()],
        created_at: ago(DAY_MS),
        expires_at: n.is_multiple_of(3).then(|| ago(-DAY_MS)),
        last_used_at: None,
        last_used_ip: None,
        disabled: n.is_multiple_of(5),
        revoked_at: None,
        allowed_ips: vec!["10.0.0.0/8".parse().unwrap()],
        prefix: "lf_live".into(),
        last_four: "abcd".into(),
        secrets,
        revision: 1,
    }
}

fn event(account: &str, kind: &str) -> Event {
    Event {
        id: ids::new(ids::EVENT),
        account_id: account.to_owned(),
        event_type: kind.to_owned(),
        occurred_at: ago(5),
        state: EventState::Pending,
        sequence: None,
        data: None,
        truncated: false,
        request_id: Some("r".into()),
        route: Some("/v1/contacts".into()),
        method: Some("POST".into()),
        status: Some(201),
        resource_id: None,
        conditional: true,
    }
}

fn release(e: &Event) -> Settlement {
    Settlement::Release {
        event_id: e.id.clone(),
        account_id: e.account_id.clone(),
        data: r#"{"name":"Ada\n\u0000"}"#.into(),
        truncated: false,
        resource_id: Some("c1".into()),
        released_id: None,
    }
}

/// Releases events that are pending, each under the id that it has from then on.
pub(super) async fn release_pending(s: &EmbeddedStore) {
    let pending = s.stale_pending(ago(-60_000), 5).await.unwrap();
    assert!(!pending.is_empty());
    let mut settlements: Vec<Settlement> = pending.iter().map(release).collect();
    for settlement in &mut settlements {
        if let Settlement::Release {
            event_id,
            released_id,
            ..
        } = settlement
        {
            *released_id = Some(format!("{event_id}-last"));
        }
    }
    s.settle(&settlements, now()).await.unwrap();
}

async fn endpoint(s: &EmbeddedStore, sealer: &Sealer, account: &str) -> Endpoint {
    let id = ids::new(ids::WEBHOOK);
    let endpoint = Endpoint {
        secrets: vec![
            sealer
                .seal(&id, &Secret::new(format!("whsec_{id}")))
                .unwrap(),
        ],
        id,
        account_id: account.to_owned(),
        url: "https://receiver.example/hook".into(),
        event_types: vec!["contact.created".into()],
        description: Some("theirs".into()),
        status: EndpointStatus::Active,
        disabled_reason: None,
        created_at: now(),
        revision: 1,
    };
    let made = why("webhook.create", account);
    s.create_endpoint(&endpoint, 50, &made).await.unwrap();
    endpoint
}

async fn events(s: &EmbeddedStore, account: &str) {
    let all: Vec<Event> = (0..4).map(|_| event(account, "contact.created")).collect();
    s.record_pending(&all).await.unwrap();
    let unresolved = Settlement::Unresolved {
        event_id: all[2].id.clone(),
        account_id: account.to_owned(),
    };
    let settled = [release(&all[0]), release(&all[1]), unresolved];
    s.settle(&settled, now()).await.unwrap();
    let published = Event {
        id: format!("theirs-{account}-{}", ids::request_id()),
        data: Some("{}".into()),
        state: EventState::Released,
        conditional: false,
        ..event(account, "deal.won")
    };
    s.publish(&published, now(), &why("event.publish", account))
        .await
        .unwrap();
}

pub(super) fn usage(
    boot: &str,
    sequence: u64,
    accounts: &[String],
    hours: &[i64],
    n: u64,
) -> UsageBatch {
    let (mut keys, mut routes, mut rejections) = (Vec::new(), Vec::new(), Vec::new());
    for (i, account) in accounts.iter().enumerate() {
        for back in hours {
            let hour = ago(back * HOUR_MS).hour_start();
            for (class, requests) in [(0, 1), (2, n), (5, 2)] {
                keys.push(KeyUsageRow {
                    account_id: account.clone(),
                    key_id: format!("key_{}", i % 3),
                    hour,
                    class,
                    counts: Counts {
                        requests,
                        bytes_in: requests * 10,
                        bytes_out: requests * 100,
                        upstream_us: requests * 700,
                    },
                });
            }
            routes.push(RouteUsageRow {
                account_id: account.clone(),
                key_id: format!("key_{}", i % 3),
                route: format!("/v1/{{x}}/{}", i % 2),
                method: "GET".into(),
                hour,
                requests: n,
                errors: 1,
                last_at: hour,
            });
            rejections.push(RejectionRow {
                account_id: account.clone(),
                hour,
                code: ["rate_limited", "quota_exceeded"][i % 2].to_owned(),
                requests: 1,
            });
        }
    }
    UsageBatch {
        boot_id: boot.to_owned(),
        sequence,
        keys,
        routes,
        rejections,
    }
}

pub(super) fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}_{n}@a.b")).collect()
}

/// Fills a store with something of every kind; `round` makes it another time.
pub(super) async fn fill(s: &EmbeddedStore, round: u64) {
    let peppers = config_peppers();
    let sealer = Sealer::new(&peppers);
    let accounts = names(&format!("acct{round}"), 12);
    for (n, account) in accounts.iter().enumerate() {
        let n = n as u64;
        for k in 0..3 {
            let mut key = key(account, round * 1000 + n * 10 + k);
            let answer = context();
            let mut made = why("key.create", account);
            made.answer = Some(IdempotentAnswer {
                key: format!("test/keys.create/{}", key.id),
                request_digest: digest(n),
                status: 201,
                body: "{\"a\":\n1}".into(),
                expires_at: answer.at.plus(Duration::from_secs(24 * 3600)),
            });
            s.create_key(&key, "standard", 100, now(), &made)
                .await
                .unwrap();
            if k == 1 {
                key.revision += 1;
                key.revoked_at = Some(now());
                let revoked = why("key.revoke", account);
                s.update_key(&key, &revoked).await.unwrap();
            }
            let used = LastUse {
                key_id: key.id.clone(),
                at: now(),
                ip: Some("2001:db8::1".parse().unwrap()),
            };
            s.note_last_uses(std::slice::from_ref(&used)).await.unwrap();
            if k != 1 {
                let mut uses = PreviousUses::default();
                uses.accepted.add("2001:db8::1".parse().unwrap(), now());
                uses.refused.add("192.0.2.1".parse().unwrap(), now());
                let uses = [(key.id.clone(), uses)];
                s.note_previous_uses(account, &uses).await.unwrap();
            }
        }
        if n.is_multiple_of(3) {
            let changed = Account {
                id: account.clone(),
                plan: "gold".into(),
                overrides: PlanOverrides {
                    max_keys: Some(7),
                    ..PlanOverrides::default()
                },
                suspended: n == 3,
                created_at: now(),
                erasing: false,
            };
            let put = why("account.update", account);
            s.put_account(&changed, &put).await.unwrap();
        }
        for status in [
            EndpointStatus::Active,
            EndpointStatus::Paused,
            EndpointStatus::Disabled,
        ] {
            let mut endpoint = endpoint(s, &sealer, account).await;
            if n.is_multiple_of(4) {
                events(s, account).await;
            }
            if status != EndpointStatus::Active {
                endpoint.status = status;
                endpoint.revision += 1;
                let changed = why("webhook.update", account);
                s.update_endpoint(&endpoint, &changed).await.unwrap();
            }
            if n == 4 && status == EndpointStatus::Active {
                let gone = why("webhook.delete", account);
                s.delete_endpoint(&endpoint.id, now(), &gone).await.unwrap();
            }
        }
        events(s, account).await;
    }
    let claimed = s
        .claim_due(&ClaimTerms::any(now(), ago(-600_000), 12))
        .await
        .unwrap();
    for (n, c) in claimed.iter().enumerate() {
        let outcome = match n % 4 {
            0 => Outcome::Succeeded,
            1 => Outcome::Retry(ago(-900_000)),
            2 => Outcome::Exhausted,
            // Still claimed when it is copied.
            _ => continue,
        };
        let effect = match n % 8 {
            0 => Effect::Well,
            1 | 2 => Effect::Failed {
                hold_until: n.is_multiple_of(2).then(|| ago(-60_000)),
                pace_ms: 250,
                disable_if_failing_since: None,
            },
            _ => Effect::None,
        };
        let attempt = Attempt {
            at: now(),
            status: Some(500),
            latency_ms: 12,
            error: Some("500".into()),
            reply_excerpt: Some("oops".into()),
            reply_headers: vec![HeaderField::new("server", "ours")],
        };
        s.complete(&c.delivery.id, &c.claim, &attempt, &outcome, &effect, now())
            .await
            .unwrap();
    }
    replays(s, &accounts).await;
    let hours = [0, 1, 2, 30, 24 * 20, 24 * 33, 24 * 70];
    let boot = format!("boot{round}");
    s.apply(&usage(&boot, 1, &accounts, &hours, 3))
        .await
        .unwrap();
    s.apply(&usage(&boot, 2, &accounts, &[0], 4)).await.unwrap();
    s.record_audit(&AuditEntry {
        account_id: None,
        ..context().entry("config.reload", None, None, json!(null))
    })
    .await
    .unwrap();
}

/// More than are made here.
const MOST: ReplayBounds = ReplayBounds {
    all: 99,
    of_account: 99,
};

/// One that runs, of all; one that has ended and one that was cancelled, of an account.
async fn replays(s: &EmbeddedStore, accounts: &[String]) {
    let new = |account: Option<&String>| ReplayJob {
        id: ids::new("rpl_"),
        scope: ReplayScope {
            account_id: account.cloned(),
            endpoint_id: None,
            event_types: vec!["contact.*".into()],
            from: ago(DAY_MS),
            to: ago(-DAY_MS),
            only: ReplayOnly::Failed,
            per_second: 10,
        },
        state: ReplayState::Running,
        cursor: None,
        done: 0,
        created_at: now(),
        finished_at: None,
    };
    for (account, cursor) in [
        (None, Some("dlv_0")),
        (accounts.first(), Some("dlv_0")),
        (accounts.get(2), None),
    ] {
        let why = why("replay.create", "a");
        s.create_replay(&new(account), MOST, &why).await.unwrap();
        let claimed = s.claim_replay(now(), ago(-60_000)).await.unwrap();
        let step = ReplayStep {
            restarted: 3,
            cursor: cursor.map(str::to_owned),
        };
        s.advance_replay(&claimed.unwrap(), &step, ago(-60_000), now())
            .await
            .unwrap();
    }
    let cancelled = new(accounts.get(3));
    let made = why("replay.create", "a");
    s.create_replay(&cancelled, MOST, &made).await.unwrap();
    let ended = why("replay.cancel", "a");
    s.cancel_replay(&cancelled.id, now(), &ended).await.unwrap();
}

/// Settings of alerts for some accounts, or others than they have.
pub(super) async fn alerts(s: &EmbeddedStore, prefix: &str) {
    for (n, account) in (0..).zip(names(prefix, 5)) {
        let known = s.alerts(&account).await.unwrap();
        let revision = known.map_or(0, |k| k.revision) + 1;
        let settings = AlertSettings {
            hour_percent: vec![n],
            month_percent: vec![80, 100],
            key_expiry_days: vec![],
            emails: vec!["zoë@example.com".into()],
            revision,
            account_id: account,
        };
        let put = why("alerts.put", &settings.account_id);
        s.put_alerts(&settings, &put).await.unwrap();
    }
}

fn config_peppers() -> Vec<crate::config::model::Pepper> {
    vec![crate::config::model::Pepper {
        id: "p1".into(),
        secret: Secret::new("0123456789abcdef0123456789abcdef"),
    }]
}

pub(super) async fn erase(s: &EmbeddedStore, account: &str) {
    let gone = why("account.erase", account);
    s.begin_erasure(account, &gone).await.unwrap();
    while s.erase_some(account).await.unwrap() != ErasureStep::Done {}
}
