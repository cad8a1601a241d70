//! What is found by which words, in which order, and that any text can be searched for.

use proptest::prelude::*;

use super::words::EXCERPT_CHARS;
use super::*;
use crate::base::ceilings::docs::DOCS_SEARCH_NAMES;
use crate::web::docs::{guides, markdown, testing};

fn add(index: &mut Index, kind: &'static str, title: &str, path: &str, text: &str) {
    index.add(Page {
        kind,
        title,
        path: path.to_owned(),
        text: text.to_owned(),
        ..Page::default()
    });
}

fn index() -> Index {
    let mut index = Index::default();
    add(
        &mut index,
        "Guide",
        "Rate limits",
        "/a",
        "How many requests you may send.",
    );
    add(
        &mut index,
        "Endpoint",
        "List contacts",
        "/b",
        "GET /v1/contacts contacts:read limit",
    );
    add(
        &mut index,
        "Event",
        "contact.created",
        "/c",
        "A contact was created",
    );
    add(
        &mut index,
        "Error",
        "rate_limited",
        "/d",
        "429 Too many requests",
    );
    index
}

fn paths(query: &str) -> Vec<String> {
    let index = index();
    index
        .find(query)
        .into_iter()
        .map(|h| h.path.to_owned())
        .collect()
}

#[test]
fn every_word_must_begin_a_word_and_titles_come_first() {
    assert_eq!(paths("limit"), ["/a", "/d", "/b"]);
    assert_eq!(paths("rate lim"), ["/a", "/d"]);
    assert_eq!(paths("contact.created"), ["/c"]);
    assert_eq!(paths("CREATED"), ["/c"]);
    assert_eq!(paths("contacts:read"), ["/b"]);
    assert_eq!(paths("429"), ["/d"]);
    assert_eq!(paths("imit"), [""; 0]);
    assert_eq!(paths("contact nowhere"), [""; 0]);
    for nothing in ["", " ", "?!", "<>"] {
        assert_eq!(paths(nothing), [""; 0]);
    }
}

#[test]
fn a_long_text_is_shown_around_the_word() {
    let text = format!("{} needle {}", "before ".repeat(60), "after ".repeat(60));
    let shown = excerpt(&text, &["needle".to_owned()]);
    assert!(shown.contains("needle") && shown.starts_with("… ") && shown.ends_with(" …"));
    assert!(shown.chars().count() < EXCERPT_CHARS + 10);
}

#[test]
fn fields_parameters_headers_values_and_sections_are_found_and_the_page_of_the_word_is_first() {
    let set = testing::crm();
    for (query, first) in [
        ("contact", "/docs/schemas/Contact"),
        ("list contacts", "/docs/api/list-contacts"),
        ("retry-after", "/docs/guides/rate-limits#when-you-are-over"),
        ("rate_limited", "/docs/errors/rate_limited"),
        ("webhook-timestamp", "/docs/guides/webhooks"),
        ("contact.created", "/docs/events/contact.created"),
        ("explorer", "/docs/explorer"),
        ("leaked", "/docs/guides/authentication#if-a-key-has-leaked"),
    ] {
        let hits = set.index.find(query);
        assert_eq!(
            hits.first().map(|h| h.path),
            Some(first),
            "{query}: {hits:#?}"
        );
    }
    for (query, wanted) in [
        // A field of a request's body, one deep in an answer's, a parameter, a header field, values, a field of an event.
        ("duration_minutes", "/docs/api/log-activity"),
        ("win_rate", "/docs/api/get-pipeline-report"),
        ("by_user", "/docs/schemas/ActivityReport"),
        ("owner_id", "/docs/api/get-pipeline-report"),
        ("Location", "/docs/api/create-deal"),
        ("duplicate_email", "/docs/api/create-contact"),
        ("add_tag", "/docs/schemas/Automation"),
        ("sequence", "/docs/events/contact.created"),
        ("account_id job_title", "/docs/events/contact.created"),
        ("create contact first_name", "/docs/api/create-contact"),
    ] {
        let hits = set.index.find(query);
        assert!(hits.iter().any(|h| h.path == wanted), "{query}: {hits:#?}");
    }
    let hits = set.index.find("duration_minutes");
    assert!(
        hits[0].excerpt.contains("duration_minutes"),
        "{:?}",
        hits[0]
    );
    // A page is not told beside its own section.
    let leaked = set.index.find("leaked");
    assert!(
        leaked
            .iter()
            .all(|h| h.path != "/docs/guides/authentication"),
        "{leaked:#?}"
    );
}

#[test]
fn every_section_of_a_guide_is_found_by_its_title_where_its_page_has_it() {
    let set = testing::crm();
    for guide in guides::all() {
        let text = guides::text(guide, &set.config);
        let sections = markdown::sections(&text);
        let headings = markdown::page(&text, "").headings;
        assert_eq!(sections.len(), headings.len(), "{}", guide.name);
        for (section, (id, title)) in sections.iter().zip(&headings) {
            assert_eq!((&section.id, &section.title), (id, title));
            let path = format!("/docs/guides/{}#{id}", guide.name);
            let hits = set.index.find(title);
            assert!(hits.iter().any(|h| h.path == path), "{path}: {hits:#?}");
        }
    }
}

#[test]
fn a_page_is_found_by_no_more_names_than_the_ceiling_and_by_no_more_of_a_query() {
    let fields: serde_json::Map<_, _> = (0..DOCS_SEARCH_NAMES + 5)
        .map(|n| {
            (
                format!("field{n:04}"),
                serde_json::json!({ "type": "string" }),
            )
        })
        .collect();
    let set = testing::documented(&[serde_json::json!({
        "openapi": "3.1.0", "info": { "title": "Wide", "version": "1" }, "paths": {},
        "components": { "schemas": { "Wide": { "type": "object", "properties": fields } } }
    })]);
    let found = |n: usize| set.index.find(&format!("field{n:04}")).len();
    assert_eq!(
        (
            found(0),
            found(DOCS_SEARCH_NAMES - 1),
            found(DOCS_SEARCH_NAMES)
        ),
        (1, 1, 0)
    );
    let long = format!("field0000{}", " ".repeat(DOCS_SEARCH_CHARS));
    assert_eq!(set.index.find(&format!("{long} nowhere")).len(), 1);
}

#[test]
fn hostile_queries_find_something_or_nothing_and_in_time() {
    let set = testing::crm();
    let begun = std::time::Instant::now();
    for query in [
        "a ".repeat(100_000),
        "\u{0}\u{202e}\u{feff}".repeat(50),
        "%".repeat(5_000),
        "../../etc/passwd".to_owned(),
        "' OR 1=1 --".to_owned(),
        ".*(a+)+$".to_owned(),
        "İstanbul ﬁ ß ǅ".to_owned(),
        "\u{1f468}\u{200d}\u{1f469}".to_owned(),
        "x".repeat(1_000_000),
    ] {
        let _ = set.index.find(&query);
    }
    assert!(
        begun.elapsed() < std::time::Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
}

proptest! {
    #[test]
    fn any_query_and_any_text_can_be_searched(text in "\\PC{0,400}", query in "\\PC{0,120}") {
        let mut index = Index::default();
        add(&mut index, "Guide", &text, "/a", &text);
        let _ = index.find(&query);
        let first = text.split_whitespace().next().unwrap_or_default();
        if words(first).iter().any(|w| !w.is_empty()) && first.chars().count() < DOCS_SEARCH_CHARS {
            prop_assert_eq!(index.find(first).len(), 1, "{}", first);
        }
    }
}
