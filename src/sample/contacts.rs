//! Contacts: people, found by their email address, of which an account has each only once.

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
    /// How far a person is.
    ContactStatus { Lead = "lead", Prospect = "prospect", Customer = "customer", Former = "former" }
}

/// Tags of one contact at most.
const TAGS: usize = 20;

/// A person.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Contact {
    pub(super) id: String,
    /// First and last name as one text, or the address where there is neither.
    pub(super) name: String,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) company: Option<String>,
    pub(super) job_title: Option<String>,
    pub(super) status: ContactStatus,
    pub(super) owner_id: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

impl Contact {
    /// Sets `name` from what it is made of; false where there is nothing.
    pub(super) fn name_itself(&mut self) -> bool {
        let parts: Vec<&str> = [&self.first_name, &self.last_name]
            .into_iter()
            .filter_map(|p| p.as_deref())
            .collect();
        self.name = match (parts.is_empty(), &self.email) {
            (false, _) => parts.join(" "),
            (true, Some(email)) => email.clone(),
            (true, None) => return false,
        };
        true
    }
}

/// What a body says about a contact.
struct Changes {
    first_name: Field<String>,
    last_name: Field<String>,
    email: Field<String>,
    phone: Field<String>,
    company: Field<String>,
    job_title: Field<String>,
    status: Field<ContactStatus>,
    owner_id: Field<String>,
    tags: Field<Vec<String>>,
}

impl Changes {
    fn read(mut fields: Fields) -> Result<Self, ApiError> {
        let f = &mut fields;
        let (first_name, last_name) = names(f);
        let status = f.choice("status");
        let tags = f.words("tags", TAGS);
        let changes = Self {
            first_name,
            last_name,
            email: f.email("email"),
            phone: f.text("phone", 40),
            company: f.text("company", NAME_CHARS),
            job_title: f.text("job_title", NAME_CHARS),
            status: f.not_null("status", status),
            owner_id: f.text("owner_id", 50),
            tags: f.not_null("tags", tags),
        };
        fields.finish()?;
        Ok(changes)
    }

    /// Applies the changes to `contact`, which is stored only if they hold.
    fn apply(self, tenant: &Tenant, contact: &mut Contact) -> Result<(), ApiError> {
        self.first_name.apply(&mut contact.first_name);
        self.last_name.apply(&mut contact.last_name);
        self.email.apply(&mut contact.email);
        self.phone.apply(&mut contact.phone);
        self.company.apply(&mut contact.company);
        self.job_title.apply(&mut contact.job_title);
        self.status.replace(&mut contact.status);
        self.owner_id.apply(&mut contact.owner_id);
        self.tags.replace(&mut contact.tags);
        if !contact.name_itself() {
            return Err(ApiError::field(
                "email",
                "a contact needs a name or an email address",
            ));
        }
        let owner = contact.owner_id.as_deref().map(|id| ("owner_id", id));
        tenant.check_references(None, None, owner)?;
        let taken = contact.email.as_ref().and_then(|e| tenant.emails.get(e));
        match taken.filter(|id| **id != contact.id) {
            Some(id) => Err(ApiError::conflict(
                "duplicate_email",
                format!("Contact {id} has this email address already."),
            )),
            None => Ok(()),
        }
    }
}

/// The two names, or `name` taken apart at its first space.
fn names(f: &mut Fields) -> (Field<String>, Field<String>) {
    let first = f.text("first_name", NAME_CHARS);
    let last = f.text("last_name", NAME_CHARS);
    let whole = f.text("name", NAME_CHARS);
    match f.not_null("name", whole) {
        Field::Set(_) if first != Field::Absent || last != Field::Absent => {
            f.refuse(
                "name",
                "must not be sent together with first_name or last_name",
            );
            (first, last)
        }
        Field::Set(name) => match name.split_once(' ') {
            Some((a, b)) => (Field::Set(a.to_owned()), Field::Set(b.trim().to_owned())),
            None => (Field::Set(name), Field::Null),
        },
        Field::Absent | Field::Null => (first, last),
    }
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new("GET", "/contacts", get(list)),
        Operation::new("POST", "/contacts", post(create)),
        Operation::new("GET", "/contacts/{id}", get(read)),
        Operation::new("PATCH", "/contacts/{id}", patch(update)),
        Operation::new("DELETE", "/contacts/{id}", delete(remove)),
    ]
}

