//! What callers give to set alerts, and its validation field by field; never a change itself.

use super::model::AlertSettings;
use crate::base::ceilings::alerts::{ALERT_EMAILS, ALERT_EXPIRY_DAYS, ALERT_MARKS};
use crate::base::email::is_email;
use crate::base::error::FieldError;
use crate::base::ids::{is_account_id, is_reserved_account};

/// All that is to be set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewAlerts {
    /// Per cent of the hour's quota.
    pub hour_percent: Vec<u32>,
    /// Per cent of the month's quota.
    pub month_percent: Vec<u32>,
    /// Days before a key expires.
    pub key_expiry_days: Vec<u32>,
    /// Addresses.
    pub emails: Vec<String>,
}

impl From<AlertSettings> for NewAlerts {
    fn from(settings: AlertSettings) -> Self {
        Self {
            hour_percent: settings.hour_percent,
            month_percent: settings.month_percent,
            key_expiry_days: settings.key_expiry_days,
            emails: settings.emails,
        }
    }
}

/// Whether an account may have alerts at all.
pub(super) fn account(id: &str) -> Result<(), FieldError> {
    let wrong = |text| Err(FieldError::new("account_id", text));
    if is_reserved_account(id) {
        return wrong("expected an account that is not one of the gateway's own");
    }
    if !is_account_id(id) {
        return wrong("expected 1 to 128 of A-Z a-z 0-9 _ - . : @");
    }
    Ok(())
}

impl NewAlerts {
    /// Checks it and puts marks in order. `errors` names each wrong field as the admin API calls it.
    ///
    /// # Errors
    /// Every wrong field.
    pub(super) fn checked(mut self) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        marks("thresholds.hour", &mut self.hour_percent, 100, &mut errors);
        marks(
            "thresholds.month",
            &mut self.month_percent,
            100,
            &mut errors,
        );
        let days = &mut self.key_expiry_days;
        marks("key_expiry_days", days, ALERT_EXPIRY_DAYS, &mut errors);
        // The most urgent last, as time brings them.
        days.reverse();
        emails(&self.emails, &mut errors);
        if errors.is_empty() {
            Ok(self)
        } else {
            Err(errors)
        }
    }
}

fn marks(field: &str, marks: &mut [u32], most: u32, errors: &mut Vec<FieldError>) {
    if marks.len() > ALERT_MARKS {
        let text = format!("expected at most {ALERT_MARKS} numbers");
        errors.push(FieldError::new(field, text));
        return;
    }
    for (i, mark) in marks.iter().enumerate() {
        let at = || format!("{field}[{i}]");
        if !(1..=most).contains(mark) {
            errors.push(FieldError::new(at(), format!("expected 1 to {most}")));
        } else if marks[..i].contains(mark) {
            errors.push(FieldError::new(at(), "this number is there twice"));
        }
    }
    marks.sort_unstable();
}

fn emails(emails: &[String], errors: &mut Vec<FieldError>) {
    if emails.len() > ALERT_EMAILS {
        let text = format!("expected at most {ALERT_EMAILS} addresses");
        errors.push(FieldError::new("emails", text));
        return;
    }
    for (i, email) in emails.iter().enumerate() {
        let at = || format!("emails[{i}]");
        if !is_email(email) {
            errors.push(FieldError::new(
                at(),
                "expected an address such as dev@example.com",
            ));
        } else if emails[..i].iter().any(|e| e.eq_ignore_ascii_case(email)) {
            errors.push(FieldError::new(at(), "this address is there twice"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(hour: &[u32], days: &[u32], emails: &[&str]) -> Result<NewAlerts, Vec<String>> {
        let new = NewAlerts {
            hour_percent: hour.to_vec(),
            month_percent: Vec::new(),
            key_expiry_days: days.to_vec(),
            emails: emails.iter().map(|e| (*e).to_owned()).collect(),
        };
        let texts = |all: Vec<FieldError>| all.into_iter().map(|e| e.field).collect();
        new.checked().map_err(texts)
    }

    #[test]
    fn marks_are_put_in_order() {
        let new = given(&[100, 80], &[1, 14, 7], &["a@example.com"]).unwrap();
        assert_eq!(new.hour_percent, [80, 100]);
        assert_eq!(new.key_expiry_days, [14, 7, 1]);
    }

    #[test]
    fn each_wrong_field_is_named() {
        type Case<'a> = (&'a [u32], &'a [u32], &'a [&'a str], &'a [&'a str]);
        let cases: [Case<'_>; 8] = [
            (&[0], &[], &[], &["thresholds.hour[0]"]),
            (&[50, 101], &[], &[], &["thresholds.hour[1]"]),
            (&[50, 50], &[], &[], &["thresholds.hour[1]"]),
            (&[1, 2, 3, 4, 5, 6], &[], &[], &["thresholds.hour"]),
            (
                &[],
                &[366, 0],
                &[],
                &["key_expiry_days[0]", "key_expiry_days[1]"],
            ),
            (
                &[],
                &[],
                &["a@b.example\r\nBcc: c@d.example"],
                &["emails[0]"],
            ),
            (
                &[],
                &[],
                &["a@b.example", "A@B.example", "x"],
                &["emails[1]", "emails[2]"],
            ),
            (
                &[],
                &[],
                &["a@x.de", "b@x.de", "c@x.de", "d@x.de", "e@x.de", "f@x.de"],
                &["emails"],
            ),
        ];
        for (hour, days, emails, fields) in cases {
            assert_eq!(given(hour, days, emails).unwrap_err(), fields);
        }
    }

    #[test]
    fn the_gateways_own_accounts_have_no_alerts() {
        assert!(account("acct_1").is_ok());
        assert!(account("fuelgate:operator").is_err());
        assert!(account("a b").is_err());
        assert!(account("").is_err());
    }
}
