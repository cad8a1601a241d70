//! Hosted inboxes: what they catch, who may do what at their address, and that every node has them.

use super::*;

/// The path of an inbox's address, on the portal's listener.
fn path(inbox: &Value) -> String {
    let url = text(inbox, "/url");
    let path = url.strip_prefix("https://portal.example").unwrap();
    path.to_owned()
}

fn send_to(g: &Gateway, inbox: &Value, fields: &[(&str, &str)], body: &[u8]) -> u16 {
    http::request(
        g.listener("portal"),
        "POST",
        &path(inbox),
        fields,
        Some(body),
    )
    .status
}

#[test]
fn an_inbox_catches_deliveries_and_says_whether_they_verify() {
    let upstream = crm();
    let g = Gateway::start(&config(upstream.address, RULES));
    let (_, key) = g.key("acct_1", &BOTH);
    let caught = inbox(&g, "acct_1");
    let hook = webhook(&g, "acct_1", text(&caught, "/url"));
    assert_eq!(
        g.post("/v1/contacts", &key, &json!({"size": 3})).status,
        201
    );
    let first = eventually("it is delivered", Duration::from_secs(10), || {
        messages(&g, &caught).pop()
    });
    assert_eq!(first["verified"], true, "{first}");
    assert_eq!(first["signed_by"], hook["id"]);
    let body: Value = serde_json::from_str(text(&first, "/body/text")).unwrap();
    assert_eq!(
        (&body["type"], &body["data"]["id"]),
        (&json!("contact.created"), &json!("c7"))
    );
    // The next delivery has two signatures, of which either verifies.
    let rotate = format!("/admin/v1/webhooks/{}/rotate-secret", text(&hook, "/id"));
    ok(&g.admin("POST", &rotate, Some(&json!({}))), 200);
    ok(
        &post(
            &g,
            "send",
            &json!({"message": {"type": "contact.vip", "webhook_id": hook["id"]}}),
        ),
        200,
    );
    // Its own secret is for whoever has no webhook.
    let by_hand = json!({"message": {"type": "contact.vip", "secret": caught["secret"], "id": "evt_hand"}, "url": caught["url"]});
    assert_eq!(ok(&post(&g, "send", &by_hand), 200)["as_expected"], true);
    let all = messages(&g, &caught);
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|m| m["verified"] == true), "{all:?}");
    assert_eq!(all[0]["signed_by"], "inbox");
    assert_eq!(all[1]["signed_by"], hook["id"]);

    // Over the network from elsewhere, well signed and not.
    let composed = ok(
        &post(
            &g,
            "compose",
            &json!({"type": "contact.vip", "inbox_id": caught["id"]}),
        ),
        200,
    );
    let fields: Vec<(&str, &str)> = composed["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (text(f, "/name"), text(f, "/value")))
        .collect();
    let body = text(&composed, "/body").as_bytes();
    assert_eq!(send_to(&g, &caught, &fields, body), 204);
    assert_eq!(send_to(&g, &caught, &fields, b"{}"), 204);
    assert_eq!(
        send_to(&g, &caught, &[("Authorization", "Bearer s3cret")], b"\xff"),
        204
    );
    let all = messages(&g, &caught);
    let seen: Vec<_> = all.iter().take(3).map(|m| &m["verified"]).collect();
    assert_eq!(seen, [false, false, true]);
    assert_eq!(all[0]["why_not"], "there is no webhook-id");
    assert_eq!(all[0]["body"], json!({"base64": "/w=="}));
    assert!(text(&all[1], "/why_not").starts_with("no signature fits"));
    assert!(!json!(all).to_string().contains("s3cret"));

    // What is gone says so, which disables the webhook.
    let gone = format!("/admin/v1/simulator/inboxes/{}", text(&caught, "/id"));
    assert_eq!(ok(&g.admin("GET", &gone, None), 200)["url"], caught["url"]);
    assert_eq!(g.admin("DELETE", &gone, None).status, 204);
    assert_eq!(g.admin("GET", &gone, None).status, 404);
    assert_eq!(send_to(&g, &caught, &[], b"{}"), 410);
    assert_eq!(g.post("/v1/contacts", &key, &json!({})).status, 201);
    let path = format!("/admin/v1/webhooks/{}", text(&hook, "/id"));
    eventually("it is disabled", Duration::from_secs(10), || {
        (g.admin("GET", &path, None).json()["status"] == "disabled").then_some(())
    });
}

