//! Path templates: `{name}` for one segment, `{*rest}` for the tail; their syntax and which of them match alike.

use super::model::{Rewrite, RewritePart};

/// A segment of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment<'a> {
    /// Text that must be equal.
    Literal(&'a str),
    /// `{name}`: one segment that is not empty.
    Param(&'a str),
    /// `{*rest}`: everything that follows.
    Tail(&'a str),
}

/// Splits a template into segments.
///
/// # Errors
/// What was expected, as a phrase that follows the setting's name.
pub fn parse(template: &str) -> Result<Vec<Segment<'_>>, String> {
    let Some(rest) = template.strip_prefix('/') else {
        return Err("expected a path that begins with /".to_owned());
    };
    let mut segments = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    let parts: Vec<&str> = rest.split('/').collect();
    for (i, part) in parts.iter().enumerate() {
        let last = i + 1 == parts.len();
        let segment = segment(part, last)?;
        if let Segment::Param(name) | Segment::Tail(name) = segment {
            if names.contains(&name) {
                return Err(format!(
                    "expected each name once, {{{name}}} is there twice"
                ));
            }
            names.push(name);
        }
        segments.push(segment);
    }
    Ok(segments)
}

fn segment(part: &str, last: bool) -> Result<Segment<'_>, String> {
    if let Some(inner) = part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
        let (tail, name) = match inner.strip_prefix('*') {
            Some(name) => (true, name),
            None => (false, inner),
        };
        if !is_name(name) {
            return Err(format!(
                "expected a name of letters, digits, _ and - in the braces, found {part}"
            ));
        }
        if tail && !last {
            return Err(format!("expected {part} at the end of the path only"));
        }
        return Ok(if tail {
            Segment::Tail(name)
        } else {
            Segment::Param(name)
        });
    }
    if part.contains(['{', '}']) {
        return Err(format!(
            "expected {{name}} as a whole segment, found {part}"
        ));
    }
    match part {
        "" if !last => Err("expected no empty segment (//)".to_owned()),
        "." | ".." => Err(format!("expected no segment {part}")),
        _ if !part.chars().all(is_path_char) => Err(format!(
            "expected letters, digits and -._~!$&'()*+,=:@ in a segment, found {part:?}"
        )),
        _ => Ok(Segment::Literal(part)),
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// Characters that a path has unencoded (RFC 3986 section 3.3): a template is compared with the normalised path. Not `;`:
/// what follows it is part of the path to one server and a parameter to the next.
fn is_path_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~!$&'()*+,=:@".contains(c)
}

/// What two templates have in common that match the same paths: names do not matter. The result is for comparing only.
pub fn shape(template: &str) -> String {
    template
        .split('/')
        .map(|s| {
            if s.starts_with("{*") {
                "{*}"
            } else if s.starts_with('{') {
                "{}"
            } else {
                s
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}

/// Reads a rewrite template, whose names are those of `route`.
///
/// # Errors
/// What was expected.
pub fn rewrite(text: &str, route: &[Segment<'_>]) -> Result<Rewrite, String> {
    let known = |name: &str| {
        route
            .iter()
            .any(|s| matches!(s, Segment::Param(n) | Segment::Tail(n) if *n == name))
    };
    let mut parts = Vec::new();
    let mut literal = String::new();
    for (i, segment) in rewrite_segments(text)?.into_iter().enumerate() {
        literal.push('/');
        match segment {
            Segment::Literal(l) => literal.push_str(l),
            Segment::Param(name) | Segment::Tail(name) => {
                if !known(name) {
                    return Err(format!(
                        "expected names of the route's path, found {{{name}}}"
                    ));
                }
                parts.push(RewritePart::Literal(std::mem::take(&mut literal)));
                parts.push(RewritePart::Param(name.to_owned()));
            }
        }
        debug_assert!(i < text.len());
    }
    if !literal.is_empty() {
        parts.push(RewritePart::Literal(literal));
    }
    Ok(Rewrite { parts })
}

/// A rewrite may use a name twice and a tail's name anywhere, so its segments are read one by one.
fn rewrite_segments(text: &str) -> Result<Vec<Segment<'_>>, String> {
    let Some(rest) = text.strip_prefix('/') else {
        return Err("expected a path that begins with /".to_owned());
    };
    let parts: Vec<&str> = rest.split('/').collect();
    let last = parts.len().saturating_sub(1);
    parts
        .iter()
        .enumerate()
        .map(|(i, part)| segment(part, i == last || part.starts_with("{*")))
        .collect()
}
