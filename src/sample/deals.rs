//! Deals: what may be sold, and the stages it goes through until it is won or lost.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post};
use serde::Serialize;

use crate::base::ceilings::NAME_CHARS;
use crate::base::clock::Timestamp;

use super::automations::{self, Trigger};
use super::choice::choice;
use super::error::ApiError;
use super::input::{Body, Field, Fields};
use super::params::{Account, Params, holds};
use super::table::List;
use super::world::{Tenant, later};
use super::{Operation, Shared};

choice! {
    /// How far a deal is.
    Stage { Lead = "lead", Qualified = "qualified", Proposal = "proposal", Won = "won", Lost = "lost" }
}

impl Stage {
    /// Whether nothing more is expected to come.
    pub(super) fn is_closed(self) -> bool {
        matches!(self, Self::Won | Self::Lost)
    }
}

/// The largest amount, in minor units: sums over all records stay exact in JSON readers that use doubles.
const MOST_AMOUNT: u64 = 10_000_000_000;

/// Something that may be sold.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Deal {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) stage: Stage,
    /// In the currency's minor unit, such as cents.
    pub(super) amount: u64,
    pub(super) currency: String,
    pub(super) contact_id: Option<String>,
    pub(super) owner_id: Option<String>,
    pub(super) expected_close_on: Option<String>,
    /// When it was won or lost: equal to `updated_at` in the answer to that change, and in no later one.
    pub(super) closed_at: Option<Timestamp>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

impl Deal {
    /// Moves the deal to `stage` at `at`; true when it is won by that.
    fn enter(&mut self, stage: Stage, at: Timestamp) -> bool {
        if self.stage == stage {
            return false;
        }
        self.stage = stage;
        self.closed_at = stage.is_closed().then_some(at);
        stage == Stage::Won
    }
}

/// What a body says about a deal.
struct Changes {
    name: Field<String>,
    stage: Field<Stage>,
    amount: Field<u64>,
    currency: Field<String>,
    contact_id: Field<String>,
    owner_id: Field<String>,
    expected_close_on: Field<String>,
}

impl Changes {
    fn read(mut fields: Fields, new: bool) -> Result<Self, ApiError> {
        let f = &mut fields;
        let name = f.text("name", NAME_CHARS);
        let name = if new {
            f.required("name", name).map_or(Field::Absent, Field::Set)
        } else {
            f.not_null("name", name)
        };
        let stage = f.choice("stage");
        let amount = f.number("amount", MOST_AMOUNT);
        let currency = f.currency("currency");
        let changes = Self {
            name,
            stage: f.not_null("stage", stage),
            amount: f.not_null("amount", amount),
            currency: f.not_null("currency", currency),
            contact_id: f.text("contact_id", 50),
            owner_id: f.text("owner_id", 50),
            expected_close_on: f.date("expected_close_on"),
        };
        fields.finish()?;
        Ok(changes)
    }

    /// Applies everything to `deal`, which changes at `at`; true when it is won by that.
    fn apply(self, tenant: &Tenant, deal: &mut Deal, at: Timestamp) -> Result<bool, ApiError> {
        self.name.replace(&mut deal.name);
        self.amount.replace(&mut deal.amount);
        self.currency.replace(&mut deal.currency);
        self.contact_id.apply(&mut deal.contact_id);
        self.owner_id.apply(&mut deal.owner_id);
        self.expected_close_on.apply(&mut deal.expected_close_on);
        let owner = deal.owner_id.as_deref().map(|id| ("owner_id", id));
        tenant.check_references(deal.contact_id.as_deref(), None, owner)?;
        deal.updated_at = at;
        Ok(self.stage.value().is_some_and(|s| deal.enter(s, at)))
    }
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new("GET", "/deals", get(list)),
        Operation::new("POST", "/deals", post(create)),
        Operation::new("GET", "/deals/{id}", get(read)),
        Operation::new("PATCH", "/deals/{id}", patch(update)),
        Operation::new("DELETE", "/deals/{id}", delete(remove)),
    ]
}

