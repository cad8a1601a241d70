//! A server that speaks TLS, and the certificates for it and its clients; never a certificate for anything else.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::server::{Server, free_port};
use super::settings_for;
use crate::config::model::{RedisStore, RedisTls, TlsFiles};

/// A server with TLS on a port of its own beside the plain one, that asks for client certificates.
pub(crate) struct TlsServer {
    /// The server; its `port` is the plain one.
    pub(crate) server: Server,
    /// The port with TLS.
    pub(crate) tls_port: u16,
    files: TempDir,
}

/// Writes `NAME.crt` and `NAME.key`, signed by `issuer`.
fn write(folder: &Path, name: &str, issuer: &Issuer<'_, KeyPair>) {
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    std::fs::write(folder.join(format!("{name}.crt")), certificate.pem()).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
}

/// Writes `NAME.crt` of a new authority.
fn authority(folder: &Path, name: &str) -> Issuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(folder.join(format!("{name}.crt")), certificate.pem()).unwrap();
    Issuer::new(params, key)
}

impl TlsServer {
    /// Starts it with certificates of a new authority, `ca`, and writes those of an unrelated one, `other`.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let files = TempDir::new().unwrap();
        let ca = authority(files.path(), "ca");
        let other = authority(files.path(), "other");
        for name in ["server", "client"] {
            write(files.path(), name, &ca);
        }
        write(files.path(), "stranger", &other);
        let tls_port = free_port();
        let path = |name: &str| files.path().join(name).display().to_string();
        let (port, cert, key, ca) = (
            tls_port.to_string(),
            path("server.crt"),
            path("server.key"),
            path("ca.crt"),
        );
        let mut all = vec!["--tls-port", &port, "--tls-cert-file", &cert];
        all.extend(["--tls-key-file", &key, "--tls-ca-cert-file", &ca]);
        all.extend(["--tls-auth-clients", "yes"]);
        all.extend(settings);
        Self {
            server: Server::start(&all),
            tls_port,
            files,
        }
    }

    /// One of its files: `ca.crt`, `client.crt`, `client.key`; of others `other.crt`, `stranger.crt`, `stranger.key`.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Settings that trust the authority `ca` and show the certificate of `client`, where there is one.
    pub(crate) fn settings(&self, ca: &str, client: Option<&str>) -> RedisStore {
        let client = client.map(|name| TlsFiles {
            certificate: self.file(&format!("{name}.crt")),
            private_key: self.file(&format!("{name}.key")),
        });
        RedisStore {
            tls: Some(RedisTls {
                ca: Some(self.file(&format!("{ca}.crt"))),
                client,
            }),
            ..settings_for([format!("rediss://127.0.0.1:{}", self.tls_port)])
        }
    }
}
