//! Whose turn it is when there is not room for all: accounts first, then their endpoints; never what is due.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

/// An endpoint that may have something to give.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its account.
    pub account: &'a str,
    /// Whether it shares the lane of those whose last attempt failed.
    pub is_suspect: bool,
}

/// How much room there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Room {
    /// For all.
    pub all: u32,
    /// Of it, for suspects.
    pub suspects: u32,
    /// What accounts have under way already: those with less come first.
    pub busy: HashMap<String, u32>,
}

/// The turns of some candidates; of those of an account the first named comes first.
#[derive(Debug)]
pub struct Turns {
    room: u32,
    suspects: u32,
    is_suspect: Vec<bool>,
    lines: Vec<VecDeque<usize>>,
    /// Accounts by what they have, then by their first candidate.
    accounts: BinaryHeap<Reverse<(u32, usize)>>,
}

impl Turns {
    /// Turns for these candidates in this room.
    pub fn new(candidates: &[Candidate<'_>], room: &Room) -> Self {
        let mut lines: Vec<VecDeque<usize>> = Vec::new();
        let mut line_of: HashMap<&str, usize> = HashMap::new();
        let mut accounts = BinaryHeap::new();
        for (i, c) in candidates.iter().enumerate() {
            let line = *line_of.entry(c.account).or_insert_with(|| {
                let has = room.busy.get(c.account).copied().unwrap_or(0);
                accounts.push(Reverse((has, lines.len())));
                lines.push(VecDeque::new());
                lines.len() - 1
            });
            lines[line].push_back(i);
        }
        Self {
            room: room.all,
            suspects: room.suspects.min(room.all),
            is_suspect: candidates.iter().map(|c| c.is_suspect).collect(),
            lines,
            accounts,
        }
    }

    /// Gives turns until there is no room or nobody has anything: `give` says whether the candidate at this index gave
    /// something; one that did not is not asked again.
    ///
    /// # Errors
    /// That of `give`, which ends it.
    pub fn go<E>(&mut self, mut give: impl FnMut(usize) -> Result<bool, E>) -> Result<(), E> {
        while self.room > 0
            && let Some(Reverse((has, line))) = self.accounts.pop()
        {
            let Some(i) = self.lines[line].pop_front() else {
                continue;
            };
            let is_suspect = self.is_suspect[i];
            let gave = (!is_suspect || self.suspects > 0) && give(i)?;
            if gave {
                self.room -= 1;
                self.suspects -= u32::from(is_suspect);
                self.lines[line].push_back(i);
            }
            let has = has.saturating_add(u32::from(gave));
            self.accounts.push(Reverse((has, line)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// What each of these gives, who have so much, in this room.
    fn given(has: &[(&str, bool, u32)], room: &Room) -> Vec<u32> {
        let candidates: Vec<Candidate<'_>> = has
            .iter()
            .map(|(account, is_suspect, _)| Candidate {
                account,
                is_suspect: *is_suspect,
            })
            .collect();
        let mut given = vec![0; has.len()];
        let done = Turns::new(&candidates, room).go(|i| {
            let more = given[i] < has[i].2;
            given[i] += u32::from(more);
            Ok::<_, Infallible>(more)
        });
        done.unwrap();
        given
    }

    fn room(all: u32, suspects: u32) -> Room {
        Room {
            all,
            suspects,
            busy: HashMap::new(),
        }
    }

    #[test]
    fn an_account_with_many_endpoints_gets_no_more_than_one_with_one() {
        let mut has = vec![("large", false, 100); 9];
        has.push(("small", false, 100));
        let given = given(&has, &room(20, 0));
        assert_eq!(given[9], 10);
        assert_eq!(given[..9], [2, 1, 1, 1, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn what_one_does_not_need_the_others_get() {
        let has = [("a", false, 1), ("b", false, 100), ("c", false, 2)];
        assert_eq!(given(&has, &room(10, 0)), [1, 7, 2]);
        assert_eq!(given(&has, &room(1, 0)), [1, 0, 0]);
    }

    #[test]
    fn who_has_much_under_way_waits_for_those_who_have_less() {
        let busy = HashMap::from([("a".to_owned(), 5)]);
        let room = Room { busy, ..room(7, 0) };
        let has = [("a", false, 100), ("b", false, 100)];
        assert_eq!(given(&has, &room), [1, 6]);
    }

    #[test]
    fn suspects_get_their_lane_and_no_more() {
        let has = [("a", true, 100), ("b", false, 4), ("c", true, 100)];
        assert_eq!(given(&has, &room(10, 3)), [2, 4, 1]);
        assert_eq!(given(&has, &room(10, 0)), [0, 4, 0]);
    }

    proptest! {
        #[test]
        fn turns_keep_within_the_room_waste_none_and_are_fair(
            has in prop::collection::vec((0..5usize, any::<bool>(), 0u32..20), 0..30),
            all in 0u32..60,
            suspects in 0u32..60,
        ) {
            let names = ["a", "b", "c", "d", "e"];
            let has: Vec<_> = has.iter().map(|(a, s, n)| (names[*a], *s, *n)).collect();
            let given = given(&has, &room(all, suspects));
            let total: u32 = given.iter().sum();
            let of = |suspect: bool| -> (u32, u32) {
                has.iter().zip(&given).filter(|(h, _)| h.1 == suspect)
                    .fold((0, 0), |(g, n), (h, given)| (g + given, n + h.2))
            };
            let ((well, well_has), (suspect, suspect_has)) = (of(false), of(true));
            prop_assert!(total <= all && suspect <= suspects);
            // None is wasted: there is no room, or whoever could give gave all.
            let lane = suspect_has.min(suspects.min(all));
            prop_assert!(total == all || (well == well_has && suspect == lane));
            // An account that has more left got no less than any other, but for one turn.
            let account = |name: &str| -> (u32, bool) {
                has.iter().zip(&given).filter(|(h, _)| h.0 == name)
                    .fold((0, false), |(g, left), (h, given)| (g + given, left || (!h.1 && *given < h.2)))
            };
            for one in names {
                for other in names {
                    let ((mine, left), (theirs, _)) = (account(one), account(other));
                    prop_assert!(!left || theirs <= mine + 1, "{one} {mine}, {other} {theirs}");
                }
            }
        }
    }
}
