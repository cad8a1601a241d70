//! `GET /usage/endpoints` and its file: every endpoint that was called in a range, by pages; never what others called.

use futures_util::future::try_join;
use maud::{Markup, html};

use super::controls::{self, Choice};
use super::range::Wanted;
use super::{csv, lists, read};
use crate::base::ceilings::portal::{USAGE_ENDPOINTS_MOST, USAGE_ENDPOINTS_PAGE};
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::chart::number::grouped;
use crate::web::portal::form::Query;
use crate::web::portal::own::{Called, Own};
use crate::web::portal::refuse::PageError;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui::{self, Kind};

const PATH: &str = "/usage/endpoints";

pub(super) async fn show(own: Own, query: Query) -> PageResult {
    let wanted = Wanted::read(query.0.fields()).map_err(PageError::Invalid)?;
    let after = after(query.0.text("after")?)?;
    let span = wanted.span(own.visit.now);
    let chosen = read::chosen(&own, &wanted).await?;
    // One more than is shown tells whether there are more.
    let limit = after + USAGE_ENDPOINTS_PAGE + 1;
    let called = own.called(span, wanted.key.as_deref(), limit);
    let (called, newest) = try_join(called, own.newest_keys()).await?;
    let choices = read::choices(&newest, chosen.as_ref());
    let body = page(&wanted, &choices, &called, after);
    Ok(shell::page(&own, "Endpoints", Place::Usage, body))
}

pub(super) async fn export(own: Own, query: Query) -> PageResult {
    let wanted = Wanted::read(query.0.fields()).map_err(PageError::Invalid)?;
    read::chosen(&own, &wanted).await?;
    let span = wanted.span(own.visit.now);
    let key = wanted.key.as_deref();
    let called = own.called(span, key, USAGE_ENDPOINTS_MOST).await?;
    let (range, day) = (wanted.range.word(), own.visit.now.utc("%Y-%m-%d"));
    let name = format!("endpoints-{range}-{day}.csv");
    let text = csv::by_endpoint(span, &called);
    let kind = "text/csv; charset=utf-8";
    Ok(PageAnswer::attachment(kind, &name, text))
}

/// How many come before the page: whole pages of them.
fn after(text: &str) -> Result<u32, PageError> {
    let number = match text {
        "" => Some(0),
        text => text.parse().ok(),
    };
    let is_of_a_page =
        |n: &u32| *n < USAGE_ENDPOINTS_MOST && n.is_multiple_of(USAGE_ENDPOINTS_PAGE);
    number
        .filter(is_of_a_page)
        .ok_or_else(|| PageError::field("after", "expected where one of the pages begins"))
}

/// The page of `called`, which begins with the most called one of all.
fn page(wanted: &Wanted, choices: &[Choice], called: &[Called], after: u32) -> Markup {
    let most = called.first().map_or(0, |first| first.requests);
    let (begins, size) = (after as usize, USAGE_ENDPOINTS_PAGE as usize);
    let ends = called.len().min(begins + size);
    let rows = called.get(begins..ends).unwrap_or_default();
    let next = after + USAGE_ENDPOINTS_PAGE;
    let is_more = called.len() > begins + size && next < USAGE_ENDPOINTS_MOST;
    let export = ui::link_button(
        Kind::Secondary,
        &wanted.link("/usage/endpoints.csv"),
        "Export CSV",
    );
    let title = match rows.len() {
        0 => "Endpoints".to_owned(),
        n => format!(
            "Endpoints {} to {}, most called first",
            grouped(begins as u128 + 1),
            grouped((begins + n) as u128)
        ),
    };
    let path = wanted.link(PATH);
    html! {
        (ui::style("chart.css"))
        (ui::crumbs(&[("/usage", "Usage")]))
        (ui::head("Endpoints", None, Some(&export)))
        (controls::controls(PATH, wanted, choices, false))
        (ui::card_flush(Some(&title), None, &html! {
            (lists::called(rows, most))
            @if is_more || after > 0 {
                nav.pager aria-label="Pages" {
                    @if after > 0 { a.button href=(path) { "Back to the most called" } }
                    @if is_more {
                        a.button rel="next" href={ (path) "&after=" (next) } { "More" }
                    }
                }
            }
        }))
        @if wanted.key.is_some() {
            p.small.muted { "Endpoints of one key are counted without their methods and errors." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::range::{By, Range};
    use super::*;

    fn shown(n: usize, after: u32) -> String {
        let called: Vec<Called> = (0..n.min((after + USAGE_ENDPOINTS_PAGE + 1) as usize))
            .map(|at| Called {
                method: Some("GET".to_owned()),
                route: format!("/v1/{at}/<i>"),
                requests: 1_000 - at as u64,
                errors: Some(5),
            })
            .collect();
        let wanted = Wanted {
            range: Range::Month,
            by: By::Key,
            key: None,
        };
        page(&wanted, &[], &called, after).into_string()
    }

    #[test]
    fn every_endpoint_is_on_one_page_and_each_page_leads_to_the_next() {
        let first = shown(101, 0);
        assert!(first.contains("Endpoints 1 to 50, most called first"));
        assert!(first.contains("/v1/49/&lt;i&gt;") && !first.contains("/v1/50/"));
        assert!(first.contains("href=\"/usage/endpoints?range=30d&amp;by=key&amp;after=50\""));
        assert!(!first.contains("Back to"));
        let second = shown(101, 50);
        assert!(second.contains("/v1/50/") && second.contains("/v1/99/"));
        assert!(second.contains("after=100") && second.contains("Back to the most called"));
        let last = shown(101, 100);
        assert!(last.contains("Endpoints 101 to 101") && !last.contains("rel=\"next\""));
        assert!(!shown(50, 0).contains("class=\"pager\""));
        assert!(shown(0, 0).contains("No endpoint was called in this range."));
        assert!(shown(3, 50).contains("No endpoint was called"));
    }

    #[test]
    fn a_page_begins_where_pages_begin() {
        assert_eq!(after("").unwrap(), 0);
        assert_eq!(after("9950").unwrap(), 9_950);
        for wrong in ["1", "-50", "fifty", "10000", "4294967295", "99999999999"] {
            assert!(after(wrong).is_err(), "{wrong}");
        }
    }
}
