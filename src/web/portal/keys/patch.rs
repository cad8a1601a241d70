//! `POST /keys/{key}`: changes a key's name, scopes and addresses, or switches it off and on; never its secret.

use axum::extract::Path;
use maud::html;

use super::parts;
use super::show::{self, Filled};
use crate::keys::input::KeyPatch;
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::form::FormData;
use crate::web::portal::own::Own;
use crate::web::portal::refuse::PageError;

pub(super) async fn patch(own: Own, Path(id): Path<String>, form: FormData) -> PageResult {
    let before = own.key(&id).await?;
    let owned = |all: Vec<&str>| all.into_iter().map(str::to_owned).collect();
    let scopes: Vec<String> = owned(form.all("scope"));
    let addresses: Vec<String> = owned(form.lines("allowed_ips")?);
    let is_disabled = form.has("disabled");
    let name = form.text("name")?;
    let patch = KeyPatch {
        name: Some(name.to_owned()),
        scopes: Some(scopes.clone()),
        allowed_ips: Some(addresses),
        disabled: Some(is_disabled),
        expiry: None,
    };
    match own.change_key(&id, &patch).await {
        Ok(_) => {
            let word = match (before.disabled, is_disabled) {
                (false, true) => "disabled",
                (true, false) => "enabled",
                _ => "changed",
            };
            Ok(PageAnswer::see_other(&format!("/keys/{id}?done={word}")))
        }
        Err(PageError::Invalid(errors)) => {
            let filled = Filled {
                name: name.to_owned(),
                scopes,
                allowed_ips: form.one("allowed_ips")?.unwrap_or_default().to_owned(),
                is_disabled,
            };
            let errors = parts::named(errors);
            show::page(&own, &before, &filled, &errors, &html! {}).await
        }
        Err(e) => Err(e),
    }
}
