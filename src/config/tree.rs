//! A parsed document as a tree whose every node knows its line and column; never what the settings mean.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

/// A place in a file, both from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Mark {
    pub(super) const START: Self = Self { line: 1, column: 1 };
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) mark: Mark,
    pub(super) data: Data,
    /// The text of a plain scalar that is not text. After expansion: of one that is one variable and nothing else. If its type is not what the setting wants, it is
    /// read in the other way, as text or by what it looks like.
    pub(super) substituted: Option<String>,
    /// Whether the scalar was written without quotes.
    pub(super) plain: bool,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Data {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Item>),
    Map(Vec<Entry>),
}

/// An element of a list. It keeps its index, so that problems name it rightly after others were taken out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) index: usize,
    pub(super) node: Node,
}

/// A member of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_mark: Mark,
    pub(super) node: Node,
}

/// A step on the way from the root to a setting.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<&String> for Step {
    fn from(key: &String) -> Self {
        Self::Key(key.clone())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// Writes a path of keys and indexes as an array of steps.
macro_rules! steps {
    ($($step:expr),* $(,)?) => { [$($crate::config::tree::Step::from($step)),*] };
}
pub(super) use steps;

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Of the value, or of the key of the innermost mapping that exists where the setting is missing.
    pub(super) mark: Mark,
    /// The path as people write it.
    pub(super) shown: String,
}

impl Node {
    /// The value under `step`.
    pub(super) fn child(&self, step: &Step) -> Option<&Self> {
        match (&self.data, step) {
            (Data::Map(m), Step::Key(k)) => m.iter().find(|e| e.key == *k).map(|e| &e.node),
            (Data::List(l), Step::Index(i)) => l.get(*i).map(|i| &i.node),
            _ => None,
        }
    }

    /// The value under `key` of a mapping.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|e| &e.node)
    }

    /// The member `key` of a mapping.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|e| e.key == key)
    }

    /// The members of a mapping; none of anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.data {
            Data::Map(m) => m,
            _ => &[],
        }
    }

    /// The elements of a list; none of anything else.
    pub(super) fn items(&self) -> &[Item] {
        match &self.data {
            Data::List(l) => l,
            _ => &[],
        }
    }

    /// Text, where it is text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(t) => Some(t),
            _ => None,
        }
    }

    /// Text, or the text of a number or the like that was written without quotes.
    pub(super) fn raw(&self) -> Option<&str> {
        self.substituted.as_deref().or_else(|| self.text())
    }

    /// The node at the end of `path`, to change it.
    pub(super) fn at_mut(&mut self, path: &[Step]) -> Option<&mut Self> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self);
        };
        let child = match (&mut self.data, first) {
            (Data::Map(m), Step::Key(k)) => m.iter_mut().find(|e| e.key == *k).map(|e| &mut e.node),
            (Data::List(l), Step::Index(i)) => l.get_mut(*i).map(|i| &mut i.node),
            _ => None,
        };
        child.and_then(|c| c.at_mut(rest))
    }

    /// Takes the setting at the end of `path` out of its mapping or list. False where it is not there.
    pub(super) fn remove(&mut self, path: &[Step]) -> bool {
        let Some((last, parents)) = path.split_last() else {
            return false;
        };
        let Some(parent) = self.at_mut(parents) else {
            return false;
        };
        match (&mut parent.data, last) {
            (Data::Map(m), Step::Key(k)) => {
                let before = m.len();
                m.retain(|e| e.key != *k);
                m.len() < before
            }
            (Data::List(l), Step::Index(i)) if *i < l.len() => {
                l.remove(*i);
                true
            }
            _ => false,
        }
    }

    /// Where `path` leads, as far as it exists.
    pub(super) fn locate(&self, path: &[Step]) -> Place {
        let mut shown = String::new();
        let mut here = Some(self);
        let mut mark = self.mark;
        // A missing setting is reported at the key of its mapping, a present one at its value.
        let mut missing_mark = Mark::START;
        for step in path {
            let mut index = None;
            if let Some(node) = here {
                match (&node.data, step) {
                    (Data::Map(_), Step::Key(k)) => {
                        here = node.entry(k).map(|e| {
                            (mark, missing_mark) = (e.node.mark, e.key_mark);
                            &e.node
                        });
                    }
                    (Data::List(l), Step::Index(i)) => {
                        here = l.get(*i).map(|item| {
                            (mark, missing_mark) = (item.node.mark, item.node.mark);
                            index = Some(item.index);
                            &item.node
                        });
                    }
                    _ => here = None,
                }
                if here.is_none() {
                    mark = missing_mark;
                }
            }
            show_step(&mut shown, step, index);
        }
        Place { mark, shown }
    }

    /// Where the key at the end of `path` stands.
    pub(super) fn locate_key(&self, path: &[Step]) -> Place {
        let mut place = self.locate(path);
        if let Some((Step::Key(last), parents)) = path.split_last() {
            let parent = parents
                .iter()
                .try_fold(self, |node, step| node.child(step))
                .and_then(|p| p.entry(last));
            if let Some(entry) = parent {
                place.mark = entry.key_mark;
            }
        }
        place
    }

    /// A tree of a JSON text whose places are not known: all of it is said to be at the start.
    pub(super) fn from_json(value: Value) -> Self {
        let data = match value {
            Value::Null => Data::Null,
            Value::Bool(b) => Data::Bool(b),
            Value::Number(n) => Data::Number(n),
            Value::String(t) => Data::Text(t),
            Value::Array(a) => Data::List(
                a.into_iter()
                    .enumerate()
                    .map(|(index, v)| Item {
                        index,
                        node: Self::from_json(v),
                    })
                    .collect(),
            ),
            Value::Object(o) => Data::Map(
                o.into_iter()
                    .map(|(key, v)| Entry {
                        key,
                        key_mark: Mark::START,
                        node: Self::from_json(v),
                    })
                    .collect(),
            ),
        };
        Self {
            mark: Mark::START,
            data,
            substituted: None,
            plain: false,
        }
    }

    /// The tree as JSON.
    pub(super) fn to_json(&self) -> Value {
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(b) => Value::Bool(*b),
            Data::Number(n) => Value::Number(n.clone()),
            Data::Text(t) => Value::String(t.clone()),
            Data::List(l) => Value::Array(l.iter().map(|i| i.node.to_json()).collect()),
            Data::Map(m) => Value::Object(
                m.iter()
                    .map(|e| (e.key.clone(), e.node.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }
}

/// Adds a step to a path as people write it; `index` is that in the file, where elements before it were taken out.
pub(super) fn show_step(shown: &mut String, step: &Step, index: Option<usize>) {
    match step {
        Step::Index(i) => {
            let _ = write!(shown, "[{}]", index.unwrap_or(*i));
        }
        Step::Key(k) => {
            if !shown.is_empty() {
                shown.push('.');
            }
            let bare = |c: char| c.is_ascii_alphanumeric() || "_-:".contains(c);
            if !k.is_empty() && k.chars().all(bare) {
                shown.push_str(k);
            } else {
                let _ = write!(shown, "{k:?}");
            }
        }
    }
}
