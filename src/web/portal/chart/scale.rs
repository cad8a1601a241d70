//! From numbers to pixels: round marks and heights of stacked parts; never a float, so that nothing is lost at either end.

/// Lines above the lowest one, at most.
const MARKS: u128 = 5;
/// From 0 to a round number that nothing is above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scale {
    step: u128,
    top: u128,
}

impl Scale {
    /// The smallest scale of round steps that `highest` fits into.
    pub(super) fn fit(highest: u128) -> Self {
        let highest = highest.max(1);
        let least = highest.div_ceil(MARKS);
        let mut power = 1_u128;
        while power.saturating_mul(10) <= least {
            power = power.saturating_mul(10);
        }
        let step = [1, 2, 5, 10]
            .into_iter()
            .map(|digit: u128| power.saturating_mul(digit))
            .find(|step| *step >= least)
            .unwrap_or(least);
        Self {
            step,
            top: highest.div_ceil(step).saturating_mul(step),
        }
    }

    /// The numbers that have a line, the lowest first.
    pub(super) fn marks(&self) -> impl Iterator<Item = u128> {
        let Self { step, top } = *self;
        (0..=top / step).map(move |n| n * step)
    }

    /// How high `value` stands where the scale is `height` pixels high.
    pub(super) fn height(&self, value: u128, height: u32) -> u32 {
        let height = u128::from(height);
        // A value of all 64-bit series together times some hundred pixels is far from what a u128 holds.
        let pixels = (value.saturating_mul(height) + self.top / 2) / self.top;
        u32::try_from(pixels.min(height)).unwrap_or(0)
    }

    /// Heights of parts that are stacked. They add up to the height of their sum, and none that is not 0 has fewer than
    /// `smallest` pixels: a few failures among thousands of successes are what a reader looks for.
    pub(super) fn stack(&self, values: &[u64], height: u32, smallest: u32) -> Vec<u32> {
        let sum: u128 = values.iter().map(|v| u128::from(*v)).sum();
        let shown = values.iter().filter(|v| **v > 0).count();
        let least = smallest.saturating_mul(u32::try_from(shown).unwrap_or(u32::MAX));
        let total = self.height(sum, height).max(least).min(height);
        let free = u128::from(total.saturating_sub(least));
        let mut heights: Vec<u32> = values
            .iter()
            .map(|v| match (*v, sum) {
                (0, _) | (_, 0) => 0,
                (v, sum) => smallest + u32::try_from(u128::from(v) * free / sum).unwrap_or(0),
            })
            .collect();
        // What rounding left over goes to the largest part, where it is noticed least.
        let rest = total.saturating_sub(heights.iter().sum());
        if let Some(largest) = heights.iter_mut().max() {
            *largest += rest;
        }
        heights
    }
}

/// A place along the width in thousandths of a per cent, as an attribute's value.
pub(super) fn percent(thousandths: u64) -> String {
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LEAST: u32 = 3;

    #[test]
    fn marks_are_round_numbers_from_nothing_to_above_the_highest() {
        let marks = |highest| Scale::fit(highest).marks().collect::<Vec<_>>();
        assert_eq!(marks(0), [0, 1]);
        assert_eq!(marks(1), [0, 1]);
        assert_eq!(marks(3), [0, 1, 2, 3]);
        assert_eq!(marks(9), [0, 2, 4, 6, 8, 10]);
        assert_eq!(marks(50), [0, 10, 20, 30, 40, 50]);
        assert_eq!(marks(51), [0, 20, 40, 60]);
        assert_eq!(marks(1_203), [0, 500, 1_000, 1_500]);
        assert_eq!(marks(700_000), [0, 200_000, 400_000, 600_000, 800_000]);
    }

    #[test]
    fn a_single_failure_among_a_million_requests_is_seen() {
        let scale = Scale::fit(1_000_001);
        let heights = scale.stack(&[1_000_000, 0, 1], 220, LEAST);
        assert_eq!(heights[1..], [0, LEAST]);
        assert_eq!(heights.iter().sum::<u32>(), scale.height(1_000_001, 220));
    }

    #[test]
    fn places_are_written_without_needless_digits() {
        assert_eq!(percent(0), "0%");
        assert_eq!(percent(100_000), "100%");
        assert_eq!(percent(4_167), "4.167%");
        assert_eq!(percent(12_500), "12.5%");
        assert_eq!(percent(7_050), "7.05%");
    }

    proptest! {
        #[test]
        fn no_value_is_above_its_scale_and_no_scale_has_many_marks(highest: u64, of in 1..7_u128) {
            let highest = u128::from(highest) * of;
            let scale = Scale::fit(highest);
            let marks: Vec<_> = scale.marks().collect();
            prop_assert!(marks.last().is_some_and(|top| *top >= highest));
            prop_assert!((2..=6).contains(&marks.len()), "{marks:?}");
            prop_assert!(scale.height(highest, 220) <= 220);
            // More than half of the height is used, but for the smallest numbers.
            prop_assert!(highest < 5 || scale.height(highest, 220) > 100);
        }

        #[test]
        fn parts_add_up_and_none_that_is_there_vanishes(
            values in prop::collection::vec(prop_oneof![Just(0), Just(u64::MAX), any::<u64>(), 0..9_u64], 1..7),
            others: u64,
        ) {
            let sum: u128 = values.iter().map(|v| u128::from(*v)).sum();
            let scale = Scale::fit(sum.max(u128::from(others)));
            let heights = scale.stack(&values, 220, LEAST);
            let shown = u32::try_from(values.iter().filter(|v| **v > 0).count()).unwrap();
            prop_assert_eq!(
                heights.iter().sum::<u32>(),
                scale.height(sum, 220).max(shown * LEAST).min(220)
            );
            for (value, height) in values.iter().zip(&heights) {
                prop_assert_eq!(*value == 0, *height == 0);
                prop_assert!(*height == 0 || *height >= LEAST);
            }
        }
    }
}
