//! The demo's event rules against the real sample CRM: which events one call makes, and that it makes no others; never how one is sent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::demo::Demo;
use crate::support::eventually;
use crate::support::http::{Response, request};

const EVENTS: &str = "/admin/v1/events?account_id=acct_demo&limit=200";

/// The demo with a key that may do everything, and what each call of the test should have made.
struct Bench {
    demo: Demo,
    gateway: SocketAddr,
    admin: SocketAddr,
    key: String,
    token: String,
    /// Types by the id of the request, in the order of the alphabet.
    expected: BTreeMap<String, Vec<String>>,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let demo = Demo::start(folder.path());
        let printed = demo.until("Verified webhook deliveries");
        let last = |begin: &str| {
            let line = printed.iter().find(|l| l.trim_start().starts_with(begin));
            let line = line.unwrap_or_else(|| panic!("{begin} in {printed:#?}"));
            line.split_whitespace().last().unwrap().to_owned()
        };
        let token = std::fs::read_to_string(folder.path().join("the demo/admin-token")).unwrap();
        Self {
            gateway: last("listening http ").parse().unwrap(),
            admin: last("listening admin ").parse().unwrap(),
            key: last("all scopes "),
            token: token.trim().to_owned(),
            demo,
            expected: BTreeMap::new(),
            _folder: folder,
        }
    }

    fn ask(&self, path: &str) -> Value {
        let bearer = format!("Bearer {}", self.token);
        let answer = request(self.admin, "GET", path, &[("Authorization", &bearer)], None);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// All events, once no condition waits for its answer any more.
    fn settled(&self) -> Vec<Value> {
        eventually("no event is pending", Duration::from_secs(20), || {
            let all = self.ask(EVENTS);
            assert_eq!(all["next_cursor"], Value::Null, "a page holds all of them");
            let all = all["data"].as_array().unwrap().clone();
            all.iter().all(|e| e["status"] != "pending").then_some(all)
        })
    }

    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Response {
        let bearer = format!("Bearer {}", self.key);
        let fields = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        let text = body.map(Value::to_string);
        let bytes = text.as_ref().map(String::as_bytes);
        request(self.gateway, method, &format!("/v1{path}"), &fields, bytes)
    }

    /// One call that is answered with `status` and makes exactly one event of each of `types`. What a 2xx makes is written
    /// down before its header comes, so that what is not there when nothing is pending never comes.
    fn call(
        &mut self,
        (method, path): (&str, &str),
        body: Option<&Value>,
        status: u16,
        types: &[&str],
    ) -> Value {
        let answer = self.send(method, path, body);
        let what = format!("{method} {path} {body:?}");
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        let id = answer.header("x-request-id").unwrap().to_owned();
        let all = self.settled();
        let made: Vec<&Value> = all.iter().filter(|e| e["request_id"] == *id).collect();
        assert_eq!(types_of(made.iter().copied()), types, "{what}");
        let told = if answer.body.is_empty() {
            json!({"id": path.rsplit('/').next()})
        } else {
            answer.json()
        };
        for event in made {
            let event = self.ask(&format!(
                "/admin/v1/events/{}",
                event["id"].as_str().unwrap()
            ));
            assert_eq!(event["status"], "released", "{what}: {event}");
            assert_eq!(event["data"], told, "{what}: {event}");
        }
        if !types.is_empty() {
            let types = types.iter().map(|t| (*t).to_owned()).collect();
            self.expected.insert(id, types);
        }
        told
    }

    fn create(&mut self, path: &str, body: &Value, types: &[&str]) -> String {
        let made = self.call(("POST", path), Some(body), 201, types);
        made["id"].as_str().unwrap().to_owned()
    }

    /// That all events that there are came from the calls, each from its own.
    fn end(self) {
        let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for event in self.settled() {
            let id = event["request_id"].as_str().unwrap().to_owned();
            found.entry(id).or_default().push(event);
        }
        let found: BTreeMap<_, _> = found
            .into_iter()
            .map(|(id, events)| (id, types_of(&events)))
            .collect();
        assert_eq!(found, self.expected);
        self.demo.stop();
    }
}

fn types_of<'a>(events: impl IntoIterator<Item = &'a Value>) -> Vec<String> {
    let types = events.into_iter().map(|e| e["type"].as_str().unwrap());
    let mut types: Vec<String> = types.map(str::to_owned).collect();
    types.sort_unstable();
    types
}

