//! What was said so far of a key that is to be made, carried from step to step; never kept anywhere else.

use crate::base::ceilings::NAME_CHARS;
use crate::base::error::FieldError;
use crate::keys::input::{EXPIRY_DAYS, Expiry, NewKey};
use crate::web::portal::form::FormData;
use crate::web::portal::refuse::PageError;

/// The steps, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Name,
    Scopes,
    Expiry,
    Review,
}

impl Step {
    pub(super) const ALL: [Self; 4] = [Self::Name, Self::Scopes, Self::Expiry, Self::Review];

    /// What the query calls it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Scopes => "scopes",
            Self::Expiry => "expiry",
            Self::Review => "review",
        }
    }

    /// The step of this word; the first for any other.
    pub(super) fn of(word: Option<&str>) -> Self {
        let found = Self::ALL.into_iter().find(|s| Some(s.word()) == word);
        found.unwrap_or(Self::Name)
    }

    /// The one after it.
    pub(super) const fn next(self) -> Self {
        match self {
            Self::Name => Self::Scopes,
            Self::Scopes => Self::Expiry,
            Self::Expiry | Self::Review => Self::Review,
        }
    }
}

/// What was said so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) scopes: Vec<String>,
    /// `30`, `90`, `180`, `never`, or nothing yet.
    pub(super) expires: String,
    pub(super) allowed_ips: Vec<String>,
}

impl Draft {
    pub(super) fn read(form: &FormData) -> Result<Self, PageError> {
        let owned = |all: Vec<&str>| all.into_iter().map(str::to_owned).collect();
        Ok(Self {
            name: form.text("name")?.to_owned(),
            scopes: owned(form.all("scope")),
            expires: form.text("expires")?.to_owned(),
            allowed_ips: owned(form.lines("allowed_ips")?),
        })
    }

    /// What is wrong with what one step asks.
    fn errors(&self, step: Step, known: &[(String, String)]) -> Option<FieldError> {
        match step {
            Step::Name => {
                let chars = self.name.chars().count();
                let is_good =
                    (1..=NAME_CHARS).contains(&chars) && !self.name.chars().any(char::is_control);
                (!is_good).then(|| {
                    let message = format!("give it a name of 1 to {NAME_CHARS} characters");
                    FieldError::new("name", message)
                })
            }
            Step::Scopes => {
                let is_known = |s: &String| known.iter().any(|(name, _)| name == s);
                let is_good = !self.scopes.is_empty() && self.scopes.iter().all(is_known);
                (!is_good).then(|| FieldError::new("scope", "choose at least one scope"))
            }
            Step::Expiry => self
                .expiry()
                .is_none()
                .then(|| FieldError::new("expires", "choose when it ends")),
            Step::Review => None,
        }
    }

    /// The step to be shown where `wanted` is asked for: an earlier one where something is missing there, with what is wrong.
    pub(super) fn step(
        &self,
        wanted: Step,
        known: &[(String, String)],
    ) -> (Step, Option<FieldError>) {
        let behind = Step::ALL.into_iter().filter(|s| *s < wanted);
        let missing = behind.filter_map(|s| self.errors(s, known).map(|e| (s, Some(e))));
        missing.into_iter().next().unwrap_or((wanted, None))
    }

    /// When it is to end, where that was said.
    pub(super) fn expiry(&self) -> Option<Expiry> {
        if self.expires == "never" {
            return Some(Expiry::Never);
        }
        let days = self.expires.parse().ok()?;
        EXPIRY_DAYS.contains(&days).then_some(Expiry::Days(days))
    }

    /// The key to be made, once its expiry was said.
    pub(super) fn new_key(&self, account_id: &str) -> Option<NewKey> {
        Some(NewKey {
            account_id: account_id.to_owned(),
            name: self.name.clone(),
            scopes: self.scopes.clone(),
            expiry: self.expiry()?,
            allowed_ips: self.allowed_ips.clone(),
        })
    }

