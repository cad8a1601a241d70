//! Finds pages of the documentation by the words that they begin with; never by what a reader may not see, since all of it is public.

use crate::base::ceilings::docs::{DOCS_SEARCH_CHARS, DOCS_SEARCH_HITS};

use super::model::DocsSet;
use super::{errors, guides, markdown};

/// Characters of the text that is shown with a hit.
const EXCERPT_CHARS: usize = 160;

/// What can be found.
#[derive(Debug, Default)]
pub(crate) struct Index {
    entries: Vec<Entry>,
}

/// A page.
#[derive(Debug)]
struct Entry {
    kind: &'static str,
    title: String,
    path: String,
    text: String,
    /// Words of the title, and words of all the rest.
    title_words: Vec<String>,
    words: Vec<String>,
}

/// A page that was found.
#[derive(Debug, PartialEq)]
pub(crate) struct Hit<'i> {
    /// What kind of page it is.
    pub(crate) kind: &'static str,
    /// Its title.
    pub(crate) title: &'i str,
    /// Where it is.
    pub(crate) path: &'i str,
    /// A piece of its text around the first word.
    pub(crate) excerpt: String,
}

impl Index {
    /// Reads what is documented.
    pub(crate) fn of(set: &DocsSet) -> Self {
        let mut index = Self::default();
        for guide in guides::all() {
            let text = markdown::plain(&guides::text(guide, &set.config));
            index.add(
                "Guide",
                guide.title,
                format!("/docs/guides/{}", guide.name),
                text,
            );
        }
        for o in &set.operations {
            let tag = set.tags.get(o.tag).map_or("", |t| t.name.as_str());
            let names = set.parameter_names(o);
            let description = markdown::plain(o.description.as_deref().unwrap_or_default());
            let text = format!(
                "{} {} · {tag} {description} {} {}",
                o.method,
                o.path,
                o.route.scopes.join(" "),
                names.join(" ")
            );
            index.add(
                "Endpoint",
                &o.summary,
                format!("/docs/api/{}", o.slug),
                text,
            );
        }
        for event in &set.events {
            let text = crate::webhooks::simulator::describe::describe(&set.config, event);
            let text = format!("{}. {}", text.summary, text.description.unwrap_or_default());
            index.add(
                "Event",
                event,
                format!("/docs/events/{event}"),
                markdown::plain(&text),
            );
        }
        for schema in &set.schemas {
            let text = markdown::plain(schema.description.as_deref().unwrap_or_default());
            index.add(
                "Schema",
                &schema.name,
                format!("/docs/schemas/{}", schema.name),
                text,
            );
        }
        for error in errors::all() {
            let row = error.code.row();
            let text = format!(
                "{} {}. {} {}",
                row.status, row.title, error.meaning, error.remedy
            );
            index.add(
                "Error",
                row.code,
                format!("/docs/errors/{}", row.code),
                text,
            );
        }
        index
    }

    fn add(&mut self, kind: &'static str, title: &str, path: String, text: String) {
        self.entries.push(Entry {
            kind,
            title: title.to_owned(),
            path,
            title_words: words(title),
            words: words(&text),
            text,
        });
    }

    /// Pages in which every word of the query begins a word, those with it in their title first.
    pub(crate) fn find(&self, query: &str) -> Vec<Hit<'_>> {
        let query: String = query.chars().take(DOCS_SEARCH_CHARS).collect();
        let wanted = words(&query);
        if wanted.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<_> = self
            .entries
            .iter()
            .filter_map(|entry| Some((entry.score(&wanted)?, entry)))
            .collect();
        // Equal ones stay in the order of the index: guides, endpoints, events, schemas, errors.
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        found
            .into_iter()
            .take(DOCS_SEARCH_HITS)
            .map(|(_, entry)| Hit {
                kind: entry.kind,
                title: &entry.title,
                path: &entry.path,
                excerpt: excerpt(&entry.text, &wanted),
            })
            .collect()
    }
}

impl Entry {
    /// How well it fits; `None` where a word is missing.
    fn score(&self, wanted: &[String]) -> Option<u32> {
        let mut score = 0;
        for word in wanted {
            let begins = |w: &String| w.starts_with(word);
            score += if self.title_words.contains(word) {
                8
            } else if self.title_words.iter().any(begins) {
                5
            } else if self.words.contains(word) {
                2
            } else if self.words.iter().any(begins) {
                1
            } else {
                return None;
            };
        }
        Some(score)
    }
}

/// The words of a text, lower-case. A word with a hyphen, underscore or dot within counts as a whole and by its parts, so
/// that `contact.created`, `created` and `list contacts` all find what they mean.
fn words(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for chunk in text.split(|c: char| !(c.is_alphanumeric() || "._-:".contains(c))) {
        let chunk = chunk.trim_matches(|c: char| !c.is_alphanumeric());
        if chunk.is_empty() {
            continue;
        }
        let lower = chunk.to_lowercase();
        let parts: Vec<_> = parts(chunk);
        if parts.len() > 1 {
            all.extend(parts);
        }
        all.push(lower);
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// `listContacts`, `rate_limited` and `contact.created` by their parts.
fn parts(chunk: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut was_lower = false;
    for c in chunk.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && was_lower) {
            all.push(String::new());
        }
        was_lower = c.is_lowercase();
        if let (true, Some(last)) = (c.is_alphanumeric(), all.last_mut()) {
            last.extend(c.to_lowercase());
        }
    }
    all.retain(|p| !p.is_empty());
    all
}

/// A piece of a text that has the first of the words that occurs.
fn excerpt(text: &str, wanted: &[String]) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= EXCERPT_CHARS {
        return text.to_owned();
    }
    let lower = text.to_lowercase();
    let at = wanted.iter().filter_map(|w| lower.find(w.as_str())).min();
    // Lower-casing may move places by a few bytes, which an excerpt can bear.
    let at = at.map_or(0, |byte| lower[..byte].chars().count());
    let from = at.saturating_sub(EXCERPT_CHARS / 3);
    let from = if from == 0 {
        0
    } else {
        let space = chars
            .get(from..)
            .and_then(|r| r.iter().position(|c| *c == ' '));
        from + space.map_or(0, |s| s + 1)
    };
    let to = (from + EXCERPT_CHARS).min(chars.len());
    let piece: String = chars.get(from..to).unwrap_or_default().iter().collect();
    let (before, after) = (
        if from > 0 { "… " } else { "" },
        if to < chars.len() { " …" } else { "" },
    );
    format!("{before}{}{after}", piece.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn index() -> Index {
        let mut index = Index::default();
        index.add(
            "Guide",
            "Rate limits",
            "/a".into(),
            "How many requests you may send.".into(),
        );
        index.add(
            "Endpoint",
            "List contacts",
            "/b".into(),
            "GET /v1/contacts contacts:read limit".into(),
        );
        index.add(
            "Event",
            "contact.created",
            "/c".into(),
            "A contact was created".into(),
        );
        index.add(
            "Error",
            "rate_limited",
            "/d".into(),
            "429 Too many requests".into(),
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

    proptest! {
        #[test]
        fn any_query_and_any_text_can_be_searched(text in "\\PC{0,400}", query in "\\PC{0,120}") {
            let mut index = Index::default();
            index.add("Guide", &text, "/a".into(), text.clone());
            let _ = index.find(&query);
            let first = text.split_whitespace().next().unwrap_or_default();
            if words(first).iter().any(|w| !w.is_empty()) && first.chars().count() < DOCS_SEARCH_CHARS {
                prop_assert_eq!(index.find(first).len(), 1, "{}", first);
            }
        }
    }
}
