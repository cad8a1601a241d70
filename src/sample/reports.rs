//! Reports: sums over deals and activities, computed at each call; never kept.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::routing::get;
use serde::Serialize;

use crate::base::clock::{DAY_MS, Timestamp};

use super::activities::ActivityType;
use super::choice::Choice;
use super::deals::Stage;
use super::error::ApiError;
use super::params::{Account, Params};
use super::world::Tenant;
use super::{Operation, Shared};

/// How far back a report looks when the caller says nothing.
const DEFAULT_DAYS: i64 = 30;

#[derive(Debug, Serialize)]
struct StageSum {
    stage: Stage,
    deals: u64,
    /// Amounts in minor units by currency: different currencies are never added up.
    amounts: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct Pipeline {
    generated_at: Timestamp,
    stages: Vec<StageSum>,
    open_deals: u64,
    /// Won deals of those won or lost, 0 to 1; null where there are none.
    win_rate: Option<f64>,
}

#[derive(Debug, Serialize)]
struct TypeCount {
    #[serde(rename = "type")]
    kind: ActivityType,
    activities: u64,
}

#[derive(Debug, Serialize)]
struct UserCount {
    user_id: Option<String>,
    activities: u64,
}

#[derive(Debug, Serialize)]
struct ActivityReport {
    generated_at: Timestamp,
    from: Timestamp,
    to: Timestamp,
    total: u64,
    by_type: Vec<TypeCount>,
    /// Most first.
    by_user: Vec<UserCount>,
}

#[derive(Debug, Serialize)]
struct MonthSum {
    month: String,
    deals: u64,
    amounts: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct Revenue {
    generated_at: Timestamp,
    from: Timestamp,
    to: Timestamp,
    months: Vec<MonthSum>,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new("GET", "/reports/pipeline", get(pipeline)),
        Operation::new("GET", "/reports/activity", get(activity)),
        Operation::new("GET", "/reports/revenue", get(revenue)),
    ]
}

async fn pipeline(
    State(world): State<Shared>,
    Account(account): Account,
    mut params: Params,
) -> Result<Json<Pipeline>, ApiError> {
    let owner = params.text("owner_id");
    params.finish()?;
    let now = world.now();
    Ok(Json(world.read(&account, |t| {
        sum_pipeline(t, owner.as_deref(), now)
    })))
}

fn sum_pipeline(tenant: &Tenant, owner: Option<&str>, now: Timestamp) -> Pipeline {
    let mut stages: Vec<StageSum> = Stage::WORDS
        .iter()
        .map(|(_, stage)| StageSum {
            stage: *stage,
            deals: 0,
            amounts: BTreeMap::new(),
        })
        .collect();
    let ours = |d: &&super::deals::Deal| owner.is_none_or(|o| d.owner_id.as_deref() == Some(o));
    for deal in tenant.deals.iter().filter(ours) {
        for sum in stages.iter_mut().filter(|s| s.stage == deal.stage) {
            sum.deals += 1;
            *sum.amounts.entry(deal.currency.clone()).or_default() += deal.amount;
        }
    }
    let count = |wanted: fn(Stage) -> bool| -> u64 {
        let of = stages.iter().filter(|s| wanted(s.stage));
        of.map(|s| s.deals).sum()
    };
    let won = count(|s| s == Stage::Won);
    let closed = count(Stage::is_closed);
    Pipeline {
        generated_at: now,
        open_deals: count(|s| !s.is_closed()),
        // Three digits are enough for people, and the counts are far below where a double becomes inexact.
        win_rate: (closed > 0).then(|| (won as f64 * 1000.0 / closed as f64).round() / 1000.0),
        stages,
    }
}

/// Reads `from` and `to`; the range is `[from, to)`.
fn range(
    mut params: Params,
    now: Timestamp,
    days: i64,
) -> Result<(Timestamp, Timestamp), ApiError> {
    let from = params.instant("from");
    let to = params.instant("to");
    params.finish()?;
    // What happens in this very millisecond belongs to "until now".
    let to = to.unwrap_or_else(|| now.plus(Duration::from_millis(1)));
    let from = from.unwrap_or_else(|| Timestamp::from_millis(to.millis() - days * DAY_MS));
    if from >= to {
        return Err(ApiError::field("from", "must be before to"));
    }
    Ok((from, to))
}

async fn activity(
    State(world): State<Shared>,
    Account(account): Account,
    params: Params,
) -> Result<Json<ActivityReport>, ApiError> {
    let now = world.now();
    let (from, to) = range(params, now, DEFAULT_DAYS)?;
    let (mut types, mut users) = (BTreeMap::new(), BTreeMap::new());
    world.read(&account, |tenant| {
        let inside = |at: Timestamp| from <= at && at < to;
        for a in tenant.activities.iter().filter(|a| inside(a.occurred_at)) {
            *types.entry(a.kind).or_insert(0) += 1;
            *users.entry(a.user_id.clone()).or_insert(0) += 1;
        }
    });
    let by_type = ActivityType::WORDS.iter().map(|(_, kind)| TypeCount {
        kind: *kind,
        activities: types.get(kind).copied().unwrap_or(0),
    });
    let mut by_user: Vec<UserCount> = users
        .into_iter()
        .map(|(user_id, activities)| UserCount {
            user_id,
            activities,
        })
        .collect();
    by_user.sort_by_key(|u| std::cmp::Reverse(u.activities));
    Ok(Json(ActivityReport {
        generated_at: now,
        from,
        to,
        total: types.values().sum(),
        by_type: by_type.collect(),
        by_user,
    }))
}

async fn revenue(
    State(world): State<Shared>,
    Account(account): Account,
    params: Params,
) -> Result<Json<Revenue>, ApiError> {
    let now = world.now();
    let (from, to) = range(params, now, 365)?;
    let mut months: BTreeMap<String, MonthSum> = BTreeMap::new();
    world.read(&account, |tenant| {
        for deal in tenant.deals.iter().filter(|d| d.stage == Stage::Won) {
            let Some(at) = deal.closed_at.filter(|at| from <= *at && *at < to) else {
                continue;
            };
            let month: String = at.to_string().chars().take(7).collect();
            let sum = months.entry(month.clone()).or_insert_with(|| MonthSum {
                month,
                deals: 0,
                amounts: BTreeMap::new(),
            });
            sum.deals += 1;
            *sum.amounts.entry(deal.currency.clone()).or_default() += deal.amount;
        }
    });
    Ok(Json(Revenue {
        generated_at: now,
        from,
        to,
        months: months.into_values().collect(),
    }))
}
