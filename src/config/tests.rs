//! Loading as a whole: what a file means, and what is said about a file that is wrong.

use std::path::Path;

use super::*;

pub(super) fn env(name: &str) -> Option<String> {
    match name {
        "FUELGATE_ADMIN_TOKEN" => Some("admin-token".to_owned()),
        "FUELGATE_PEPPER" => Some("a pepper for tests only".to_owned()),
        "SET_TO_NOTHING" => Some(String::new()),
        "BURST" => Some("7".to_owned()),
        _ => None,
    }
}

#[test]
fn the_development_configuration_is_valid() {
    let config = load(Path::new("conf/fuelgate.yaml"), &env).map_err(|e| e.to_string());
    assert_eq!(
        config.map(|c| c.admin.tokens[0].name.clone()),
        Ok("admin".to_owned())
    );
}
