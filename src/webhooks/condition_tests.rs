//! Tests of conditions: what is refused at load, what is needed, what is answered; never of the pipeline.

use http::{HeaderMap, Method};
use serde_json::{Value as Json, json};

use super::*;
use crate::base::ceilings::CONDITION_CHARS;
use crate::webhooks::facts::{BODY_VALUES, FactSources, is_too_large};

fn facts(request: &Json, response: &Json) -> Facts {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    headers.insert("authorization", "Bearer x".parse().unwrap());
    let mut facts = Facts::new(FactSources {
        method: &Method::PATCH,
        path: "/v1/deals/d_1",
        query: Some("notify=yes&q=a%20b+c&notify=no"),
        params: &[("id".to_owned(), "d_1".to_owned())],
        request_headers: &headers,
        status: 200,
        response_headers: &headers,
        route: "/v1/deals/{id}",
        account_id: "acct_1",
    });
    facts.set_bodies(request, response);
    facts
}

fn holds(text: &str) -> Result<bool, String> {
    let f = facts(
        &json!({"status": "won", "tags": ["a", "b"]}),
        &json!({"id": "d_1", "status": "won", "amount": 5, "ratio": 0.5, "big": u64::MAX, "note": null}),
    );
    Condition::compile(text).unwrap().holds(&f)
}

#[test]
fn every_variable_can_be_looked_at() {
    for text in [
        "true",
        "request.method == 'PATCH' && request.path == '/v1/deals/d_1'",
        "request.params.id == 'd_1' && request.query.notify == 'yes' && request.query.q == 'a b c'",
        "request.headers['content-type'].startsWith('application/json')",
        "!('authorization' in request.headers)",
        "request.body.status == 'won' && response.body.status == 'won'",
        "response.status == 200 && response.body.amount + 1 == 6 && response.body.ratio < 1.0",
        "response.body.note == null && has(response.body.id) && !has(response.body.gone)",
        "route.path == '/v1/deals/{id}' && route.method == 'PATCH' && account.id == 'acct_1'",
        "request.body.tags.exists(t, t == 'b') && request.body.tags.all(t, t in ['a', 'b'])",
        "size(request.body.tags.map(t, t + '!').filter(t, t.matches('^a'))) == 1",
        "response.body.id.matches('^d_[0-9]+$')",
        "type(response.body.amount) == int",
    ] {
        assert_eq!(holds(text), Ok(true), "{text}");
    }
}

#[test]
fn an_error_is_no_answer_and_shows_nothing_of_the_body() {
    for text in [
        "response.body.gone == 1",
        "response.body.status > 5",
        "response.body.amount / 0 == 1",
        "response.body.amount",
        "request.body.tags[7] == 'x'",
        "int(request.body.status) == 1",
    ] {
        let e = holds(text).unwrap_err();
        assert!(!e.contains("won"), "{text}: {e}");
    }
}

#[test]
fn what_a_condition_needs_is_known_at_load() {
    let needs = |t: &str| {
        let c = Condition::compile(t).unwrap();
        (c.needs_request_body(), c.needs_response_body())
    };
    assert_eq!(needs("response.status == 201"), (false, false));
    assert_eq!(needs("request.body.a == 1"), (true, false));
    assert_eq!(needs("has(response.body.a)"), (false, true));
    assert_eq!(
        needs("request['body'].a == response['body'].a"),
        (true, true)
    );
    assert_eq!(needs("request.params.id == 'body'"), (false, false));
}

#[test]
fn what_cannot_work_is_refused_at_load() {
    for (text, expected) in [
        ("respons.status == 201", "there is no respons"),
        ("status == 201", "there is no status"),
        ("request.boddy.x == 1", "request has no boddy"),
        ("frobnicate(1)", "there is no function frobnicate"),
        ("request.body.x ==", "expected a CEL expression"),
        ("", "expected a CEL expression"),
        ("Thing{a: 1} == 1", "there is no type"),
        (
            "request.body.a.exists(x, request.body.b.exists(y, x == y))",
            "may not be nested",
        ),
        (
            "request.body.a.all(x, x in request.body.b)",
            "within a loop",
        ),
        ("request.body.a.all(x, 'y'.matches(x))", "within a loop"),
        ("request.body.a.all(request, true)", "may not be the name"),
        ("request.?body == 1", "expected a CEL expression"),
    ] {
        let e = check_condition(text).unwrap_err();
        assert!(e.contains(expected), "{text}: {e}");
        assert!(!e.contains('\n'), "{e}");
    }
}

#[test]
fn texts_that_are_long_or_deep_are_refused_and_never_overflow_the_stack() {
    let long = format!("true || {}", " ".repeat(CONDITION_CHARS));
    assert!(check_condition(&long).unwrap_err().contains("at most"));
    for text in [
        format!("{}1{} == 1", "(".repeat(1000), ")".repeat(1000)),
        format!("{}1 == 1", "1+".repeat(1000)),
        format!("{}true", "!".repeat(2000)),
        format!("request.body{} == 1", ".a".repeat(900)),
        format!("{}1{} == 1", "[".repeat(1000), "]".repeat(1000)),
        format!("request.body{}", "[0]".repeat(600)),
    ] {
        // Some of these the parser folds to something small; what it lets through must evaluate.
        if let Ok(c) = Condition::compile(&text) {
            let _ = c.holds(&facts(&json!({}), &json!({})));
        }
    }
}

#[test]
fn a_body_with_too_many_values_is_told() {
    assert!(!is_too_large(&json!(vec![1; BODY_VALUES - 1])));
    assert!(is_too_large(&json!(vec![1; BODY_VALUES])));
    assert!(is_too_large(&json!({"a": vec![1; BODY_VALUES]})));
}

#[test]
fn numbers_keep_their_value() {
    for text in [
        "response.body.big > 9000000000000000000u",
        "response.body.amount == 5",
        "response.body.amount > 4",
        "response.body.ratio == 0.5",
    ] {
        assert_eq!(holds(text), Ok(true), "{text}");
    }
}
