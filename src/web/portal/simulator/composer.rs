//! The simulator's form: what it says, as a webhook that is wanted; never the webhook itself.

use serde::de::IgnoredAny;

use crate::base::error::FieldError;
use crate::base::secret::Secret;
use crate::web::portal::form::FormData;
use crate::web::portal::own::simulator::Target;
use crate::web::portal::refuse::PageError;
use crate::webhooks::simulator::faults::Fault;
use crate::webhooks::simulator::wanted::Wanted;

/// What the button that was pressed asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// The example of the type, in place of the data that is there.
    Example,
    /// The webhook as it would be sent.
    Show,
    /// The webhook sent.
    Send,
}

/// The form as it is filled in. A secret that was typed is not in it: it is not shown again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Composer {
    pub(super) event_type: String,
    pub(super) data: String,
    pub(super) signer: String,
    pub(super) target: String,
    pub(super) url: String,
    pub(super) fault: String,
    pub(super) id: String,
    pub(super) timestamp: String,
    pub(super) sequence: String,
}

/// What a form comes to.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) wanted: Wanted,
    pub(super) target: Target,
    pub(super) fault: Option<Fault>,
}

/// The value that stands for a fault in the form.
pub(super) const fn fault_name(fault: Fault) -> &'static str {
    match fault {
        Fault::Duplicate => "duplicate",
        Fault::OutOfOrder => "out_of_order",
        Fault::OldTimestamp => "old_timestamp",
        Fault::WrongSignature => "wrong_signature",
        Fault::Slow => "slow",
        Fault::Huge => "huge",
    }
}

impl Composer {
    /// What was sent, as text.
    ///
    /// # Errors
    /// A field is there twice.
    pub(super) fn of(form: &FormData) -> Result<Self, PageError> {
        let text = |name: &str| form.text(name).map(str::to_owned);
        let data = form.one("data")?.unwrap_or_default();
        Ok(Self {
            event_type: text("type")?,
            // Lines of a text area end so in a form, whatever was typed.
            data: data.replace("\r\n", "\n"),
            signer: text("signer")?,
            target: text("target")?,
            url: text("url")?,
            fault: text("fault")?,
            id: text("id")?,
            timestamp: text("timestamp")?,
            sequence: text("sequence")?,
        })
    }

    /// What it comes to, with the secret that was typed.
    ///
    /// # Errors
    /// Everything that is no more than text here: the rest is found when it is composed.
    pub(super) fn read(&self, secret: &str) -> Result<Asked, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut wanted = Wanted {
            event_type: Some(self.event_type.clone()),
            data: Some(self.data.clone()),
            id: said(&self.id).map(str::to_owned),
            ..Wanted::default()
        };
        if let Err(e) = serde_json::from_str::<IgnoredAny>(&self.data) {
            let message = format!("expected JSON: {e}");
            errors.push(FieldError::new("data", message));
        }
        match self.signer.split_once(':') {
            Some(("webhook", id)) => wanted.webhook_id = Some(id.to_owned()),
            Some(("inbox", id)) => wanted.inbox_id = Some(id.to_owned()),
            _ if self.signer == "secret" && secret.is_empty() => {
                let message =
                    "expected the secret, whsec_…; it is not kept from one time to the next";
                errors.push(FieldError::new("secret", message));
            }
            _ if self.signer == "secret" => wanted.secret = Some(Secret::new(secret)),
            _ if self.signer == "new" || self.signer.is_empty() => {}
            _ => errors.push(FieldError::new("signer", "expected one of the list")),
        }
        wanted.timestamp = number(&self.timestamp, "timestamp", &mut errors);
        wanted.sequence = number(&self.sequence, "sequence", &mut errors);
        let target = match self.target.split_once(':') {
            Some(("inbox", id)) => Target::Inbox(id.to_owned()),
            _ if self.target == "url" => Target::Url(self.url.clone()),
            _ if self.target == "signer" || self.target.is_empty() => Target::Signer,
            _ => {
                errors.push(FieldError::new("target", "expected one of the list"));
                Target::Signer
            }
        };
        let fault = said(&self.fault).map(|name| {
            let mut all = Fault::ALL.into_iter();
            all.find(|f| fault_name(*f) == name)
                .ok_or_else(|| FieldError::new("fault", "expected one of the list"))
        });
        match (fault.transpose(), errors.is_empty()) {
            (Ok(fault), true) => Ok(Asked {
                wanted,
                target,
                fault,
            }),
            (Err(e), _) => {
                errors.push(e);
                Err(errors)
            }
            (Ok(_), false) => Err(errors),
        }
    }
}

fn said(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn number<T: std::str::FromStr>(
    text: &str,
    field: &str,
    errors: &mut Vec<FieldError>,
) -> Option<T> {
    let text = said(text)?;
    let number = text.parse().ok();
    if number.is_none() {
        errors.push(FieldError::new(field, "expected a whole number"));
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composer() -> Composer {
        Composer {
            event_type: "contact.created".to_owned(),
            data: "{\"id\": 1}".to_owned(),
            ..Composer::default()
        }
    }

    fn wrong(composer: &Composer, secret: &str) -> Vec<String> {
        let errors = composer.read(secret).unwrap_err();
        errors.into_iter().map(|e| e.field).collect()
    }

    #[test]
    fn signer_and_target_are_read_as_they_are_listed() {
        for (signer, webhook, inbox, secret) in [
            ("webhook:whk_1", Some("whk_1"), None, false),
            ("inbox:ibx_1", None, Some("ibx_1"), false),
            ("secret", None, None, true),
            ("new", None, None, false),
            ("", None, None, false),
        ] {
            let signed = Composer {
                signer: signer.to_owned(),
                ..composer()
            };
            let wanted = signed.read("whsec_x").unwrap().wanted;
            assert_eq!(wanted.webhook_id.as_deref(), webhook, "{signer}");
            assert_eq!(wanted.inbox_id.as_deref(), inbox, "{signer}");
            assert_eq!(wanted.secret.is_some(), secret, "{signer}");
        }
        for (target, read) in [
            ("", Target::Signer),
            ("signer", Target::Signer),
            ("inbox:ibx_1", Target::Inbox("ibx_1".to_owned())),
            ("url", Target::Url("https://a.example/".to_owned())),
        ] {
            let sent = Composer {
                target: target.to_owned(),
                url: "https://a.example/".to_owned(),
                ..composer()
            };
            assert_eq!(sent.read("").unwrap().target, read, "{target}");
        }
    }

    #[test]
    fn every_fault_is_read_by_its_name() {
        for fault in Fault::ALL {
            let faulty = Composer {
                fault: fault_name(fault).to_owned(),
                ..composer()
            };
            assert_eq!(faulty.read("").unwrap().fault, Some(fault));
            let name = serde_json::to_value(fault).unwrap();
            assert_eq!(name, fault_name(fault), "the admin API calls it so");
        }
        assert_eq!(composer().read("").unwrap().fault, None);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let bad = Composer {
            data: "{".to_owned(),
            signer: "secret".to_owned(),
            target: "nowhere".to_owned(),
            fault: "worse".to_owned(),
            timestamp: "now".to_owned(),
            sequence: "-1".to_owned(),
            ..composer()
        };
        let all = ["data", "secret", "timestamp", "sequence", "target", "fault"];
        assert_eq!(wrong(&bad, ""), all);
        let bad = Composer {
            signer: "somebody".to_owned(),
            ..composer()
        };
        assert_eq!(wrong(&bad, ""), ["signer"]);
    }
}
