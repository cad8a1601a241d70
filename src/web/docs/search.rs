//! Finds pages of the documentation by the words that they begin with; never by what a reader may not see, since all of it is public.

mod read;
#[cfg(test)]
mod tests;
mod words;

use self::words::{excerpt, words};
use super::model::DocsSet;
use crate::base::ceilings::docs::{DOCS_SEARCH_CHARS, DOCS_SEARCH_HITS};

/// What can be found.
#[derive(Debug, Default)]
pub(crate) struct Index {
    entries: Vec<Entry>,
}

/// A page, or a section of one.
#[derive(Debug)]
struct Entry {
    kind: &'static str,
    title: String,
    /// The title of the page that it is a section of, and that page's place in the index.
    of: Option<(usize, String)>,
    path: String,
    text: String,
    names: String,
    /// Words of the title, of the text, and of the names; each sorted.
    title_words: Vec<String>,
    words: Vec<String>,
    name_words: Vec<String>,
}

/// What is put into the index.
#[derive(Default)]
struct Page<'a> {
    kind: &'static str,
    title: &'a str,
    path: String,
    text: String,
    /// Names of fields, which say less of a page than its text.
    names: String,
    of: Option<(usize, &'a str)>,
}

/// A page that was found.
#[derive(Debug, PartialEq)]
pub(crate) struct Hit<'i> {
    /// What kind of page it is.
    pub(crate) kind: &'static str,
    /// Its title.
    pub(crate) title: &'i str,
    /// The title of the page that it is a section of.
    pub(crate) of: Option<&'i str>,
    /// Where it is.
    pub(crate) path: &'i str,
    /// A piece of its text around the first word.
    pub(crate) excerpt: String,
}

impl Index {
    /// Reads what is documented.
    pub(crate) fn of(set: &DocsSet) -> Self {
        read::read(set)
    }

    /// Adds a page; gives its place.
    fn add(&mut self, page: Page<'_>) -> usize {
        self.entries.push(Entry {
            kind: page.kind,
            title: page.title.to_owned(),
            of: page.of.map(|(at, title)| (at, title.to_owned())),
            title_words: words(page.title),
            words: words(&page.text),
            name_words: words(&page.names),
            path: page.path,
            text: page.text,
            names: page.names,
        });
        self.entries.len() - 1
    }

    /// Pages in which every word of the query begins a word, those with it in their title first.
    pub(crate) fn find(&self, query: &str) -> Vec<Hit<'_>> {
        let query: String = query.chars().take(DOCS_SEARCH_CHARS).collect();
        let wanted = words(&query);
        if wanted.is_empty() {
            return Vec::new();
        }
        let scored = self.entries.iter().enumerate();
        let mut found: Vec<_> = scored
            .filter_map(|(at, entry)| Some((entry.score(&wanted)?, at, entry)))
            .collect();
        // A section says where on its page; the page itself is told beside it only where its title fits better.
        let sections = found
            .iter()
            .filter_map(|(score, _, e)| Some((e.of.as_ref()?.0, *score)));
        let sections: Vec<(usize, u32)> = sections.collect();
        found.retain(|(score, at, _)| !sections.iter().any(|(of, s)| of == at && s >= score));
        // Equal ones stay in the order of the index: guides, endpoints, events, schemas, errors.
        found.sort_by_key(|(score, _, _)| std::cmp::Reverse(*score));
        found
            .into_iter()
            .take(DOCS_SEARCH_HITS)
            .map(|(_, _, entry)| Hit {
                kind: entry.kind,
                title: &entry.title,
                of: entry.of.as_ref().map(|(_, title)| title.as_str()),
                path: &entry.path,
                excerpt: entry.excerpt(&wanted),
            })
            .collect()
    }
}

/// What a word is worth by where it is found, whole or as a beginning. A title counts for more than all else together.
const IN_TITLE: (u32, u32) = (80, 50);
const IN_TEXT: (u32, u32) = (4, 3);
const IN_NAMES: (u32, u32) = (2, 1);
/// What it is worth that the query is the title.
const IS_TITLE: u32 = 40;

impl Entry {
    /// How well it fits; `None` where a word is missing.
    fn score(&self, wanted: &[String]) -> Option<u32> {
        let mut score = 0;
        for word in wanted {
            score += within(&self.title_words, word, IN_TITLE)
                .or_else(|| within(&self.words, word, IN_TEXT))
                .or_else(|| within(&self.name_words, word, IN_NAMES))?;
        }
        let is_title = self.title_words == wanted;
        Some(score + if is_title { IS_TITLE } else { 0 })
    }

    /// A piece of the text, or of the names where the words are among those.
    fn excerpt(&self, wanted: &[String]) -> String {
        let in_text = |w: &String| within(&self.words, w, IN_TEXT).is_some();
        let in_names = |w: &String| within(&self.name_words, w, IN_NAMES).is_some();
        if !wanted.iter().any(in_text) && wanted.iter().any(in_names) {
            return excerpt(&self.names, wanted);
        }
        excerpt(&self.text, wanted)
    }
}

/// What a word is worth among sorted ones.
fn within(sorted: &[String], word: &str, (whole, beginning): (u32, u32)) -> Option<u32> {
    let at = sorted.partition_point(|w| w.as_str() < word);
    let found = sorted.get(at).filter(|w| w.starts_with(word))?;
    Some(if found == word { whole } else { beginning })
}
