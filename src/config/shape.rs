//! Checks the tree against the JSON Schema and words what does not fit; never what a schema cannot say.

use std::collections::HashSet;
use std::sync::LazyLock;

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use super::report::MAX_PROBLEMS;
use super::schema::{INLINE, expectation, known_names};
use super::tree::{Data, Node, Place, Step};
use super::yaml::plain_data;

/// Rounds in which misfits are taken out: each round ends one level further up at the latest.
const ROUNDS: usize = 16;

static VALIDATOR: LazyLock<Result<Validator, String>> =
    LazyLock::new(|| jsonschema::validator_for(&INLINE).map_err(|e| e.to_string()));

/// Reports what does not fit and takes it out of the tree, so that what is left can be checked further.
///
/// The first value is false where nothing useful is left; the second counts what was not reported.
pub(super) fn check(root: &mut Node, problem: &mut dyn FnMut(Place, String)) -> (bool, usize) {
    let validator = match &*VALIDATOR {
        Ok(v) => v,
        Err(e) => {
            problem(
                root.locate(&[]),
                format!("the schema itself is broken: {e}"),
            );
            return (false, 0);
        }
    };
    reread_substituted(validator, root);
    let first = misfits(validator, &root.to_json());
    for m in &first.list {
        problem(m.place(root), m.message.clone());
    }
    // With so many there is nothing to be learnt from the rest.
    let mut usable = first.omitted == 0;
    let mut misfit = first.list;
    for _ in 0..ROUNDS {
        if misfit.is_empty() || !usable {
            break;
        }
        usable = take_out(root, &misfit);
        misfit = misfits(validator, &root.to_json()).list;
        // What the root lacks is reported, and the rest can be checked without it.
        misfit.retain(|m| m.missing.is_none() || !m.path.is_empty());
    }
    (usable && misfit.is_empty(), first.omitted)
}

/// What does not fit, as far as it is worth reporting.
#[derive(Default)]
struct Misfits {
    list: Vec<Misfit>,
    omitted: usize,
}

impl Misfits {
    fn add(&mut self, misfit: impl FnOnce() -> Misfit) {
        if self.list.len() < MAX_PROBLEMS {
            self.list.push(misfit());
        } else {
            self.omitted += 1;
        }
    }
}

/// One thing that does not fit.
#[derive(Debug)]
struct Misfit {
    /// What has to go.
    path: Vec<Step>,
    /// What is missing there, where something is missing.
    missing: Option<String>,
    /// Whether the key is the problem, and not its value.
    key: bool,
    message: String,
}

impl Misfit {
    fn place(&self, root: &Node) -> Place {
        match &self.missing {
            Some(name) => {
                let mut path = self.path.clone();
                path.push(Step::from(name));
                root.locate(&path)
            }
            None if self.key => root.locate_key(&self.path),
            None => root.locate(&self.path),
        }
    }
}

/// A value that is one variable is read by what it looks like; where that does not fit, it is read the other way.
fn reread_substituted(validator: &Validator, root: &mut Node) {
    let json = root.to_json();
    for misfit in misfits(validator, &json).list {
        let Some(node) = root.at_mut(&misfit.path) else {
            continue;
        };
        if let Some(text) = node.substituted.take() {
            node.data = match node.data {
                Data::Text(_) => plain_data(&text),
                _ => Data::Text(text),
            };
        }
    }
}

fn misfits(validator: &Validator, json: &Value) -> Misfits {
    let mut found = Misfits::default();
    for error in validator.iter_errors(json) {
        collect(&error, json, &mut found);
    }
    // One value can break several keywords of its schema, whose expectation reads the same.
    let mut seen = HashSet::new();
    found
        .list
        .retain(|m| seen.insert((m.path.clone(), m.missing.clone())));
    found
}

