//! The text that every form of a session carries, so that no other site's form passes for it; never a secret at rest.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use crate::config::model::Pepper;

/// What is signed begins with this, so that it is good for nothing else.
const PURPOSE: &str = "portal-csrf\n";

/// The text for forms of a session: under the first pepper, which every node has. Empty where there is none.
pub fn token(peppers: &[Pepper], session_id: &str) -> String {
    let Some(pepper) = peppers.first() else {
        return String::new();
    };
    let tag = hmac::sign(&key(pepper), signed(session_id).as_bytes());
    URL_SAFE_NO_PAD.encode(tag.as_ref())
}

/// Whether a form of this session has it; any pepper will do, since forms outlive a change of peppers.
pub fn is_good(peppers: &[Pepper], session_id: &str, text: &str) -> bool {
    let Ok(tag) = URL_SAFE_NO_PAD.decode(text) else {
        return false;
    };
    let signed = signed(session_id);
    peppers
        .iter()
        .any(|pepper| hmac::verify(&key(pepper), signed.as_bytes(), &tag).is_ok())
}

fn key(pepper: &Pepper) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, pepper.secret.expose().as_bytes())
}

fn signed(session_id: &str) -> String {
    format!("{PURPOSE}{session_id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;

    fn pepper(text: &str) -> Pepper {
        Pepper {
            id: text.to_owned(),
            secret: Secret::new(text),
        }
    }

    #[test]
    fn a_form_is_good_for_its_own_session_under_any_pepper_in_use() {
        let (old, new) = (pepper("old"), pepper("new"));
        let text = token(std::slice::from_ref(&old), "ps_1");
        assert!(is_good(&[new.clone(), old.clone()], "ps_1", &text));
        assert!(!is_good(std::slice::from_ref(&new), "ps_1", &text));
        assert!(!is_good(std::slice::from_ref(&old), "ps_2", &text));
        for bad in ["", "x", &text[1..], &format!("{text}A")] {
            assert!(!is_good(std::slice::from_ref(&old), "ps_1", bad), "{bad}");
        }
        assert!(!is_good(&[], "ps_1", &token(&[], "ps_1")));
    }
}
