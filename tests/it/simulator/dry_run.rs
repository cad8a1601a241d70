//! Dry runs against the gateway that then gets the same requests.

use super::*;

/// Dry runs of a request with the CRM's answer, typed or recorded.
fn dry_run(g: &Gateway, account: &str, call: &(&str, &str, Value), recorded: bool) -> Value {
    let (method, target, body) = call;
    let (status, answer) = answer_to(method, target, body.to_string().as_bytes());
    let mut request = json!({"method": method, "url": target});
    let mut response = json!({"status": status});
    if recorded {
        request["url"] = format!("https://api.example.com{target}").into();
        let fields = json!([{"name": "Content-Type", "value": "application/json"}]);
        request["headers"] = fields.clone();
        response["headers"] = fields;
        request["postData"] = json!({"mimeType": "application/json", "text": body.to_string()});
        let shown = if status == 204 {
            String::new()
        } else {
            answer.to_string()
        };
        response["content"] =
            json!({"size": shown.len(), "mimeType": "application/json", "text": shown});
        let entry = json!({"request": request, "response": response, "time": 1.5});
        return ok(
            &post(
                g,
                "dry-run",
                &json!({"account_id": account, "har_entry": entry}),
            ),
            200,
        );
    }
    request["body"] = body.clone();
    if status != 204 {
        response["body"] = answer;
    }
    let typed = json!({"account_id": account, "request": request, "response": response});
    ok(&post(g, "dry-run", &typed), 200)
}

#[test]
fn a_dry_run_says_what_the_gateway_then_does() {
    let upstream = crm();
    let g = Gateway::start(&config(upstream.address, RULES));
    let calls = [
        ("POST", "/v1/contacts", json!({"size": 3})),
        ("POST", "/v1/contacts", json!({"size": 9})),
        // Over the ceiling of what is kept: the condition has no answer.
        ("POST", "/v1/contacts", json!({"size": 2000})),
        ("PATCH", "/v1/contacts/c7", json!({"vip": true})),
        ("PATCH", "/v1/contacts/me", json!({"vip": false})),
        ("PATCH", "/v1/contacts/%6De", json!({})),
        ("PATCH", "/v1/contacts/bad", json!({"vip": true})),
        ("DELETE", "/v1/contacts/c7", json!({})),
        ("GET", "/v1/contacts/c7", json!({})),
    ];
    let mut reasons = BTreeSet::new();
    for (n, call) in calls.iter().enumerate() {
        let account = format!("acct_{n}");
        let (_, key) = g.key(&account, &BOTH);
        let said = dry_run(&g, &account, call, false);
        let recorded = dry_run(&g, &account, call, true);
        assert_eq!(said, recorded, "{call:?}");
        let bearer = format!("Bearer {key}");
        let fields = [
            ("Authorization", &*bearer),
            ("Content-Type", "application/json"),
        ];
        let body = call.2.to_string();
        g.call(call.0, call.1, &fields, Some(body.as_bytes()));
        let rules = said["rules"].as_array().unwrap();
        for rule in rules {
            let reason = rule["why_not"].as_str().unwrap_or("fires");
            reasons.insert(reason.to_owned());
        }
        let of =
            |state: &str, of_rule: &dyn Fn(&Value) -> bool| -> BTreeSet<(String, String, String)> {
                rules
                    .iter()
                    .filter(|r| of_rule(r))
                    .map(|r| {
                        (
                            text(r, "/type").to_owned(),
                            state.to_owned(),
                            r["data"].to_string(),
                        )
                    })
                    .collect()
            };
        let mut expected = of("released", &|r| r["fires"] == true);
        expected.extend(of("unresolved", &|r| r["why_not"] == "body_lost"));
        let list = format!("/admin/v1/events?account_id={account}");
        // What is to be dropped is dropped by then as well.
        let found = eventually("it is settled", Duration::from_secs(10), || {
            let found = ok(&g.admin("GET", &list, None), 200);
            let found = found["data"].as_array().unwrap().clone();
            found
                .iter()
                .all(|e| e["status"] != "pending")
                .then_some(found)
        });
        let found: BTreeSet<_> = found
            .iter()
            .map(|e| {
                (
                    text(e, "/type").to_owned(),
                    text(e, "/status").to_owned(),
                    e["data"].to_string(),
                )
            })
            .collect();
        assert_eq!(found, expected, "{call:?} {said}");
        assert_eq!(
            said["fired"],
            rules.iter().filter(|r| r["fires"] == true).count()
        );
    }
    let all = [
        "body_lost",
        "condition_error",
        "condition_false",
        "fires",
        "method",
        "route",
        "status",
    ];
    let all: BTreeSet<String> = all.map(str::to_owned).into();
    assert_eq!(reasons, all);

    let no_route = json!({"account_id": "a", "request": {"method": "POST", "url": "/v2/x"}, "response": {"status": 200}});
    let said = ok(&post(&g, "dry-run", &no_route), 200);
    assert_eq!(
        (&said["route"], &said["why_no_route"]),
        (&Value::Null, &json!("no route matches /v2/x"))
    );
    for (bad, field) in [
        (json!({"account_id": "a"}), "request"),
        (
            json!({"account_id": "a b", "har_entry": {"request": {"method": "GET", "url": "/"}, "response": {"status": 200}}}),
            "account_id",
        ),
        (
            json!({"account_id": "a", "request": {"method": "POST", "url": "x"}, "response": {"status": 7}}),
            "response.status",
        ),
        (
            json!({"account_id": "a", "har_entry": {"request": {}}}),
            "har_entry.request.method",
        ),
    ] {
        let refused = ok(&post(&g, "dry-run", &bad), 422);
        let named = text(&refused, "/errors/0/field");
        assert_eq!(named, field, "{bad} {refused}");
    }
}
