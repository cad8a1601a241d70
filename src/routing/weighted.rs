//! Picks among weighted choices in turn: exact shares over a cycle, spread evenly; never a random draw, never a lock.

use std::sync::atomic::{AtomicU64, Ordering};

/// Draws that [`Weighted::pick_where`] tries before it takes the first choice that will do.
const DRAWS: u64 = 64;

/// Choices 0, 1, … with weights. Over a cycle (the sum of the weights, common factors taken out) each is picked as often as its
/// weight says: the counter walks through the cycle in steps that have no factor in common with its length, near the
/// golden section, which visits every place once and spreads neighbours apart.
#[derive(Debug)]
pub struct Weighted {
    /// Running sums of the weights.
    ends: Box<[u64]>,
    step: u64,
    next: AtomicU64,
}

impl Weighted {
    /// Choices with these weights. A weight of 0 is never picked, unless all are 0: then all count alike.
    pub fn new(weights: &[u32]) -> Self {
        let all_zero = weights.iter().all(|w| *w == 0);
        let weight = |w: &u32| if all_zero { 1 } else { u64::from(*w) };
        let factor = weights.iter().map(weight).fold(0, gcd).max(1);
        let ends: Box<[u64]> = weights
            .iter()
            .map(|w| weight(w) / factor)
            .scan(0, |sum, w| {
                *sum += w;
                Some(*sum)
            })
            .collect();
        let total = ends.last().copied().unwrap_or(0);
        Self {
            step: step(total),
            ends,
            next: AtomicU64::new(0),
        }
    }

    /// How many choices there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no choice.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The next choice; 0 when there is none.
    pub fn pick(&self) -> usize {
        if self.ends.len() <= 1 {
            return 0;
        }
        self.at(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// The next choice that `usable` takes; the others' turns pass, so that the usable keep their shares among
    /// themselves.
    pub fn pick_where(&self, usable: impl Fn(usize) -> bool) -> Option<usize> {
        for _ in 0..DRAWS.min(self.cycle()) {
            let choice = self.pick();
            if usable(choice) {
                return Some(choice);
            }
        }
        (0..self.len()).find(|i| usable(*i))
    }

    fn cycle(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    fn at(&self, turn: u64) -> usize {
        let cycle = u128::from(self.cycle().max(1));
        let place = u128::from(turn) % cycle * u128::from(self.step) % cycle;
        self.ends
            .partition_point(|end| u128::from(*end) <= place)
            .min(self.ends.len().saturating_sub(1))
    }
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// A number near the golden section of `total` that has no factor in common with it.
fn step(total: u64) -> u64 {
    let near = u64::try_from(u128::from(total) * 618 / 1000)
        .unwrap_or(1)
        .max(1);
    (near..=total.max(near))
        .find(|s| gcd(*s, total) == 1)
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_weights_take_turns() {
        let w = Weighted::new(&[7, 7]);
        let picks: Vec<_> = (0..6).map(|_| w.pick()).collect();
        assert_eq!(picks, [0, 1, 0, 1, 0, 1]);
    }

    #[test]
    fn a_light_choice_comes_at_even_distances() {
        let w = Weighted::new(&[95, 5]);
        let at: Vec<_> = (0..60).filter(|_| w.pick() == 1).collect();
        assert_eq!(at.len(), 3);
        assert!(at.windows(2).all(|p| p[1] - p[0] == 20));
    }

    #[test]
    fn the_unusable_are_passed_over_and_the_rest_keep_their_shares() {
        let w = Weighted::new(&[2, 1, 1]);
        let mut seen = [0; 3];
        for _ in 0..300 {
            seen[w.pick_where(|i| i != 1).unwrap()] += 1;
        }
        assert_eq!(seen[1], 0);
        assert!((199..=201).contains(&seen[0]), "{seen:?}");
        assert_eq!(w.pick_where(|_| false), None);
        assert_eq!(Weighted::new(&[]).pick_where(|_| true), None);
        let skewed = Weighted::new(&[1_000_000, 1]);
        assert_eq!(skewed.pick_where(|i| i == 1), Some(1));
    }

    proptest! {
        #[test]
        fn shares_are_exact_over_a_cycle(weights in prop::collection::vec(0u32..60, 1..6), offset in any::<u32>()) {
            prop_assume!(weights.iter().any(|w| *w > 0));
            let w = Weighted::new(&weights);
            w.next.store(u64::from(offset), Ordering::Relaxed);
            let total: u32 = weights.iter().sum();
            let mut seen = vec![0; weights.len()];
            for _ in 0..total {
                seen[w.pick()] += 1;
            }
            prop_assert_eq!(seen, weights);
        }

        #[test]
        fn no_weights_panic(weights in prop::collection::vec(any::<u32>(), 0..5), turn in any::<u64>()) {
            let w = Weighted::new(&weights);
            w.next.store(turn, Ordering::Relaxed);
            prop_assert!(w.pick() < weights.len().max(1));
        }
    }
}