async fn list(
    State(world): State<Shared>,
    Account(account): Account,
    mut params: Params,
) -> Result<Json<List<Contact>>, ApiError> {
    let email = params.lower("email");
    let needle = params.lower("q");
    let status = params.choice::<ContactStatus>("status");
    let owner = params.text("owner_id");
    let tag = params.text("tag");
    let window = params.window()?;
    let matches = |c: &Contact| {
        let texts = [Some(&c.name), c.email.as_ref(), c.company.as_ref()];
        email.as_ref().is_none_or(|e| c.email.as_ref() == Some(e))
            && needle
                .as_ref()
                .is_none_or(|n| texts.iter().flatten().any(|t| holds(t, n)))
            && status.is_none_or(|s| c.status == s)
            && owner
                .as_ref()
                .is_none_or(|o| c.owner_id.as_ref() == Some(o))
            && tag.as_ref().is_none_or(|t| c.tags.contains(t))
    };
    Ok(Json(
        world.read(&account, |t| t.contacts.page(window, matches)),
    ))
}

async fn create(
    State(world): State<Shared>,
    Account(account): Account,
    Body(fields): Body,
) -> Result<Response, ApiError> {
    let changes = Changes::read(fields)?;
    let (contact, runs) = world.create(&account, |tenant, now| {
        let mut contact = Contact {
            id: String::new(),
            name: String::new(),
            first_name: None,
            last_name: None,
            email: None,
            phone: None,
            company: None,
            job_title: None,
            status: ContactStatus::Lead,
            owner_id: None,
            tags: Vec::new(),
            created_at: now,
            updated_at: now,
        };
        changes.apply(tenant, &mut contact)?;
        let contact = tenant.contacts.insert(|id| Contact { id, ..contact });
        if let Some(email) = &contact.email {
            tenant.emails.insert(email.clone(), contact.id.clone());
        }
        let runs = automations::queue_all(tenant, Trigger::ContactCreated, Some(&contact.id), now);
        Ok((contact, runs))
    })?;
    automations::start(&world, &account, runs);
    let location = format!("{}/contacts/{}", super::PREFIX, contact.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(contact)).into_response())
}

async fn read(
    State(world): State<Shared>,
    Account(account): Account,
    Path(id): Path<String>,
) -> Result<Json<Contact>, ApiError> {
    world
        .read(&account, |t| t.contacts.get(&id).cloned())
        .map(Json)
        .ok_or_else(|| ApiError::not_found("contact", &id))
}

async fn update(
    State(world): State<Shared>,
    Account(account): Account,
    Path(id): Path<String>,
    Body(fields): Body,
) -> Result<Json<Contact>, ApiError> {
    let changes = Changes::read(fields)?;
    world.write(&account, |tenant, now| {
        let old = tenant.contacts.get(&id).cloned();
        let old = old.ok_or_else(|| ApiError::not_found("contact", &id))?;
        let mut new = old.clone();
        changes.apply(tenant, &mut new)?;
        new.updated_at = later(now, old.updated_at);
        if let Some(email) = &old.email {
            tenant.emails.remove(email);
        }
        if let Some(email) = &new.email {
            tenant.emails.insert(email.clone(), id.clone());
        }
        if let Some(slot) = tenant.contacts.get_mut(&id) {
            *slot = new.clone();
        }
        Ok(Json(new))
    })
}

/// Deals stay and lose the contact; its activities stay only where they belong to a deal as well.
async fn remove(
    State(world): State<Shared>,
    Account(account): Account,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    world.write(&account, |tenant, _| {
        let gone = tenant.contacts.remove(&id);
        let gone = gone.ok_or_else(|| ApiError::not_found("contact", &id))?;
        if let Some(email) = &gone.email {
            tenant.emails.remove(email);
        }
        let ours = |slot: &mut Option<String>| {
            if slot.as_deref() == Some(&id) {
                *slot = None;
            }
        };
        tenant
            .deals
            .iter_mut()
            .for_each(|d| ours(&mut d.contact_id));
        tenant
            .activities
            .iter_mut()
            .for_each(|a| ours(&mut a.contact_id));
        tenant.drop_orphans();
        Ok(StatusCode::NO_CONTENT)
    })
}
