//! The search over the built program: pages of every kind, fields and sections, by keyboard and without scripts, whatever is asked for.

use serde_json::json;

use crate::support::browser;
use crate::support::portal::Portal;

/// What the list of hits of a query has.
fn hits(page: &str) -> &str {
    page.split_once("class=\"hits\"").unwrap().1
}

#[test]
fn a_search_finds_pages_of_every_kind_and_shows_its_words_as_text() {
    let portal = Portal::start();
    let visitor = portal.stranger();
    for (query, href) in [
        ("create+contact", "/docs/api/create-contact"),
        ("rate+lim", "/docs/guides/rate-limits"),
        ("retry-after", "/docs/guides/rate-limits#when-you-are-over"),
        ("contact.created", "/docs/events/contact.created"),
        ("insufficient", "/docs/errors/insufficient_scope"),
        ("DealList", "/docs/schemas/DealList"),
        ("duration_minutes", "/docs/api/log-activity"),
        ("explorer", "/docs/explorer"),
    ] {
        let page = visitor.page(&format!("/docs/search?q={query}"));
        assert!(hits(&page).contains(&format!("href=\"{href}\"")), "{query}");
    }
    // Titles come before texts, and texts before names of fields.
    let page = visitor.page("/docs/search?q=contact");
    let at = |href: &str| {
        let found = hits(&page).find(&format!("href=\"{href}\""));
        found.unwrap_or_else(|| panic!("{href}: {page}"))
    };
    assert!(at("/docs/schemas/Contact") < at("/docs/api/create-contact"));
    assert!(at("/docs/api/create-contact") < at("/docs/api/get-deal"));
    let page = visitor.page("/docs/search?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E");
    assert!(!page.contains("<script>alert"), "{page}");
    visitor.page("/docs/search");
    assert_eq!(visitor.get("/docs/search?q=a&q=b").status, 422);
    assert_eq!(visitor.get("/docs/search?q=%ff").status, 400);
}

#[test]
fn the_search_works_by_keyboard_with_and_without_scripts_and_bears_any_query() {
    let portal = Portal::start();
    let hostile = [
        "\"><script>window.__x=1</script>",
        "<img src=x onerror='window.__x=1'>",
        "{{prefix}}",
        "\u{202e}\u{0}\u{feff}",
        "a ".repeat(500).as_str(),
        "%%%",
        "../../etc/passwd",
        "İstanbul ﬁ ß 👨‍👩‍👧",
    ]
    .map(str::to_owned);
    let input = json!({"origin": portal.url, "hostile": hostile});
    assert_eq!(browser::run("search", &input), json!([]));
}
