//! Variables: what is expanded, to which type, and what is said where one is missing.

use super::*;

fn with(yaml: &str) -> Result<Config, Report> {
    let env = |name: &str| match name {
        "BURST" => Some("7".to_owned()),
        "NUMERIC" => Some("1234567890123456".to_owned()),
        "EMPTY" => Some(String::new()),
        "NAME" => Some("crm".to_owned()),
        _ => None,
    };
    load_bytes(
        yaml.as_bytes(),
        Path::new("f.yaml"),
        &env,
        &LoadOptions::default(),
    )
}

fn one(yaml: &str) -> String {
    with(yaml).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn a_value_that_is_one_variable_takes_the_type_that_the_setting_wants() {
    for burst in ["${BURST}", "\"${BURST}\"", "${UNSET:-7}", "'${EMPTY:-7}'"] {
        let yaml = small_and(&format!(
            "plans:\n  standard:\n    rate:\n      requests: 1\n      burst: {burst}\n"
        ));
        let config = with(&yaml).unwrap_or_else(|r| panic!("{burst}: {r}"));
        assert_eq!(config.plans["standard"].rate.burst, 7, "{burst}");
    }
    for secret in ["\"${NUMERIC}\"", "'${UNSET:-1234567890123456}'"] {
        let config = with(&small("0123456789abcdef", secret)).unwrap_or_else(|r| panic!("{r}"));
        assert_eq!(config.keys.peppers[0].secret.expose(), "1234567890123456");
    }
    let plain = small(
        "{ id: p1, secret: 0123456789abcdef }",
        "id: p1\n      secret: ${NUMERIC}",
    );
    assert!(with(&plain).is_ok());
}

#[test]
fn variables_are_expanded_inside_text_and_escaped_ones_are_not() {
    let realm = |text: &str| with(&small_and(&format!("realm: {text}\n"))).map(|c| c.realm);
    assert_eq!(realm("a-${NAME}-b${EMPTY}"), Ok("a-crm-b".to_owned()));
    assert_eq!(realm("${UNSET:-a:-b}"), Ok("a:-b".to_owned()));
    assert_eq!(
        realm("$${NAME} $$ $NAME"),
        Ok("${NAME} $$ $NAME".to_owned())
    );
    assert_eq!(realm("\"${NAME}\""), Ok("crm".to_owned()));
}

#[test]
fn what_cannot_be_expanded_is_the_settings_only_problem() {
    assert_eq!(
        one(&small("token: admin-token", "token: ${UNSET}")),
        "f.yaml:5:10: admin.token: expected the environment variable UNSET to be set (or give a default: ${UNSET:-…})"
    );
    assert_eq!(
        one(&small("address: 127.0.0.1:8080", "address: ${UNSET}")),
        "f.yaml:2:14: listeners[0].address: expected the environment variable UNSET to be set (or give a default: ${UNSET:-…})"
    );
    let realm = |text: &str| one(&small_and(&format!("realm: {text}\n")));
    assert!(realm("${NAME").contains("20:8: realm: expected a closing }"));
    assert!(realm("${}").contains("realm: expected ${NAME} or ${NAME:-default}"));
    assert!(realm("${a-b}").contains("realm: expected ${NAME} or ${NAME:-default}"));
    assert!(realm("${UNSET:-${NAME}}").contains("realm: expected a default without a variable"));
}

#[test]
fn keys_are_not_expanded() {
    let line = one(&small_and("\"${NAME}\": 1\n"));
    assert!(line.contains("unknown setting"), "{line}");
}

#[test]
fn the_value_of_a_variable_is_not_read_as_yaml() {
    let env = |_: &str| Some("[a, b]: {c: d}\n# e".to_owned());
    let yaml = small("token: admin-token", "token: ${X}");
    let report = load_bytes(
        yaml.as_bytes(),
        Path::new("f.yaml"),
        &env,
        &LoadOptions::default(),
    );
    let line = report.map(|_| ()).unwrap_err().to_string();
    assert!(
        line.contains("admin.token: expected a token of printable ASCII"),
        "{line}"
    );
    assert!(!line.contains("[a, b]"), "{line}");
}
