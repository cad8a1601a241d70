//! Numbers as people read them: grouped, shortened, as shares; never a locale.

pub(in crate::web::portal) use crate::base::number::grouped;

/// Names of thousands, millions and so on, as the axis has them.
const UNITS: [(u128, &str); 4] = [
    (1_000_000_000_000, "T"),
    (1_000_000_000, "B"),
    (1_000_000, "M"),
    (1_000, "k"),
];

/// `1500` as `1.5k`: one digit after the point at most, rounded down.
pub(in crate::web::portal) fn short(n: u128) -> String {
    let Some((unit, name)) = UNITS.into_iter().find(|(unit, _)| n >= *unit) else {
        return n.to_string();
    };
    match n % unit / (unit / 10) {
        0 => format!("{}{name}", grouped(n / unit)),
        tenth => format!("{}.{tenth}{name}", grouped(n / unit)),
    }
}

/// What share of `whole` a `part` is. Neither some nor all is what rounding made of it: a single failure is never `0%`.
pub(in crate::web::portal) fn share(part: u128, whole: u128) -> String {
    if part == 0 || whole == 0 {
        return "0%".to_owned();
    }
    if part >= whole {
        return "100%".to_owned();
    }
    match per_mille(part, whole) {
        0 => "<0.1%".to_owned(),
        995.. => ">99%".to_owned(),
        t if t >= 100 => format!("{}%", (t + 5) / 10),
        t => format!("{}.{}%", t / 10, t % 10),
    }
}

/// Thousandths of `whole`, rounded; numbers of this size do not come near what a `u128` holds.
pub(in crate::web::portal) const fn per_mille(part: u128, whole: u128) -> u128 {
    if whole == 0 {
        return 0;
    }
    let capped = if part > whole { whole } else { part };
    (capped.saturating_mul(2000) + whole) / (whole.saturating_mul(2))
}

/// Milliseconds as `142 ms` or `1.4 s`.
pub(in crate::web::portal) fn duration(ms: u128) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        _ => format!("{} s", short(ms).trim_end_matches('k')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_numbers_have_one_digit_after_the_point() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1_000, "1k"),
            (1_500, "1.5k"),
            (1_999, "1.9k"),
            (250_000, "250k"),
            (2_500_000, "2.5M"),
            (5_000_000_000, "5B"),
            (7_000_000_000_000_000, "7,000T"),
        ];
        for (n, text) in cases {
            assert_eq!(short(n), text);
        }
    }

    #[test]
    fn a_share_is_never_rounded_to_none_or_to_all() {
        let cases = [
            (0, 0, "0%"),
            (0, 7, "0%"),
            (1, 1_000_000, "<0.1%"),
            (4, 1_000, "0.4%"),
            (15, 1_000, "1.5%"),
            (1, 100, "1.0%"),
            (1, 8, "13%"),
            (997, 1_000, ">99%"),
            (999_999, 1_000_000, ">99%"),
            (7, 7, "100%"),
        ];
        for (part, whole, text) in cases {
            assert_eq!(share(part, whole), text, "{part} of {whole}");
        }
    }

    #[test]
    fn times_have_the_unit_that_fits() {
        assert_eq!(duration(142), "142 ms");
        assert_eq!(duration(1_400), "1.4 s");
    }
}
