//! How a lenient backend might read a path: decoded, without `;` parameters, in lower case, without a trailing slash; never what is forwarded.
//!
//! A path that misses a route by such a difference and falls to a wider one (`/ADMIN` to `/{*rest}` beside `/admin`)
//! would get past the narrower route's scopes on a backend that does not see the difference.

use smallvec::SmallVec;

use super::path::escape_at;

/// The lenient reading of a canonical path, in bytes.
pub(super) type Folded = SmallVec<[u8; 256]>;

/// Whether [`fold`] could change anything.
pub(super) fn differs(path: &str) -> bool {
    path.len() > 1 && path.ends_with('/')
        || path
            .bytes()
            .any(|b| b == b'%' || b == b';' || b.is_ascii_uppercase())
}

/// Folds a canonical path.
pub(super) fn fold(path: &str) -> Folded {
    let bytes = path.as_bytes();
    let mut out = Folded::new();
    let mut parameters = false;
    let mut i = 0;
    while let Some(&raw) = bytes.get(i) {
        let (b, width) = match raw {
            b'%' => escape_at(bytes, i).map_or((raw, 1), |b| (b, 3)),
            _ => (raw, 1),
        };
        if raw == b'/' {
            parameters = false;
        } else if matches!(b, b';' | b'?' | b'#') {
            parameters = true;
        }
        if !parameters {
            out.push(b.to_ascii_lowercase());
        }
        i += width;
    }
    if out.len() > 1 && out.last() == Some(&b'/') {
        out.pop();
    }
    out
}

/// Folds the literal text of one segment.
pub(super) fn fold_text(text: &str) -> String {
    let folded = fold(&format!("/{text}"));
    String::from_utf8_lossy(folded.get(1..).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_takes_away_what_a_lenient_backend_would() {
        for (path, folded) in [
            ("/ADMIN", "/admin"),
            ("/admin/", "/admin"),
            ("/admin;x=1/b", "/admin/b"),
            ("/a%3Bx", "/a"),
            ("/a%3Ab", "/a:b"),
            ("/", "/"),
        ] {
            assert_eq!(fold(path).as_slice(), folded.as_bytes(), "{path}");
            assert!(path == folded || differs(path));
        }
    }
}
