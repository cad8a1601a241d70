//! The usage page: its numbers are the admin API's, its file is whole, and a browser reads its chart by pointer and by keys.

use std::time::Duration;

use serde_json::{Value, json};

use super::usage_history;
use crate::support::portal::{Portal, Visitor};
use crate::support::{browser, eventually};

const ACCOUNT: &str = "acct_usage";
const RANGES: [(&str, &str); 4] = [
    ("24h", "hour"),
    ("7d", "hour"),
    ("30d", "day"),
    ("12m", "month"),
];

/// Six that succeed, two that the upstream does not know, three that lack a scope.
fn call(portal: &Portal, secret: &str) {
    for _ in 0..6 {
        assert_eq!(portal.gateway.get("/v1/contacts", secret).status, 200);
    }
    for _ in 0..2 {
        let answer = portal.gateway.get("/v1/contacts/none", secret);
        assert_eq!(answer.status, 404);
    }
    for _ in 0..3 {
        assert_eq!(portal.gateway.get("/v1/deals", secret).status, 403);
    }
    eventually("usage is stored", Duration::from_secs(10), || {
        let all = admin_points(portal, "24h", "hour");
        let last = all.last()?;
        (last["requests"] == 8 && last["rejected"] == 3).then_some(())
    });
}

/// What the admin API says of a range: its last points, as many as the page has.
fn admin_points(portal: &Portal, range: &str, granularity: &str) -> Vec<Value> {
    let days = match range {
        "24h" => 1,
        "7d" => 7,
        "30d" => 30,
        _ => 365,
    };
    let from = fuelgate::base::clock::Clock::system()
        .now()
        .minus(Duration::from_secs(days * 86_400));
    let path =
        format!("/admin/v1/usage?account_id={ACCOUNT}&granularity={granularity}&from={from}");
    let answer = portal.gateway.admin("GET", &path, None);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"].as_array().unwrap().clone()
}

/// The cells of a file, without its first line.
fn rows(text: &str) -> Vec<Vec<String>> {
    let lines = text.split("\r\n").skip(1).filter(|l| !l.is_empty());
    lines
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect()
}

