//! Automations: what is done to a contact when something happens or when a client asks; their runs happen after the answer.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use serde::Serialize;

use crate::base::ceilings::{NAME_CHARS, SAMPLE_RUNS, SAMPLE_TEXT_CHARS};
use crate::base::clock::Timestamp;

use super::activities::{Activity, ActivityType};
use super::choice::choice;
use super::error::ApiError;
use super::input::{Body, Field, Fields, OptionalBody};
use super::params::{Account, Params};
use super::table::List;
use super::world::{Tenant, later};
use super::{Operation, Shared};

choice! {
    /// What starts an automation besides a client's call.
    Trigger { Manual = "manual", ContactCreated = "contact.created", DealWon = "deal.won" }
}

choice! {
    /// Where a run stands.
    RunStatus { Queued = "queued", Succeeded = "succeeded", Skipped = "skipped" }
}

choice! {
    /// What an action does.
    ActionType { AddTag = "add_tag", LogNote = "log_note" }
}

/// Actions of one automation at most.
const ACTIONS: usize = 10;

/// One thing that a run does to its contact.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Action {
    /// Adds a tag.
    AddTag { tag: String },
    /// Logs a note.
    LogNote { text: String },
}

/// What is done, and when.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Automation {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) trigger: Trigger,
    pub(super) actions: Vec<Action>,
    pub(super) enabled: bool,
    pub(super) run_count: u64,
    pub(super) last_run_at: Option<Timestamp>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

/// One time that an automation was started.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Run {
    pub(super) id: String,
    pub(super) automation_id: String,
    pub(super) contact_id: Option<String>,
    /// `skipped` where there was no contact to do anything to.
    pub(super) status: RunStatus,
    pub(super) created_at: Timestamp,
    pub(super) finished_at: Option<Timestamp>,
}

/// What a body says about an automation.
struct Changes {
    name: Field<String>,
    trigger: Field<Trigger>,
    actions: Field<Vec<Action>>,
    enabled: Field<bool>,
}

fn read_action(f: &mut Fields) -> Option<Action> {
    let kind = f.choice::<ActionType>("type");
    match f.required("type", kind)? {
        ActionType::AddTag => {
            let tag = f.text("tag", 50);
            f.required("tag", tag).map(|tag| Action::AddTag { tag })
        }
        ActionType::LogNote => {
            let text = f.text("text", SAMPLE_TEXT_CHARS);
            f.required("text", text)
                .map(|text| Action::LogNote { text })
        }
    }
}

impl Changes {
    fn read(mut fields: Fields, new: bool) -> Result<Self, ApiError> {
        let f = &mut fields;
        let name = f.text("name", NAME_CHARS);
        let actions = f.objects("actions", ACTIONS, read_action);
        let (name, actions) = if new {
            let name = f.required("name", name);
            let actions = f.required("actions", actions);
            (
                name.map_or(Field::Absent, Field::Set),
                actions.map_or(Field::Absent, Field::Set),
            )
        } else {
            (f.not_null("name", name), f.not_null("actions", actions))
        };
        let trigger = f.choice("trigger");
        let enabled = f.boolean("enabled");
        let changes = Self {
            name,
            actions,
            trigger: f.not_null("trigger", trigger),
            enabled: f.not_null("enabled", enabled),
        };
        fields.finish()?;
        Ok(changes)
    }

    fn apply(self, automation: &mut Automation) {
        self.name.replace(&mut automation.name);
        self.trigger.replace(&mut automation.trigger);
        self.actions.replace(&mut automation.actions);
        self.enabled.replace(&mut automation.enabled);
    }
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new("GET", "/automations", get(list)),
        Operation::new("POST", "/automations", post(create)),
        Operation::new("GET", "/automations/{id}", get(read)),
        Operation::new("PATCH", "/automations/{id}", patch(update)),
        Operation::new("POST", "/automations/{id}/trigger", post(trigger)),
        Operation::new("GET", "/automations/{id}/runs", get(runs)),
    ]
}

async fn list(
    State(world): State<Shared>,
    Account(account): Account,
    mut params: Params,
) -> Result<Json<List<Automation>>, ApiError> {
    let enabled = params.boolean("enabled");
    let kind = params.choice::<Trigger>("trigger");
    let window = params.window()?;
    let matches = |a: &Automation| {
        enabled.is_none_or(|e| a.enabled == e) && kind.is_none_or(|k| a.trigger == k)
    };
    Ok(Json(
        world.read(&account, |t| t.automations.page(window, matches)),
    ))
}

async fn create(
    State(world): State<Shared>,
    Account(account): Account,
    Body(fields): Body,
) -> Result<Response, ApiError> {
    let changes = Changes::read(fields, true)?;
    let automation = world.create(&account, |tenant, now| {
        let mut automation = Automation {
            id: String::new(),
            name: String::new(),
            trigger: Trigger::Manual,
            actions: Vec::new(),
            enabled: true,
            run_count: 0,
            last_run_at: None,
            created_at: now,
            updated_at: now,
        };
        changes.apply(&mut automation);
        Ok(tenant
            .automations
            .insert(|id| Automation { id, ..automation }))
    })?;
    let location = format!("{}/automations/{}", super::PREFIX, automation.id);
    Ok((
        StatusCode::CREATED,
        [(LOCATION, location)],
        Json(automation),
    )
        .into_response())
}

