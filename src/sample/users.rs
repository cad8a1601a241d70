//! Users: the people who work with the CRM; read only, since they come from elsewhere.

use axum::Json;
use axum::extract::{Path, State};
use axum::routing::get;
use serde::Serialize;

use crate::base::clock::Timestamp;

use super::choice::choice;
use super::error::ApiError;
use super::params::{Account, Params, holds};
use super::table::List;
use super::{Operation, Shared};

choice! {
    /// What a user may do.
    Role { Admin = "admin", Manager = "manager", Rep = "rep" }
}

/// Somebody who works with the CRM.
#[derive(Debug, Clone, Serialize)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) role: Role,
    pub(super) active: bool,
    pub(super) created_at: Timestamp,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new("GET", "/users", get(list)),
        Operation::new("GET", "/users/{id}", get(read)),
    ]
}

async fn list(
    State(world): State<Shared>,
    Account(account): Account,
    mut params: Params,
) -> Result<Json<List<User>>, ApiError> {
    let role = params.choice::<Role>("role");
    let active = params.boolean("active");
    let needle = params.lower("q");
    let window = params.window()?;
    let matches = |u: &User| {
        role.is_none_or(|r| u.role == r)
            && active.is_none_or(|a| u.active == a)
            && needle
                .as_ref()
                .is_none_or(|n| holds(&u.name, n) || holds(&u.email, n))
    };
    Ok(Json(
        world.read(&account, |t| t.users.page(window, matches)),
    ))
}

async fn read(
    State(world): State<Shared>,
    Account(account): Account,
    Path(id): Path<String>,
) -> Result<Json<User>, ApiError> {
    world
        .read(&account, |t| t.users.get(&id).cloned())
        .map(Json)
        .ok_or_else(|| ApiError::not_found("user", &id))
}
