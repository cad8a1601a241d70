//! What a server's own account of itself means for our data: refused, warned about or good; never the asking.

use std::collections::BTreeMap;
use std::fmt;

use crate::config::model::RedisStore;

/// The layout of the keys that this version writes. It grows with each change that older versions could not live with.
pub(super) const LAYOUT: u32 = 4;
/// The first one in which the endpoints of a month are known by name.
pub(super) const NAMED_ENDPOINTS: u32 = 4;
/// The layouts before, which a start takes over.
pub(super) const EARLIER: [u32; 3] = [1, 2, 3];
/// The oldest Redis whose scripts and commands are ours, and the oldest that is tested.
const OLDEST: [u32; 2] = [6, 2];
/// See [`OLDEST`].
const TESTED: [u32; 2] = [7, 0];

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// All is well.
    Good,
    /// Data may be lost; a start goes on.
    Warn,
    /// A start is refused.
    Refuse,
}

/// Something about one server, or the store as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub weight: Weight,
    /// The server, by its address; empty for the store as a whole.
    pub server: String,
    /// What, for people, with the name of the setting.
    pub text: String,
}

impl Finding {
    pub(super) fn new(weight: Weight, server: &str, text: impl Into<String>) -> Self {
        Self {
            weight,
            server: server.to_owned(),
            text: text.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.server.is_empty() {
            write!(f, "{}: ", self.server)?;
        }
        f.write_str(&self.text)
    }
}

/// What one server says of itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    pub(super) server: String,
    /// The lines of `INFO`.
    pub(super) info: BTreeMap<String, String>,
    /// What `CONFIG GET` tells, or `None` where it is forbidden, as managed services do.
    pub(super) settings: Option<BTreeMap<String, String>>,
}

impl Reading {
    fn info(&self, name: &str) -> &str {
        self.info.get(name).map_or("", String::as_str)
    }

    fn setting(&self, name: &str) -> Option<&str> {
        self.settings.as_ref()?.get(name).map(String::as_str)
    }
}

