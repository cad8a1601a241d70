//! Which types of events a webhook may want, as they are chosen in a form; never which of them it gets.

use std::collections::BTreeMap;

use crate::config::model::Config;
use crate::webhooks::settings::TEST_TYPE;
use crate::webhooks::simulator::describe::{self, TypeDoc};
use crate::webhooks::types;

pub(super) use crate::webhooks::types::ACCOUNT_NOTICES;

/// Types that begin with the same word.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::web::portal) struct Group {
    /// The word, e.g. `contact`; empty for those that are alone with theirs.
    pub(in crate::web::portal) word: String,
    /// What stands for all of them, e.g. `contact.*`; `None` for those that are alone.
    pub(in crate::web::portal) pattern: Option<String>,
    /// They, sorted.
    pub(in crate::web::portal) types: Vec<TypeDoc>,
}

/// What may be chosen, by the first word of the types; those that are alone with theirs come last, together.
pub(in crate::web::portal) fn groups(config: &Config) -> Vec<Group> {
    let mut by_word: BTreeMap<String, Vec<TypeDoc>> = BTreeMap::new();
    for event_type in describe::types(config) {
        if event_type == TEST_TYPE {
            continue;
        }
        let word = event_type.split('.').next().unwrap_or_default().to_owned();
        let doc = describe::describe(config, &event_type);
        by_word.entry(word).or_default().push(doc);
    }
    let (many, alone): (Vec<_>, Vec<_>) =
        by_word.into_iter().partition(|(_, types)| types.len() > 1);
    let mut groups: Vec<Group> = many
        .into_iter()
        .map(|(word, types)| Group {
            pattern: Some(format!("{word}.*")),
            word,
            types,
        })
        .collect();
    if !alone.is_empty() {
        groups.push(Group {
            word: String::new(),
            pattern: None,
            types: alone.into_iter().flat_map(|(_, types)| types).collect(),
        });
    }
    groups
}

/// What was chosen, without what is there twice or is covered by a pattern that was chosen too.
pub(in crate::web::portal) fn fewest(chosen: &[&str]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for one in chosen {
        let is_covered = chosen
            .iter()
            .any(|other| other != one && types::is_pattern(other) && types::wants(other, one));
        if !is_covered && !kept.iter().any(|k| k == one) {
            kept.push((*one).to_owned());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_chosen_pattern_covers_is_not_named_beside_it() {
        for (chosen, kept) in [
            (&["contact.created"][..], &["contact.created"][..]),
            (
                &["contact.*", "contact.created", "deal.won"],
                &["contact.*", "deal.won"],
            ),
            (&["contact.created", "*", "contact.*"], &["*"]),
            (&["*", "key.expiring"], &["*", "key.expiring"]),
            (&["deal.won", "deal.won"], &["deal.won"]),
            (&["contact.x", "contact.x.y"], &["contact.x", "contact.x.y"]),
            (&[], &[]),
        ] {
            assert_eq!(fewest(chosen), kept, "{chosen:?}");
        }
    }
}
