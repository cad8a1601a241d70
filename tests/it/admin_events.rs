//! Events through the admin API: published, listed, sent again.

use serde_json::{Value, json};

use crate::admin_support::{Admin, send};

fn event(id: &str) -> Value {
    json!({"account_id": "acct_1", "type": "contact.created", "data": {"id": "c_1", "n": 1.50}, "id": id})
}

#[tokio::test]
async fn an_event_is_published_once_for_its_id() {
    let admin = Admin::start().await;
    let webhook = json!({"account_id": "acct_1", "url": "https://example.com/", "event_types": ["contact.created"]});
    let webhook = admin.post("/admin/v1/webhooks", webhook).await.is(201);
    let first = admin
        .post("/admin/v1/events", event("contact-1"))
        .await
        .is(201);
    assert_eq!(first["id"], "contact-1");
    assert_eq!(first["type"], "contact.created");
    assert_eq!(first["status"], "released");
    assert_eq!(first["sequence"], 1);
    assert_eq!(first["data"], json!({"id": "c_1", "n": 1.5}));
    let again = admin
        .post("/admin/v1/events", event("contact-1"))
        .await
        .is(201);
    assert_eq!(again, first);
    let mut foreign = event("contact-1");
    foreign["account_id"] = "acct_2".into();
    let answer = admin.post("/admin/v1/events", foreign).await;
    answer.is_error(409, "conflict");
    assert_eq!(admin.get("/admin/v1/events/contact-1").await.is(200), first);
    let path = format!(
        "/admin/v1/webhooks/{}/deliveries?event_id=contact-1",
        webhook["id"].as_str().unwrap()
    );
    let deliveries = admin.get(&path).await.is(200);
    assert_eq!(deliveries["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_an_event_is_invalid() {
    let admin = Admin::start().await;
    let bad =
        json!({"account_id": "a b", "type": "contact.exploded", "data": {}, "id": "with.dot"});
    let answer = admin.post("/admin/v1/events", bad).await;
    answer.is_invalid(&["account_id", "type", "id"]);
    let none = json!({"account_id": "a", "type": "contact.created"});
    admin
        .post("/admin/v1/events", none)
        .await
        .is_invalid(&["data"]);
    let large = json!({"account_id": "a", "type": "contact.created", "data": "x".repeat(262_145)});
    admin
        .post("/admin/v1/events", large)
        .await
        .is_invalid(&["data"]);
}

#[tokio::test]
async fn events_are_filtered_and_sent_again() {
    let admin = Admin::start().await;
    for id in ["e-1", "e-2", "e-3"] {
        admin.post("/admin/v1/events", event(id)).await.is(201);
    }
    let mut seen = event("e-4");
    seen["type"] = "contact.seen".into();
    admin.post("/admin/v1/events", seen).await.is(201);
    let ids = async |query: &str| {
        let list = admin.get(&format!("/admin/v1/events?{query}")).await;
        let list = list.is(200);
        let data = list["data"].as_array().unwrap();
        data.iter()
            .map(|e| e["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, ["e-4", "e-3", "e-2", "e-1"]);
    assert_eq!(ids("type=contact.seen").await, ["e-4"]);
    assert_eq!(ids("account_id=acct_2").await, [""; 0]);
    assert_eq!(ids("status=pending").await, [""; 0]);
    assert_eq!(ids("limit=2").await, ["e-4", "e-3"]);
    let replayed = send(admin.request("POST", "/admin/v1/events/e-1/replay")).await;
    assert_eq!(replayed.is(202)["id"], "e-1");
    let none = send(admin.request("POST", "/admin/v1/events/none/replay")).await;
    none.is_error(404, "not_found");
    assert_eq!(admin.actions().await[0], "event.replay");
}

#[tokio::test]
async fn a_repetition_is_answered_as_the_first_call_was() {
    let admin = Admin::start().await;
    let publish = async |key: &str, event: &Value| {
        let request = admin.request("POST", "/admin/v1/events").json(event);
        send(request.header("idempotency-key", format!("\"{key}\""))).await
    };
    let first = publish("one", &event("contact-1")).await;
    assert_eq!(first.is(201)["sequence"], 1);
    let again = publish("one", &event("contact-1")).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.is(201), first.is(201));
    // The id is there already, with other data.
    let mut other = event("contact-1");
    other["data"] = json!({"id": "c_2"});
    let found = publish("two", &other).await;
    assert_eq!(found.is(201), first.is(201));
    let again = publish("two", &other).await;
    assert_eq!(again.is(201), first.is(201));
    // Without an id of the publisher's the same event is found by the gateway's own.
    let mut own = event("none");
    own.as_object_mut().unwrap().remove("id");
    let first = publish("three", &own).await;
    assert_eq!(first.is(201)["sequence"], 2);
    let again = publish("three", &own).await;
    assert_eq!(again.is(201), first.is(201));
}
