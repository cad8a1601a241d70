//! Samples have the call whole, and values that could end a string do not; they are run by the tests of the built program.

use serde_json::json;

use super::{SampleRequest, samples};

fn all(request: &SampleRequest) -> Vec<String> {
    samples(request).into_iter().map(|s| s.code).collect()
}

#[test]
fn each_sample_has_method_url_key_and_body() {
    let post = SampleRequest {
        method: http::Method::POST,
        url: "https://api.example/v1/contacts".into(),
        needs_key: true,
        fields: vec![("X-Version".into(), "2".into())],
        body: Some(json!({ "name": "Ada", "tags": ["a"], "phone": null, "on": true })),
    };
    for code in all(&post) {
        for part in [
            "https://api.example/v1/contacts",
            "API_KEY",
            "Bearer",
            "X-Version",
            "Ada",
        ] {
            assert!(code.contains(part), "{part} in {code}");
        }
        assert!(code.to_lowercase().contains("post"), "{code}");
    }
    let get = SampleRequest {
        method: http::Method::GET,
        needs_key: false,
        fields: Vec::new(),
        body: None,
        ..post
    };
    for code in all(&get) {
        assert!(
            !code.contains("API_KEY") && !code.contains("Content-Type"),
            "{code}"
        );
    }
}

#[test]
fn no_value_ends_its_string() {
    let request = SampleRequest {
        method: http::Method::POST,
        url: "https://api.example/'$(id)'".into(),
        needs_key: false,
        fields: Vec::new(),
        body: Some(json!({ "a": "'; touch x; '", "b": "\"+x+\"", "c": "\\", "d": "${x} `y` $z" })),
    };
    let [curl, python, javascript, php] = <[String; 4]>::try_from(all(&request)).unwrap();
    assert!(
        curl.contains(r"'https://api.example/'\''$(id)'\'''"),
        "{curl}"
    );
    assert!(curl.contains(r"'\''; touch x; '\''"), "{curl}");
    assert!(python.contains(r#""\"+x+\"""#) && javascript.contains(r#""\"+x+\"""#));
    assert!(
        php.contains(r"'\'; touch x; \''") && php.contains(r"'c' => '\\'"),
        "{php}"
    );
}