/// Reads the lines of `INFO`.
pub(super) fn lines(info: &str) -> BTreeMap<String, String> {
    info.lines()
        .filter_map(|line| line.trim_end().split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// What `readings` of every server mean for a store with these settings.
pub(super) fn findings(settings: &RedisStore, readings: &[Reading]) -> Vec<Finding> {
    let mut found = Vec::new();
    for reading in readings {
        let before = found.len();
        kind(settings, reading, &mut found);
        version(reading, &mut found);
        loses_data(settings, reading, &mut found);
        if found.len() == before {
            let text = format!("{}, loses no data by its settings", named(reading));
            found.push(Finding::new(Weight::Good, &reading.server, text));
        }
    }
    found
}

/// Its name and version.
fn named(reading: &Reading) -> String {
    match reading.info("valkey_version") {
        "" => format!("Redis {}", reading.info("redis_version")),
        version => format!("Valkey {version}"),
    }
}

/// Whether it is the kind of server that the settings say.
fn kind(settings: &RedisStore, reading: &Reading, found: &mut Vec<Finding>) {
    let wrong = match (reading.info("redis_mode"), settings.cluster) {
        ("sentinel", _) => "is a sentinel; expected `store.sentinel` with the name of its master",
        ("cluster", false) => "is a node of a cluster; expected `store.cluster: true`",
        ("standalone", true) => "is no node of a cluster; expected `store.cluster: false`",
        _ if reading.info("role") == "slave" => "is a replica; expected a master in `store.nodes`",
        _ => return,
    };
    found.push(Finding::new(Weight::Refuse, &reading.server, wrong));
}

fn version(reading: &Reading, found: &mut Vec<Finding>) {
    // Valkey says which Redis it is like.
    let text = reading.info("redis_version");
    let mut parts = text.split('.').map(|part| part.parse::<u32>().ok());
    let Some(version) = parts.next().flatten().zip(parts.next().flatten()) else {
        let text = "does not say its version; expected Redis or Valkey";
        found.push(Finding::new(Weight::Warn, &reading.server, text));
        return;
    };
    let version = [version.0, version.1];
    let [major, minor] = TESTED;
    let expected = format!(
        "{} is too old; expected {major}.{minor} or newer",
        named(reading)
    );
    if version < OLDEST {
        found.push(Finding::new(Weight::Refuse, &reading.server, expected));
    } else if version < TESTED {
        let text = format!(
            "{} is not tested; expected {major}.{minor} or newer",
            named(reading)
        );
        found.push(Finding::new(Weight::Warn, &reading.server, text));
    }
}

/// Settings with which a server loses what it has acknowledged.
fn loses_data(settings: &RedisStore, reading: &Reading, found: &mut Vec<Finding>) {
    let mut add = |weight, text: String| found.push(Finding::new(weight, &reading.server, text));
    let policy = reading
        .setting("maxmemory-policy")
        .unwrap_or_else(|| reading.info("maxmemory_policy"));
    match policy {
        "noeviction" => {}
        "" => add(
            Weight::Warn,
            "does not say its maxmemory-policy; expected noeviction, else keys are lost".to_owned(),
        ),
        other => add(
            Weight::Refuse,
            format!(
                "maxmemory-policy is {other}; expected noeviction: with any other, keys and events are lost when memory is short"
            ),
        ),
    }
    if reading.info("aof_enabled") == "0" {
        add(
            Weight::Warn,
            "appendonly is no; expected yes: what was written since the last snapshot is lost when the server ends".to_owned(),
        );
    }
    let replicas: u32 = reading.info("connected_slaves").parse().unwrap_or(0);
    let can_fail_over = settings.cluster || settings.sentinel.is_some();
    if can_fail_over && replicas == 0 {
        add(
            Weight::Warn,
            "has no replica; nobody takes its place when it ends".to_owned(),
        );
    }
    if reading.settings.is_none() {
        add(
            Weight::Warn,
            "does not allow CONFIG GET: see to it that appendfsync is always or everysec, and min-replicas-to-write at least 1 where there are replicas".to_owned(),
        );
        return;
    }
    if reading.info("aof_enabled") == "1"
        && let Some(sync) = reading.setting("appendfsync")
        && !matches!(sync, "always" | "everysec")
    {
        add(
            Weight::Warn,
            format!(
                "appendfsync is {sync}; expected always or everysec: up to half a minute is lost with the machine"
            ),
        );
    }
    if replicas > 0 && reading.setting("min-replicas-to-write") == Some("0") {
        add(
            Weight::Warn,
            "min-replicas-to-write is 0; expected at least 1: a master that is cut off from its replicas takes writes that are lost when one of them takes over".to_owned(),
        );
    }
}

/// What the layout's version in the store means.
pub(super) fn layout(found: Option<&str>) -> Finding {
    let (weight, text) = match found.map(str::parse::<u32>) {
        None => (Weight::Good, "no data of this store so far".to_owned()),
        Some(Ok(LAYOUT)) => (Weight::Good, format!("its layout is version {LAYOUT}")),
        Some(Ok(earlier)) if EARLIER.contains(&earlier) => (
            Weight::Good,
            format!(
                "its layout is version {earlier}; a start makes it {LAYOUT}, which older versions of this program refuse"
            ),
        ),
        Some(Ok(newer)) if newer > LAYOUT => (
            Weight::Refuse,
            format!(
                "its layout is version {newer}, written by a newer version of this program; this one knows up to {LAYOUT}"
            ),
        ),
        _ => (
            Weight::Refuse,
            "its layout has no version that is known; expected another `store.key_prefix`"
                .to_owned(),
        ),
    };
    Finding::new(weight, "", text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::redis::testing::settings_for;

    fn single() -> RedisStore {
        settings_for(["redis://a".to_owned()])
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
        pairs.iter().map(owned).collect()
    }

    fn good() -> Reading {
        Reading {
            server: "a:1".to_owned(),
            info: map(&[
                ("redis_version", "7.0.15"),
                ("redis_mode", "standalone"),
                ("role", "master"),
                ("connected_slaves", "1"),
                ("maxmemory_policy", "noeviction"),
                ("aof_enabled", "1"),
            ]),
            settings: Some(map(&[
                ("maxmemory-policy", "noeviction"),
                ("appendfsync", "everysec"),
                ("min-replicas-to-write", "1"),
            ])),
        }
    }

    /// The only finding on a reading.
    fn one(settings: &RedisStore, reading: Reading) -> (Weight, String) {
        let found = findings(settings, &[reading]);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!(found[0].server, "a:1");
        (found[0].weight, found[0].text.clone())
    }

    fn with_info(name: &str, value: &str) -> Reading {
        let mut reading = good();
        reading.info.insert(name.to_owned(), value.to_owned());
        reading
    }

    fn with_setting(name: &str, value: &str) -> Reading {
        let mut reading = good();
        let settings = reading.settings.as_mut().unwrap();
        settings.insert(name.to_owned(), value.to_owned());
        reading
    }

    #[test]
    fn a_server_that_keeps_what_it_took_is_good() {
        let (weight, text) = one(&single(), good());
        assert_eq!(
            (weight, text.starts_with("Redis 7.0.15")),
            (Weight::Good, true)
        );
        let valkey = with_info("valkey_version", "8.0.1");
        assert!(one(&single(), valkey).1.starts_with("Valkey 8.0.1"));
    }

    #[test]
    fn eviction_is_refused_by_name() {
        let (weight, text) = one(&single(), with_setting("maxmemory-policy", "allkeys-lru"));
        assert_eq!(weight, Weight::Refuse);
        assert!(
            text.starts_with("maxmemory-policy is allkeys-lru; expected noeviction"),
            "{text}"
        );
    }

    #[test]
    fn settings_that_lose_data_are_warned_about_by_name() {
        for (reading, text) in [
            (with_info("aof_enabled", "0"), "appendonly is no"),
            (with_setting("appendfsync", "no"), "appendfsync is no"),
            (
                with_setting("min-replicas-to-write", "0"),
                "min-replicas-to-write is 0",
            ),
            (
                with_info("redis_version", "6.2.14"),
                "Redis 6.2.14 is not tested",
            ),
        ] {
            let (weight, found) = one(&single(), reading);
            assert_eq!(weight, Weight::Warn, "{found}");
            assert!(found.starts_with(text), "{found}");
        }
        let mut alone = with_setting("min-replicas-to-write", "0");
        alone
            .info
            .insert("connected_slaves".to_owned(), "0".to_owned());
        assert_eq!(one(&single(), alone.clone()).0, Weight::Good);
        let sentinel = RedisStore {
            sentinel: Some("edge".to_owned()),
            ..single()
        };
        assert!(one(&sentinel, alone).1.starts_with("has no replica"));
    }

    #[test]
    fn where_settings_cannot_be_read_info_tells_what_it_can() {
        let mut managed = good();
        managed.settings = None;
        let (weight, text) = one(&single(), managed.clone());
        assert_eq!(weight, Weight::Warn);
        assert!(
            text.contains("CONFIG GET") && text.contains("appendfsync"),
            "{text}"
        );
        managed
            .info
            .insert("maxmemory_policy".to_owned(), "volatile-lru".to_owned());
        managed
            .info
            .insert("aof_enabled".to_owned(), "0".to_owned());
        let found = findings(&single(), &[managed]);
        let weights: Vec<Weight> = found.iter().map(|f| f.weight).collect();
        assert_eq!(weights, [Weight::Refuse, Weight::Warn, Weight::Warn]);
    }

    #[test]
    fn another_kind_of_server_than_the_settings_say_is_refused() {
        let cluster = RedisStore {
            cluster: true,
            ..single()
        };
        for (settings, mode, expected) in [
            (single(), "cluster", "store.cluster: true"),
            (single(), "sentinel", "store.sentinel"),
            (cluster.clone(), "standalone", "store.cluster: false"),
        ] {
            let (weight, text) = one(&settings, with_info("redis_mode", mode));
            assert_eq!(weight, Weight::Refuse);
            assert!(text.contains(expected), "{text}");
        }
        assert_eq!(
            one(&cluster, with_info("redis_mode", "cluster")).0,
            Weight::Good
        );
        let (weight, text) = one(&single(), with_info("role", "slave"));
        assert_eq!(weight, Weight::Refuse);
        assert!(text.contains("is a replica"), "{text}");
        let (weight, text) = one(&single(), with_info("redis_version", "5.0.3"));
        assert_eq!(weight, Weight::Refuse);
        assert!(text.contains("too old"), "{text}");
    }

    #[test]
    fn a_layout_from_the_future_or_of_somebody_else_is_refused() {
        assert_eq!(layout(None).weight, Weight::Good);
        for known in EARLIER.into_iter().chain([LAYOUT]) {
            assert_eq!(layout(Some(&known.to_string())).weight, Weight::Good);
        }
        let newer = layout(Some(&(LAYOUT + 1).to_string()));
        assert_eq!(newer.weight, Weight::Refuse);
        assert!(newer.text.contains("newer version"), "{}", newer.text);
        for other in ["0", "", "x", "-1"] {
            assert_eq!(layout(Some(other)).weight, Weight::Refuse, "{other}");
        }
    }

    #[test]
    fn info_is_read_line_by_line() {
        let read = lines("# Server\r\nredis_version:7.0.15\r\n\r\nos:Linux a:b\r\n");
        assert_eq!(
            read,
            map(&[("redis_version", "7.0.15"), ("os", "Linux a:b")])
        );
    }
}
