//! What is around every page of the documentation: the list beside it, and how browsers may keep it; never what it says.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use maud::{Markup, html};
use sha2::{Digest, Sha256};

use super::nav;
use crate::base::hex;
use crate::web::docs::model::DocsSet;
use crate::web::portal::guard::Guest;
use crate::web::portal::own::Own;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui;

/// Bytes of a digest that tell one state of a page from another.
const TAG_BYTES: usize = 16;

/// A page of the documentation.
pub(crate) struct Frame<'a> {
    /// All that is documented.
    pub(crate) set: &'a DocsSet,
    /// Who asks.
    pub(crate) guest: &'a Guest,
    /// What is theirs, where they are signed in.
    pub(crate) own: Option<&'a Own>,
    /// Its title.
    pub(crate) title: &'a str,
    /// Its path.
    pub(crate) path: &'a str,
    /// What was searched for.
    pub(crate) query: &'a str,
}

impl Frame<'_> {
    /// The whole page, or that it is as the browser has it.
    pub(crate) fn around(&self, body: &Markup) -> Response {
        let body = html! {
            (ui::style("docs.css"))
            div.docs-frame {
                (nav::nav(self.set, self.path, self.query))
                div.docs-page { (body) }
            }
            (ui::script("samples.mjs"))
            (ui::script("search.mjs"))
        };
        let page = match self.own {
            Some(own) => shell::page(own, self.title, Place::Docs, body),
            None => shell::public(&self.guest.config, None, self.title, Place::Docs, body),
        };
        page.into_response()
    }
}

/// Lets a browser keep a page as long as it asks each time whether it is still the same.
pub(crate) async fn revalidate(request: Request, next: Next) -> Response {
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let page = next.run(request).await;
    if page.status() != StatusCode::OK {
        return page;
    }
    let (mut parts, body) = page.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let digest = Sha256::digest(&bytes);
    let tag = format!("\"{}\"", hex::encode(&digest[..TAG_BYTES]));
    let known = known.as_ref().and_then(|v| v.to_str().ok());
    let same = |t: &str| t.trim().trim_start_matches("W/") == tag;
    let is_known = known.is_some_and(|k| k.split(',').any(same));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        parts.headers.insert(header::ETAG, tag);
    }
    // Who is signed in is on a page, and how much of their quota is left.
    let keep = HeaderValue::from_static("private, no-cache");
    let said = parts.headers.entry(header::CACHE_CONTROL);
    said.or_insert(keep);
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, bytes.into())
}
