//! Activities: calls, emails, meetings and notes, logged against a contact, a deal or both; they are never changed.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use serde::Serialize;

use crate::base::ceilings::{NAME_CHARS, SAMPLE_TEXT_CHARS};
use crate::base::clock::Timestamp;

use super::choice::choice;
use super::error::ApiError;
use super::input::{Body, Field, Fields};
use super::params::{Account, Params};
use super::table::List;
use super::{Operation, Shared};

choice! {
    /// What was done.
    ActivityType { Call = "call", Email = "email", Meeting = "meeting", Note = "note" }
}

/// The longest activity: a day.
const MOST_MINUTES: u64 = 1440;

/// Something that was done.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Activity {
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) kind: ActivityType,
    pub(super) subject: String,
    pub(super) body: Option<String>,
    pub(super) contact_id: Option<String>,
    pub(super) deal_id: Option<String>,
    pub(super) user_id: Option<String>,
    pub(super) duration_minutes: Option<u64>,
    pub(super) occurred_at: Timestamp,
    pub(super) created_at: Timestamp,
}

/// A new activity as its body says it; `created_at` and perhaps `occurred_at` are still to come.
struct NewActivity {
    kind: ActivityType,
    subject: String,
    body: Option<String>,
    contact_id: Option<String>,
    deal_id: Option<String>,
    user_id: Option<String>,
    duration_minutes: Option<u64>,
    occurred_at: Option<Timestamp>,
}

impl NewActivity {
    fn read(mut fields: Fields) -> Result<Self, ApiError> {
        let f = &mut fields;
        let kind = f.choice("type");
        let kind = f.required("type", kind);
        let subject = f.text("subject", NAME_CHARS);
        let subject = f.required("subject", subject);
        let body = f.text("body", SAMPLE_TEXT_CHARS).value();
        let contact_id = f.text("contact_id", 50);
        let deal_id = f.text("deal_id", 50);
        if !matches!(
            (&contact_id, &deal_id),
            (Field::Set(_), _) | (_, Field::Set(_))
        ) {
            f.refuse("contact_id", "a contact_id or a deal_id is required");
        }
        let user_id = f.text("user_id", 50).value();
        let duration_minutes = f.number("duration_minutes", MOST_MINUTES).value();
        let occurred_at = f.instant("occurred_at").value();
        fields.finish()?;
        // Both are there: `finish` would have told of a required field that is not.
        let missing = || ApiError::field("type", "is required");
        Ok(Self {
            kind: kind.ok_or_else(missing)?,
            subject: subject.ok_or_else(missing)?,
            body,
            contact_id: contact_id.value(),
            deal_id: deal_id.value(),
            user_id,
            duration_minutes,
            occurred_at,
        })
    }
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new("GET", "/activities", get(list)),
        Operation::new("POST", "/activities", post(create)),
        Operation::new("GET", "/activities/{id}", get(read)),
        Operation::new("DELETE", "/activities/{id}", delete(remove)),
    ]
}

async fn list(
    State(world): State<Shared>,
    Account(account): Account,
    mut params: Params,
) -> Result<Json<List<Activity>>, ApiError> {
    let kind = params.choice::<ActivityType>("type");
    let contact = params.text("contact_id");
    let deal = params.text("deal_id");
    let user = params.text("user_id");
    let window = params.window()?;
    let matches = |a: &Activity| {
        kind.is_none_or(|k| a.kind == k)
            && contact
                .as_ref()
                .is_none_or(|c| a.contact_id.as_ref() == Some(c))
            && deal.as_ref().is_none_or(|d| a.deal_id.as_ref() == Some(d))
            && user.as_ref().is_none_or(|u| a.user_id.as_ref() == Some(u))
    };
    Ok(Json(
        world.read(&account, |t| t.activities.page(window, matches)),
    ))
}

async fn create(
    State(world): State<Shared>,
    Account(account): Account,
    Body(fields): Body,
) -> Result<Response, ApiError> {
    let new = NewActivity::read(fields)?;
    let activity = world.create(&account, |tenant, now| {
        let user = new.user_id.as_deref().map(|id| ("user_id", id));
        tenant.check_references(new.contact_id.as_deref(), new.deal_id.as_deref(), user)?;
        Ok(tenant.activities.insert(|id| Activity {
            id,
            kind: new.kind,
            subject: new.subject,
            body: new.body,
            contact_id: new.contact_id,
            deal_id: new.deal_id,
            user_id: new.user_id,
            duration_minutes: new.duration_minutes,
            occurred_at: new.occurred_at.unwrap_or(now),
            created_at: now,
        }))
    })?;
    let location = format!("{}/activities/{}", super::PREFIX, activity.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(activity)).into_response())
}

async fn read(
    State(world): State<Shared>,
    Account(account): Account,
    Path(id): Path<String>,
) -> Result<Json<Activity>, ApiError> {
    world
        .read(&account, |t| t.activities.get(&id).cloned())
        .map(Json)
        .ok_or_else(|| ApiError::not_found("activity", &id))
}

async fn remove(
    State(world): State<Shared>,
    Account(account): Account,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    world.write(&account, |tenant, _| {
        let gone = tenant.activities.remove(&id);
        gone.ok_or_else(|| ApiError::not_found("activity", &id))?;
        Ok(StatusCode::NO_CONTENT)
    })
}
