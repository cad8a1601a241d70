//! The programs of the guides as files, byte for byte as they are tested; never one that is made for its reader.

use axum::extract::Path;
use http::{HeaderValue, header};

use crate::web::docs::guides::PROGRAMS;
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::refuse::PageError;

pub(super) async fn program(Path(file): Path<String>) -> PageResult {
    let found = PROGRAMS.iter().find(|(name, _)| *name == file);
    let (_, text) = found.ok_or(PageError::NotFound)?;
    // Plain text, whatever it is: it is to be read, and no browser may run it.
    let answer = PageAnswer::file("text/plain; charset=utf-8", *text);
    let keep = HeaderValue::from_static("public, no-cache");
    Ok(answer.with(header::CACHE_CONTROL, keep))
}
