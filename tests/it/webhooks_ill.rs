//! Receivers that fare ill, from outside: what their endpoints show, what waits for them, and what the operator hears.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::gateway::{Gateway, config};
use crate::support::hostile::Hostile;

const RULES: &str = "
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
webhooks: { retry_delays_seconds: [1], timeout_ms: 1000, allowed_private_targets: [127.0.0.0/8] }
";
const SOON: Duration = Duration::from_secs(20);

fn subscribe(g: &Gateway, account: &str, url: &str, types: &[&str]) -> String {
    let made = g.webhook(account, url, types);
    made["id"].as_str().unwrap().to_owned()
}

fn publish(g: &Gateway, account: &str, id: &str) {
    let body =
        json!({"account_id": account, "type": "contact.created", "data": {"id": id}, "id": id});
    let answer = g.admin("POST", "/admin/v1/events", Some(&body));
    assert_eq!(answer.status, 201, "{}", answer.text());
}

fn shown(g: &Gateway, endpoint: &str) -> Value {
    let path = format!("/admin/v1/webhooks/{endpoint}");
    g.admin("GET", &path, None).json()
}

fn failed(g: &Gateway, endpoint: &str) -> Vec<Value> {
    let path = format!("/admin/v1/webhooks/{endpoint}/deliveries?status=failed");
    let listed = g.admin("GET", &path, None).json();
    listed["data"].as_array().unwrap().clone()
}

#[test]
fn the_operator_hears_of_a_disabled_endpoint_and_of_an_exhausted_delivery() {
    let receiver = Hostile::start();
    let nobody = "127.0.0.1:9".parse().unwrap();
    let g = Gateway::start(&config(nobody, RULES));
    let told = ["endpoint.disabled", "delivery.exhausted"];
    let url = receiver.url("/ok/operator");
    subscribe(&g, "fuelgate:operator", &url, &told);
    let gone = subscribe(&g, "acct_1", &receiver.url("/gone"), &["contact.created"]);
    let ill = subscribe(
        &g,
        "acct_2",
        &receiver.url("/status/500"),
        &["contact.created"],
    );
    for i in 0..3 {
        publish(&g, "acct_1", &format!("evt_gone_{i}"));
    }
    publish(&g, "acct_2", "evt_ill");
    let heard = eventually("the operator hears of both", SOON, || {
        let visits = receiver.visits("/ok/operator");
        let bodies = visits
            .iter()
            .map(|v| serde_json::from_slice(&v.body).unwrap());
        let bodies: Vec<Value> = bodies.collect();
        (bodies.len() >= 2).then_some(bodies)
    });
    let of = |kind: &str| heard.iter().find(|b| b["type"] == kind).unwrap()["data"].clone();
    let disabled = of("endpoint.disabled");
    assert_eq!(disabled["webhook_id"], gone.as_str());
    assert_eq!(disabled["account_id"], "acct_1");
    assert_eq!(disabled["reason"], "the receiver answered 410 Gone");
    let exhausted = of("delivery.exhausted");
    assert_eq!(exhausted["webhook_id"], ill.as_str());
    assert_eq!(exhausted["event_id"], "evt_ill");
    assert_eq!(exhausted["error"], "the receiver answered 500");

    let health = &shown(&g, &ill)["health"];
    assert_eq!(health["failures"], 2);
    assert!(health["failing_since"].is_string() && health["hold_until"].is_null());
    assert_eq!(shown(&g, &gone)["status"], "disabled");
    // What waited for the one that is gone can be seen, with the reason, and sent again.
    let dead = failed(&g, &gone);
    let said = |d: &Value| d["attempts"].as_array().unwrap().last().unwrap()["error"].clone();
    for d in &dead[..dead.len() - 1] {
        let reason = "the webhook was disabled: the receiver answered 410 Gone";
        assert!(
            said(d) == reason || said(d) == "the receiver answered 410",
            "{d}"
        );
    }
    assert_eq!(heard.len(), 2, "{heard:?}");
}

#[test]
fn a_receiver_with_too_much_to_do_is_left_alone_for_as_long_as_it_says() {
    let receiver = Hostile::start();
    let nobody = "127.0.0.1:9".parse().unwrap();
    let g = Gateway::start(&config(nobody, RULES));
    let busy = subscribe(
        &g,
        "acct_1",
        &receiver.url("/busy-seconds/4"),
        &["contact.created"],
    );
    publish(&g, "acct_1", "evt_1");
    eventually("it is asked", SOON, || {
        (receiver.count("/busy") > 0).then_some(())
    });
    let hold = eventually("it is held off", SOON, || {
        let hold = shown(&g, &busy)["health"]["hold_until"].clone();
        hold.is_string().then_some(hold)
    });
    publish(&g, "acct_1", "evt_2");
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(receiver.count("/busy"), 1, "held until {hold}");
    eventually("it is asked again", SOON, || {
        (receiver.count("/busy") > 1).then_some(())
    });
    let visits = receiver.visits("/busy");
    let between = visits[1].at.duration_since(visits[0].at).unwrap();
    assert!(between >= Duration::from_millis(3_900), "{between:?}");
}
