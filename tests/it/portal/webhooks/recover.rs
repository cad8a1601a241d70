//! What a webhook missed and old secrets on its page: recovered by a button, ended by another; never another account's.

use std::sync::atomic::Ordering;

use serde_json::json;

use super::{LONG, add, create_contact, has_secret, place, receiver, secret_in, shows};
use crate::support::eventually;
use crate::support::portal::{Portal, hidden};

#[test]
fn what_a_webhook_missed_is_recovered_and_counted_on_its_page() {
    for (store, portal) in Portal::both() {
        let visitor = portal.signed_in("acct_1", "developer");
        let (_, key) = portal.gateway.key("acct_1", &super::SCOPES);
        // Before there is a webhook, and while it is disabled.
        create_contact(&portal, &key, "ada");
        let (backend, status) = receiver();
        status.store(410, Ordering::SeqCst);
        let url = format!("http://{}/hook", backend.address);
        let (id, _) = add(&visitor, &url, &["contact.created"]);
        let path = format!("/webhooks/{id}");
        place(&visitor, &format!("{path}/test"), &[]);
        let page = shows(&visitor, &path, "Nothing is sent to this webhook.");
        assert!(page.contains("Resume the webhook first."), "{store}");
        let recover = format!("{path}/recover");
        let refused = visitor.post(&recover, &[("since", "24h")]);
        assert_eq!(refused.status, 409, "{}", refused.text());
        assert!(refused.text().contains("The webhook is disabled."));
        create_contact(&portal, &key, "bob");
        status.store(200, Ordering::SeqCst);
        place(&visitor, &format!("{path}/resume"), &[]);
        let page = visitor.page(&path);
        assert!(page.contains("Events are kept for 30 days"), "{store}");
        let count = backend.count();

        let to = place(&visitor, &recover, &[("since", "24h")]);
        assert_eq!(to, format!("{path}?done=recovering#recover"));
        let page = shows(&visitor, &path, "2 events found</strong>; see");
        assert!(page.contains("data-live-over"), "{store}");
        eventually("they are sent", LONG, || {
            (backend.count() == count + 2).then_some(())
        });
        let to = place(&visitor, &recover, &[("since", "1h")]);
        assert!(
            visitor
                .page(to.split('#').next().unwrap())
                .contains("Missed events are being looked for.")
        );
        shows(&visitor, &path, "found nothing that was missed");
        assert_eq!(backend.count(), count + 2, "{store}: nothing comes twice");
        let bad = visitor.post(&recover, &[("since", "ever")]);
        assert_eq!(bad.status, 422);

        // Others can do nothing of that, and nothing comes of their trying.
        let stranger = portal.signed_in("acct_2", "developer");
        let foreign = stranger.post(&recover, &[("since", "24h"), ("failed", "yes")]);
        assert_eq!(foreign.status, 404, "{store}: {}", foreign.text());
        let viewer = portal.signed_in("acct_1", "viewer");
        assert_eq!(viewer.post(&recover, &[("since", "24h")]).status, 403);
        assert!(!viewer.page(&path).contains("Recover missed events"));
        let jobs = portal
            .gateway
            .admin("GET", "/admin/v1/replays", None)
            .json();
        assert_eq!(jobs["data"].as_array().unwrap().len(), 2, "{store}");
        let log = portal
            .gateway
            .admin("GET", "/admin/v1/audit-log?action=replay.create", None)
            .json();
        assert_eq!(log["data"][0]["actor"], "u_1");
    }
}

#[test]
fn an_old_secret_is_ended_and_messages_carry_one_signature() {
    for (store, portal) in Portal::both() {
        let visitor = portal.signed_in("acct_1", "developer");
        let (backend, _) = receiver();
        let url = format!("http://{}/hook", backend.address);
        let (id, old) = add(&visitor, &url, &["contact.created"]);
        let path = format!("/webhooks/{id}");
        let end = format!("{path}/old-secret");
        assert!(visitor.page(&end).contains("There is no old secret"));
        let once = hidden(&visitor.page(&format!("{path}/secret")), "once");
        let made = visitor.post(&format!("{path}/secret"), &[("once", &once)]);
        let new = secret_in(&made.text());
        assert!(made.text().contains(&end) && visitor.page(&path).contains(&end));
        let signatures = |webhook: &str| {
            let before = backend.count();
            place(&visitor, &format!("{webhook}/test"), &[]);
            eventually("it is sent", LONG, || {
                (backend.count() > before).then(|| backend.last())
            })
        };
        let both = signatures(&path);
        assert_eq!(
            both.header("webhook-signature").unwrap().split(' ').count(),
            2
        );

        let stranger = portal.signed_in("acct_2", "developer");
        assert_eq!(stranger.get(&end).status, 404);
        assert_eq!(stranger.post(&end, &[]).status, 404);
        let viewer = portal.signed_in("acct_1", "viewer");
        assert_eq!(viewer.post(&end, &[]).status, 403);
        assert!(!viewer.page(&path).contains(&end));

        let asked = visitor.page(&end);
        assert!(asked.contains("Put the new secret into your endpoint first."));
        assert!(!has_secret(&asked));
        let to = place(&visitor, &end, &[]);
        assert_eq!(to, format!("{path}?done=old-secret-ended"));
        assert!(visitor.page(&to).contains("The old secret signs no more."));
        let one = signatures(&path);
        assert_eq!(
            one.header("webhook-signature").unwrap().split(' ').count(),
            1
        );
        assert!(one.verifies(&new) && !one.verifies(&old), "{store}");
        assert!(!visitor.page(&path).contains("The old one signs as well"));
        let log = portal
            .gateway
            .admin(
                "GET",
                "/admin/v1/audit-log?action=webhook.revoke_previous_secrets",
                None,
            )
            .json();
        assert_eq!(log["data"][0]["target"], json!(id));
    }
}
