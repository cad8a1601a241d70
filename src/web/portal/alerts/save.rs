//! `POST /alerts`: replaces what the account is told of; of addresses it adds the reader's own alone, since nobody else's has been vouched for.

use http::StatusCode;
use maud::html;

use super::show::{self, Said};
use crate::alerts::input::NewAlerts;
use crate::alerts::model::AlertSettings;
use crate::base::error::FieldError;
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::form::FormData;
use crate::web::portal::own::Own;
use crate::web::portal::refuse::PageError;
use crate::web::portal::shell::{self, Place};

/// What the form says.
#[derive(Debug)]
struct Wanted {
    hour: Vec<u32>,
    month: Vec<u32>,
    days: Vec<u32>,
    add: Option<String>,
    remove: Vec<String>,
}

pub(super) async fn save(own: Own, form: FormData) -> PageResult {
    let mine = own.visit.session.person.email.as_deref();
    let done = match wanted(&form, mine) {
        Ok(wanted) => own.edit_alerts(|known| wanted.on(known)).await,
        Err(e) => Err(e),
    };
    let errors: Vec<FieldError> = match done {
        Ok(_) => return Ok(PageAnswer::see_other("/alerts?done=saved")),
        Err(PageError::Invalid(errors)) => errors.into_iter().map(named).collect(),
        Err(e) => return Err(e),
    };
    let settings = own.alerts().await?;
    let all = |name| form.all(name).into_iter();
    let said = Said {
        hour: form.text("hour_percent")?.to_owned(),
        month: form.text("month_percent")?.to_owned(),
        days: all("key_expiry_days")
            .filter_map(|d| d.parse().ok())
            .collect(),
        mail_me: form.has("mail_me"),
        remove: all("remove").map(str::to_owned).collect(),
        errors: &errors,
    };
    let body = show::body(&own, &settings, &said, &html! {});
    let page = shell::page(&own, "Alerts", Place::Alerts, body);
    Ok(page.status(StatusCode::UNPROCESSABLE_ENTITY))
}

/// Reads the form.
fn wanted(form: &FormData, mine: Option<&str>) -> Result<Wanted, PageError> {
    let mut errors = Vec::new();
    let mut read = |name: &str, texts: Vec<&str>, expected: &str| {
        let texts = texts.into_iter().map(str::trim);
        let numbers: Result<Vec<u32>, _> =
            texts.filter(|t| !t.is_empty()).map(str::parse).collect();
        numbers.unwrap_or_else(|_| {
            errors.push(FieldError::new(name, expected));
            Vec::new()
        })
    };
    let per_cent = "expected whole numbers from 1 to 100, such as 80, 100";
    let is_apart = |c: char| c == ',' || c == ';' || c == '%' || c.is_whitespace();
    let hour = form.text("hour_percent")?.split(is_apart).collect();
    let hour = read("hour_percent", hour, per_cent);
    let month = form.text("month_percent")?.split(is_apart).collect();
    let month = read("month_percent", month, per_cent);
    let days = form.all("key_expiry_days");
    let days = read("key_expiry_days", days, "expected days");
    let wants_mail = form.one("mail_me")? == Some("yes");
    if wants_mail && mine.is_none() {
        errors.push(FieldError::new(
            "mail_me",
            "you signed in without an e-mail address",
        ));
    }
    if !errors.is_empty() {
        return Err(PageError::Invalid(errors));
    }
    Ok(Wanted {
        hour,
        month,
        days,
        add: mine.filter(|_| wants_mail).map(str::to_owned),
        remove: form.all("remove").into_iter().map(str::to_owned).collect(),
    })
}

impl Wanted {
    /// What it makes of what is set. Somebody else may have changed the addresses meanwhile: those stay.
    fn on(&self, known: &AlertSettings) -> NewAlerts {
        let mut emails: Vec<String> = known
            .emails
            .iter()
            .filter(|e| !self.remove.contains(e))
            .cloned()
            .collect();
        if let Some(mine) = &self.add
            && !emails.iter().any(|e| e.eq_ignore_ascii_case(mine))
        {
            emails.push(mine.clone());
        }
        NewAlerts {
            hour_percent: self.hour.clone(),
            month_percent: self.month.clone(),
            key_expiry_days: self.days.clone(),
            emails,
        }
    }
}

/// An error under the name that its field has in the form.
fn named(error: FieldError) -> FieldError {
    let field = match error.field.as_str() {
        f if f.starts_with("thresholds.hour") => "hour_percent",
        f if f.starts_with("thresholds.month") => "month_percent",
        f if f.starts_with("key_expiry_days") => "key_expiry_days",
        f @ ("hour_percent" | "month_percent") => f,
        _ => "mail_me",
    };
    FieldError::new(field, error.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> FormData {
        FormData::parse(text.as_bytes()).unwrap()
    }

    fn refused(form: &FormData) -> Vec<String> {
        let Err(PageError::Invalid(errors)) = wanted(form, None) else {
            panic!()
        };
        errors.into_iter().map(|e| e.field).collect()
    }

    fn known() -> AlertSettings {
        AlertSettings {
            emails: vec!["ops@example.com".to_owned(), "old@example.com".to_owned()],
            ..AlertSettings::none("a")
        }
    }

    #[test]
    fn numbers_are_read_however_they_are_set_apart() {
        let form = form(
            "hour_percent=80%2C+100&month_percent=50+%25%3B90&key_expiry_days=14&key_expiry_days=1",
        );
        let wanted = wanted(&form, None).unwrap();
        assert_eq!((wanted.hour, wanted.month), (vec![80, 100], vec![50, 90]));
        assert_eq!(wanted.days, [14, 1]);
    }

    #[test]
    fn an_address_is_added_only_where_it_is_the_readers_own() {
        let form = form("mail_me=yes&remove=old%40example.com&emails=victim%40example.org");
        let made = wanted(&form, Some("me@example.com")).unwrap();
        let emails = made.on(&known()).emails;
        assert_eq!(emails, ["ops@example.com", "me@example.com"]);
        let again = AlertSettings {
            emails: vec!["ME@example.com".to_owned()],
            ..known()
        };
        assert_eq!(made.on(&again).emails, ["ME@example.com"]);
        assert_eq!(refused(&form), ["mail_me"]);
    }

    #[test]
    fn what_is_no_number_is_named() {
        let form = form("hour_percent=eighty&month_percent=-1&key_expiry_days=soon");
        let fields = ["hour_percent", "month_percent", "key_expiry_days"];
        assert_eq!(refused(&form), fields);
    }

    #[test]
    fn errors_stand_at_the_fields_of_the_form() {
        for (field, name) in [
            ("thresholds.hour[1]", "hour_percent"),
            ("thresholds.month", "month_percent"),
            ("key_expiry_days[0]", "key_expiry_days"),
            ("emails", "mail_me"),
            ("hour_percent", "hour_percent"),
        ] {
            assert_eq!(named(FieldError::new(field, "x")).field, name);
        }
    }
}
