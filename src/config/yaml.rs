//! Reads YAML text into the tree with positions, within bounds of depth and size; never expands variables.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::Number;

use super::tree::{Data, Entry, Item, Mark, Node, Step, show_step};

/// Collections inside each other: far more than any configuration, far fewer than a stack.
const DEPTH: usize = 64;
/// Nodes of one document, those that aliases repeat included, so that a few aliases cannot make millions.
const NODES: usize = 250_000;

/// What is wrong with a text as YAML, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct YamlError {
    pub(super) mark: Mark,
    /// The setting it is about, where it is about one.
    pub(super) path: String,
    pub(super) message: String,
}

fn error<T>(mark: Mark, message: impl Into<String>) -> Result<T, YamlError> {
    Err(YamlError {
        mark,
        path: String::new(),
        message: message.into(),
    })
}

/// Reads bytes as one YAML document.
///
/// Repeated keys are collected in the second value, so that they can be reported beside other problems.
///
/// # Errors
/// The first thing that is not UTF-8 or not YAML, or is over a bound: nothing after it can be trusted.
pub(super) fn parse(bytes: &[u8]) -> Result<(Node, Vec<YamlError>), YamlError> {
    let text = match std::str::from_utf8(bytes) {
        Ok(t) => t.strip_prefix('\u{feff}').unwrap_or(t),
        Err(e) => return error(end_of(&bytes[..e.valid_up_to()]), NOT_UTF8),
    };
    if let Some(at) = text.find('\0') {
        return error(
            end_of(&bytes[..at]),
            "expected text, found a NUL character: is this a binary file?",
        );
    }
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => builder.take(event, span)?,
            Err(e) => {
                let m = e.marker();
                let mark = mark_of(m.line(), m.col());
                return error(mark, syntax_message(text, mark.line, e.info()));
            }
        }
    }
    match builder.document {
        Some(node) => Ok((node, builder.repeated)),
        None => error(Mark::START, EMPTY),
    }
}

const NOT_UTF8: &str = "expected UTF-8 text: save the file as UTF-8";
pub(super) const EMPTY: &str =
    "the file is empty; expected settings such as listeners, admin, keys, upstreams and routes";

fn mark_of(line: usize, column: usize) -> Mark {
    Mark {
        line: line.max(1),
        column: column + 1,
    }
}

/// The place right after `before`.
fn end_of(before: &[u8]) -> Mark {
    let text = String::from_utf8_lossy(before);
    let line = text.matches('\n').count() + 1;
    let column = text.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    Mark { line, column }
}

fn syntax_message(text: &str, line: usize, info: &str) -> String {
    // The parser meets a tab in the indentation on its line, on the one before or on the one after.
    let near = text.lines().skip(line.saturating_sub(2)).take(3);
    let indented = |l: &str| {
        l.chars()
            .take_while(|c| c.is_whitespace())
            .any(|c| c == '\t')
    };
    if near.into_iter().any(indented) {
        "expected spaces: YAML does not allow tabs for indentation".to_owned()
    } else if info.contains("recursion limit") {
        // The parser has a bound of its own for what is between brackets.
        too_deep()
    } else {
        format!("not valid YAML: {info}")
    }
}

fn too_deep() -> String {
    format!("expected at most {DEPTH} collections inside each other")
}

