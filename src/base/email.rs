//! Addresses of e-mail as text that is safe in a header and on a wire; never a look-up of one.

/// Most bytes of an address (RFC 5321 section 4.5.3.1.3, less the angle brackets).
pub const EMAIL_BYTES: usize = 254;
/// Most bytes before the `@` (RFC 5321 section 4.5.3.1.1).
const LOCAL_BYTES: usize = 64;
/// Most bytes of a name of a host, and of each of its labels (RFC 1035 section 2.3.4).
const DOMAIN_BYTES: usize = 253;
/// See [`DOMAIN_BYTES`].
const LABEL_BYTES: usize = 63;

/// Whether `text` is an address: a dot-atom (RFC 5322 section 3.2.3), `@` and the name of a host, in ASCII. Quoted local
/// parts and address literals exist and nobody has one; names of hosts in other scripts are written in their ASCII form.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    text.len() <= EMAIL_BYTES && is_local(local) && is_domain(domain)
}

fn is_local(text: &str) -> bool {
    let is_atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    let is_atom = |atom: &str| !atom.is_empty() && atom.bytes().all(is_atext);
    text.len() <= LOCAL_BYTES && text.split('.').all(is_atom)
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LABEL_BYTES).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_number = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    text.len() <= DOMAIN_BYTES && text.split('.').all(is_label) && !is_number
}

/// An address with the name that a reader is shown for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The name; `None` shows the address alone.
    pub name: Option<String>,
    /// The address.
    pub address: String,
}

impl Mailbox {
    /// Reads `dev@example.com` or `Lead Fuel <dev@example.com>`.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            "expected an address such as api@example.com or Lead Fuel <api@example.com>".to_owned()
        };
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>').and_then(|t| t.rsplit_once('<')) {
            Some((name, address)) => (name.trim().trim_matches('"'), address),
            None => ("", text),
        };
        let is_name = name.chars().count() <= super::ceilings::NAME_CHARS
            && !name.chars().any(|c| c.is_control() || "<>\"\\".contains(c));
        if !is_name || !is_email(address) {
            return Err(wrong());
        }
        Ok(Self {
            name: (!name.is_empty()).then(|| name.to_owned()),
            address: address.to_owned(),
        })
    }

    /// What follows the `@`.
    pub fn domain(&self) -> &str {
        self.address
            .split_once('@')
            .map_or("", |(_, domain)| domain)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_a_dot_atom_at_a_host() {
        let long = format!("{}@example.com", "a".repeat(64));
        for good in [
            "dev@example.com",
            "d.e-v+api@mail.example.co.uk",
            "o'neil@xn--bcher-kva.example",
            "root@localhost",
            "7@3com.example",
            &long,
        ] {
            assert!(is_email(good), "{good}");
        }
        let longer = format!("{}@example.com", "a".repeat(65));
        let longest = format!("a@{}com", "example.".repeat(32));
        for bad in [
            "",
            "dev",
            "@example.com",
            "dev@",
            "dev@example..com",
            "dev@-example.com",
            "dev@example.com.",
            ".dev@example.com",
            "d..v@example.com",
            "a@b@example.com",
            "dev @example.com",
            "dev@exa mple.com",
            "dev@example.com\r\nBcc: x@example.com",
            "\"a b\"@example.com",
            "dev@[127.0.0.1]",
            "dev@127.0.0.1",
            "dév@example.com",
            "dev@exämple.com",
            "<dev@example.com>",
            "dev@example.com,x@example.com",
            &longer,
            &longest,
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn a_mailbox_has_a_name_or_none() {
        let named = Mailbox::parse("Lead Fuel <api@lead.example>").unwrap();
        assert_eq!(named.name.as_deref(), Some("Lead Fuel"));
        assert_eq!(named.domain(), "lead.example");
        let quoted = Mailbox::parse("\"Lead, Fuel\" <api@lead.example>").unwrap();
        assert_eq!(quoted.name.as_deref(), Some("Lead, Fuel"));
        let bare = Mailbox::parse(" api@lead.example ").unwrap();
        assert_eq!(
            (bare.name, bare.address.as_str()),
            (None, "api@lead.example")
        );
        for bad in [
            "",
            "Lead Fuel",
            "Lead\nFuel <api@lead.example>",
            "Lead \" Fuel <api@lead.example>",
            "<api@lead.example",
            "a <b@c.example> <api@lead.example>",
            "Lead Fuel <api@lead.example>, x@example.com",
        ] {
            assert!(Mailbox::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_passes_has_nothing_that_ends_a_header(text in "[a-z@. \\r\\n<>\"A]{0,30}") {
            if is_email(&text) {
                prop_assert!(!text.contains([' ', '\r', '\n', '<', '>', '"']));
                prop_assert_eq!(text.matches('@').count(), 1);
            }
        }
    }
}
