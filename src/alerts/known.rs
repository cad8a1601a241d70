//! What a node has put in line, by what it tells of: most looks find nothing else, and need neither a digest nor the store; never a message.

use std::collections::HashMap;

use super::model::{AlertSettings, Matter, Window};
use crate::base::ceilings::alerts::ALERT_MARKS_KNOWN;
use crate::base::clock::Timestamp;

/// What is told of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subject {
    Quota(String, Window),
    Key(String),
}

/// How it was told last: by its mark, of which window or expiry, and to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    mark: u32,
    ends_at: Timestamp,
    revision: u64,
    can_mail: bool,
}

/// What was put in line. Forgetting it costs a question to the store, which knows best.
#[derive(Debug, Default)]
pub struct Known(HashMap<Subject, Told>);

fn entry(settings: &AlertSettings, matter: &Matter, can_mail: bool) -> (Subject, Told) {
    let (subject, mark) = match matter {
        Matter::Usage(m) => (
            Subject::Quota(settings.account_id.clone(), m.window),
            m.percent,
        ),
        Matter::KeyExpiring(m) => (Subject::Key(m.key_id.clone()), m.days),
    };
    let told = Told {
        mark,
        ends_at: matter.ends_at(),
        revision: settings.revision,
        can_mail,
    };
    (subject, told)
}

impl Known {
    /// Whether the messages that tell `matter` were put in line: the same mark, to the same recipients.
    pub fn has(&self, settings: &AlertSettings, matter: &Matter, can_mail: bool) -> bool {
        let (subject, told) = entry(settings, matter, can_mail);
        self.0.get(&subject) == Some(&told)
    }

    /// Notes that they were.
    pub fn note(&mut self, settings: &AlertSettings, matter: &Matter, can_mail: bool) {
        if self.0.len() >= ALERT_MARKS_KNOWN {
            self.0.clear();
        }
        let (subject, told) = entry(settings, matter, can_mail);
        self.0.insert(subject, told);
    }

    /// Forgets all of it.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::testing::{NOW, key_mark, settings, usage_mark};

    #[test]
    fn what_was_put_is_known_until_anything_of_it_is_another() {
        let mut known = Known::default();
        let (hour, key) = (
            Matter::Usage(usage_mark(Window::Hour, 80, 81)),
            Matter::KeyExpiring(key_mark(7)),
        );
        let of_a = settings("a");
        for matter in [&hour, &key] {
            assert!(!known.has(&of_a, matter, true));
            known.note(&of_a, matter, true);
            assert!(known.has(&of_a, matter, true));
            assert!(!known.has(&of_a, matter, false), "nobody was mailed");
        }
        // What was used meanwhile is no other mark.
        assert!(known.has(
            &of_a,
            &Matter::Usage(usage_mark(Window::Hour, 80, 99)),
            true
        ));
        let mut next_hour = usage_mark(Window::Hour, 80, 81);
        next_hour.resets_at = NOW.plus(std::time::Duration::from_secs(4_000));
        for other in [
            Matter::Usage(usage_mark(Window::Hour, 100, 100)),
            Matter::Usage(usage_mark(Window::Month, 80, 81)),
            Matter::Usage(next_hour),
            Matter::KeyExpiring(key_mark(1)),
        ] {
            assert!(!known.has(&of_a, &other, true), "{other:?}");
        }
        assert!(!known.has(&settings("b"), &hour, true));
        let changed = AlertSettings {
            revision: of_a.revision + 1,
            ..settings("a")
        };
        assert!(!known.has(&changed, &hour, true));
        known.clear();
        assert!(!known.has(&of_a, &hour, true));
    }

    #[test]
    fn no_more_is_remembered_than_allowed() {
        let mut known = Known::default();
        let hour = Matter::Usage(usage_mark(Window::Hour, 80, 81));
        for n in 0..=ALERT_MARKS_KNOWN {
            known.note(&settings(&n.to_string()), &hour, true);
        }
        assert!(known.0.len() <= ALERT_MARKS_KNOWN);
    }
}
