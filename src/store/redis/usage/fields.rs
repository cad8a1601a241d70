//! Hashes of usage and their fields: how each is called, what its numbers are, and when it ends; never which rows go into it.

use super::place::{self, Slot};
use crate::base::clock::Timestamp;
use crate::store::redis::names::Names;
use crate::store::span::Span;

/// The largest number that a sum stops at: scripts count in doubles, which tell all smaller ones apart.
pub(super) const MOST: u64 = (1 << 53) - 1;

/// A hash of the slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hash<'a> {
    Sums(Span, i64),
    Callers(Span, i64, &'a str),
    KeyDays(i64),
    KeyMonth(Timestamp),
    EndpointMonth(Timestamp),
}

impl Hash<'_> {
    pub(super) fn name(self, slot: Slot<'_>, names: &Names) -> String {
        match self {
            Hash::Sums(span, chunk) => slot.sums(names, span, chunk),
            Hash::Callers(span, chunk, route) => slot.callers(names, span, chunk, route),
            Hash::KeyDays(chunk) => slot.key_days(names, chunk),
            Hash::KeyMonth(month) => slot.key_month(names, month),
            Hash::EndpointMonth(month) => slot.endpoints(names, month),
        }
    }

    /// What its numbers are to the script.
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Hash::Callers(..) => "c",
            _ => "a",
        }
    }

    pub(super) fn ends(self) -> i64 {
        match self {
            Hash::Sums(span, chunk) | Hash::Callers(span, chunk, _) => place::ends(span, chunk),
            Hash::KeyDays(chunk) => place::ends(Span::Day, chunk),
            Hash::KeyMonth(month) | Hash::EndpointMonth(month) => place::month_ends(month),
        }
    }
}

/// A field of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field<'a> {
    Sum {
        position: u8,
        class: u8,
        /// Whose number the field ends with; none for the sum over all keys.
        key: Option<&'a str>,
    },
    /// Of an hour or a day, or of a month where there is no position.
    Endpoint {
        position: Option<u8>,
        method: &'a str,
        route: &'a str,
    },
    Caller {
        position: u8,
        account: &'a str,
        key: &'a str,
    },
    Rejection {
        position: u8,
        code: &'a str,
    },
    /// Of a day, or of a month where there is no position; ends with the key's number.
    KeyTotal {
        position: Option<u8>,
        key: &'a str,
    },
}

impl Field<'_> {
    /// The text that it begins with, or is.
    pub(super) fn text(self) -> String {
        match self {
            Field::Sum {
                position,
                class,
                key: None,
            } => format!("{position}{class}"),
            Field::Sum {
                position, class, ..
            } => format!("{position}{class}."),
            Field::Endpoint {
                position,
                method,
                route,
            } => match position {
                Some(position) => format!("{position}:{method} {route}"),
                None => format!("{method} {route}"),
            },
            Field::Caller {
                position,
                account,
                key,
            } => format!("{position}{account}\0{key}"),
            Field::Rejection { position, code } => format!("{position}!{code}"),
            Field::KeyTotal { position, .. } => {
                position.map_or_else(|| ".".to_owned(), |p| format!("{p}."))
            }
        }
    }

    /// The key whose number it ends with.
    pub(super) const fn key(&self) -> Option<&str> {
        match self {
            Field::Sum { key, .. } => *key,
            Field::KeyTotal { key, .. } => Some(key),
            _ => None,
        }
    }
}

/// The numbers of a field.
pub(super) enum Numbers {
    Four([u64; 4]),
    Two([u64; 2]),
    /// The second is the largest.
    Last([u64; 2]),
}

impl Numbers {
    pub(super) fn add(&mut self, more: &Self) {
        match (self, more) {
            (Numbers::Four(a), Numbers::Four(b)) => sum(a, b),
            (Numbers::Two(a), Numbers::Two(b)) => sum(a, b),
            (Numbers::Last(a), Numbers::Last(b)) => {
                a[0] = a[0].saturating_add(b[0]);
                a[1] = a[1].max(b[1]);
            }
            // A field is of one kind.
            _ => {}
        }
    }

    pub(super) fn text(&self) -> String {
        let numbers: &[u64] = match self {
            Numbers::Four(n) => n,
            Numbers::Two(n) | Numbers::Last(n) => n,
        };
        let texts: Vec<_> = numbers.iter().map(|n| n.min(&MOST).to_string()).collect();
        texts.join(" ")
    }
}

fn sum(to: &mut [u64], more: &[u64]) {
    for (a, b) in to.iter_mut().zip(more) {
        *a = a.saturating_add(*b);
    }
}
