//! The guides: texts of ours about using any API behind the gateway, with the operator's own names and numbers; never about one API's endpoints.

mod facts;

use crate::config::model::Config;

/// A guide.
#[derive(Debug)]
pub(crate) struct Guide {
    /// Its page.
    pub(crate) name: &'static str,
    /// Its title.
    pub(crate) title: &'static str,
    /// What it is about, in a sentence.
    pub(crate) summary: &'static str,
    source: &'static str,
}

const GUIDES: [Guide; 8] = [
    Guide {
        name: "getting-started",
        title: "Getting started",
        summary: "From no key to a call that works, in five minutes.",
        source: include_str!("getting-started.md"),
    },
    Guide {
        name: "authentication",
        title: "Authentication",
        summary: "How a key is sent, kept and restricted.",
        source: include_str!("authentication.md"),
    },
    Guide {
        name: "scopes",
        title: "Scopes",
        summary: "What a key may do, and how to give it no more than it needs.",
        source: include_str!("scopes.md"),
    },
    Guide {
        name: "rate-limits",
        title: "Rate limits and quotas",
        summary: "How many requests you may send, and how to see it coming.",
        source: include_str!("rate-limits.md"),
    },
    Guide {
        name: "errors",
        title: "Errors",
        summary: "What errors look like, and which are worth another try.",
        source: include_str!("errors.md"),
    },
    Guide {
        name: "webhooks",
        title: "Receiving webhooks",
        summary: "Take events as they happen, and know that they are ours.",
        source: include_str!("../webhooks/guide.md"),
    },
    Guide {
        name: "rotation",
        title: "Rotating keys and secrets",
        summary: "New secrets without a minute of downtime.",
        source: include_str!("rotation.md"),
    },
    Guide {
        name: "versioning",
        title: "Versions and deprecation",
        summary: "How you are told that an endpoint will go.",
        source: include_str!("versioning.md"),
    },
];

/// All guides, in the order in which they are best read.
pub(crate) fn all() -> &'static [Guide] {
    &GUIDES
}

/// The guide of this page.
pub(crate) fn find(name: &str) -> Option<&'static Guide> {
    GUIDES.iter().find(|g| g.name == name)
}

/// The text of a guide without its title, as CommonMark.
pub(crate) fn text(guide: &Guide, config: &Config) -> String {
    let source = guide.source;
    let body = match source.strip_prefix("# ") {
        Some(rest) => rest.split_once('\n').map_or("", |(_, body)| body),
        None => source,
    };
    facts::put_in(body, config)
}

/// Programs that the guide to webhooks links to, by their file names.
pub(crate) const PROGRAMS: [(&str, &str); 8] = [
    ("verify.py", include_str!("../webhooks/verify.py")),
    ("verify.mjs", include_str!("../webhooks/verify.mjs")),
    ("verify.php", include_str!("../webhooks/verify.php")),
    ("verify.sh", include_str!("../webhooks/verify.sh")),
    ("send.sh", include_str!("../webhooks/send.sh")),
    (
        "client_standardwebhooks.py",
        include_str!("../webhooks/client_standardwebhooks.py"),
    ),
    (
        "client_standardwebhooks.mjs",
        include_str!("../webhooks/client_standardwebhooks.mjs"),
    ),
    ("client_svix.py", include_str!("../webhooks/client_svix.py")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::docs::markdown;

    #[test]
    fn every_guide_has_a_title_of_its_own_and_no_name_is_left_to_be_put_in() {
        let config = crate::web::docs::testing::config();
        for guide in all() {
            assert!(guide.source.starts_with("# "), "{}", guide.name);
            let text = text(guide, &config);
            assert!(!text.contains("{{"), "{}", guide.name);
            assert!(
                markdown::page(&text, "/docs/webhooks/").headings.len() >= 2,
                "{}",
                guide.name
            );
        }
    }

    #[test]
    fn every_program_that_a_guide_links_to_is_there() {
        let config = crate::web::docs::testing::config();
        let guide = find("webhooks").unwrap();
        let html = markdown::page(&text(guide, &config), "/docs/webhooks/")
            .html
            .into_string();
        for (name, _) in PROGRAMS {
            assert!(
                html.contains(&format!("href=\"/docs/webhooks/{name}\"")),
                "{name}"
            );
        }
        assert_eq!(html.matches("/docs/webhooks/").count(), PROGRAMS.len());
    }
}
