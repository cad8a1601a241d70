//! Checks that TLS files are there, are PEM and belong together; never keeps their content.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Check;
use super::words::under;
use crate::config::file::TlsFile;
use crate::config::model::{RedisTls, TlsFiles};
use crate::config::tree::Step;
use crate::config::{beside, read_file};

/// The files of a listener.
pub(super) fn files(check: &mut Check<'_>, t: &TlsFile, path: &[Step]) -> TlsFiles {
    let files = TlsFiles {
        certificate: beside(check.source, &t.certificate),
        private_key: beside(check.source, &t.private_key),
    };
    let (cert_at, key_at) = (under(path, "certificate"), under(path, "private_key"));
    let chain = certificates(check, &files.certificate, &cert_at);
    let key = private_key(check, &files.private_key, &key_at);
    belong_together(check, chain, key, &key_at);
    files
}

/// Sees that a certificate and a key fit.
fn belong_together(
    check: &mut Check<'_>,
    chain: Option<Vec<CertificateDer<'static>>>,
    key: Option<PrivateKeyDer<'static>>,
    key_at: &[Step],
) {
    let (Some(chain), Some(key)) = (chain, key) else {
        return;
    };
    let provider = rustls::crypto::ring::default_provider();
    if let Err(e) = rustls::sign::CertifiedKey::from_der(chain, key, &provider) {
        let message = match e {
            rustls::Error::InconsistentKeys(_) => {
                "expected the private key of the certificate, found another".to_owned()
            }
            other => format!("expected a certificate and a key that can be used: {other}"),
        };
        check.problem(key_at, message);
    }
}

/// The certificates of a PEM file.
pub(super) fn certificates(
    check: &mut Check<'_>,
    file: &Path,
    path: &[Step],
) -> Option<Vec<CertificateDer<'static>>> {
    let wrong = |cause: String| {
        format!(
            "expected a PEM file with certificates at {}: {cause}",
            file.display()
        )
    };
    let parsed = read_file(file, check.options).and_then(|bytes| {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        match chain {
            Ok(c) if c.is_empty() => Err("it holds no certificate".to_owned()),
            Ok(c) => Ok(c),
            Err(e) => Err(format!("it is not valid PEM ({e})")),
        }
    });
    check.ok(path, parsed.map_err(wrong))
}

/// The private key of a PEM file.
pub(super) fn private_key(
    check: &mut Check<'_>,
    file: &Path,
    path: &[Step],
) -> Option<PrivateKeyDer<'static>> {
    let wrong = |cause: String| {
        format!(
            "expected a PEM file with a private key at {}: {cause}",
            file.display()
        )
    };
    let parsed = read_file(file, check.options).and_then(|bytes| {
        PrivateKeyDer::from_pem_slice(&bytes)
            .map_err(|_| "it holds no private key in PEM (PKCS#8, PKCS#1 or SEC1)".to_owned())
    });
    check.ok(path, parsed.map_err(wrong))
}

/// Optional PEM files of a client: authorities, and a chain with its key, which need each other.
pub(super) fn client_files(
    check: &mut Check<'_>,
    t: &crate::config::file::RedisTlsFile,
    path: &[Step],
) -> RedisTls {
    let source = check.source.to_path_buf();
    let file =
        |name: &Option<String>| -> Option<PathBuf> { name.as_deref().map(|n| beside(&source, n)) };
    let ca = file(&t.ca);
    if let Some(ca) = &ca {
        certificates(check, ca, &under(path, "ca"));
    }
    let client = match (file(&t.certificate), file(&t.private_key)) {
        (Some(certificate), Some(private_key_file)) => {
            let key_at = under(path, "private_key");
            let chain = certificates(check, &certificate, &under(path, "certificate"));
            let key = private_key(check, &private_key_file, &key_at);
            belong_together(check, chain, key, &key_at);
            Some(TlsFiles {
                certificate,
                private_key: private_key_file,
            })
        }
        (Some(_), None) => {
            check.problem(
                &under(path, "certificate"),
                "expected `private_key` beside it",
            );
            None
        }
        (None, Some(_)) => {
            check.problem(
                &under(path, "private_key"),
                "expected `certificate` beside it",
            );
            None
        }
        (None, None) => None,
    };
    RedisTls { ca, client }
}
