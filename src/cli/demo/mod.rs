//! `fuelgate demo`: gateway, portal, sample CRM and a webhook receiver in one process on the embedded store; never a shortcut past the admin API.

mod admin;
mod banner;
mod files;
mod receiver;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Failure, say};
use crate::app;
use crate::base::clock::Clock;
use crate::base::secret::Secret;

/// The demo's account.
const ACCOUNT: &str = "acct_demo";

/// Arguments of `fuelgate demo`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder for the demo's configuration, secrets and database
    #[arg(long, value_name = "DIR", default_value = "data/demo")]
    data: PathBuf,
    /// Address of the gateway; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Address of the admin API; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8082")]
    admin_listen: SocketAddr,
    /// Address of the developer portal, a loopback one; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8081")]
    portal_listen: SocketAddr,
}

/// Runs the demo until it is interrupted.
///
/// # Errors
/// What could not be started.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let side = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("demo")
        .enable_all()
        .build()
        .map_err(|e| Failure::of("cannot start", e))?;
    let crm = side.block_on(start_crm())?;
    let (receiver, deliveries) = side.block_on(receiver::start())?;
    // What is printed is pasted into another terminal, wherever that is.
    let data = std::path::absolute(&args.data)
        .map_err(|e| Failure::of("cannot use the folder of --data", e))?;
    let secrets = files::secrets(&data)?;
    // Pages and samples name both addresses, so that their ports are known before anything listens.
    let (listen, portal) = (known(args.listen)?, known(args.portal_listen)?);
    let file = files::write_config(&files::Settings {
        folder: &data,
        listen,
        admin: args.admin_listen,
        portal,
        crm,
        secrets: &secrets,
    })?;
    let config = app::load(&file).map_err(|report| Failure::new(report.to_string()))?;
    let running = app::start(config).map_err(|e| {
        Failure::new(format!(
            "cannot start: {e}\nif an address is in use: fuelgate demo --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 --portal-listen 127.0.0.1:0"
        ))
    })?;
    let address = |what: &str| {
        running
            .addresses()
            .iter()
            .find(|(name, _)| name == what)
            .map(|(_, address)| *address)
            .ok_or_else(|| Failure::new(format!("no listener {what}")))
    };
    let (gateway, admin_address) = (address("http")?, address("admin")?);
    for (what, address) in running.addresses() {
        say(&format!("listening {what} {address}"));
    }
    say(&format!("listening sample-crm {crm}"));
    let client = admin::Client::new(admin_address, secrets.admin_token.clone())?;
    let ready = side.block_on(prepare(&client, receiver))?;
    deliveries.verify_with(&ready.webhook_secret);
    banner::print(&banner::Facts {
        gateway,
        portal,
        admin: admin_address,
        crm,
        config: &file,
        token_file: &files::token_file(&data),
        key: ready.key.expose(),
        reader: ready.reader.expose(),
    });
    running
        .run_until_signal()
        .map_err(|e| Failure::of("stopped", e))
}

/// The address itself, or with a port that is free now where it says 0.
fn known(address: SocketAddr) -> Result<SocketAddr, Failure> {
    if address.port() != 0 {
        return Ok(address);
    }
    std::net::TcpListener::bind(address)
        .and_then(|l| l.local_addr())
        .map_err(|e| Failure::of(&format!("cannot listen on {address}"), e))
}

async fn start_crm() -> Result<SocketAddr, Failure> {
    let failed = |e| Failure::of("cannot start the sample CRM", e);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    tokio::spawn(async move {
        if let Err(e) = crate::sample::serve(listener, std::future::pending::<()>()).await {
            tracing::error!("the sample CRM failed: {e}");
        }
    });
    Ok(address)
}

/// What the demo's user gets.
struct Ready {
    key: Secret,
    reader: Secret,
    webhook_secret: Secret,
}

/// Makes keys and a webhook endpoint; those of earlier runs, whose secrets nobody has any more, are removed.
async fn prepare(client: &admin::Client, receiver: SocketAddr) -> Result<Ready, Failure> {
    client
        .post(
            &format!("/admin/v1/accounts/{ACCOUNT}/revoke-keys"),
            Some(json!({})),
        )
        .await
        .or_else(admin::ignore_missing)?;
    let scopes = [
        "contacts:read",
        "contacts:write",
        "deals:read",
        "deals:write",
        "activities:read",
        "activities:write",
        "automations:read",
        "automations:write",
        "users:read",
        "reports:read",
    ];
    let key = make_key(client, "demo", &scopes).await?;
    let reader = make_key(client, "demo, reads contacts only", &["contacts:read"]).await?;
    let list = client
        .get(&format!(
            "/admin/v1/webhooks?account_id={ACCOUNT}&limit=200"
        ))
        .await?;
    for old in list["data"].as_array().into_iter().flatten() {
        if let Some(id) = old["id"]
            .as_str()
            .filter(|_| old["description"] == "demo receiver")
        {
            client.delete(&format!("/admin/v1/webhooks/{id}")).await?;
        }
    }
    let webhook = client
        .post(
            "/admin/v1/webhooks",
            Some(json!({
                "account_id": ACCOUNT,
                "url": format!("http://{receiver}/webhooks"),
                "description": "demo receiver",
                "event_types": files::EVENT_TYPES,
            })),
        )
        .await?;
    Ok(Ready {
        key,
        reader,
        webhook_secret: secret_of(&webhook)?,
    })
}

async fn make_key(client: &admin::Client, name: &str, scopes: &[&str]) -> Result<Secret, Failure> {
    let made = client
        .post(
            "/admin/v1/keys",
            Some(json!({"account_id": ACCOUNT, "name": name, "scopes": scopes, "expires_in_days": 30})),
        )
        .await?;
    secret_of(&made)
}

fn secret_of(made: &Value) -> Result<Secret, Failure> {
    made["secret"]
        .as_str()
        .map(Secret::new)
        .ok_or_else(|| Failure::new("the admin API's answer has no secret"))
}

/// The clock of everything in the demo.
pub(super) const fn clock() -> Clock {
    Clock::system()
}
