//! Loads certificate chains with their keys and serves the newest good ones to TLS listeners; never a listener.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::model::TlsFiles;
use crate::base::clock::Timestamp;

/// Why a certificate or its key cannot be used; fit to show to the operator.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The file cannot be read, or is not PEM.
    #[error("{file}: {cause}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// The file holds no certificate.
    #[error("{0}: no certificate in it")]
    Empty(PathBuf),
    /// Key and certificate do not belong together, or the key is of a kind that is not supported.
    #[error("{file}: {cause}")]
    Unusable {
        /// The private key's file.
        file: PathBuf,
        /// What is wrong.
        cause: String,
    },
}

/// A chain with its key, and until when it is good.
#[derive(Debug)]
struct Loaded {
    key: Arc<CertifiedKey>,
    expires_at: Option<Timestamp>,
}

/// The certificate of one TLS listener. Reloading swaps it for new connections; a bad file keeps the old one.
#[derive(Debug)]
pub struct Certificates {
    files: TlsFiles,
    // Read by every handshake and swapped by a reload: a handshake must never wait for a file.
    loaded: ArcSwap<Loaded>,
}

impl Certificates {
    /// Loads the files.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub fn load(files: &TlsFiles) -> Result<Arc<Self>, CertificateError> {
        Ok(Arc::new(Self {
            loaded: ArcSwap::from_pointee(read(files)?),
            files: files.clone(),
        }))
    }

    /// Reads the files again.
    ///
    /// # Errors
    /// What is wrong with which file; the certificate before stays in use.
    pub fn reload(&self) -> Result<(), CertificateError> {
        self.loaded.store(Arc::new(read(&self.files)?));
        Ok(())
    }

    /// The files it is read from.
    pub const fn files(&self) -> &TlsFiles {
        &self.files
    }

    /// When the leaf certificate ends; `None` where that cannot be read.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.loaded.load().expires_at
    }

    /// Settings for a TLS server that presents this certificate and offers `alpn`, most wanted first (RFC 7301).
    ///
    /// # Errors
    /// When the TLS library refuses its own protocol versions, which does not happen.
    pub fn server_config(
        self: &Arc<Self>,
        alpn: &[&[u8]],
    ) -> Result<Arc<ServerConfig>, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let resolver: Arc<dyn ResolvesServerCert> = self.clone();
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = alpn.iter().map(|p| p.to_vec()).collect();
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.loaded.load().key.clone())
    }
}

fn read(files: &TlsFiles) -> Result<Loaded, CertificateError> {
    let unreadable = |file: &PathBuf, cause: String| CertificateError::Unreadable {
        file: file.clone(),
        cause,
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| unreadable(&files.certificate, e.to_string()))?;
    let Some(leaf) = chain.first() else {
        return Err(CertificateError::Empty(files.certificate.clone()));
    };
    let expires_at = x509_parser::parse_x509_certificate(leaf)
        .ok()
        .map(|(_, c)| Timestamp::from_secs(c.validity().not_after.timestamp()));
    let key = PrivateKeyDer::from_pem_file(&files.private_key)
        .map_err(|e| unreadable(&files.private_key, e.to_string()))?;
    let provider = rustls::crypto::ring::default_provider();
    let key =
        CertifiedKey::from_der(chain, key, &provider).map_err(|e| CertificateError::Unusable {
            file: files.private_key.clone(),
            cause: e.to_string(),
        })?;
    Ok(Loaded {
        key: Arc::new(key),
        expires_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_pair(dir: &std::path::Path) -> TlsFiles {
        let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let files = TlsFiles {
            certificate: dir.join("tls.crt"),
            private_key: dir.join("tls.key"),
        };
        std::fs::write(&files.certificate, pair.cert.pem()).unwrap();
        std::fs::write(&files.private_key, pair.signing_key.serialize_pem()).unwrap();
        files
    }

    #[test]
    fn a_bad_file_keeps_the_certificate_before() {
        let dir = tempfile::tempdir().unwrap();
        let files = write_pair(dir.path());
        let certificates = Certificates::load(&files).unwrap();
        assert!(certificates.expires_at().is_some());
        let before = certificates.loaded.load().key.clone();
        std::fs::write(&files.certificate, "nonsense").unwrap();
        assert!(matches!(
            certificates.reload(),
            Err(CertificateError::Empty(_))
        ));
        assert!(Arc::ptr_eq(&before, &certificates.loaded.load().key));
        write_pair(dir.path());
        certificates.reload().unwrap();
        assert!(!Arc::ptr_eq(&before, &certificates.loaded.load().key));
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let mut files = write_pair(dir.path());
        files.private_key = write_pair(other.path()).private_key;
        assert!(matches!(
            Certificates::load(&files),
            Err(CertificateError::Unusable { .. })
        ));
    }
}
