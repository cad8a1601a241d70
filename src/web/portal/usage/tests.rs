//! The page as text: what it says of a range, of keys and of refusals, whatever they are called.

use super::controls::Choice;
use super::lists::KeyLine;
use super::page::{View, page};
use super::range::{By, Range, Wanted};
use super::totals::{self, Totals};
use crate::base::clock::Timestamp;
use crate::limits::{UsedQuota, UsedQuotas};
use crate::usage::model::{RejectedBy, UsagePoint};
use crate::web::portal::own::Called;

const KEY: &str = "key_00000000000000000000000000000001";

fn point(start: &str, ok: u64, failed: u64, rejected: u64) -> UsagePoint {
    UsagePoint {
        start: Timestamp::parse(start).unwrap(),
        requests: ok + failed,
        rejected,
        by_status: [("2xx".to_owned(), ok), ("5xx".to_owned(), failed)].into(),
        upstream_ms: 100 * (ok + failed),
        ..UsagePoint::default()
    }
}

fn view(by: By, points: &[UsagePoint]) -> View {
    let name = "<b>Nightly</b> …f3Qa".to_owned();
    let keys = [(name.clone(), points.to_vec())];
    let (series, chart) = match by {
        By::Status => totals::by_status(points),
        By::Key => totals::by_key(&keys, points),
    };
    let line = KeyLine {
        id: Some(KEY.to_owned()),
        name: name.clone(),
        class: "c-key1",
        totals: Totals::of(points),
    };
    let quota = |limit, resets_at: &str| UsedQuota {
        used: 7,
        limit,
        resets_at: Timestamp::parse(resets_at).unwrap(),
    };
    let rejected = |code: &str, requests| RejectedBy {
        code: code.to_owned(),
        requests,
    };
    View {
        wanted: Wanted {
            range: Range::Day,
            by,
            key: Some(KEY.to_owned()),
        },
        now: Timestamp::parse("2026-11-27T14:41:12Z").unwrap(),
        used: UsedQuotas {
            hour: quota(Some(10), "2026-11-27T15:00:00Z"),
            month: quota(None, "2026-12-01T00:00:00Z"),
        },
        choices: vec![Choice {
            id: KEY.to_owned(),
            name,
        }],
        totals: Totals::of(points),
        series,
        points: chart,
        keys: match by {
            By::Status => Vec::new(),
            By::Key => vec![line],
        },
        endpoints: vec![Called {
            method: Some("GET".to_owned()),
            route: "/v1/<i>".to_owned(),
            requests: 90,
            errors: Some(3),
        }],
        rejections: vec![
            rejected("rate_limited", 30),
            rejected("client_left", 9),
            rejected("from_the_<future>", 1),
        ],
    }
}

fn some() -> [UsagePoint; 2] {
    [
        point("2026-11-27T13:00:00Z", 90, 10, 0),
        point("2026-11-27T14:00:00Z", 300, 0, 40),
    ]
}

#[test]
fn the_page_says_what_was_made_what_failed_and_what_was_refused() {
    let text = page(&view(By::Status, &some())).into_string();
    for part in [
        "<p class=\"value\">400</p><p class=\"note\">200 an hour</p>",
        "<p class=\"value\">2.5%</p><p class=\"note\">10 requests</p>",
        "<p class=\"value\">9.1%</p><p class=\"note\">40 requests</p>",
        "<p class=\"value\">100 ms</p>",
        "Hour 14:00–15:00 UTC",
        "November 2026 (UTC)",
        "No limit",
        "Requests by status, 24 hours",
        "those of all your keys",
        "<a href=\"/usage/endpoints?range=24h&amp;by=status&amp;key=key_00000000000000000000000000000001\">All endpoints</a>",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("Busiest keys"));
}

#[test]
fn links_keep_what_was_asked_for() {
    let text = page(&view(By::Key, &some())).into_string();
    for link in [
        "/usage?range=7d&by=key",
        "/usage?range=24h&by=status",
        "/usage.csv?range=24h&by=key",
    ] {
        let link = format!("href=\"{}&amp;key={KEY}\"", link.replace('&', "&amp;"));
        assert!(text.contains(&link), "{link}");
    }
    assert_eq!(text.matches("aria-current=\"true\"").count(), 2);
    assert!(text.contains(&format!("<option value=\"{KEY}\" selected>")));
}

#[test]
fn reasons_lead_to_their_pages_where_there_are_some() {
    let text = page(&view(By::Status, &some())).into_string();
    assert!(text.contains("<a href=\"/docs/errors/rate_limited\">"));
    assert!(
        text.contains("The client closed the connection") && !text.contains("errors/client_left")
    );
    assert!(text.contains("<code>from_the_&lt;future&gt;</code>"));
}

#[test]
fn no_name_is_markup() {
    for by in By::ALL {
        let text = page(&view(by, &some())).into_string();
        assert!(!text.contains("<b>") && !text.contains("<i>"));
        assert!(
            text.contains("&lt;b&gt;Nightly&lt;/b&gt; …f3Qa") && text.contains("/v1/&lt;i&gt;")
        );
    }
}

#[test]
fn a_range_of_nothing_has_no_chart() {
    for by in By::ALL {
        let text = page(&view(by, &[])).into_string();
        assert!(text.contains("No requests in this range") && !text.contains("<figure"));
    }
    // What was only refused is there by status, and no key made it.
    let refused = [point("2026-11-27T14:00:00Z", 0, 0, 5)];
    assert!(
        page(&view(By::Status, &refused))
            .into_string()
            .contains("<figure")
    );
    assert!(
        !page(&view(By::Key, &refused))
            .into_string()
            .contains("<figure")
    );
}
