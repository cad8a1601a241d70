//! Puts environment variables in the place of `${NAME}` and `${NAME:-default}` in scalar values; never in keys.

use super::tree::{Data, Node, Step};
use super::yaml::plain_data;

/// Where variables come from: the environment, or what stands for it in `demo` and in tests.
pub type Env<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Expands every value under `node`, which `path` leads to. What is wrong goes to `problem` with its path.
pub(super) fn expand(
    node: &mut Node,
    path: &mut Vec<Step>,
    env: &Env<'_>,
    problem: &mut dyn FnMut(&[Step], String),
) {
    node.substituted = None;
    match &mut node.data {
        Data::List(items) => {
            for (i, item) in items.iter_mut().enumerate() {
                path.push(Step::Index(i));
                expand(&mut item.node, path, env, problem);
                path.pop();
            }
        }
        Data::Map(entries) => {
            for entry in entries {
                path.push(Step::from(&entry.key));
                expand(&mut entry.node, path, env, problem);
                path.pop();
            }
        }
        Data::Text(text) => match expand_text(text, env) {
            Ok(None) => {}
            Ok(Some(expanded)) if expanded.whole => {
                node.data = if node.plain {
                    plain_data(&expanded.text)
                } else {
                    Data::Text(expanded.text.clone())
                };
                node.substituted = Some(expanded.text);
            }
            Ok(Some(expanded)) => *text = expanded.text,
            Err(message) => problem(path, message),
        },
        Data::Null | Data::Bool(_) | Data::Number(_) => {}
    }
}

/// A text after expansion.
#[derive(Debug, PartialEq, Eq)]
struct Expanded {
    text: String,
    /// Whether one variable is all there was: then its value decides the type.
    whole: bool,
}

/// Expands one text; `None` where there is nothing to expand.
fn expand_text(text: &str, env: &Env<'_>) -> Result<Option<Expanded>, String> {
    if !text.contains("${") {
        return Ok(None);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut variables = 0usize;
    let mut literals = false;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(kept) = before.strip_suffix('$') {
            // `$${` is the text `${`.
            out.push_str(kept);
            out.push_str("${");
            literals = true;
            rest = &from[2..];
            continue;
        }
        literals |= !before.is_empty();
        out.push_str(before);
        let Some(end) = from.find('}') else {
            return Err("expected a closing } after ${ (write $${ for the text itself)".to_owned());
        };
        out.push_str(&variable(&from[2..end], env)?);
        variables += 1;
        rest = &from[end + 1..];
    }
    literals |= !rest.is_empty();
    out.push_str(rest);
    Ok(Some(Expanded {
        text: out,
        whole: variables == 1 && !literals,
    }))
}

/// The value of what stands between the braces.
fn variable(inside: &str, env: &Env<'_>) -> Result<String, String> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        || !name.chars().all(letters)
    {
        return Err(
            "expected ${NAME} or ${NAME:-default}, NAME of letters, digits and _ (write $${ for the text itself)"
                .to_owned(),
        );
    }
    if default.is_some_and(|d| d.contains("${")) {
        return Err("expected a default without a variable of its own".to_owned());
    }
    match (env(name), default) {
        // As in a shell, `:-` also stands in for a variable that is set to nothing.
        (Some(value), Some(default)) if value.is_empty() => Ok(default.to_owned()),
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(format!(
            "expected the environment variable {name} to be set (or give a default: ${{{name}:-…}})"
        )),
    }
}