#[test]
fn a_contact_is_created_updated_and_deleted_with_one_event_each() {
    let mut b = Bench::start();
    let ada = json!({"name": "Ada", "email": "ada.events@example.com"});
    let id = b.create("/contacts", &ada, &["contact.created"]);
    let path = format!("/contacts/{id}");
    b.call(("GET", &path), None, 200, &[]);
    // What the CRM refuses has not happened.
    b.call(("POST", "/contacts"), Some(&ada), 409, &[]);
    b.call(("POST", "/contacts"), Some(&json!({"name": ""})), 422, &[]);
    let change = json!({"first_name": "Augusta"});
    b.call(("PATCH", &path), Some(&change), 200, &["contact.updated"]);
    b.call(("PATCH", "/contacts/con_none"), Some(&change), 404, &[]);
    b.call(("DELETE", &path), None, 204, &["contact.deleted"]);
    b.call(("DELETE", &path), None, 404, &[]);
    b.call(("GET", "/contacts?limit=1"), None, 200, &[]);
    b.end();
}

#[test]
fn a_deal_is_won_or_lost_by_the_change_that_closes_it_and_by_no_other() {
    let mut b = Bench::start();
    for (end, other) in [("won", "lost"), ("lost", "won")] {
        let (closed, reversed) = (format!("deal.{end}"), format!("deal.{other}"));
        let id = b.create("/deals", &json!({"name": "Engine"}), &["deal.created"]);
        let path = format!("/deals/{id}");
        let mut change = |body: Value, types: &[&str]| {
            b.call(("PATCH", &path), Some(&body), 200, types);
        };
        change(json!({"stage": "qualified"}), &["deal.updated"]);
        change(
            json!({"stage": end, "amount": 100}),
            &sorted(["deal.updated", &closed]),
        );
        // Edited afterwards, and told again what it is already.
        change(json!({"amount": 120}), &["deal.updated"]);
        change(json!({"stage": end}), &["deal.updated"]);
        change(json!({"stage": end, "amount": 130}), &["deal.updated"]);
        change(json!({}), &["deal.updated"]);
        // Open again, and closed again: that is another time.
        change(json!({"stage": "proposal"}), &["deal.updated"]);
        change(json!({"stage": end}), &sorted(["deal.updated", &closed]));
        // From one end to the other.
        change(
            json!({"stage": other}),
            &sorted(["deal.updated", &reversed]),
        );
        b.call(("PATCH", &path), Some(&json!({"stage": "sold"})), 422, &[]);
        b.call(("GET", &path), None, 200, &[]);
    }
    b.end();
}

#[test]
fn a_deal_that_is_entered_after_its_end_is_created_and_closed_at_once() {
    let mut b = Bench::start();
    for stage in ["lead", "qualified", "proposal"] {
        let deal = json!({"name": "Open", "stage": stage});
        b.create("/deals", &deal, &["deal.created"]);
    }
    for (stage, types) in [
        ("won", ["deal.created", "deal.won"]),
        ("lost", ["deal.created", "deal.lost"]),
    ] {
        let deal = json!({"name": "Closed", "stage": stage, "amount": 7, "currency": "EUR"});
        let id = b.create("/deals", &deal, &types);
        let body = json!({"amount": 8});
        let path = format!("/deals/{id}");
        b.call(("PATCH", &path), Some(&body), 200, &["deal.updated"]);
    }
    let body = json!({"name": "Odd", "stage": "sold"});
    b.call(("POST", "/deals"), Some(&body), 422, &[]);
    b.end();
}

#[test]
fn activities_and_automations_make_their_events_when_the_crm_takes_them() {
    let mut b = Bench::start();
    let note = json!({"type": "note", "subject": "done", "contact_id": "con_1001"});
    let id = b.create("/activities", &note, &["activity.logged"]);
    b.call(("GET", &format!("/activities/{id}")), None, 200, &[]);
    b.call(("POST", "/activities"), Some(&json!({})), 422, &[]);

    let trigger = ("POST", "/automations/aut_1001/trigger");
    let contact = json!({"contact_id": "con_1004"});
    b.call(trigger, Some(&contact), 202, &["automation.triggered"]);
    // Its body may be left out.
    b.call(trigger, None, 202, &["automation.triggered"]);
    b.call(
        ("POST", "/automations/aut_none/trigger"),
        Some(&contact),
        404,
        &[],
    );
    // What a run does later happens inside the CRM, where no gateway sees it: a note, but no second activity.logged.
    eventually("the run has ended", Duration::from_secs(10), || {
        let runs = b.send("GET", "/automations/aut_1001/runs", None).json();
        let runs = runs["data"].as_array()?;
        (runs.len() >= 2 && runs.iter().all(|r| r["status"] != "queued")).then_some(())
    });
    b.end();
}

fn sorted<const N: usize>(mut types: [&str; N]) -> [&str; N] {
    types.sort_unstable();
    types
}
