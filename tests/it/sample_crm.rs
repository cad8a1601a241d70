//! What the sample CRM does beyond the shape of its answers: tenants, transitions, references, paging and reports.

use std::time::Duration;

use serde_json::{Value, json};

use crate::sample_support::Crm;

#[tokio::test]
async fn accounts_do_not_see_each_other() {
    let crm = Crm::start().await;
    let body = json!({"name": "Only Here", "email": "only@here.example"});
    let made = crm.json("one", "POST", "/v1/contacts", body.clone()).await;
    assert_eq!(made.status, 201);
    let path = made.header("location").to_owned();
    assert_eq!(crm.json("one", "GET", &path, Value::Null).await.status, 200);
    assert_eq!(crm.json("two", "GET", &path, Value::Null).await.status, 404);
    assert_eq!(
        crm.json("two", "POST", "/v1/contacts", body).await.status,
        201
    );
}

#[tokio::test]
async fn a_deal_is_closed_exactly_when_it_is_won_and_later_changes_are_later() {
    let crm = Crm::start().await;
    let deal = crm
        .expect(201, "POST", "/v1/deals", json!({"name": "D"}))
        .await;
    assert_eq!(deal["closed_at"], Value::Null);
    let path = format!("/v1/deals/{}", deal["id"].as_str().unwrap());
    let won = crm
        .expect(200, "PATCH", &path, json!({"stage": "won"}))
        .await;
    assert_eq!(won["closed_at"], won["updated_at"]);
    assert_ne!(won["updated_at"], deal["updated_at"]);
    // The clock stands still, so these changes come within the same millisecond.
    for body in [json!({"amount": 5}), json!({"stage": "won"}), json!({})] {
        let later = crm.expect(200, "PATCH", &path, body).await;
        assert_eq!(later["closed_at"], won["closed_at"]);
        assert_ne!(later["updated_at"], later["closed_at"]);
    }
    let open = crm
        .expect(200, "PATCH", &path, json!({"stage": "proposal"}))
        .await;
    assert_eq!(open["closed_at"], Value::Null);
    crm.clock.advance(Duration::from_secs(5));
    let lost = crm
        .expect(200, "PATCH", &path, json!({"stage": "lost", "amount": 6}))
        .await;
    assert_eq!(lost["closed_at"], lost["updated_at"]);
    let won = crm
        .expect(
            201,
            "POST",
            "/v1/deals",
            json!({"name": "E", "stage": "won"}),
        )
        .await;
    assert_eq!(won["closed_at"], won["updated_at"]);
}

