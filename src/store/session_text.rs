//! The text that a session of the portal is kept as, one form for every backend; never where it lies.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::portal::model::{Digest, Person, Role, Session};

/// The words for roles.
const ROLES: [(&str, Role); 2] = [("developer", Role::Developer), ("viewer", Role::Viewer)];

/// A session as JSON. Digests are base64url.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    id: String,
    account_id: String,
    person: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    link_until: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    token_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<(String, Timestamp)>,
    made_at: Timestamp,
    seen_at: Timestamp,
    ends_at: Timestamp,
    revision: u64,
}

/// A session as text.
pub(super) fn to_text(s: &Session) -> Result<String, StoreError> {
    let encode = |digest: &Digest| URL_SAFE_NO_PAD.encode(digest);
    let role = ROLES.iter().find(|(_, role)| *role == s.role);
    let text = Text {
        id: s.id.clone(),
        account_id: s.account_id.clone(),
        person: s.person.id.clone(),
        email: s.person.email.clone(),
        role: role.map_or("", |(word, _)| *word).to_owned(),
        link: s.link.as_ref().map(encode),
        link_until: s.link_until,
        token: s.token.as_ref().map(encode),
        token_at: s.token_at,
        previous: s.previous.as_ref().map(|(d, until)| (encode(d), *until)),
        made_at: s.made_at,
        seen_at: s.seen_at,
        ends_at: s.ends_at,
        revision: s.revision,
    };
    serde_json::to_string(&text).map_err(|e| StoreError::Corrupt(e.to_string()))
}

/// A session from its text; anything else is damage.
pub(super) fn from_text(id: &str, text: &str) -> Result<Session, StoreError> {
    let damaged = || StoreError::Corrupt(format!("the session {id}"));
    let text: Text = serde_json::from_str(text).map_err(|_| damaged())?;
    let decode = |text: &String| -> Result<Digest, StoreError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| damaged())?;
        bytes.try_into().map_err(|_| damaged())
    };
    let role = ROLES.iter().find(|(word, _)| *word == text.role);
    let (_, role) = role.ok_or_else(damaged)?;
    let previous = match text.previous {
        Some((digest, until)) => Some((decode(&digest)?, until)),
        None => None,
    };
    Ok(Session {
        link: text.link.as_ref().map(decode).transpose()?,
        token: text.token.as_ref().map(decode).transpose()?,
        previous,
        id: text.id,
        account_id: text.account_id,
        person: Person {
            id: text.person,
            email: text.email,
        },
        role: *role,
        link_until: text.link_until,
        token_at: text.token_at,
        made_at: text.made_at,
        seen_at: text.seen_at,
        ends_at: text.ends_at,
        revision: text.revision,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::at;
    use crate::store::contract::portal_sessions::session;

    /// What lies in stores. A later version has to read it.
    const KEPT: &str = r#"{"id":"ps_1","account_id":"a","person":"u_1","email":"dev@example.com","role":"viewer","link_until":"2026-11-17T12:05:00Z","token":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc","token_at":"2026-11-17T12:00:01Z","previous":["CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg","2026-11-17T12:00:31Z"],"made_at":"2026-11-17T12:00:00Z","seen_at":"2026-11-17T12:00:02Z","ends_at":"2026-11-17T13:00:00Z","revision":3}"#;

    fn kept() -> Session {
        Session {
            id: "ps_1".to_owned(),
            account_id: "a".to_owned(),
            person: Person {
                id: "u_1".to_owned(),
                email: Some("dev@example.com".to_owned()),
            },
            role: Role::Viewer,
            link: None,
            link_until: at(300),
            token: Some([7; 32]),
            token_at: at(1),
            previous: Some(([8; 32], at(31))),
            made_at: at(0),
            seen_at: at(2),
            ends_at: at(3_600),
            revision: 3,
        }
    }

    #[test]
    fn the_form_that_lies_in_stores_stays() {
        assert_eq!(to_text(&kept()).unwrap(), KEPT);
        assert_eq!(from_text("ps_1", KEPT).unwrap(), kept());
    }

    #[test]
    fn a_session_is_read_as_it_was_written() {
        let new = session("a", 60);
        let text = to_text(&new).unwrap();
        assert_eq!(from_text(&new.id, &text).unwrap(), new);
    }

    #[test]
    fn anything_else_is_damage_and_named() {
        for text in [
            "",
            "{}",
            &KEPT.replace("viewer", "owner"),
            &KEPT.replace("BwcH", ""),
        ] {
            let error = from_text("ps_1", text).unwrap_err();
            assert!(matches!(&error, StoreError::Corrupt(t) if t == "the session ps_1"));
        }
    }
}
