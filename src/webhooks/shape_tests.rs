//! Tests of shapes: what they make, always as the same bytes, and what keeps them small; never of the pipeline.

use http::{HeaderMap, Method};
use serde_json::{Value as Json, json};

use super::*;
use crate::base::ceilings::EVENT_DATA_BYTES;
use crate::webhooks::facts::{BODY_VALUES, FactSources};

fn facts(response: &Json) -> Facts {
    let headers = HeaderMap::new();
    let mut facts = Facts::new(FactSources {
        method: &Method::POST,
        path: "/v2/contacts",
        query: None,
        params: &[],
        request_headers: &headers,
        status: 201,
        response_headers: &headers,
        route: "/v2/contacts",
        account_id: "acct_1",
    });
    facts.set_bodies(&json!({"name": "Zoë"}), response);
    facts
}

fn data(shape: &str, response: &Json) -> Result<String, String> {
    Shape::compile(shape)
        .unwrap()
        .data(&facts(response), EVENT_DATA_BYTES)
}

#[test]
fn a_shape_makes_what_receivers_know_of_what_a_backend_now_sends() {
    let v2 = json!({"contact": {"uid": "c_9", "given": "Zoë", "family": "O\"Hara\n"}, "tags": [{"label": "a", "n": 1}]});
    let shape = "{'id': response.body.contact.uid, \
                  'name': response.body.contact.given + ' ' + response.body.contact.family, \
                  'email': has(response.body.contact.email) ? response.body.contact.email : null, \
                  'tags': response.body.tags.map(t, t.label + '#' + string(t.n)), \
                  'by': account.id, 'asked': request.body.name}";
    assert_eq!(
        data(shape, &v2).unwrap(),
        r##"{"asked":"Zoë","by":"acct_1","email":null,"id":"c_9","name":"Zoë O\"Hara\n","tags":["a#1"]}"##
    );
}

#[test]
fn members_are_sorted_so_that_the_bytes_are_the_same_every_time() {
    let members: serde_json::Map<String, Json> = (0..50)
        .rev()
        .map(|i| (format!("m{i:02}"), json!(i)))
        .collect();
    let body = Json::from(members);
    let first = data("response.body", &body).unwrap();
    assert!(first.starts_with(r#"{"m00":0,"m01":1,"#), "{first}");
    for _ in 0..20 {
        assert_eq!(data("response.body", &body).unwrap(), first);
    }
    assert_eq!(serde_json::from_str::<Json>(&first).unwrap(), body);
}

#[test]
fn values_that_json_has_go_through_and_others_are_errors() {
    let body = json!({"i": -3, "u": u64::MAX, "f": 1.5, "t": true, "n": null, "l": [[], {}], "s": "\u{1}"});
    assert_eq!(
        data("response.body", &body).unwrap(),
        r#"{"f":1.5,"i":-3,"l":[[],{}],"n":null,"s":"\u0001","t":true,"u":18446744073709551615}"#
    );
    for (shape, why) in [
        ("1.0 / 0.0", "infinite"),
        ("b'ab'", "JSON has no bytes"),
        ("{1: 2}", "by strings"),
        ("timestamp('2026-01-01T00:00:00Z')", "JSON has no"),
        ("response.body.gone", "no such member"),
        ("response.body.i + 'x'", "Unsupported"),
    ] {
        let e = data(shape, &body).unwrap_err();
        assert!(e.contains(why), "{shape}: {e}");
    }
    assert_eq!(
        data("string(timestamp('2026-01-01T00:00:00Z'))", &body).unwrap(),
        "\"2026-01-01T00:00:00Z\""
    );
}

#[test]
fn data_has_a_ceiling_however_often_a_shape_repeats_a_body() {
    let body = json!({"s": "x".repeat(60_000)});
    let shape = Shape::compile("[response.body.s, response.body.s]").unwrap();
    assert_eq!(shape.data(&facts(&body), 120_007).unwrap().len(), 120_007);
    let e = shape.data(&facts(&body), 120_006).unwrap_err();
    assert!(e.contains("too large"), "{e}");
    let many = format!("[{}]", vec!["response.body"; 100].join(","));
    assert!(data(&many, &body).unwrap_err().contains("too large"));
}

#[test]
fn a_loop_keeps_only_what_the_item_has() {
    for bad in [
        "response.body.l.map(x, response.body)",
        "response.body.l.map(x, x == 'a' ? x : response.body.s)",
        "response.body.l.map(x, response.body['s'] + x)",
        "response.body.l.map(x, x + string(response.body.s))",
        "response.body.l.map(x, {'a': [x + account.id]})",
        "response.body.l.map(x, {'a': dyn(request)})",
        "response.body.l.map(x, {x: response.body.s})",
        "response.body.l.filter(x, x + request.path == 'a')",
        "response.body.l.exists(x, [response.body.l] == [x])",
        "response.body.l.exists(x, response.body.l + [x] == [])",
    ] {
        let e = check_shape(bad).unwrap_err();
        assert!(e.contains("within a loop, lists"), "{bad}: {e}");
    }
    let body = json!({"l": ["a", "b"], "s": "s", "n": 1});
    for (good, made) in [
        (
            "response.body.l.filter(x, x != response.body.s).map(x, x + '!' + x)",
            r#"["a!a","b!b"]"#,
        ),
        (
            "response.body.l.map(x, {'x': x, 'first': x == response.body.l[0], 'n': int(response.body.n) + 1})",
            r#"[{"first":true,"n":2,"x":"a"},{"first":false,"n":2,"x":"b"}]"#,
        ),
        (
            "response.body.l.map(x, has(response.body.s) && x.startsWith('a') ? [x] : [])",
            r#"[["a"],[]]"#,
        ),
        (
            "{'all': response.body.l + [response.body.s], 'of': response.body.l.map(x, x)}",
            r#"{"all":["a","b","s"],"of":["a","b"]}"#,
        ),
    ] {
        assert_eq!(data(good, &body).as_deref(), Ok(made), "{good}");
    }
}

#[test]
fn a_body_of_the_largest_size_costs_a_loop_no_more_than_its_items() {
    let items = vec![json!(1); BODY_VALUES - 10];
    let body = json!({"items": items, "s": "x".repeat(30_000)});
    let began = std::time::Instant::now();
    for shape in [
        "response.body.items.map(i, {'i': i, 'own': i == response.body})",
        "response.body.items.map(i, i + size(response.body.items))",
        "response.body.items.filter(i, response.body.s != response.body.items)",
    ] {
        data(shape, &body).unwrap();
    }
    // A copy of what is outside for each item would take minutes beside other tests, a minute alone.
    let took = began.elapsed();
    assert!(took < std::time::Duration::from_secs(30), "{took:?}");
}

#[test]
fn what_cannot_work_is_refused_at_load() {
    for (shape, why) in [
        ("{'id': respons.body.id}", "there is no respons"),
        ("{'id': response.body.id", "expected a CEL expression"),
        ("Thing{a: 1}", "there is no type"),
        ("", "expected a CEL expression"),
        ("response.body.a.map(x, x.map(y, y))", "may not be nested"),
    ] {
        let e = check_shape(shape).unwrap_err();
        assert!(e.contains(why), "{shape}: {e}");
    }
}
