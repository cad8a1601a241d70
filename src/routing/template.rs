//! Path templates taken apart: literal text, `{name}` for one segment, `{*rest}` for the tail; never a request.

use super::path::canonical;

/// A piece between two slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// Text, in canonical form.
    Literal(String),
    /// One segment, whatever it is.
    Param(String),
    /// All that remains; only at the end.
    Tail(String),
}

/// Takes a template apart.
///
/// # Errors
/// A sentence that says what was expected.
pub(super) fn parse(template: &str) -> Result<Vec<Segment>, String> {
    let rest = template
        .strip_prefix('/')
        .ok_or("expected a path that begins with a slash")?;
    let count = rest.split('/').count();
    let mut names = Vec::new();
    let mut segments = Vec::with_capacity(count);
    for (i, text) in rest.split('/').enumerate() {
        let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
        let segment = match inner {
            Some(name) => match name.strip_prefix('*') {
                Some(_) if i + 1 < count => return Err("expected {*name} at the end only".into()),
                Some(tail) => Segment::Tail(checked_name(tail, &mut names)?),
                None => Segment::Param(checked_name(name, &mut names)?),
            },
            None => Segment::Literal(literal(text, i + 1 == count)?),
        };
        segments.push(segment);
    }
    Ok(segments)
}

fn checked_name(name: &str, seen: &mut Vec<String>) -> Result<String, String> {
    let valid = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    if !valid {
        return Err(format!("expected letters, digits, _ and - in {{{name}}}"));
    }
    if seen.iter().any(|s| s == name) {
        return Err(format!("expected {{{name}}} only once"));
    }
    seen.push(name.to_owned());
    Ok(name.to_owned())
}

fn literal(text: &str, last: bool) -> Result<String, String> {
    if text.contains(['{', '}']) {
        return Err(format!("expected a whole segment in braces, not {text}"));
    }
    if text.is_empty() && !last {
        return Err("expected no empty segment".into());
    }
    let path = format!("/{text}");
    let path = canonical(&path).map_err(|e| e.to_string())?;
    Ok(path[1..].to_owned())
}
