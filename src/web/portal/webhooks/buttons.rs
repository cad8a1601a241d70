//! What buttons of a webhook do at once: pause, resume, test, replay of what failed; never a page of their own.

use std::time::Duration;

use axum::extract::Path;

use crate::base::clock::Timestamp;
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::form::FormData;
use crate::web::portal::own::Own;
use crate::web::portal::refuse::PageError;
use crate::web::portal::ui;
use crate::webhooks::model::EndpointStatus;
use crate::webhooks::port::replays::ReplayOnly;

/// How far back what has failed is sent again, or what was missed is looked for: value, words, seconds.
pub(super) const RANGES: [(&str, &str, u64); 4] = [
    ("1h", "hour", 3_600),
    ("24h", "24 hours", 86_400),
    ("7d", "7 days", 7 * 86_400),
    ("30d", "30 days", 30 * 86_400),
];

pub(super) async fn pause(own: Own, Path(id): Path<String>, _: FormData) -> PageResult {
    own.set_webhook_status(&id, EndpointStatus::Paused).await?;
    Ok(PageAnswer::see_other(&format!(
        "/webhooks/{id}?done=paused"
    )))
}

pub(super) async fn resume(own: Own, Path(id): Path<String>, _: FormData) -> PageResult {
    own.set_webhook_status(&id, EndpointStatus::Active).await?;
    Ok(PageAnswer::see_other(&format!(
        "/webhooks/{id}?done=resumed"
    )))
}

pub(super) async fn test(own: Own, Path(id): Path<String>, _: FormData) -> PageResult {
    let delivery = own.test_webhook(&id).await?;
    let place = format!("/deliveries/{}?done=tested", delivery.id);
    Ok(PageAnswer::see_other(&place))
}

/// [`RANGES`] to choose from.
pub(super) fn ranges() -> [ui::Choice<'static>; RANGES.len()] {
    RANGES.map(|(value, label, _)| ui::Choice {
        value,
        label,
        ..ui::Choice::default()
    })
}

/// Since when, as one of [`RANGES`] says it in this field.
pub(super) fn since(own: &Own, data: &FormData, field: &str) -> Result<Timestamp, PageError> {
    let said = data.text(field)?;
    let range = RANGES.iter().find(|(value, _, _)| *value == said);
    let (_, _, seconds) =
        range.ok_or_else(|| PageError::field(field, "expected one of the list"))?;
    Ok(own.visit.now.minus(Duration::from_secs(*seconds)))
}

pub(super) async fn replay_failed(own: Own, Path(id): Path<String>, data: FormData) -> PageResult {
    let from = since(&own, &data, "from")?;
    own.replay(&id, from, ReplayOnly::Failed).await?;
    Ok(PageAnswer::see_other(&format!(
        "/webhooks/{id}?done=replayed"
    )))
}