#[test]
fn nobody_gets_more_of_the_portals_listener_than_the_way_into_an_inbox() {
    let upstream = crm();
    let g = Gateway::start(&config(upstream.address, RULES));
    let portal = g.listener("portal");
    let caught = inbox(&g, "acct_1");
    let good = path(&caught);
    let ask = |method: &str, path: &str| http::request(portal, method, path, &[], None).status;
    // The pages beside it are for those who are signed in.
    assert_eq!(ask("GET", "/"), 401);
    for other in [
        "/inbox",
        "/inbox/",
        "/healthz",
        "/metrics",
        "/admin/v1/keys",
        "/admin/openapi.json",
    ] {
        assert_eq!(ask("GET", other), 404, "{other}");
        assert_eq!(ask("POST", other), 404, "{other}");
    }
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        assert_eq!(ask(method, &good), 405, "{method}");
    }
    for bad in [
        format!("{good}x"),
        format!("{good}/x"),
        good[..good.len() - 1].to_owned(),
        "/inbox/%00".to_owned(),
    ] {
        assert_eq!(ask("POST", &bad), 404, "{bad}");
    }
    let unknown = format!("/inbox/{}", "A".repeat(43));
    assert_eq!(ask("POST", &unknown), 410);
    let large = vec![b'x'; 300_000];
    assert_eq!(send_to(&g, &caught, &[], &large), 413);
    let mut chunked =
        format!("POST {good} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            .into_bytes();
    for _ in 0..4 {
        chunked.extend_from_slice(format!("{:x}\r\n", 100_000).as_bytes());
        chunked.extend_from_slice(&vec![b'x'; 100_000]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let mut connection = http::Connection::open(portal);
    let _ = connection.try_send(&chunked);
    assert_eq!(connection.receive().status, 413);
    assert!(messages(&g, &caught).is_empty());

    // One source cannot keep it busy.
    let mut connection = http::Connection::open(portal);
    let request = encode("POST", &good, &[], Some(b"{}"));
    let statuses: Vec<u16> = (0..160)
        .map(|_| connection.exchange(&request).status)
        .collect();
    assert!(
        statuses.contains(&204) && statuses.contains(&429),
        "{statuses:?}"
    );
    assert!(messages(&g, &caught).len() <= 100);
}

#[test]
fn an_inbox_of_one_node_is_every_nodes() {
    let server = Server::start(&[]);
    let upstream = crm();
    let text_of = config(upstream.address, RULES).replace(
        "store: { engine: embedded, path: $DIR/fuelgate.db }",
        &server.store(""),
    );
    let (a, b) = (Gateway::start(&text_of), Gateway::start(&text_of));
    let caught = inbox(&a, "acct_1");
    let hook = webhook(&a, "acct_1", text(&caught, "/url"));
    let (_, key) = a.key("acct_1", &BOTH);
    eventually(
        "the other node knows the key",
        Duration::from_secs(10),
        || (b.post("/v1/contacts", &key, &json!({"size": 3})).status == 201).then_some(()),
    );
    assert_eq!(send_to(&b, &caught, &[], b"by hand"), 204);
    let all = eventually("both are there", Duration::from_secs(10), || {
        let all = messages(&a, &caught);
        (all.len() == 2).then_some(all)
    });
    let delivered = all.iter().find(|m| m["verified"] == true).unwrap();
    assert_eq!(delivered["signed_by"], hook["id"]);
    assert_eq!(messages(&b, &caught), all);
    let gone = format!("/admin/v1/simulator/inboxes/{}", text(&caught, "/id"));
    assert_eq!(b.admin("DELETE", &gone, None).status, 204);
    assert_eq!(send_to(&a, &caught, &[], b"late"), 410);
    let left: Vec<String> = server.ask(&["KEYS", "*inbox*"]);
    assert!(left.is_empty(), "{left:?}");
}
