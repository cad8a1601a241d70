//! A tree of path segments: at each place literal text first, then a name, then a tail; never a method, never a host.
//!
//! Each node is visited at most once in a search, so that no path costs more than the tree has nodes.

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::template::Segment;

/// Ranges of the path that stand in the names' places, in the template's order.
pub(super) type Values = SmallVec<[(u32, u32); 4]>;

/// Templates and the number each leads to.
#[derive(Debug, Default)]
pub(super) struct Tree(Node);

#[derive(Debug, Default)]
struct Node {
    /// In the order of [`shorter_first`].
    literals: Vec<(Box<str>, Node)>,
    name: Option<Box<Node>>,
    tail: Option<usize>,
    end: Option<usize>,
}

/// What a path leads to.
pub(super) struct Hit {
    /// The template's number.
    pub(super) number: usize,
    /// What stands in its names' places.
    pub(super) values: Values,
}

impl Hit {
    /// Whether the template's literal text is the whole path.
    pub(super) fn is_literal(&self) -> bool {
        self.values.iter().all(|(start, end)| start == end)
    }
}

impl Tree {
    /// The number of the template with these segments; `number` becomes it where it is new. Names do not matter.
    pub(super) fn add(&mut self, segments: &[Segment], number: usize) -> usize {
        let mut node = &mut self.0;
        for segment in segments {
            node = match segment {
                Segment::Literal(text) => node.literal_mut(text),
                Segment::Param(_) => node.name.get_or_insert_default(),
                Segment::Tail(_) => return *node.tail.get_or_insert(number),
            };
        }
        *node.end.get_or_insert(number)
    }

    /// What `path`, which begins with a slash, leads to.
    pub(super) fn find(&self, path: &str) -> Option<Hit> {
        let mut values = Values::new();
        let number = self.0.find(path, 1, &mut values)?;
        Some(Hit { number, values })
    }
}

impl Node {
    fn literal_mut(&mut self, text: &str) -> &mut Self {
        let at = match self
            .literals
            .binary_search_by(|(t, _)| shorter_first(t, text))
        {
            Ok(at) => at,
            Err(at) => {
                self.literals.insert(at, (text.into(), Self::default()));
                at
            }
        };
        &mut self.literals[at].1
    }

    /// Goes on from the segment that begins at `start`; past the path's end there is none left.
    fn find(&self, path: &str, start: usize, values: &mut Values) -> Option<usize> {
        let Some(rest) = path.get(start..) else {
            return self.end;
        };
        let width = rest.bytes().position(|b| b == b'/').unwrap_or(rest.len());
        let (segment, next) = (&rest[..width], start + width + 1);
        if let Ok(at) = self
            .literals
            .binary_search_by(|(t, _)| shorter_first(t, segment))
            && let Some(found) = self.literals[at].1.find(path, next, values)
        {
            return Some(found);
        }
        if let Some(node) = &self.name
            && !segment.is_empty()
        {
            values.push(range(start, start + width));
            if let Some(found) = node.find(path, next, values) {
                return Some(found);
            }
            values.pop();
        }
        let tail = self.tail?;
        values.push(range(start, path.len()));
        Some(tail)
    }
}

/// An order of texts that mostly needs no look at them.
fn shorter_first(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn range(start: usize, end: usize) -> (u32, u32) {
    let bound = |n| u32::try_from(n).unwrap_or(u32::MAX);
    (bound(start), bound(end))
}
