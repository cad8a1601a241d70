//! Whether a media type is JSON (RFC 9110 section 8.3.1, RFC 6839 section 3.1); never whether the content is.

use http::HeaderMap;
use http::header::CONTENT_TYPE;

/// Whether a media type is JSON: `application/json`, or one of any type with the suffix `+json`; in any case and with any
/// parameters.
#[inline]
pub fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let Some((kind, subtype)) = essence.split_once('/') else {
        return false;
    };
    if kind.eq_ignore_ascii_case("application") && subtype.eq_ignore_ascii_case("json") {
        return true;
    }
    let Some((name, suffix)) = subtype.rsplit_once('+') else {
        return false;
    };
    suffix.eq_ignore_ascii_case("json") && !kind.is_empty() && !name.is_empty()
}

/// Whether a body is JSON by its one Content-Type. With two of them readers would differ over which of them is meant.
pub fn says_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    value.to_str().is_ok_and(is_json)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn json_is_one_type_and_every_type_with_its_suffix() {
        for good in [
            "application/json",
            "Application/JSON; charset=utf-8",
            " application/json ;profile=\"a;b\"",
            "application/merge-patch+json",
            "application/vnd.crm.v2+JSON;q=1",
            "model/gltf+json",
        ] {
            assert!(is_json(good), "{good}");
        }
        for bad in [
            "",
            "json",
            "a+json",
            "/json",
            "/a+json",
            "text/json",
            "application/+json",
            "application/json-seq",
            "application/jsonlines",
            "application/x+jsonp",
            "text/plain; of=application/json",
            "application/xml",
        ] {
            assert!(!is_json(bad), "{bad}");
        }
    }

    #[test]
    fn a_body_has_one_field_that_says_so() {
        let of = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for v in values {
                headers.append(CONTENT_TYPE, HeaderValue::from_static(v));
            }
            says_json(&headers)
        };
        assert!(of(&["application/json"]) && of(&["application/problem+json"]));
        assert!(!of(&[]) && !of(&["text/plain"]) && !of(&[""]));
        assert!(!of(&["application/json", "text/plain"]));
        assert!(!of(&["application/json", "application/json"]));
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_bytes(b"\xff/a+json").unwrap(),
        );
        assert!(!says_json(&headers));
    }
}