fn collect(error: &ValidationError<'_>, json: &Value, found: &mut Misfits) {
    let path = steps(error, json);
    let schema = schema_of(error);
    match error.kind() {
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            // What is optional may be null; the errors of the other branch say what is wrong inside.
            let inner = context.iter().find(|branch| {
                !branch.is_empty()
                    && branch.iter().all(|e| {
                        e.instance_path().as_str() != error.instance_path().as_str()
                            || !matches!(
                                e.kind(),
                                Kind::Type { .. } | Kind::Constant { .. } | Kind::Enum { .. }
                            )
                    })
            });
            match inner {
                Some(branch) => branch.iter().for_each(|e| collect(e, json, found)),
                None => found.add(|| misfit(path, wrong(schema, json, error))),
            }
        }
        Kind::AdditionalProperties { unexpected } => {
            for name in unexpected {
                found.add(|| {
                    let mut path = path.clone();
                    path.push(Step::from(name));
                    Misfit {
                        path,
                        missing: None,
                        key: true,
                        message: unknown(name, schema),
                    }
                });
            }
        }
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let wanted = schema
                .pointer(&format!("/properties/{name}"))
                .map_or_else(|| "a value".to_owned(), expectation);
            found.add(|| Misfit {
                path,
                missing: Some(name.to_owned()),
                key: false,
                message: format!("missing; expected {wanted}"),
            });
        }
        _ => found.add(|| misfit(path, wrong(schema, json, error))),
    }
}

fn misfit(path: Vec<Step>, message: String) -> Misfit {
    Misfit {
        path,
        missing: None,
        key: false,
        message,
    }
}

/// The schema object whose keyword failed.
fn schema_of(error: &ValidationError<'_>) -> &'static Value {
    let pointer = error.schema_path().as_str();
    let parent = pointer.rsplit_once('/').map_or("", |(p, _)| p);
    INLINE.pointer(parent).unwrap_or(&Value::Null)
}

fn wrong(schema: &Value, json: &Value, error: &ValidationError<'_>) -> String {
    let mut message = format!("expected {}", expectation(schema));
    let value = json.pointer(error.instance_path().as_str());
    match (error.kind(), value) {
        // Only numbers and bad names are repeated: a text of the wrong kind may be a secret.
        (Kind::Minimum { .. } | Kind::Maximum { .. }, Some(Value::Number(n))) => {
            message += &format!(", found {n}");
        }
        (
            Kind::Enum { .. } | Kind::OneOfNotValid { .. } | Kind::Constant { .. },
            Some(Value::String(s)),
        ) => {
            message += &format!(", found {s:?}");
        }
        (Kind::Type { .. }, Some(v)) => message += found_kind(v, &message),
        _ => {}
    }
    message
}

fn found_kind(value: &Value, message: &str) -> &'static str {
    match value {
        Value::Null => ", found nothing",
        Value::Bool(_) | Value::Number(_) if message.contains("expected text") => {
            "; write it in quotes"
        }
        Value::Bool(_) => ", found true or false",
        Value::Number(n) if n.is_f64() => ", found a fraction",
        Value::Number(_) => ", found a number",
        Value::String(_) => ", found text",
        Value::Array(_) => ", found a list",
        Value::Object(_) => ", found a mapping",
    }
}

fn unknown(name: &str, schema: &Value) -> String {
    let names = known_names(schema).unwrap_or_default();
    let near = names
        .iter()
        .map(|n| (distance(name, n), *n))
        .filter(|(d, n)| *d <= 1 + n.len() / 4)
        .min();
    match near {
        Some((_, n)) => format!(
            "unknown setting; did you mean `{n}`? Expected one of {}",
            names.join(", ")
        ),
        None => format!("unknown setting; expected one of {}", names.join(", ")),
    }
}

/// Edits between two names (Levenshtein), enough to find the one that was meant.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 64 {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replace = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

/// The path of the value that an error is about. A number is an index where the value above it is a list.
fn steps(error: &ValidationError<'_>, json: &Value) -> Vec<Step> {
    let mut here = Some(json);
    let mut steps = Vec::new();
    for part in error.instance_path().as_str().split('/').skip(1) {
        let name = part.replace("~1", "/").replace("~0", "~");
        let step = match (here, name.parse::<usize>()) {
            (Some(Value::Array(list)), Ok(i)) => {
                here = list.get(i);
                Step::Index(i)
            }
            (Some(v), _) => {
                here = v.get(&name);
                Step::Key(name)
            }
            (None, _) => Step::Key(name),
        };
        steps.push(step);
    }
    steps
}

/// Takes misfits out, those further back in lists first, so that indexes before them stay right. False where the root
/// itself is one.
fn take_out(root: &mut Node, misfits: &[Misfit]) -> bool {
    let mut paths: Vec<&[Step]> = misfits
        .iter()
        .filter(|m| m.missing.is_none() || !m.path.is_empty())
        .map(|m| m.path.as_slice())
        .collect();
    paths.sort_unstable();
    paths.iter().rev().all(|path| {
        root.remove(path);
        !path.is_empty()
    })
}
