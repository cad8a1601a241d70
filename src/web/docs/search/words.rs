//! Texts as the words by which they are found, and pieces of them to show; never what is searched.

/// Characters of the text that is shown with a hit.
pub(super) const EXCERPT_CHARS: usize = 160;

/// The words of a text, lower-case. A word with a hyphen, underscore or dot within counts as a whole and by its parts, so
/// that `contact.created`, `created` and `list contacts` all find what they mean.
pub(super) fn words(text: &str) -> Vec<String> {
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
pub(super) fn excerpt(text: &str, wanted: &[String]) -> String {
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
