//! The page of alerts: its form without a script, who may use it, the e-mail that comes of it, and the banner on every page.

use std::time::Duration;

use fuelgate::web::portal::table::all;
use serde_json::{Value, json};

use crate::support::browser;
use crate::support::portal::{Portal, Setup, Visitor};
use crate::support::smtp::MailServer;

pub(super) const SOON: Duration = Duration::from_secs(30);

/// `smtp` settings for a server without TLS.
pub(super) fn smtp(mail: &MailServer) -> String {
    format!(
        "smtp: {{ host: 127.0.0.1, port: {}, tls: none, from: \"Lead Fuel <api@lead.example>\" }}\n",
        mail.port
    )
}

fn set(portal: &Portal, account: &str) -> Value {
    let path = format!("/admin/v1/alerts?account_id={account}");
    portal.gateway.admin("GET", &path, None).json()
}

fn save(visitor: &Visitor, fields: &[(&str, &str)]) {
    let answer = visitor.post("/alerts", fields);
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert_eq!(answer.header("location"), Some("/alerts?done=saved"));
}

/// Quotas of an account, so that a few requests use them up.
pub(super) fn limit(portal: &Portal, account: &str, hour: u64, month: u64) {
    let body = json!({"overrides": {"quotas": {"hour": hour, "month": month}}});
    let path = format!("/admin/v1/accounts/{account}");
    let answer = portal.gateway.admin("PUT", &path, Some(&body));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn call(portal: &Portal, key: &str, times: usize) {
    for _ in 0..times {
        assert_eq!(portal.gateway.get("/v1/contacts", key).status, 200);
    }
}

#[test]
fn alerts_are_set_by_a_form_and_shown_as_they_are() {
    for (store, portal) in Portal::both() {
        let visitor = portal.signed_in("acct_1", "developer");
        assert!(
            visitor
                .page("/alerts")
                .contains("Nobody is told by e-mail.")
        );
        let fields = [
            ("hour_percent", "80 %, 50"),
            ("month_percent", "100"),
            ("key_expiry_days", "1"),
            ("key_expiry_days", "14"),
            ("mail_me", "yes"),
        ];
        save(&visitor, &fields);
        let expected = json!({
            "account_id": "acct_1", "thresholds": {"hour": [50, 80], "month": [100]},
            "key_expiry_days": [14, 1], "emails": ["u-1@example.com"],
        });
        assert_eq!(set(&portal, "acct_1"), expected, "{store}");
        let page = visitor.page("/alerts?done=saved");
        assert!(page.contains("The alerts were saved."), "{page}");
        assert!(page.contains("value=\"50, 80\""), "{page}");
        assert!(!page.contains("E-mail me at"), "{page}");
        // Nothing of it is another account's.
        let other = portal.opens(&portal.link_for("acct_2", "u_9", "developer"));
        assert!(!other.page("/alerts").contains("u-1@example.com"));
        save(&other, &[("remove", "u-1@example.com")]);
        assert_eq!(set(&portal, "acct_1"), expected, "{store}");
        save(&visitor, &[("remove", "u-1@example.com")]);
        assert_eq!(set(&portal, "acct_1")["emails"], json!([]));
        assert_eq!(set(&portal, "acct_1")["thresholds"]["hour"], json!([]));
    }
}

#[test]
fn no_form_adds_an_address_but_that_of_who_is_signed_in() {
    let portal = Portal::start();
    let path = "/admin/v1/alerts?account_id=acct_1";
    let ops = json!({"emails": ["ops@example.com", "\u{2b}x@example.com"]});
    assert_eq!(portal.gateway.admin("PUT", path, Some(&ops)).status, 200);
    let visitor = portal.signed_in("acct_1", "developer");
    let fields = [
        ("mail_me", "victim@example.org"),
        ("emails", "victim@example.org"),
        ("email", "victim@example.org"),
        ("month_percent", "80"),
    ];
    save(&visitor, &fields);
    save(&visitor, &[("mail_me", "yes"), ("month_percent", "90")]);
    assert_eq!(
        set(&portal, "acct_1")["emails"],
        json!(["ops@example.com", "+x@example.com", "u-1@example.com"])
    );
}

#[test]
fn what_is_wrong_is_said_beside_its_field_and_nothing_is_lost() {
    let portal = Portal::start();
    let visitor = portal.signed_in("acct_1", "developer");
    for (name, value, said) in [
        (
            "hour_percent",
            "eighty",
            "expected whole numbers from 1 to 100",
        ),
        ("hour_percent", "101", "expected 1 to 100"),
        ("month_percent", "1 2 3 4 5 6", "expected at most 5 numbers"),
        ("month_percent", "80, 80", "this number is there twice"),
        ("key_expiry_days", "366", "expected 1 to 365"),
    ] {
        let other = ("mail_me", "yes");
        let answer = visitor.post("/alerts", &[(name, value), other]);
        assert_eq!(answer.status, 422, "{name} {value}");
        let page = answer.text();
        assert!(page.contains(said), "{said}: {page}");
        assert!(page.contains(&format!("href=\"#f-{name}\"")), "{page}");
        assert!(
            name == "key_expiry_days" || page.contains(&format!("value=\"{value}\"")),
            "{page}"
        );
        assert!(
            page.contains("name=\"mail_me\" value=\"yes\" checked"),
            "{page}"
        );
    }
    assert_eq!(set(&portal, "acct_1")["emails"], json!([]));
}

#[test]
fn viewers_see_alerts_and_have_no_form() {
    let portal = Portal::start();
    let developer = portal.signed_in("acct_1", "developer");
    let fields = [("month_percent", "80"), ("mail_me", "yes")];
    save(&developer, &fields);
    let viewer = portal.opens(&portal.link_for("acct_1", "u_2", "viewer"));
    let page = viewer.page("/alerts");
    assert!(
        page.contains("80 %") && page.contains("u-1@example.com"),
        "{page}"
    );
    assert!(!page.contains("action=\"/alerts\""), "{page}");
    assert_eq!(
        viewer.post("/alerts", &[("month_percent", "1")]).status,
        403
    );
    assert_eq!(set(&portal, "acct_1")["thresholds"]["month"], json!([80]));
    assert_eq!(portal.stranger().get("/alerts").status, 401);
}

#[test]
fn one_per_cent_of_the_hour_is_mailed_to_who_asked_for_it() {
    let mail = MailServer::start();
    let portal = Portal::with(&Setup {
        extra: &smtp(&mail),
        ..Setup::default()
    });
    let visitor = portal.signed_in("acct_1", "developer");
    assert!(
        !visitor
            .page("/alerts")
            .contains("E-mails are not sent from here")
    );
    save(
        &visitor,
        &[
            ("hour_percent", "1"),
            ("month_percent", "1"),
            ("mail_me", "yes"),
        ],
    );
    limit(&portal, "acct_1", 200, 300);
    let (_, key) = portal.gateway.key("acct_1", &["contacts:read"]);
    call(&portal, &key, 3);
    let taken = mail.wait_for(2, SOON);
    assert!(taken.iter().all(|t| t.to() == ["u-1@example.com"]));
    let page = format!("{}/usage", portal.url);
    assert!(taken[0].text().contains(&page), "{}", taken[0].text());
}

#[test]
fn every_page_shows_that_a_quota_is_nearly_used_up() {
    let portal = Portal::start();
    let visitor = portal.signed_in("acct_1", "developer");
    limit(&portal, "acct_1", 5, 5);
    let (_, key) = portal.gateway.key("acct_1", &["contacts:read"]);
    call(&portal, &key, 3);
    let pages: Vec<&str> = all()
        .filter_map(|page| page.sample)
        .filter(|page| !page.contains('{') && visitor.get(page).status == 200)
        .collect();
    for page in [
        "/",
        "/alerts",
        "/session",
        "/usage?range=7d&by=key",
        "/docs",
    ] {
        assert!(pages.contains(&page), "{pages:?}");
    }
    for page in &pages {
        assert!(!visitor.page(page).contains("% of this"), "{page}");
    }
    call(&portal, &key, 1);
    for target in pages {
        let page = visitor.page(target);
        assert!(
            page.contains("80 % of this month's quota is used. It resets in "),
            "{target}: {page}"
        );
    }
    // What a form answers where something of it is wrong is a page, too.
    let wrong = visitor.post("/alerts", &[("hour_percent", "eighty")]);
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("80 % of this month's quota is used."));
    call(&portal, &key, 1);
    assert_eq!(portal.gateway.get("/v1/contacts", &key).status, 429);
    let page = visitor.page("/");
    assert!(page.contains("This month's quota is used up"), "{page}");
    // Another account's use is its own matter.
    let other = portal.signed_in("acct_2", "developer");
    assert!(!other.page("/").contains("quota is used up"));
}

