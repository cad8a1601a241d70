//! Style sheets, modules and the font, in the binary and named by their content, so that browsers keep them for ever; never a page.

use std::io::Read as _;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};

use super::answer::{PageAnswer, PageResult};
use super::refuse::PageError;
use super::state::PortalState;
use super::table::{Needs, Page, other};
use super::ui;
use crate::base::hex;

/// The files of this folder.
pub(super) const PAGES: &[Page] = &[
    other("GET", "/assets/{file}", Needs::Nothing),
    other("GET", "/favicon.svg", Needs::Nothing),
    other("GET", "/robots.txt", Needs::Nothing),
];

/// For ever: another content has another name.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// For a day: these have the same name whatever is in them.
const KEPT_A_DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");
/// Crawlers may read the documentation and nothing else.
const ROBOTS: &str = "User-agent: *\nAllow: /docs\nAllow: /assets/\nDisallow: /\n";
/// Hex digits of the content in a file's name.
const NAME_DIGITS: usize = 16;

/// How files begin that are kept compressed: the explorer's component is large.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A file as it was written.
struct Source {
    name: &'static str,
    content: &'static [u8],
}

macro_rules! files {
    ($($name:literal: $path:literal,)*) => {
        &[$(Source { name: $name, content: include_bytes!($path) },)*]
    };
}

/// Every file. Those that others name (`{{inter.woff2}}` in a style sheet) come before them.
const SOURCES: &[Source] = files! {
    "inter.woff2": "assets/vendor/inter-latin-wght-normal.woff2",
    "base.css": "assets/base.css",
    "theme.js": "assets/theme.js",
    "copy.mjs": "assets/copy.mjs",
    "time.mjs": "assets/time.mjs",
    "chart.css": "assets/chart.css",
    "chart.mjs": "assets/chart.mjs",
    "webhooks.css": "assets/webhooks.css",
    "webhooks.mjs": "assets/webhooks.mjs",
    "simulator.mjs": "assets/simulator.mjs",
    "live.mjs": "assets/live.mjs",
    "docs.css": "assets/docs.css",
    "samples.mjs": "assets/samples.mjs",
    "search.mjs": "assets/search.mjs",
    "explorer.css": "assets/explorer.css",
    "explorer.mjs": "assets/explorer.mjs",
    "explorer-fix.mjs": "assets/explorer-fix.mjs",
    "swagger-ui-bundle.js": "assets/vendor/swagger-ui-bundle.js.gz",
    "keys.css": "assets/keys.css",
    "keys.mjs": "assets/keys.mjs",
};

/// A file as it is served.
struct Asset {
    name: &'static str,
    file: String,
    content: Bytes,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let mut made: Vec<Asset> = Vec::new();
    for source in SOURCES {
        let content = match std::str::from_utf8(source.content) {
            Ok(text) if text.contains("{{") => {
                let filled = made.iter().fold(text.to_owned(), |text, a| {
                    text.replace(&format!("{{{{{}}}}}", a.name), &a.file)
                });
                Bytes::from(filled)
            }
            _ => Bytes::from_static(source.content),
        };
        made.push(Asset {
            name: source.name,
            file: named(source.name, &content),
            content,
        });
    }
    made
});

fn named(name: &str, content: &[u8]) -> String {
    let mut digits = hex::encode(&Sha256::digest(content));
    digits.truncate(NAME_DIGITS);
    match name.rsplit_once('.') {
        Some((stem, kind)) => format!("{stem}.{digits}.{kind}"),
        None => format!("{name}.{digits}"),
    }
}

/// Where a file is, by the name that it was written under.
pub fn url(name: &str) -> String {
    let asset = ASSETS.iter().find(|a| a.name == name);
    asset.map_or_else(String::new, |a| format!("/assets/{}", a.file))
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("woff2") => "font/woff2",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

pub(super) fn routes() -> Router<Arc<PortalState>> {
    Router::new()
        .route("/assets/{file}", get(serve))
        .route("/favicon.svg", get(favicon))
        .route("/robots.txt", get(robots))
}

async fn serve(Path(file): Path<String>, headers: HeaderMap) -> PageResult {
    let asset = ASSETS.iter().find(|a| a.file == file);
    let asset = asset.ok_or(PageError::NotFound)?;
    let answer = if !asset.content.starts_with(&GZIP) {
        PageAnswer::file(kind(asset.name), asset.content.clone())
    } else if takes_gzip(&headers) {
        PageAnswer::file(kind(asset.name), asset.content.clone())
            .with(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))
    } else {
        let mut whole = Vec::new();
        flate2::read::GzDecoder::new(&*asset.content)
            .read_to_end(&mut whole)
            .map_err(|_| PageError::Internal)?;
        PageAnswer::file(kind(asset.name), whole)
    };
    let vary = HeaderValue::from_static("accept-encoding");
    Ok(answer
        .with(header::CACHE_CONTROL, KEPT)
        .with(header::VARY, vary))
}

/// Whether what is kept compressed may be sent so. Nobody weighs encodings who takes gzip at all.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let all = headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut codings = all
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','));
    codings.any(|c| {
        let mut parts = c.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|n| n.eq_ignore_ascii_case("gzip"));
        is_gzip && !parts.any(|p| matches!(p, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

async fn favicon() -> PageResult {
    let answer = PageAnswer::file("image/svg+xml", ui::icon_file());
    Ok(answer.with(header::CACHE_CONTROL, KEPT_A_DAY))
}

async fn robots() -> PageResult {
    let answer = PageAnswer::file("text/plain; charset=utf-8", ROBOTS);
    Ok(answer.with(header::CACHE_CONTROL, KEPT_A_DAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_by_their_content_and_name_each_other_so() {
        let css = ASSETS.iter().find(|a| a.name == "base.css").unwrap();
        assert_eq!(css.file, named("base.css", &css.content));
        let text = std::str::from_utf8(&css.content).unwrap();
        let font = ASSETS.iter().find(|a| a.name == "inter.woff2").unwrap();
        assert!(text.contains(&font.file));
        for asset in ASSETS.iter() {
            let Ok(text) = std::str::from_utf8(&asset.content) else {
                continue;
            };
            assert!(!text.contains("{{"), "{}", asset.name);
            assert_ne!(
                kind(asset.name),
                "application/octet-stream",
                "{}",
                asset.name
            );
        }
        assert_eq!(url("base.css"), format!("/assets/{}", css.file));
        assert_eq!(url("nothing.css"), "");
    }

    #[test]
    fn what_is_kept_compressed_is_sent_so_to_those_who_take_it() {
        for (said, wanted) in [
            ("gzip, deflate, br, zstd", true),
            ("deflate, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("br", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(said));
            assert_eq!(takes_gzip(&headers), wanted, "{said}");
        }
    }
}