    /// What was said as fields of a form; those of `but` are left out.
    pub(super) fn fields(&self, but: Step) -> Vec<(&'static str, String)> {
        let mut fields = Vec::new();
        if but != Step::Name && !self.name.is_empty() {
            fields.push(("name", self.name.clone()));
        }
        if but != Step::Scopes {
            fields.extend(self.scopes.iter().map(|s| ("scope", s.clone())));
        }
        if but != Step::Expiry {
            if !self.expires.is_empty() {
                fields.push(("expires", self.expires.clone()));
            }
            if !self.allowed_ips.is_empty() {
                fields.push(("allowed_ips", self.allowed_ips.join("\n")));
            }
        }
        fields
    }

    /// Where a step is, with all that was said.
    pub(super) fn href(&self, step: Step) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("step", step.word());
        for (name, value) in self.fields(Step::Review) {
            query.append_pair(name, &value);
        }
        format!("/keys/new?{}", query.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<(String, String)> {
        vec![("contacts:read".to_owned(), "Read contacts".to_owned())]
    }

    fn whole() -> Draft {
        Draft {
            name: "My key & co".to_owned(),
            scopes: vec!["contacts:read".to_owned()],
            expires: "90".to_owned(),
            allowed_ips: vec!["10.0.0.0/8".to_owned(), "192.0.2.1".to_owned()],
        }
    }

    #[test]
    fn a_step_is_shown_once_all_before_it_was_said() {
        let none = Draft::default();
        assert_eq!(none.step(Step::Name, &known()), (Step::Name, None));
        for (draft, wanted, shown, field) in [
            (none.clone(), Step::Scopes, Step::Name, "name"),
            (none, Step::Review, Step::Name, "name"),
            (
                Draft {
                    name: "a\u{1}".into(),
                    ..whole()
                },
                Step::Review,
                Step::Name,
                "name",
            ),
            (
                Draft {
                    name: "x".repeat(201),
                    ..whole()
                },
                Step::Review,
                Step::Name,
                "name",
            ),
            (
                Draft {
                    scopes: vec![],
                    ..whole()
                },
                Step::Expiry,
                Step::Scopes,
                "scope",
            ),
            (
                Draft {
                    scopes: vec!["nope".into()],
                    ..whole()
                },
                Step::Review,
                Step::Scopes,
                "scope",
            ),
            (
                Draft {
                    expires: "31".into(),
                    ..whole()
                },
                Step::Review,
                Step::Expiry,
                "expires",
            ),
            (
                Draft {
                    expires: String::new(),
                    ..whole()
                },
                Step::Review,
                Step::Expiry,
                "expires",
            ),
        ] {
            let (step, error) = draft.step(wanted, &known());
            assert_eq!((step, error.unwrap().field.as_str()), (shown, field));
        }
        assert_eq!(whole().step(Step::Review, &known()), (Step::Review, None));
    }

    #[test]
    fn what_was_said_is_carried_on_and_read_as_it_was() {
        let href = whole().href(Step::Scopes);
        assert_eq!(
            href,
            "/keys/new?step=scopes&name=My+key+%26+co&scope=contacts%3Aread&expires=90&allowed_ips=10.0.0.0%2F8%0A192.0.2.1"
        );
        let without: Vec<_> = whole()
            .fields(Step::Scopes)
            .into_iter()
            .map(|(n, _)| n)
            .collect();
        assert_eq!(without, ["name", "expires", "allowed_ips"]);
    }

    #[test]
    fn an_expiry_must_be_said() {
        let key = whole().new_key("acct_1").unwrap();
        assert_eq!(key.expiry, Expiry::Days(90));
        let said = |expires: &str| {
            let draft = Draft {
                expires: expires.into(),
                ..whole()
            };
            draft.new_key("acct_1").map(|k| k.expiry)
        };
        assert_eq!(said("never"), Some(Expiry::Never));
        for bad in ["", "0", "-30", "365", "Never"] {
            assert_eq!(said(bad), None, "{bad}");
        }
    }
}
