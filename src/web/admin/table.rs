//! The table of operations: method, path and the permission each needs; never how one works.

use http::Method;

use crate::config::model::Permission;

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Every admin token.
    AnyToken,
    /// Admin tokens with this permission.
    Needs(Permission),
}

/// One operation of the admin API.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// Its method.
    pub method: &'static str,
    /// Its path template.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
}

const fn op(method: &'static str, path: &'static str, permission: Permission) -> Operation {
    Operation {
        method,
        path,
        access: Access::Needs(permission),
    }
}

use Permission::{Events, Keys, Operator, Portal, Usage, Webhooks};

/// Every operation. One that is not here is refused, whatever the router knows.
pub const OPERATIONS: &[Operation] = &[
    op("POST", "/admin/v1/keys", Keys),
    op("GET", "/admin/v1/keys", Keys),
    op("POST", "/admin/v1/keys/lookup", Keys),
    op("POST", "/admin/v1/keys/import", Keys),
    op("GET", "/admin/v1/keys/{id}", Keys),
    op("PATCH", "/admin/v1/keys/{id}", Keys),
    op("DELETE", "/admin/v1/keys/{id}", Keys),
    op("POST", "/admin/v1/keys/{id}/rotate", Keys),
    op("GET", "/admin/v1/accounts", Keys),
    op("GET", "/admin/v1/accounts/{id}", Keys),
    op("PUT", "/admin/v1/accounts/{id}", Keys),
    op("DELETE", "/admin/v1/accounts/{id}", Operator),
    op("POST", "/admin/v1/accounts/{id}/revoke-keys", Keys),
    op("GET", "/admin/v1/usage/summary", Usage),
    op("GET", "/admin/v1/usage", Usage),
    op("GET", "/admin/v1/usage/endpoints", Usage),
    op("GET", "/admin/v1/usage/callers", Usage),
    op("POST", "/admin/v1/webhooks", Webhooks),
    op("GET", "/admin/v1/webhooks", Webhooks),
    op("GET", "/admin/v1/webhooks/{id}", Webhooks),
    op("PATCH", "/admin/v1/webhooks/{id}", Webhooks),
    op("DELETE", "/admin/v1/webhooks/{id}", Webhooks),
    op("POST", "/admin/v1/webhooks/{id}/rotate-secret", Webhooks),
    op(
        "POST",
        "/admin/v1/webhooks/{id}/revoke-previous-secrets",
        Webhooks,
    ),
    op("POST", "/admin/v1/webhooks/{id}/test", Webhooks),
    op("GET", "/admin/v1/webhooks/{id}/deliveries", Webhooks),
    op("GET", "/admin/v1/deliveries/{id}", Webhooks),
    op("POST", "/admin/v1/deliveries/{id}/retry", Webhooks),
    op("GET", "/admin/v1/deliveries", Webhooks),
    op("POST", "/admin/v1/replays", Webhooks),
    op("GET", "/admin/v1/replays", Webhooks),
    op("GET", "/admin/v1/replays/{id}", Webhooks),
    op("POST", "/admin/v1/replays/{id}/cancel", Webhooks),
    op("POST", "/admin/v1/events", Events),
    op("GET", "/admin/v1/events", Events),
    op("GET", "/admin/v1/events/{id}", Events),
    op("POST", "/admin/v1/events/{id}/replay", Events),
    op("GET", "/admin/v1/event-stream", Events),
    op("GET", "/admin/v1/simulator/types", Webhooks),
    op("POST", "/admin/v1/simulator/compose", Webhooks),
    op("POST", "/admin/v1/simulator/send", Webhooks),
    op("POST", "/admin/v1/simulator/dry-run", Webhooks),
    op("POST", "/admin/v1/simulator/inboxes", Webhooks),
    op("GET", "/admin/v1/simulator/inboxes", Webhooks),
    op("GET", "/admin/v1/simulator/inboxes/{id}", Webhooks),
    op("DELETE", "/admin/v1/simulator/inboxes/{id}", Webhooks),
    op("GET", "/admin/v1/simulator/inboxes/{id}/messages", Webhooks),
    op("GET", "/admin/v1/alerts", Usage),
    op("PUT", "/admin/v1/alerts", Usage),
    op("GET", "/admin/v1/audit-log", Operator),
    op("GET", "/admin/v1/config", Operator),
    op("POST", "/admin/v1/config/reload", Operator),
    op("POST", "/admin/v1/portal-sessions", Portal),
    Operation {
        method: "GET",
        path: "/admin/openapi.json",
        access: Access::AnyToken,
    },
];

/// What the table says about a request that the router has a path for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// An operation.
    Operation(Access),
    /// The path is known, for other methods.
    OtherMethods,
    /// The path is not in the table.
    Unknown,
}

/// Looks up a method on a path template. HEAD is GET without a body.
pub fn look_up(method: &Method, path: &str) -> Looked {
    let method = match method.as_str() {
        "HEAD" => "GET",
        other => other,
    };
    let mut known = Looked::Unknown;
    for operation in OPERATIONS.iter().filter(|o| o.path == path) {
        if operation.method == method {
            return Looked::Operation(operation.access);
        }
        known = Looked::OtherMethods;
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_found_by_method_and_template() {
        let erase = look_up(&Method::DELETE, "/admin/v1/accounts/{id}");
        assert_eq!(erase, Looked::Operation(Access::Needs(Operator)));
        let head = look_up(&Method::HEAD, "/admin/v1/keys");
        assert_eq!(head, Looked::Operation(Access::Needs(Keys)));
        let put = look_up(&Method::PUT, "/admin/v1/keys");
        assert_eq!(put, Looked::OtherMethods);
        assert_eq!(look_up(&Method::GET, "/admin/v1/secrets"), Looked::Unknown);
    }

    #[test]
    fn no_operation_is_listed_twice() {
        let mut seen = std::collections::HashSet::new();
        for o in OPERATIONS {
            assert!(seen.insert((o.method, o.path)), "{} {}", o.method, o.path);
        }
    }
}
