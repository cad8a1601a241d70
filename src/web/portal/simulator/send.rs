//! `POST /webhook-simulator`: shows a webhook as it would be sent, or sends it; never one of the deliveries.

use http::StatusCode;

use super::composer::{Action, Composer};
use super::page::{Around, example, page};
use super::result;
use crate::base::error::FieldError;
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::form::LargeForm;
use crate::web::portal::own::Own;
use crate::web::portal::refuse::PageError;

pub(super) async fn send(own: Own, LargeForm(data): LargeForm) -> PageResult {
    let mut composer = Composer::of(&data)?;
    let around = Around::of(&own).await?;
    let action = match data.text("action")? {
        "example" => Action::Example,
        "show" => Action::Show,
        // What the Enter key sends has no button.
        "send" | "" => Action::Send,
        _ => return Err(PageError::field("action", "expected show or send")),
    };
    if action == Action::Example {
        composer.data = example(&own, &composer.event_type);
        return Ok(page(&own, &composer, &around, &[], &result::none()));
    }
    let asked = match composer.read(data.text("secret")?) {
        Ok(asked) => asked,
        Err(errors) => return Ok(refused(&own, &composer, &around, &errors)),
    };
    let made = match action {
        Action::Send => own
            .simulate(asked.wanted, &asked.target, asked.fault)
            .await
            .map(|sent| result::sent(&sent)),
        _ => own
            .compose(asked.wanted)
            .await
            .map(|made| result::shown(&made)),
    };
    match made {
        Ok(result) => Ok(page(&own, &composer, &around, &[], &result)),
        Err(PageError::Invalid(errors)) => Ok(refused(&own, &composer, &around, &errors)),
        Err(PageError::Conflict(why)) => {
            let answer = page(&own, &composer, &around, &[], &result::busy(&why));
            Ok(answer.status(StatusCode::CONFLICT))
        }
        Err(e) => Err(e),
    }
}

fn refused(own: &Own, composer: &Composer, around: &Around, errors: &[FieldError]) -> PageAnswer {
    page(own, composer, around, errors, &result::none())
}