#[tokio::test]
async fn every_mistake_of_a_body_is_told_at_once() {
    let crm = Crm::start().await;
    let body =
        json!({"name": "", "email": "nobody", "status": "friend", "tags": [1], "id": "con_1"});
    let error = crm.expect(422, "POST", "/v1/contacts", body).await;
    let fields: Vec<_> = error["error"]["fields"]
        .as_array()
        .unwrap()
        .iter()
        .collect();
    let mut names: Vec<_> = fields
        .iter()
        .map(|f| f["field"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["email", "id", "name", "status", "tags"]);
    let body = json!({"name": "A", "actions": [{"type": "add_tag"}, {"type": "log_note", "text": "x", "tag": "y"}]});
    let error = crm.expect(422, "POST", "/v1/automations", body).await;
    assert_eq!(error["error"]["fields"][0]["field"], "actions[0].tag");
    assert_eq!(error["error"]["fields"][1]["field"], "actions[1].tag");
    let error = crm.expect(422, "POST", "/v1/activities", json!({})).await;
    assert_eq!(error["error"]["fields"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn an_address_belongs_to_one_contact_until_that_is_gone() {
    let crm = Crm::start().await;
    let ada = crm
        .expect(
            201,
            "POST",
            "/v1/contacts",
            json!({"email": "Ada@X.example"}),
        )
        .await;
    assert_eq!(ada["email"], "ada@x.example");
    assert_eq!(ada["name"], "ada@x.example");
    crm.expect(
        409,
        "POST",
        "/v1/contacts",
        json!({"email": "ada@x.EXAMPLE"}),
    )
    .await;
    let bob = crm
        .expect(201, "POST", "/v1/contacts", json!({"name": "Bob B"}))
        .await;
    let bob = format!("/v1/contacts/{}", bob["id"].as_str().unwrap());
    crm.expect(409, "PATCH", &bob, json!({"email": "ada@x.example"}))
        .await;
    let ada = format!("/v1/contacts/{}", ada["id"].as_str().unwrap());
    crm.expect(
        200,
        "PATCH",
        &ada,
        json!({"email": "ada@x.example", "first_name": "Ada"}),
    )
    .await;
    crm.expect(
        422,
        "PATCH",
        &ada,
        json!({"email": null, "first_name": null}),
    )
    .await;
    crm.expect(204, "DELETE", &ada, Value::Null).await;
    crm.expect(404, "DELETE", &ada, Value::Null).await;
    let bob = crm
        .expect(200, "PATCH", &bob, json!({"email": "ada@x.example"}))
        .await;
    assert_eq!(
        (&bob["first_name"], &bob["last_name"]),
        (&json!("Bob"), &json!("B"))
    );
}

#[tokio::test]
async fn pages_hold_every_record_once_newest_first() {
    let crm = Crm::start().await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = crm
            .expect(
                200,
                "GET",
                &format!("/v1/contacts?limit=7{cursor}"),
                Value::Null,
            )
            .await;
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= 7);
        seen.extend(data.iter().map(|c| c["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let mut sorted = seen.clone();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.reverse();
    assert_eq!(seen, sorted);
    assert_eq!(seen.len(), 20);
}

#[tokio::test]
async fn filters_narrow_lists() {
    let crm = Crm::start().await;
    let names = async |path: &str, key: &str| -> Vec<String> {
        let list = crm.expect(200, "GET", path, Value::Null).await;
        let data = list["data"].as_array().unwrap().iter();
        data.map(|r| r[key].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        names("/v1/contacts?email=ADA@analytica.example", "name").await,
        ["Ada Lovell"]
    );
    assert_eq!(
        names("/v1/contacts?q=robotics", "name").await,
        ["Yuki Tanaka"]
    );
    assert!(
        names("/v1/contacts?tag=vip&status=customer", "id")
            .await
            .len()
            == 2
    );
    let stages = names("/v1/deals?stage=proposal", "stage").await;
    assert!(!stages.is_empty() && stages.iter().all(|s| s == "proposal"));
    let contacts = names("/v1/activities?contact_id=con_1013&type=note", "contact_id").await;
    assert_eq!(contacts, ["con_1013"]);
    assert_eq!(
        names("/v1/users?active=false", "name").await,
        ["Priya Nair"]
    );
}

#[tokio::test]
async fn what_belonged_to_a_deleted_contact_goes_or_is_set_free() {
    let crm = Crm::start().await;
    let contact = crm
        .expect(201, "POST", "/v1/contacts", json!({"name": "C"}))
        .await["id"]
        .clone();
    let deal = crm
        .expect(
            201,
            "POST",
            "/v1/deals",
            json!({"name": "D", "contact_id": contact}),
        )
        .await["id"]
        .clone();
    let note = |deal: Value| json!({"type": "note", "subject": "s", "contact_id": contact, "deal_id": deal});
    let both = crm
        .expect(201, "POST", "/v1/activities", note(deal.clone()))
        .await;
    let alone = crm
        .expect(201, "POST", "/v1/activities", note(Value::Null))
        .await;
    let path = |kind: &str, id: &Value| format!("/v1/{kind}/{}", id.as_str().unwrap());
    crm.expect(204, "DELETE", &path("contacts", &contact), Value::Null)
        .await;
    let deal = crm
        .expect(200, "GET", &path("deals", &deal), Value::Null)
        .await;
    assert_eq!(deal["contact_id"], Value::Null);
    crm.expect(404, "GET", &path("activities", &alone["id"]), Value::Null)
        .await;
    crm.expect(200, "GET", &path("activities", &both["id"]), Value::Null)
        .await;
    crm.expect(204, "DELETE", &path("deals", &deal["id"]), Value::Null)
        .await;
    crm.expect(404, "GET", &path("activities", &both["id"]), Value::Null)
        .await;
    crm.expect(
        422,
        "POST",
        "/v1/deals",
        json!({"name": "E", "contact_id": contact}),
    )
    .await;
}

#[tokio::test]
async fn a_triggered_automation_acts_after_its_answer() {
    let crm = Crm::start().await;
    let body = json!({"contact_id": "con_1004"});
    let run = crm
        .expect(202, "POST", "/v1/automations/aut_1001/trigger", body)
        .await;
    assert_eq!(run["status"], "queued");
    let runs = loop {
        let runs = crm
            .expect(200, "GET", "/v1/automations/aut_1001/runs", Value::Null)
            .await;
        if runs["data"][0]["status"] != "queued" {
            break runs;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(runs["data"][0]["id"], run["id"]);
    assert_eq!(runs["data"][0]["status"], "succeeded");
    let contact = crm
        .expect(200, "GET", "/v1/contacts/con_1004", Value::Null)
        .await;
    assert_eq!(contact["tags"], json!(["onboarding"]));
    let notes = crm
        .expect(
            200,
            "GET",
            "/v1/activities?contact_id=con_1004",
            Value::Null,
        )
        .await;
    assert_eq!(notes["data"][0]["body"], "Onboarding was started.");
}

#[tokio::test]
async fn reports_are_sums_over_what_is_there() {
    let crm = Crm::start().await;
    let before = crm
        .expect(200, "GET", "/v1/reports/pipeline", Value::Null)
        .await;
    let won = json!({"name": "W", "stage": "won", "amount": 700, "currency": "CHF"});
    crm.expect(201, "POST", "/v1/deals", won).await;
    let after = crm
        .expect(200, "GET", "/v1/reports/pipeline", Value::Null)
        .await;
    assert_eq!(
        after["stages"][3]["deals"].as_u64(),
        before["stages"][3]["deals"].as_u64().map(|n| n + 1)
    );
    assert_eq!(after["stages"][3]["amounts"]["CHF"], 700);
    let revenue = crm
        .expect(200, "GET", "/v1/reports/revenue", Value::Null)
        .await;
    let month = revenue["months"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    assert_eq!(
        (&month["month"], &month["amounts"]["CHF"]),
        (&json!("2026-11"), &json!(700))
    );
    let call = json!({"type": "call", "subject": "s", "contact_id": "con_1001", "occurred_at": "2020-01-01T00:00:00Z"});
    crm.expect(201, "POST", "/v1/activities", call).await;
    let path = "/v1/reports/activity?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z";
    let report = crm.expect(200, "GET", path, Value::Null).await;
    assert_eq!(
        (&report["total"], &report["by_type"][0]["activities"]),
        (&json!(1), &json!(1))
    );
    crm.expect(
        422,
        "GET",
        "/v1/reports/activity?from=2030-01-01T00:00:00Z",
        Value::Null,
    )
    .await;
}

#[tokio::test]
async fn a_served_crm_stops_when_it_is_told_to() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/healthz", listener.local_addr().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(fuelgate::sample::serve(listener, stopped));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(client.get(&url).send().await.unwrap().status(), 200);
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
    assert!(client.get(&url).send().await.is_err());
}