async fn list(
    State(world): State<Shared>,
    Account(account): Account,
    mut params: Params,
) -> Result<Json<List<Deal>>, ApiError> {
    let stage = params.choice::<Stage>("stage");
    let contact = params.text("contact_id");
    let owner = params.text("owner_id");
    let needle = params.lower("q");
    let window = params.window()?;
    let matches = |d: &Deal| {
        stage.is_none_or(|s| d.stage == s)
            && contact
                .as_ref()
                .is_none_or(|c| d.contact_id.as_ref() == Some(c))
            && owner
                .as_ref()
                .is_none_or(|o| d.owner_id.as_ref() == Some(o))
            && needle.as_ref().is_none_or(|n| holds(&d.name, n))
    };
    Ok(Json(
        world.read(&account, |t| t.deals.page(window, matches)),
    ))
}

async fn create(
    State(world): State<Shared>,
    Account(account): Account,
    Body(fields): Body,
) -> Result<Response, ApiError> {
    let changes = Changes::read(fields, true)?;
    let (deal, runs) = world.create(&account, |tenant, now| {
        let mut deal = Deal {
            id: String::new(),
            name: String::new(),
            stage: Stage::Lead,
            amount: 0,
            currency: "USD".to_owned(),
            contact_id: None,
            owner_id: None,
            expected_close_on: None,
            closed_at: None,
            created_at: now,
            updated_at: now,
        };
        let won = changes.apply(tenant, &mut deal, now)?;
        let deal = tenant.deals.insert(|id| Deal { id, ..deal });
        let runs = won_runs(tenant, won, &deal, now);
        Ok((deal, runs))
    })?;
    automations::start(&world, &account, runs);
    let location = format!("{}/deals/{}", super::PREFIX, deal.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(deal)).into_response())
}

fn won_runs(tenant: &mut Tenant, won: bool, deal: &Deal, now: Timestamp) -> Vec<String> {
    if won {
        automations::queue_all(tenant, Trigger::DealWon, deal.contact_id.as_deref(), now)
    } else {
        Vec::new()
    }
}

async fn read(
    State(world): State<Shared>,
    Account(account): Account,
    Path(id): Path<String>,
) -> Result<Json<Deal>, ApiError> {
    world
        .read(&account, |t| t.deals.get(&id).cloned())
        .map(Json)
        .ok_or_else(|| ApiError::not_found("deal", &id))
}

async fn update(
    State(world): State<Shared>,
    Account(account): Account,
    Path(id): Path<String>,
    Body(fields): Body,
) -> Result<Json<Deal>, ApiError> {
    let changes = Changes::read(fields, false)?;
    let (deal, runs) = world.write(&account, |tenant, now| {
        let deal = tenant.deals.get(&id).cloned();
        let mut deal = deal.ok_or_else(|| ApiError::not_found("deal", &id))?;
        let at = later(now, deal.updated_at);
        let won = changes.apply(tenant, &mut deal, at)?;
        if let Some(slot) = tenant.deals.get_mut(&id) {
            *slot = deal.clone();
        }
        let runs = won_runs(tenant, won, &deal, now);
        Ok((deal, runs))
    })?;
    automations::start(&world, &account, runs);
    Ok(Json(deal))
}

/// Its activities stay only where they belong to a contact as well.
async fn remove(
    State(world): State<Shared>,
    Account(account): Account,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    world.write(&account, |tenant, _| {
        let gone = tenant.deals.remove(&id);
        gone.ok_or_else(|| ApiError::not_found("deal", &id))?;
        for activity in tenant.activities.iter_mut() {
            if activity.deal_id.as_deref() == Some(&id) {
                activity.deal_id = None;
            }
        }
        tenant.drop_orphans();
        Ok(StatusCode::NO_CONTENT)
    })
}
