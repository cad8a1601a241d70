//! What can go wrong with a call, told apart by what helps against it; never the help itself.

use redis::{ErrorKind, RedisError};

use crate::base::error::StoreError;

/// Kinds of failure; the counters have one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Kind {
    /// No answer within the deadline.
    Timeout,
    /// Not asked, since the server is known not to answer.
    Breaker,
    /// The connection cannot be made, or broke.
    Connection,
    /// The server does not take our user or password.
    Credentials,
    /// The server is a replica: its master is elsewhere now.
    Replica,
    /// The server loads its data, waits for its master or is busy with a script.
    Loading,
    /// The cluster does not serve this slot now.
    ClusterDown,
    /// The server has no memory left for writes.
    Full,
    /// The server has too few replicas to take writes, or cannot save what it takes.
    Unsafe,
    /// Our user may not do this.
    Forbidden,
    /// The keys are on their way to another node of the cluster.
    Moving,
    /// A script refused: what it was to make is there already.
    Conflict,
    /// A script refused: what it names is not there.
    NotFound,
    /// Any other error that the server answered.
    Reply,
}

/// How many kinds there are.
pub(super) const KINDS: usize = Kind::Reply as usize + 1;

/// What a failure says about the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// That it works: it answered.
    Works,
    /// Nothing for certain.
    MayBeDead,
    /// That it cannot serve: it is not asked again before a probe has succeeded.
    IsDead,
}

impl Kind {
    /// All kinds, in the order of their numbers.
    const ALL: [Self; KINDS] = [
        Self::Timeout,
        Self::Breaker,
        Self::Connection,
        Self::Credentials,
        Self::Replica,
        Self::Loading,
        Self::ClusterDown,
        Self::Full,
        Self::Unsafe,
        Self::Forbidden,
        Self::Moving,
        Self::Conflict,
        Self::NotFound,
        Self::Reply,
    ];

    /// Its name in metrics, with its number.
    pub(super) fn named() -> impl Iterator<Item = (&'static str, usize)> {
        Self::ALL.iter().map(|kind| (kind.name(), *kind as usize))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Breaker => "breaker",
            Self::Connection => "connection",
            Self::Credentials => "credentials",
            Self::Replica => "replica",
            Self::Loading => "loading",
            Self::ClusterDown => "cluster_down",
            Self::Full => "full",
            Self::Unsafe => "unsafe",
            Self::Forbidden => "forbidden",
            Self::Moving => "moving",
            Self::Conflict => "conflict",
            Self::NotFound => "not_found",
            Self::Reply => "reply",
        }
    }

    /// What it says about the server.
    pub(super) const fn says(self) -> Says {
        match self {
            Self::Timeout | Self::Connection => Says::MayBeDead,
            Self::Credentials | Self::Replica | Self::Loading | Self::ClusterDown => Says::IsDead,
            _ => Says::Works,
        }
    }

    /// Whether both are the same news to an operator: a server that does not answer is one that cannot be connected to.
    pub(super) fn reads_like(self, other: Self) -> bool {
        let is_silence = |kind: Self| kind.says() == Says::MayBeDead;
        self == other || is_silence(self) && is_silence(other)
    }

    /// Whether another connection may help.
    pub(super) const fn ends_connection(self) -> bool {
        matches!(self, Self::Connection | Self::Credentials | Self::Replica)
    }
}

/// A failed call. Its text names no URL and no password.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    pub(super) text: String,
}

/// Where a Redis Cluster sends a call instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Redirect {
    /// The slot has moved to this address for good.
    Moved(String),
    /// This call should ask at this address.
    Ask(String),
    /// Some keys of the slot are here and some are not.
    TryAgain,
}

/// Why a call has no value.
#[derive(Debug)]
pub(super) enum Miss {
    /// It failed.
    Fault(Fault),
    /// It should go elsewhere.
    Redirect(Redirect),
}

impl From<Fault> for Miss {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Fault {
    pub(super) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }

    /// No answer in time.
    pub(super) fn timeout() -> Self {
        Self::new(Kind::Timeout, "redis did not answer in time")
    }

    /// No connection.
    pub(super) fn connection(cause: impl std::fmt::Display) -> Self {
        Self::new(Kind::Connection, format!("no connection to redis: {cause}"))
    }

    /// As the domains see it.
    pub(super) fn into_store_error(self) -> StoreError {
        match self.kind {
            Kind::Conflict => StoreError::Conflict(self.text),
            Kind::NotFound => StoreError::NotFound,
            Kind::Reply => StoreError::Corrupt(self.text),
            _ => StoreError::Unavailable(self.text),
        }
    }
}

/// Tells what an error of the client library means.
pub(super) fn miss(error: &RedisError) -> Miss {
    let server_errors = error.clone().into_server_errors();
    if let Some((_, first)) = server_errors.as_deref().and_then(<[_]>::first) {
        return answered(first.code(), first.details().unwrap_or_default());
    }
    let fault = match error.kind() {
        ErrorKind::Io if error.is_timeout() => Fault::timeout(),
        ErrorKind::AuthenticationFailed => credentials(),
        ErrorKind::RESP3NotSupported => {
            Fault::connection("the server is older than Redis 6 and does not speak RESP3")
        }
        _ => Fault::connection(error),
    };
    fault.into()
}

fn credentials() -> Fault {
    Fault::new(
        Kind::Credentials,
        "redis does not take the user or the password of store.nodes",
    )
}

