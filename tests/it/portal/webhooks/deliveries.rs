//! What was sent, exactly, what came back, and sending it again; lists of it with further pages.

use std::sync::atomic::Ordering;

use super::{LONG, SCOPES, add, create_contact, deliveries, id_in, place, receiver, shows};
use crate::support::eventually;
use crate::support::portal::Portal;

#[test]
fn a_delivery_shows_the_exact_body_every_attempt_and_the_reply_as_text() {
    for (store, portal) in Portal::both() {
        let visitor = portal.signed_in("acct_1", "developer");
        let (backend, status) = receiver();
        status.store(500, Ordering::SeqCst);
        let url = format!("http://{}/hook", backend.address);
        let (id, _) = add(&visitor, &url, &["contact.created"]);
        let (_, key) = portal.gateway.key("acct_1", &SCOPES);
        create_contact(&portal, &key, "</pre><script>alert(1)</script>");
        let delivery = eventually("it has failed for good", LONG, || {
            deliveries(&visitor, &format!("?webhook={id}&status=failed")).pop()
        });
        let path = format!("/deliveries/{delivery}");
        let page = visitor.page(&path);
        for text in [
            "Attempt 1",
            "Attempt 2",
            "Attempt 3",
            "500 Internal Server Error",
            "The receiver answered 500.",
        ] {
            assert!(page.contains(text), "{store}: no {text} in {page}");
        }
        assert!(page.contains("&lt;script&gt;window.__x=1&lt;/script&gt; said 500"));
        assert!(
            !page.contains("<script>window") && !page.contains("<script>alert"),
            "{store}"
        );
        let seen = backend.seen();
        assert_eq!(seen.len(), 3);
        let body = visitor.get(&format!("{path}/body"));
        assert_eq!(
            (body.status, body.header("content-type")),
            (200, Some("application/json"))
        );
        assert!(
            body.header("content-disposition")
                .unwrap()
                .starts_with("attachment")
        );
        for one in &seen {
            assert_eq!(one.body, body.body, "{store}: what was sent, byte for byte");
            assert!(page.contains(one.header("webhook-id").unwrap()));
        }
        let last = seen
            .last()
            .unwrap()
            .header("webhook-timestamp")
            .unwrap()
            .parse::<i64>()
            .unwrap();
        let shown = (last - 1..=last).any(|t| page.contains(&t.to_string()));
        assert!(shown, "{store}: the time of the last attempt is shown");
        assert!(
            visitor
                .page(&format!("/webhooks/{id}"))
                .contains("3 failures in a row")
        );
        assert!(visitor.page("/webhooks").contains("Failing"));

        // One by hand, then all that has failed, then the event to whoever wants it.
        status.store(204, Ordering::SeqCst);
        assert_eq!(
            place(&visitor, &format!("{path}/retry"), &[]),
            format!("{path}?done=retried")
        );
        let page = shows(&visitor, &path, "Succeeded");
        assert!(page.contains("204 No Content") && page.contains("Attempt 4"));
        status.store(503, Ordering::SeqCst);
        create_contact(&portal, &key, "eve");
        let failed = format!("?webhook={id}&status=failed");
        eventually("another fails", LONG, || {
            deliveries(&visitor, &failed).pop()
        });
        status.store(200, Ordering::SeqCst);
        let replay = format!("/webhooks/{id}/replay-failed");
        assert_eq!(visitor.post(&replay, &[("from", "ever")]).status, 422);
        assert_eq!(
            place(&visitor, &replay, &[("from", "1h")]),
            format!("/webhooks/{id}?done=replayed")
        );
        eventually("none has failed any more", LONG, || {
            deliveries(&visitor, &failed).is_empty().then_some(())
        });

        let event = id_in(&page, "evt_");
        let sent = || {
            let seen = backend.seen();
            let ids = seen.iter().filter_map(|s| s.header("webhook-id"));
            ids.filter(|id| *id == event).count()
        };
        let before = sent();
        assert_eq!(
            place(&visitor, &format!("/events/{event}/replay"), &[]),
            format!("/events/{event}?done=replayed")
        );
        eventually("it is sent again, with the same id", LONG, || {
            (sent() > before).then_some(())
        });
        let shown = visitor.page(&format!("/events/{event}"));
        assert!(shown.contains("POST /v1/contacts") && !shown.contains("<script>alert"));
        assert!(
            visitor
                .page("/events?type=contact.created")
                .contains(&event)
        );
        assert!(!visitor.page("/events?type=deal.created").contains(&event));
    }
}

