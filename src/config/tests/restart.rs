//! What a reload cannot take over.

use super::*;

fn changed(new: &str) -> Vec<String> {
    diff_restart_only(&valid(SMALL), &valid(new))
}

#[test]
fn what_a_reload_can_swap_needs_no_restart() {
    assert!(changed(SMALL).is_empty());
    assert!(changed(&small("admin-token", "other")).is_empty());
    assert!(changed(&small("127.0.0.1:9000", "127.0.0.1:9001")).is_empty());
    assert!(changed(&small("contacts/{id}", "people/{id}")).is_empty());
    assert!(changed(&small_and("log: { access: stderr }\n")).is_empty());
    assert!(changed(&small_and("ceilings: { header_fields: 50 }\n")).is_empty());
}

#[test]
fn listeners_store_and_spool_need_a_restart() {
    for (new, names) in [
        (
            small("127.0.0.1:8080", "127.0.0.1:8090"),
            &["listeners[0].address"][..],
        ),
        (
            small(
                "127.0.0.1:8080",
                "127.0.0.1:8080\n  - address: 127.0.0.1:8090",
            ),
            &["listeners"],
        ),
        (
            small("127.0.0.1:8082", "127.0.0.1:8092"),
            &["admin.address"],
        ),
        (
            small_and("status: { address: 127.0.0.1:9464 }\n"),
            &["status.address"],
        ),
        (
            small_and("portal: { address: 127.0.0.1:8081 }\n"),
            &["portal.address"],
        ),
        (small_and("store: { path: other.db }\n"), &["store.path"]),
        (small_and("spool: { path: other.db }\n"), &["spool"]),
        (
            small_and("limits: { lease: { mode: strict } }\n"),
            &["limits.lease.mode"],
        ),
    ] {
        assert_eq!(changed(&new), names);
    }
}
