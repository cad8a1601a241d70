//! What the demo keeps in its folder: secrets, configuration and the CRM's OpenAPI document; never a secret readable by others.

use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::hex;
use crate::base::secret::Secret;
use crate::cli::Failure;

/// The CRM's API; its routes are the demo's.
const OPENAPI: &str = include_str!("../../../conf/crm.openapi.yaml");
/// The demo's configuration with `{{…}}` where values go.
const TEMPLATE: &str = include_str!("demo.yaml");

/// Event types of the demo's rules.
pub(super) const EVENT_TYPES: [&str; 9] = [
    "contact.created",
    "contact.updated",
    "contact.deleted",
    "deal.created",
    "deal.updated",
    "deal.won",
    "deal.lost",
    "activity.logged",
    "automation.triggered",
];

/// Secrets that live as long as the folder.
pub(super) struct Secrets {
    pub(super) pepper: Secret,
    pub(super) admin_token: Secret,
}

#[derive(Serialize, Deserialize)]
struct SecretsFile {
    pepper: String,
    admin_token: String,
}

/// Reads the folder's secrets, or makes them at the first run.
pub(super) fn secrets(folder: &Path) -> Result<Secrets, Failure> {
    std::fs::create_dir_all(folder)
        .map_err(|e| Failure::of(&format!("cannot make {}", folder.display()), e))?;
    let path = folder.join("secrets.json");
    let file = match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|e| Failure::of(&format!("cannot read {}", path.display()), e))?,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let made = SecretsFile {
                pepper: random()?,
                admin_token: random()?,
            };
            let text = serde_json::to_vec_pretty(&made)
                .map_err(|e| Failure::of("cannot write the secrets", e))?;
            write(&path, &text)?;
            made
        }
        Err(e) => return Err(Failure::of(&format!("cannot read {}", path.display()), e)),
    };
    write(&token_file(folder), file.admin_token.as_bytes())?;
    Ok(Secrets {
        pepper: Secret::new(file.pepper),
        admin_token: Secret::new(file.admin_token),
    })
}

/// The file with the admin token, so that commands can read it without showing it.
pub(super) fn token_file(folder: &Path) -> PathBuf {
    folder.join("admin-token")
}

/// What the configuration is made of.
pub(super) struct Settings<'a> {
    pub(super) folder: &'a Path,
    pub(super) listen: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) portal: SocketAddr,
    pub(super) crm: SocketAddr,
    pub(super) secrets: &'a Secrets,
}

/// Writes configuration and OpenAPI document, and gives the configuration's path.
pub(super) fn write_config(s: &Settings<'_>) -> Result<PathBuf, Failure> {
    write(&s.folder.join("crm.openapi.yaml"), OPENAPI.as_bytes())?;
    let folder = s
        .folder
        .canonicalize()
        .map_err(|e| Failure::of("cannot find the folder", e))?;
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let text = TEMPLATE
        .replace("{{listen}}", &quoted(&s.listen.to_string()))
        .replace("{{admin}}", &quoted(&s.admin.to_string()))
        .replace("{{portal}}", &quoted(&s.portal.to_string()))
        .replace("{{portal_url}}", &quoted(&format!("http://{}", s.portal)))
        .replace("{{api_url}}", &quoted(&format!("http://{}", s.listen)))
        .replace("{{crm}}", &quoted(&s.crm.to_string()))
        .replace("{{token}}", &quoted(s.secrets.admin_token.expose()))
        .replace("{{pepper}}", &quoted(s.secrets.pepper.expose()))
        .replace(
            "{{store}}",
            &quoted(&folder.join("fuelgate.db").display().to_string()),
        )
        .replace(
            "{{spool}}",
            &quoted(&folder.join("spool.db").display().to_string()),
        )
        .replace(
            "{{access}}",
            &quoted(&folder.join("access.log").display().to_string()),
        );
    let path = s.folder.join("fuelgate.yaml");
    write(&path, text.as_bytes())?;
    Ok(path)
}

/// Writes a file that only its owner may read.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |e| Failure::of(&format!("cannot write {}", path.display()), e);
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    file.write_all(bytes).map_err(failed)
}

/// 32 random bytes as hex.
fn random() -> Result<String, Failure> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|e| Failure::of("no random numbers", e))?;
    Ok(hex::encode(&bytes))
}