fn file(visitor: &Visitor, query: &str) -> String {
    let answer = visitor.get(&format!("/usage.csv?{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.header("content-type"),
        Some("text/csv; charset=utf-8")
    );
    let named = answer.header("content-disposition").unwrap();
    assert!(
        named.starts_with("attachment; filename=\"usage-"),
        "{named}"
    );
    answer.text()
}

/// What was called, on its page and in its file, of all keys and of one.
fn endpoints(visitor: &Visitor, query: &str, key: &str, name: &str) {
    let page = visitor.page(&format!("/usage/endpoints?{query}"));
    for part in [
        "Endpoints 1 to 2, most called first",
        "<span class=\"method reads\">GET</span> <code>/v1/contacts</code>",
        "<span title=\"2 of 2\">100%</span>",
    ] {
        assert!(page.contains(part), "{name}, {query}: {part}\n{page}");
    }
    let lines = |query: &str| -> Vec<String> {
        let answer = visitor.get(&format!("/usage/endpoints.csv?{query}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let text = answer.text();
        let mut lines = text.split("\r\n").filter(|l| !l.is_empty());
        let first = "from,to,method,route,requests,errors";
        assert_eq!(lines.next(), Some(first));
        // Without the range that each line begins with.
        let rest = lines.map(|l| l.splitn(3, ',').nth(2).unwrap().to_owned());
        rest.collect()
    };
    let all = ["GET,/v1/contacts,6,0", "GET,/v1/contacts/{id},2,2"];
    assert_eq!(lines(query), all, "{name}, {query}");
    let of_key = [",/v1/contacts,6,", ",/v1/contacts/{id},2,"];
    assert_eq!(lines(&format!("{query}&key={key}")), of_key, "{name}");
    let page = visitor.page(&format!("/usage/endpoints?{query}&key={key}"));
    assert!(page.contains("<code>/v1/contacts</code>"), "{name}: {page}");
    assert!(!page.contains("class=\"method"), "{name}: {page}");
}

#[test]
fn the_page_and_its_file_have_the_admin_apis_numbers() {
    for (name, portal) in Portal::both() {
        let (key, secret) = portal.gateway.key(ACCOUNT, &["contacts:read"]);
        call(&portal, &secret);
        let visitor = portal.signed_in(ACCOUNT, "viewer");
        for (range, granularity) in RANGES {
            let points = admin_points(&portal, range, granularity);
            let page = visitor.page(&format!("/usage?range={range}"));
            for part in [
                "<strong>8</strong> of 10,000 requests",
                "<strong>8</strong> of 1,000,000 requests",
                "9,992 left",
                "<p class=\"value\">25%</p><p class=\"note\">2 requests</p>",
                "<p class=\"value\">27%</p><p class=\"note\">3 requests</p>",
                "<a href=\"/docs/errors/insufficient_scope\">",
                "/v1/contacts/{id}",
            ] {
                assert!(page.contains(part), "{name}, {range}: {part}\n{page}");
            }
            endpoints(&visitor, &format!("range={range}"), &key, name);
            // The last line of the file and the last point of the admin API are the same hour, day or month.
            let csv = rows(&file(&visitor, &format!("range={range}")));
            let (line, point) = (csv.last().unwrap(), points.last().unwrap());
            assert_eq!(line[0], point["start"].as_str().unwrap(), "{name}, {range}");
            let numbers = [
                &point["requests"],
                &point["by_status"]["2xx"],
                &json!(0),
                &point["by_status"]["4xx"],
                &json!(0),
                &point["rejected"],
                &point["bytes_in"],
                &point["bytes_out"],
                &point["upstream_ms"],
            ];
            let told: Vec<Value> = line[1..]
                .iter()
                .map(|n| n.parse::<u64>().unwrap().into())
                .collect();
            assert_eq!(told.iter().collect::<Vec<_>>(), numbers, "{name}, {range}");

            let page = visitor.page(&format!("/usage?range={range}&by=key"));
            assert!(
                page.contains(&format!("<a href=\"/keys/{key}\">test …\u{2060}")),
                "{name}"
            );
            assert!(!page.contains("Other keys"), "{name}, {range}");
            let csv = rows(&file(&visitor, &format!("range={range}&by=key&key={key}")));
            assert_eq!(
                csv.len(),
                [24, 168, 30, 12][RANGES.iter().position(|r| r.0 == range).unwrap()]
            );
            assert!(csv.iter().all(|line| line[0] == key), "{name}, {range}");
        }
    }
}

#[test]
fn a_key_of_another_account_is_not_found_and_words_of_no_meaning_are_refused() {
    let portal = Portal::start();
    let (mine, _) = portal.gateway.key(ACCOUNT, &["contacts:read"]);
    let (other, _) = portal.gateway.key("acct_other", &["contacts:read"]);
    let visitor = portal.signed_in(ACCOUNT, "viewer");
    for path in ["/usage", "/usage.csv"] {
        let status = |query: &str| visitor.get(&format!("{path}?{query}")).status;
        assert_eq!(status(&format!("key={mine}")), 200);
        for by in ["status", "key"] {
            assert_eq!(status(&format!("by={by}&key={other}")), 404);
            assert_eq!(status(&format!("by={by}&key=key_{}", "0".repeat(32))), 404);
        }
        assert_eq!(status("key=%00"), 422);
        assert_eq!(status("range=1y"), 422);
        assert_eq!(status("by=route"), 422);
        assert_eq!(status("range=24h&range=7d"), 422);
        assert_eq!(portal.stranger().get(path).status, 401);
    }
    let page = visitor.page("/usage");
    assert!(page.contains("No requests in this range"));
    assert!(page.contains("No request was rejected in this range."));
}

#[test]
fn a_year_of_usage_is_read_in_a_browser_by_pointer_and_by_keys() {
    let mut portal = Portal::start();
    let keys = usage_history::fill(&mut portal, ACCOUNT);
    let visitor = portal.signed_in(ACCOUNT, "developer");

    // The keys that have no colour of their own are one together, and a name is no formula.
    let csv = file(&visitor, "range=12m&by=key");
    assert!(csv.starts_with("key_id,key_name,start,requests,"));
    assert!(csv.contains(",'=1+1,20"), "{csv}");
    let lines = rows(&csv);
    assert_eq!(lines.len(), 7 * 12);
    let sum = |lines: &[Vec<String>], at: usize| -> u64 {
        // A name with a comma in it takes two cells here.
        lines
            .iter()
            .map(|l| l[l.len() - at].parse::<u64>().unwrap())
            .sum()
    };
    let whole = rows(&file(&visitor, "range=12m"));
    for column in 1..=9 {
        // Milliseconds are rounded down line by line.
        let (keys, all) = (sum(&lines, column), sum(&whole, column));
        assert!(
            all - keys <= if column == 1 { 84 } else { 0 },
            "{column}: {keys} of {all}"
        );
    }
    let page = visitor.page("/usage?range=30d&by=key");
    assert!(page.contains("Other keys") && page.contains("c-key5") && !page.contains("=1+1</a>"));

    let input = json!({
        "origin": portal.url,
        "cookie": visitor.cookie,
        "key": keys[0],
        "shots": browser::shots(),
    });
    let wrong = browser::run("usage", &input);
    assert_eq!(wrong, json!([]), "{wrong:#}");
}