#[test]
fn the_banner_follows_the_marks_that_the_account_has_set() {
    for (store, portal) in Portal::both() {
        let visitor = portal.signed_in("acct_1", "developer");
        // Every node of a Redis counts by its own estimate, so that marks lie between what it may be.
        limit(&portal, "acct_1", 1_000, 1_000);
        let (_, key) = portal.gateway.key("acct_1", &["contacts:read"]);
        save(&visitor, &[("month_percent", "30")]);
        call(&portal, &key, 250);
        assert!(!visitor.page("/").contains("% of this"), "{store}");
        call(&portal, &key, 100);
        let page = visitor.page("/");
        assert!(
            page.contains("35 % of this month's quota is used."),
            "{store}: {page}"
        );
        // Another mark shows at once on the node that took it.
        save(&visitor, &[("month_percent", "50"), ("hour_percent", "20")]);
        let page = visitor.page("/docs");
        assert!(
            page.contains("35 % of this hour's quota is used."),
            "{store}: {page}"
        );
        save(&visitor, &[]);
        assert!(!visitor.page("/").contains("% of this"), "{store}");
    }
}

#[test]
fn the_page_is_whole_however_full_it_is() {
    let mail = MailServer::start();
    let portal = Portal::with(&Setup {
        extra: &smtp(&mail),
        ..Setup::default()
    });
    let long = format!("{}@example.com", "a-very-long-name-of-somebody".repeat(2));
    let body = json!({
        "thresholds": {"hour": [1, 25, 50, 80, 100], "month": [80, 100]}, "key_expiry_days": [60, 14, 7, 1],
        "emails": ["ops@example.com", long],
    });
    let path = "/admin/v1/alerts?account_id=acct_full";
    assert_eq!(portal.gateway.admin("PUT", path, Some(&body)).status, 200);
    limit(&portal, "acct_full", 5, 5);
    let (_, key) = portal.gateway.key("acct_full", &["contacts:read"]);
    call(&portal, &key, 4);
    let walk = |visitor: &Visitor, name: &str| {
        let pages = json!([{"name": name, "path": "/alerts?done=saved"}]);
        let input = json!({"origin": portal.url, "cookie": visitor.cookie, "pages": pages, "shots": browser::shots()});
        assert_eq!(browser::run("walk", &input), json!([]));
    };
    walk(&portal.signed_in("acct_full", "developer"), "alerts-full");
    call(&portal, &key, 1);
    let viewer = portal.opens(&portal.link_for("acct_full", "u_2", "viewer"));
    walk(&viewer, "alerts-viewer");
}