/// A collection that is not closed yet.
struct Open {
    mark: Mark,
    anchor: usize,
    data: Data,
    key: Option<(String, Mark)>,
    /// Keys of a mapping so far and their lines.
    keys: HashMap<String, usize>,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    documents: usize,
    document: Option<Node>,
    repeated: Vec<YamlError>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        let mark = mark_of(span.start.line(), span.start.col());
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return error(
                        mark,
                        "expected the end of the file: one file holds one YAML document",
                    );
                }
                Ok(())
            }
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id).cloned() else {
                    return error(
                        mark,
                        "expected an alias of something complete: this one contains itself",
                    );
                };
                self.count(size_of(&node), mark)?;
                self.put(node, mark)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = scalar(text.into_owned(), style, tag.as_deref(), mark)?;
                self.count(1, mark)?;
                self.close(node, anchor, mark)
            }
            Event::SequenceStart(anchor, tag) => {
                collection_tag(tag.as_deref(), "seq", mark)?;
                self.start(Data::List(Vec::new()), anchor, mark)
            }
            Event::MappingStart(anchor, tag) => {
                collection_tag(tag.as_deref(), "map", mark)?;
                self.start(Data::Map(Vec::new()), anchor, mark)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(o) => {
                    let node = Node {
                        mark: o.mark,
                        data: o.data,
                        substituted: None,
                        plain: false,
                    };
                    self.close(node, o.anchor, mark)
                }
                None => error(mark, "not valid YAML: a collection ends that never began"),
            },
        }
    }

    fn count(&mut self, nodes: usize, mark: Mark) -> Result<(), YamlError> {
        self.nodes += nodes;
        if self.nodes > NODES {
            return error(
                mark,
                format!("expected at most {NODES} values, what aliases repeat included"),
            );
        }
        Ok(())
    }

    fn start(&mut self, data: Data, anchor: usize, mark: Mark) -> Result<(), YamlError> {
        if self.open.len() >= DEPTH {
            return error(mark, too_deep());
        }
        self.count(1, mark)?;
        self.open.push(Open {
            mark,
            anchor,
            data,
            key: None,
            keys: HashMap::new(),
        });
        Ok(())
    }

    fn close(&mut self, node: Node, anchor: usize, mark: Mark) -> Result<(), YamlError> {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        self.put(node, mark)
    }

    /// Puts a complete node where it belongs.
    fn put(&mut self, node: Node, mark: Mark) -> Result<(), YamlError> {
        let above = self.open.len().saturating_sub(1);
        let Some(open) = self.open.last_mut() else {
            self.document = Some(node);
            return Ok(());
        };
        match (&mut open.data, open.key.take()) {
            (Data::List(l), _) => {
                let index = l.len();
                l.push(Item { index, node });
            }
            (Data::Map(_), None) => match node.raw() {
                Some("<<") => {
                    return error(
                        mark,
                        "expected a setting: merge keys (<<) are not supported, repeat the settings",
                    );
                }
                Some(text) => open.key = Some((text.to_owned(), mark)),
                None => return error(mark, "expected a name before the colon"),
            },
            (Data::Map(m), Some((key, key_mark))) => {
                if let Some(line) = open.keys.get(&key) {
                    let message =
                        format!("expected each setting once; it is on line {line} already");
                    self.repeated.push(YamlError {
                        mark: key_mark,
                        path: path_to(&self.open[..above], &key),
                        message,
                    });
                } else {
                    open.keys.insert(key.clone(), key_mark.line);
                    m.push(Entry {
                        key,
                        key_mark,
                        node,
                    });
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The path of `key` in the innermost collection that is being read; those around it are `open`.
fn path_to(open: &[Open], key: &str) -> String {
    let mut shown = String::new();
    for o in open {
        match (&o.data, &o.key) {
            (Data::List(l), _) => show_step(&mut shown, &Step::Index(l.len()), None),
            (_, Some((key, _))) => show_step(&mut shown, &Step::from(key), None),
            _ => {}
        }
    }
    show_step(&mut shown, &Step::from(key), None);
    shown
}

fn size_of(node: &Node) -> usize {
    1 + node.items().iter().map(|i| size_of(&i.node)).sum::<usize>()
        + node
            .entries()
            .iter()
            .map(|e| size_of(&e.node))
            .sum::<usize>()
}

fn scalar(
    text: String,
    style: ScalarStyle,
    tag: Option<&Tag>,
    mark: Mark,
) -> Result<Node, YamlError> {
    let plain = style == ScalarStyle::Plain;
    let data = match tag {
        None if plain => plain_data(&text),
        None => Data::Text(text.clone()),
        Some(t) if t.is_yaml_core_schema() && t.suffix == "str" => Data::Text(text.clone()),
        Some(t) if t.is_yaml_core_schema() => plain_data(&text),
        Some(t) if t.handle.is_empty() && t.suffix == "!" => Data::Text(text.clone()),
        Some(_) => return error(mark, TAGS),
    };
    // Keys such as `200` or `true` are text: OpenAPI has them.
    let substituted = (plain && !matches!(data, Data::Text(_))).then_some(text);
    Ok(Node {
        mark,
        data,
        substituted,
        plain,
    })
}

const TAGS: &str = "expected a value without a tag (!name)";

fn collection_tag(tag: Option<&Tag>, name: &str, mark: Mark) -> Result<(), YamlError> {
    match tag {
        Some(t) if !(t.is_yaml_core_schema() && t.suffix == name) => error(mark, TAGS),
        _ => Ok(()),
    }
}

/// What a plain scalar means by the core schema of YAML 1.2 (section 10.3.2).
pub(super) fn plain_data(text: &str) -> Data {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Data::Null,
        "true" | "True" | "TRUE" => return Data::Bool(true),
        "false" | "False" | "FALSE" => return Data::Bool(false),
        _ => {}
    }
    number(text).map_or_else(|| Data::Text(text.to_owned()), Data::Number)
}

fn number(text: &str) -> Option<Number> {
    if let Some(hex) = text.strip_prefix("0x") {
        return digits(hex, 16);
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return digits(octal, 8);
    }
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !body.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        || !body.bytes().any(|b| b.is_ascii_digit())
        || !body
            .bytes()
            .all(|b| b.is_ascii_digit() || b".eE+-".contains(&b))
    {
        return None;
    }
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    unsigned
        .parse::<u64>()
        .map(Number::from)
        .or_else(|_| unsigned.parse::<i64>().map(Number::from))
        .ok()
        .or_else(|| unsigned.parse::<f64>().ok().and_then(Number::from_f64))
}

fn digits(text: &str, radix: u32) -> Option<Number> {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric())
        .then(|| u64::from_str_radix(text, radix).ok())
        .flatten()
        .map(Number::from)
}