async fn read(
    State(world): State<Shared>,
    Account(account): Account,
    Path(id): Path<String>,
) -> Result<Json<Automation>, ApiError> {
    world
        .read(&account, |t| t.automations.get(&id).cloned())
        .map(Json)
        .ok_or_else(|| ApiError::not_found("automation", &id))
}

async fn update(
    State(world): State<Shared>,
    Account(account): Account,
    Path(id): Path<String>,
    Body(fields): Body,
) -> Result<Json<Automation>, ApiError> {
    let changes = Changes::read(fields, false)?;
    world.write(&account, |tenant, now| {
        let automation = tenant.automations.get_mut(&id);
        let automation = automation.ok_or_else(|| ApiError::not_found("automation", &id))?;
        changes.apply(automation);
        automation.updated_at = later(now, automation.updated_at);
        Ok(Json(automation.clone()))
    })
}

async fn trigger(
    State(world): State<Shared>,
    Account(account): Account,
    Path(id): Path<String>,
    OptionalBody(mut fields): OptionalBody,
) -> Result<Response, ApiError> {
    let contact = fields.text("contact_id", 50).value();
    fields.finish()?;
    let run = world.create(&account, |tenant, now| {
        let automation = tenant.automations.get(&id);
        let automation = automation.ok_or_else(|| ApiError::not_found("automation", &id))?;
        if !automation.enabled {
            return Err(ApiError::conflict(
                "automation_disabled",
                format!("Automation {id} is disabled. Enable it first."),
            ));
        }
        tenant.check_references(contact.as_deref(), None, None)?;
        Ok(queue(tenant, &id, contact.as_deref(), now))
    })?;
    start(&world, &account, vec![run.id.clone()]);
    Ok((StatusCode::ACCEPTED, Json(run)).into_response())
}

async fn runs(
    State(world): State<Shared>,
    Account(account): Account,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<List<Run>>, ApiError> {
    let window = params.window()?;
    world.read(&account, |t| match t.automations.get(&id) {
        None => Err(ApiError::not_found("automation", &id)),
        Some(_) => Ok(Json(t.runs.page(window, |r| r.automation_id == id))),
    })
}

fn queue(tenant: &mut Tenant, automation: &str, contact: Option<&str>, now: Timestamp) -> Run {
    let run = tenant.runs.insert(|id| Run {
        id,
        automation_id: automation.to_owned(),
        contact_id: contact.map(str::to_owned),
        status: RunStatus::Queued,
        created_at: now,
        finished_at: None,
    });
    tenant.runs.trim(SAMPLE_RUNS);
    run
}

/// Queues a run of every enabled automation that waits for `trigger`; their ids are for [`start`].
pub(super) fn queue_all(
    tenant: &mut Tenant,
    trigger: Trigger,
    contact: Option<&str>,
    now: Timestamp,
) -> Vec<String> {
    let waiting: Vec<String> = tenant
        .automations
        .iter()
        .filter(|a| a.enabled && a.trigger == trigger)
        .map(|a| a.id.clone())
        .collect();
    waiting
        .iter()
        .map(|id| queue(tenant, id, contact, now).id)
        .collect()
}

/// Does the queued runs once the answer to the present request is on its way.
pub(super) fn start(world: &Shared, account: &str, runs: Vec<String>) {
    if runs.is_empty() {
        return;
    }
    let (world, account) = (Arc::clone(world), account.to_owned());
    tokio::spawn(async move {
        for run in runs {
            // Without room for its notes a run stays queued, which its list shows.
            let _ = world.create(&account, |tenant, now| {
                perform(tenant, &run, now);
                Ok(())
            });
        }
    });
}

fn perform(tenant: &mut Tenant, run_id: &str, now: Timestamp) {
    let Some(run) = tenant.runs.get(run_id).cloned() else {
        return;
    };
    let Some(automation) = tenant.automations.get_mut(&run.automation_id) else {
        return;
    };
    automation.run_count += 1;
    automation.last_run_at = Some(now);
    let actions = automation.actions.clone();
    let done = run
        .contact_id
        .as_deref()
        .is_some_and(|contact| act(tenant, contact, &actions, now));
    if let Some(run) = tenant.runs.get_mut(run_id) {
        run.status = if done {
            RunStatus::Succeeded
        } else {
            RunStatus::Skipped
        };
        run.finished_at = Some(now);
    }
}

/// Does `actions` to a contact; false where it is gone.
fn act(tenant: &mut Tenant, contact_id: &str, actions: &[Action], now: Timestamp) -> bool {
    let Some(contact) = tenant.contacts.get_mut(contact_id) else {
        return false;
    };
    for action in actions {
        match action {
            Action::AddTag { tag } if contact.tags.contains(tag) => {}
            Action::AddTag { tag } => {
                contact.tags.push(tag.clone());
                contact.updated_at = later(now, contact.updated_at);
            }
            Action::LogNote { text } => {
                tenant
                    .activities
                    .insert(|id| note(id, contact_id, text, now));
            }
        }
    }
    true
}

fn note(id: String, contact_id: &str, text: &str, now: Timestamp) -> Activity {
    Activity {
        id,
        kind: ActivityType::Note,
        subject: "Logged by an automation".to_owned(),
        body: Some(text.to_owned()),
        contact_id: Some(contact_id.to_owned()),
        deal_id: None,
        user_id: None,
        duration_minutes: None,
        occurred_at: now,
        created_at: now,
    }
}
