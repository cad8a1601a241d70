//! TLS to Redis: whom we trust and what we show; never the connection below.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::model::RedisTls;

/// Settings of TLS. Its files are read for every connection, so that renewed certificates are used without a restart.
pub(super) struct Tls {
    files: Option<RedisTls>,
    /// The system's authorities, read once where there are none of our own: they are many.
    system: OnceCell<Arc<RootCertStore>>,
}

impl Tls {
    /// TLS with the files of `store.tls`.
    pub(super) fn new(files: Option<RedisTls>) -> Self {
        Self {
            files,
            system: OnceCell::new(),
        }
    }

    /// Encrypts a connection, whose other side must prove to be `host`.
    pub(super) async fn connect(
        &self,
        host: &str,
        socket: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let config = self.config().await?;
        TlsConnector::from(Arc::new(config))
            .connect(name, socket)
            .await
    }

    async fn config(&self) -> io::Result<ClientConfig> {
        let ca = self.files.as_ref().and_then(|f| f.ca.as_ref());
        let roots = match ca {
            Some(file) => {
                let mut store = RootCertStore::empty();
                for certificate in certificates(file).await? {
                    store.add(certificate).map_err(|e| of(file, e))?;
                }
                Arc::new(store)
            }
            None => Arc::clone(self.system.get_or_try_init(system).await?),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots);
        let Some(client) = self.files.as_ref().and_then(|f| f.client.as_ref()) else {
            return Ok(config.with_no_client_auth());
        };
        let chain = certificates(&client.certificate).await?;
        let bytes = tokio::fs::read(&client.private_key).await;
        let bytes = bytes.map_err(|e| of(&client.private_key, e))?;
        let key = PrivateKeyDer::from_pem_slice(&bytes).map_err(|e| of(&client.private_key, e))?;
        config
            .with_client_auth_cert(chain, key)
            .map_err(|e| of(&client.private_key, e))
    }
}

fn of(file: &Path, cause: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("{}: {cause}", file.display()))
}

async fn certificates(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let bytes = tokio::fs::read(file).await.map_err(|e| of(file, e))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match read {
        Ok(read) if read.is_empty() => Err(of(file, "no certificate in it")),
        Ok(read) => Ok(read),
        Err(e) => Err(of(file, e)),
    }
}

async fn system() -> io::Result<Arc<RootCertStore>> {
    let read = tokio::task::spawn_blocking(|| {
        let mut store = RootCertStore::empty();
        // Some systems have some that cannot be read; what matters is whether the one that is needed can.
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        store
    });
    let store = read.await.map_err(io::Error::other)?;
    if store.is_empty() {
        return Err(io::Error::other(
            "the system trusts no authority; store.tls.ca names one",
        ));
    }
    Ok(Arc::new(store))
}