#[test]
fn types_have_words_and_a_body_and_lists_have_further_pages() {
    let portal = Portal::start();
    let visitor = portal.signed_in("acct_1", "developer");
    let page = visitor.page("/webhooks/types");
    for text in [
        "A contact was created",
        "POST /v1/contacts",
        "Ada Lovelace",
        "webhook.test",
        "/webhooks/new?type=deal.created",
    ] {
        assert!(page.contains(text), "{text}");
    }
    let chosen = visitor.page("/webhooks/new?type=deal.created");
    assert!(chosen.contains("value=\"deal.created\" checked"));

    let (_, key) = portal.gateway.key("acct_1", &SCOPES);
    let (backend, _) = receiver();
    add(&visitor, &format!("http://{}/", backend.address), &["*"]);
    for i in 0..55 {
        create_contact(&portal, &key, &format!("c{i}"));
    }
    for list in ["/deliveries", "/events"] {
        let second = eventually("all are listed", LONG, || {
            let first = visitor.page(list);
            let at = first.find(&format!("{list}?cursor="))?;
            let older = &first[at..at + first[at..].find('"').unwrap()];
            let second = visitor.page(older);
            // Five, and the head.
            (second.matches("<tr>").count() == 6).then_some(second)
        });
        assert!(second.contains("Back to the newest"));
        assert_eq!(visitor.get(&format!("{list}?cursor=AAAA")).status, 422);
        assert_eq!(visitor.get(&format!("{list}?limit=201")).status, 422);
    }
    assert_eq!(visitor.get("/deliveries?status=nope").status, 422);
}

/// The link to older things in a page.
fn older(page: &str) -> String {
    let at = page.find("rel=\"next\" href=\"").expect("a next page");
    let rest = &page[at + "rel=\"next\" href=\"".len()..];
    rest[..rest.find('"').unwrap()].replace("&amp;", "&")
}

#[test]
fn deliveries_are_found_by_time_and_pages_keep_filter_and_size() {
    for (store, portal) in Portal::both() {
        let visitor = portal.signed_in("acct_1", "developer");
        let (backend, _) = receiver();
        let url = format!("http://{}/", backend.address);
        for _ in 0..5 {
            add(&visitor, &url, &["contact.created"]);
        }
        let (_, key) = portal.gateway.key("acct_1", &SCOPES);
        create_contact(&portal, &key, "ada");
        eventually("all are sent", LONG, || {
            (deliveries(&visitor, "?status=succeeded").len() == 5).then_some(())
        });
        let of = |query: &str| deliveries(&visitor, query);
        assert_eq!(
            of("?from=2020-01-01T00%3A00&to=2100-01-01T00%3A00").len(),
            5
        );
        assert_eq!(of("?from=2100-01-01T00%3A00").len(), 0, "{store}");
        assert_eq!(of("?to=2020-01-01T00%3A00%3A30").len(), 0, "{store}");
        for (query, field) in [
            ("?from=yesterday", "from"),
            ("?to=2026-11-27T14%3A09Z", "to"),
            ("?from=2026-01-02T00%3A00&to=2026-01-01T00%3A00", "from"),
        ] {
            let refused = visitor.get(&format!("/deliveries{query}"));
            assert_eq!(refused.status, 422, "{field}: {}", refused.text());
        }
        // Filter and size stay on the way through the pages.
        let filter = "status=succeeded&type=contact.created&from=2020-01-01T00%3A00";
        let first = visitor.page(&format!("/deliveries?{filter}&limit=2"));
        assert!(first.contains("value=\"2020-01-01T00:00\""), "{store}");
        let link = older(&first);
        for kept in filter.split('&').chain(["limit=2", "cursor="]) {
            assert!(link.contains(kept), "{store}: no {kept} in {link}");
        }
        let second = visitor.page(&link);
        assert_eq!(
            second.matches("<tr>").count(),
            3,
            "{store}: two, and the head"
        );
        let newest = format!("/deliveries?{filter}&limit=2\"").replace('&', "&amp;");
        assert!(second.contains(&newest), "{store}: {newest}");
        assert!(visitor.page(&older(&second)).contains("Back to the newest"));
        // Deliveries of one event have pages as well.
        let event = id_in(&first, "evt_");
        let page = visitor.page(&format!("/events/{event}?limit=3"));
        assert_eq!(
            page.matches("href=\"/deliveries/dlv_").count(),
            3,
            "{store}"
        );
        let link = older(&page);
        assert!(link.starts_with(&format!("/events/{event}?limit=3&cursor=")));
        let rest = visitor.page(&link);
        assert_eq!(
            rest.matches("href=\"/deliveries/dlv_").count(),
            2,
            "{store}"
        );
        assert!(rest.contains("Back to the newest"));
        let bad = visitor.get(&format!("/events/{event}?cursor=AAAA"));
        assert_eq!(bad.status, 422);
    }
}