/// The meaning of an error reply: its first word and the rest.
fn answered(code: &str, detail: &str) -> Miss {
    // Redis 7 puts `ERR` before what a script says in one word.
    let code = if code == "ERR" && matches!(detail, "NOTFOUND" | "CONFLICT") {
        detail
    } else {
        code
    };
    let kind = match code {
        "CONFLICT" => return Fault::new(Kind::Conflict, detail).into(),
        "NOTFOUND" => Kind::NotFound,
        "MOVED" | "ASK" => {
            // `MOVED <slot> <address>`
            let address = detail.split_ascii_whitespace().nth(1).unwrap_or_default();
            let address = address.to_owned();
            return Miss::Redirect(if code == "ASK" {
                Redirect::Ask(address)
            } else {
                Redirect::Moved(address)
            });
        }
        "TRYAGAIN" => return Miss::Redirect(Redirect::TryAgain),
        "NOAUTH" | "WRONGPASS" => return credentials().into(),
        "READONLY" => Kind::Replica,
        "LOADING" | "MASTERDOWN" | "BUSY" | "UNKILLABLE" => Kind::Loading,
        "CLUSTERDOWN" => Kind::ClusterDown,
        "OOM" => Kind::Full,
        "NOREPLICAS" | "MISCONF" => Kind::Unsafe,
        "NOPERM" => Kind::Forbidden,
        _ => Kind::Reply,
    };
    let meaning = match kind {
        Kind::Replica => "this redis is a replica",
        Kind::Loading => "redis is not ready",
        Kind::ClusterDown => "the redis cluster does not serve this slot now",
        Kind::Full => "redis is full",
        Kind::Unsafe => "redis takes no writes, since it could lose them",
        Kind::Forbidden => "the redis user may not do this",
        _ => "redis refused",
    };
    Fault::new(kind, format!("{meaning}: {code} {detail}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(reply: &str) -> Miss {
        let value = redis::parse_redis_value(format!("-{reply}\r\n").as_bytes()).unwrap();
        miss(&value.extract_error().unwrap_err())
    }

    fn fault(reply: &str) -> Fault {
        match of(reply) {
            Miss::Fault(fault) => fault,
            Miss::Redirect(to) => panic!("{reply}: {to:?}"),
        }
    }

    #[test]
    fn every_reply_that_a_server_gives_in_trouble_has_its_kind() {
        for (reply, kind, says) in [
            (
                "READONLY You can't write against a read only replica.",
                Kind::Replica,
                Says::IsDead,
            ),
            (
                "LOADING Redis is loading the dataset in memory",
                Kind::Loading,
                Says::IsDead,
            ),
            (
                "MASTERDOWN Link with MASTER is down",
                Kind::Loading,
                Says::IsDead,
            ),
            (
                "BUSY Redis is busy running a script.",
                Kind::Loading,
                Says::IsDead,
            ),
            (
                "CLUSTERDOWN Hash slot not served",
                Kind::ClusterDown,
                Says::IsDead,
            ),
            (
                "NOAUTH Authentication required.",
                Kind::Credentials,
                Says::IsDead,
            ),
            (
                "WRONGPASS invalid username-password pair or user is disabled.",
                Kind::Credentials,
                Says::IsDead,
            ),
            (
                "OOM command not allowed when used memory > 'maxmemory'.",
                Kind::Full,
                Says::Works,
            ),
            (
                "NOREPLICAS Not enough good replicas to write.",
                Kind::Unsafe,
                Says::Works,
            ),
            (
                "MISCONF Errors writing to the AOF file",
                Kind::Unsafe,
                Says::Works,
            ),
            (
                "NOPERM User x has no permissions to run the 'set' command",
                Kind::Forbidden,
                Says::Works,
            ),
            (
                "WRONGTYPE Operation against a key",
                Kind::Reply,
                Says::Works,
            ),
            (
                "ERR value is not an integer or out of range",
                Kind::Reply,
                Says::Works,
            ),
        ] {
            let found = fault(reply);
            assert_eq!((found.kind, found.kind.says()), (kind, says), "{reply}");
        }
    }

    #[test]
    fn what_scripts_refuse_is_a_conflict_or_not_found_and_other_errors_are_damage() {
        let error = |reply| fault(reply).into_store_error();
        assert!(
            matches!(error("CONFLICT the key is there already"), StoreError::Conflict(t) if t == "the key is there already")
        );
        assert!(matches!(error("NOTFOUND"), StoreError::NotFound));
        assert!(matches!(error("ERR NOTFOUND"), StoreError::NotFound));
        assert!(
            matches!(error("WRONGTYPE Operation"), StoreError::Corrupt(t) if t.contains("WRONGTYPE"))
        );
        assert!(
            matches!(error("OOM command not allowed"), StoreError::Unavailable(t) if t.starts_with("redis is full"))
        );
    }

    #[test]
    fn redirections_name_their_address() {
        for (reply, redirect) in [
            (
                "MOVED 3999 127.0.0.1:6381",
                Redirect::Moved("127.0.0.1:6381".to_owned()),
            ),
            ("MOVED 3999 :6381", Redirect::Moved(":6381".to_owned())),
            ("ASK 3999 a.b:1", Redirect::Ask("a.b:1".to_owned())),
            (
                "TRYAGAIN Multiple keys request during rehashing of slot",
                Redirect::TryAgain,
            ),
        ] {
            assert!(
                matches!(of(reply), Miss::Redirect(r) if r == redirect),
                "{reply}"
            );
        }
    }

    #[test]
    fn the_kinds_are_numbered_as_they_are_listed() {
        for (at, (name, number)) in Kind::named().enumerate() {
            assert_eq!(at, number, "{name}");
        }
    }
}
