//! The whole path of a new developer in one visit by a browser, up to the e-mail of an alert; never what one page alone does.

use serde_json::json;

use super::alerts::{SOON, limit, smtp};
use crate::support::browser;
use crate::support::portal::{Portal, Setup};
use crate::support::smtp::MailServer;

#[test]
fn a_link_leads_to_a_key_a_call_an_event_its_usage_and_an_alert_without_a_fault_in_the_browser() {
    let mail = MailServer::start();
    let portal = Portal::with(&Setup {
        extra: &smtp(&mail),
        ..Setup::default()
    });
    // The first request is one per cent of the hour.
    limit(&portal, "acct_1", 100, 1000);
    let link = portal.link("acct_1", "developer");
    let input = json!({"origin": portal.url, "api": portal.api_url, "link": link});
    let faults = browser::run("path", &input);
    assert_eq!(faults, json!([]), "{faults:#}");

    let taken = mail.wait_for(1, SOON);
    assert_eq!(taken[0].to(), ["u-1@example.com"]);
    let page = format!("{}/usage", portal.url);
    assert!(taken[0].text().contains(&page), "{}", taken[0].text());
}
