//! Ids of the last events that were sent, so that one which comes twice is sent once; never more than a bound of them.

use std::collections::{HashSet, VecDeque};

use crate::base::ceilings::LISTEN_REMEMBERED;

/// The last ids, oldest first.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    order: VecDeque<String>,
    all: HashSet<String>,
}

impl Remembered {
    /// Whether it is not among them.
    pub(super) fn is_new(&self, id: &str) -> bool {
        !self.all.contains(id)
    }

    /// Adds one; the oldest goes where there are too many.
    pub(super) fn add(&mut self, id: String) {
        if !self.all.insert(id.clone()) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > LISTEN_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.all.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_ones_are_remembered() {
        let mut remembered = Remembered::default();
        for n in 0..=LISTEN_REMEMBERED {
            remembered.add(n.to_string());
            remembered.add(n.to_string());
        }
        assert!(remembered.is_new("0"));
        assert!(!remembered.is_new("1"));
        assert_eq!(remembered.all.len(), LISTEN_REMEMBERED);
    }
}
