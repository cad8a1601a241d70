//! Which node serves which slots; never how anybody came to know.

use std::sync::Arc;

use super::node::Node;
use super::slots::Range;

/// Who serves which slots.
pub(super) struct Map {
    /// Last slot and node, sorted; a slot belongs to the first entry that does not end before it.
    ranges: Vec<(u16, Option<usize>)>,
    pub(super) nodes: Vec<Arc<Node>>,
    /// Addresses of replicas: they are asked when no master answers.
    pub(super) replicas: Vec<String>,
}

impl Map {
    /// One server for everything.
    pub(super) fn of_one(node: Arc<Node>) -> Self {
        Self {
            ranges: vec![(u16::MAX, Some(0))],
            nodes: vec![node],
            replicas: Vec::new(),
        }
    }

    /// What sorted `ranges` describe, with the node that `take` gives for each master's address.
    pub(super) fn of(ranges: Vec<Range>, mut take: impl FnMut(&str) -> Arc<Node>) -> Self {
        let mut map = Self {
            ranges: Vec::with_capacity(ranges.len() * 2),
            nodes: Vec::new(),
            replicas: Vec::new(),
        };
        let mut masters: Vec<String> = Vec::new();
        let mut next = 0;
        for range in ranges {
            let known = masters.iter().position(|master| *master == range.master);
            let at = known.unwrap_or_else(|| {
                map.nodes.push(take(&range.master));
                masters.push(range.master);
                masters.len() - 1
            });
            if range.first > next {
                map.ranges.push((range.first - 1, None));
            }
            map.ranges.push((range.last, Some(at)));
            next = range.last.saturating_add(1);
            map.replicas.extend(range.replicas);
        }
        map.replicas.sort_unstable();
        map.replicas.dedup();
        map
    }

    /// The server of a slot; of a call without keys any that answers.
    pub(super) fn node(&self, slot: Option<u16>) -> Option<&Arc<Node>> {
        let Some(slot) = slot else {
            let answering = self.nodes.iter().find(|node| !node.is_open());
            return answering.or(self.nodes.first());
        };
        let at = self.ranges.partition_point(|(last, _)| *last < slot);
        self.ranges
            .get(at)
            .and_then(|(_, node)| self.nodes.get((*node)?))
    }
}
