//! Makes every part of a gateway of one configuration and joins them; never runs a step of a request itself.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, Semaphore};

use super::alerts;
use super::backend::{Backend, Engine};
use super::export::Export;
use super::listeners::{self, Listeners};
use super::observers::AccountChanges;
use super::operations;
use super::ready::Phase;
use super::reload::{self, Reloader};
use super::run::Running;
use super::simulator::Simulation;
use super::stop::Stop;
use super::tasks::Tasks;
use crate::accounts::service::AccountService;
use crate::accounts::state::Accounts;
use crate::base::ceilings::{LISTEN_STREAMS, STORE_CONTACT_TIME};
use crate::base::clock::Clock;
use crate::base::ids;
use crate::config::certificates::CertificateError;
use crate::config::model::{Config, Log};
use crate::keys::cache::{KeyCache, KeyObserver};
use crate::keys::last_use::LastUses;
use crate::keys::service::KeyService;
use crate::limits::Limiter;
use crate::observe::diagnostics::{self, DiagnosticsError};
use crate::observe::{AccessLog, Metrics, Pace};
use crate::outbound::smtp::SmtpMailer;
use crate::outbound::webhook::HttpTransport;
use crate::portal::service::SessionService;
use crate::proxy::attach::{Attached, Attacher, ScopeValues};
use crate::proxy::gateway::{Gateway, GatewayParts};
use crate::proxy::in_flight::InFlight;
use crate::proxy::inner;
use crate::proxy::listener::BindError;
use crate::proxy::snapshot::{Snapshot, SnapshotError};
use crate::store::embedded::OpenError;
use crate::store::redis;
use crate::store::spool::SpoolError;
use crate::usage::{Flusher, Recorder};
use crate::web::admin;
use crate::web::admin::state::{AdminState, ConfigControl};
use crate::web::health::{self, Health};
use crate::webhooks::delivery::Worker;
use crate::webhooks::service::{ReplayService, WebhookService};
use crate::webhooks::settings::{Settings, SharedSettings};
use crate::webhooks::settler;
use crate::webhooks::sweeper::Sweeper;

/// Prefix of the id of a process, which makes its usage batches its own.
const BOOT: &str = "boot_";
/// Threads that evaluate event conditions.
const CONDITION_THREADS: usize = 1;

/// Why the gateway cannot start; fit to show to the operator.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address of the operators' side.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// An address or certificate of the clients' side.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// TLS settings.
    #[error("TLS settings: {0}")]
    Tls(#[from] rustls::Error),
    /// The store.
    #[error("the store: {0}")]
    Store(#[from] OpenError),
    /// A store that nodes share.
    #[error("the store: {0}")]
    Shared(#[from] redis::OpenError),
    /// The spool before it.
    #[error("the spool: {0}")]
    Spool(#[from] SpoolError),
    /// The configuration cannot be used.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// Diagnostics.
    #[error("diagnostics: {0}")]
    Diagnostics(#[from] DiagnosticsError),
    /// The webhook client.
    #[error("webhook client: {0}")]
    Transport(String),
    /// The mail server's settings.
    #[error("mail server: {0}")]
    Mailer(String),
    /// The metrics.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// What the system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Everything that outlives a configuration, and the handles by which a new one reaches it.
pub(super) struct Parts {
    pub(super) clock: Clock,
    pub(super) backend: Backend,
    pub(super) metrics: Arc<Metrics>,
    pub(super) snapshot: Arc<ArcSwap<Snapshot>>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) limiter: Arc<Limiter>,
    pub(super) keys: KeyCache<Attached>,
    pub(super) last_uses: Arc<LastUses>,
    pub(super) flusher: Arc<Flusher>,
    pub(super) settings: SharedSettings,
    pub(super) transport: Arc<HttpTransport>,
    pub(super) mailer: Arc<SmtpMailer>,
}

/// Starts a gateway: everything is bound and running when this returns.
///
/// # Errors
/// Why it cannot.
pub fn start(config: Config) -> Result<Running, StartError> {
    let metrics = Arc::new(Metrics::new()?);
    let diagnostics = diagnostics::init(metrics.diagnostics_dropped.clone())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("control")
        .enable_all()
        .build()?;
    let _entered = runtime.enter();
    let config = Arc::new(config);
    let parts = parts(&config, metrics, &runtime)?;
    let contacted = match &parts.backend.engine {
        Engine::Embedded(_) => true,
        Engine::Redis(shared) => runtime.block_on(shared.contact_within(STORE_CONTACT_TIME))?,
    };
    if !contacted {
        tracing::warn!("the store is not reached yet; this node is not ready until it is");
    }
    let listeners = listeners::bind(&config)?;
    let wake = Arc::new(Notify::new());
    let events_port = Arc::clone(&parts.backend.events);
    let (events, settler) = settler::pipeline(
        events_port.clone(),
        parts.clock.clone(),
        Arc::clone(&wake),
        CONDITION_THREADS,
    );
    let simulation = Simulation::new(&parts);
    let transport = Arc::clone(&simulation.transport);
    let worker = Arc::new(Worker::new(
        events_port.clone(),
        Arc::clone(&transport),
        Arc::clone(&parts.settings),
        parts.clock.clone(),
        Arc::clone(&wake),
    ));
    let sweeper = Sweeper::new(
        events_port.clone(),
        parts.clock.clone(),
        &events,
        Arc::clone(&wake),
    );
    let (teller, replayer) = operations::makers(&parts, &wake);
    let webhooks = WebhookService::new(events_port, transport, Arc::clone(&parts.settings), wake);
    let parts = Arc::new(parts);
    let (alert_service, alerts) = alerts::makers(&parts, &teller);
    let gateway = Gateway::new(GatewayParts {
        snapshot: Arc::clone(&parts.snapshot),
        keys: parts.keys.clone(),
        last_uses: Arc::clone(&parts.last_uses),
        events: Arc::clone(&events),
        metrics: Arc::clone(&parts.metrics),
        clock: parts.clock.clone(),
        in_flight: InFlight::default(),
        failures: Pace::default(),
    });
    let certificates = Arc::new(listeners.certificates.clone());
    let reloader = Arc::new(reloader(&config, &parts, &certificates));
    let account_service = account_service(&parts);
    let export = Arc::new(Export::new(
        Arc::clone(&parts),
        Arc::clone(events.counters()),
        Arc::clone(worker.counters()),
        certificates,
        gateway.in_flight().clone(),
    ));
    let phase = Arc::new(Phase::default());
    let health = Health {
        readiness: phase.clone(),
        metrics: {
            let export = Arc::clone(&export);
            Arc::new(move || export.render())
        },
    };
    let doors_stop = Stop::new();
    let state = Arc::new(AdminState {
        clock: parts.clock.clone(),
        control: reloader.clone() as Arc<dyn ConfigControl>,
        store: Arc::clone(&parts.backend.accounts),
        accounts: account_service.clone(),
        keys: key_service(&parts),
        limiter: Arc::clone(&parts.limiter),
        usage: Arc::clone(&parts.backend.usage),
        webhooks: webhooks.clone(),
        simulator: simulation.simulator.clone(),
        replays: ReplayService::new(
            Arc::clone(&parts.backend.replays),
            Arc::clone(&parts.backend.events),
        ),
        sessions: SessionService::new(Arc::clone(&parts.backend.sessions)),
        feed: Arc::clone(&parts.backend.feed),
        alerts: alert_service,
        stopping: doors_stop.signal(),
        streams: Arc::new(Semaphore::new(LISTEN_STREAMS)),
    });
    let Listeners {
        clients,
        admin: admin_door,
        status,
        portal,
        addresses,
        ..
    } = listeners;
    let tasks = Tasks {
        settler,
        sweeper,
        worker,
        export,
        accounts: account_service,
        webhooks,
        replayer,
        teller,
        alerts,
        reloader,
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (door, entrances) = inner::door(threads);
    let portal = portal.map(|listener| {
        (
            listener,
            super::portal::router(&parts, &simulation, &state, door),
        )
    });
    let doors = std::iter::once((admin_door, admin::router(&state, health.clone())))
        .chain(status.map(|door| (door, health::status_router(health))))
        .chain(portal)
        .collect();
    drop(_entered);
    Running::start(super::run::Ingredients {
        runtime,
        diagnostics,
        parts,
        gateway,
        clients,
        entrances,
        doors,
        tasks,
        phase,
        doors_stop,
        addresses,
        contacted,
    })
}

fn parts(
    config: &Arc<Config>,
    metrics: Arc<Metrics>,
    runtime: &Runtime,
) -> Result<Parts, StartError> {
    let clock = Clock::following();
    let boot = ids::new(BOOT);
    let backend = Backend::open(config, &clock, &boot, &metrics, runtime)?;
    let snapshot = Arc::new(ArcSwap::new(Snapshot::build(
        Arc::clone(config),
        access_log(&config.log, &metrics)?,
        None,
        &metrics,
    )?));
    let accounts = Arc::new(Accounts::new(Arc::clone(&backend.accounts)));
    let limiter = Arc::new(match &backend.engine {
        Engine::Embedded(_) => Limiter::default(),
        Engine::Redis(shared) => Limiter::leased(Arc::clone(&shared.desk)),
    });
    let recorder = Arc::new(Recorder::new(boot, Some(Arc::clone(&metrics))));
    let flusher = Flusher::new(
        Arc::clone(&recorder),
        Arc::clone(&backend.usage),
        Some(Arc::clone(&metrics)),
        clock.clone(),
    );
    let attacher = Attacher {
        accounts: Arc::clone(&accounts),
        limiter: Arc::clone(&limiter),
        usage: Arc::clone(&backend.usage),
        recorder: Arc::clone(&recorder),
        snapshot: Arc::clone(&snapshot),
        clock: clock.clone(),
        scope_values: ScopeValues::default(),
    };
    let keys = KeyCache::new(
        config.keys.cache,
        Arc::clone(&backend.keys),
        Arc::new(attacher),
    );
    accounts.observe(Arc::new(AccountChanges {
        limiter: Arc::clone(&limiter),
        keys: Arc::new(keys.clone()),
        snapshot: Arc::clone(&snapshot),
        clock: clock.clone(),
    }));
    let transport = HttpTransport::new(
        config.webhooks.allowed_private_targets.clone(),
        config.webhooks.name_servers.clone(),
    )
    .map_err(StartError::Transport)?;
    let mailer = SmtpMailer::default();
    mailer
        .set(config.smtp.as_ref())
        .map_err(StartError::Mailer)?;
    Ok(Parts {
        mailer: Arc::new(mailer),
        settings: Settings::of(config).shared(),
        transport: Arc::new(transport),
        last_uses: Arc::new(LastUses::new()),
        flusher: Arc::new(flusher),
        clock,
        backend,
        metrics,
        snapshot,
        accounts,
        limiter,
        keys,
    })
}

/// Opens the access log that a configuration asks for.
pub(super) fn access_log(log: &Log, metrics: &Metrics) -> io::Result<Option<Arc<AccessLog>>> {
    let Some(sink) = &log.access else {
        return Ok(None);
    };
    let dropped = metrics.access_log_dropped.clone();
    AccessLog::open(sink, log.client_address, dropped).map(|l| Some(Arc::new(l)))
}

fn key_service(parts: &Parts) -> KeyService {
    KeyService::new(
        Arc::clone(&parts.backend.keys),
        Arc::new(parts.keys.clone()) as Arc<dyn KeyObserver>,
    )
}

fn account_service(parts: &Parts) -> AccountService {
    AccountService::new(
        Arc::clone(&parts.backend.accounts),
        Arc::clone(&parts.accounts),
    )
}

fn reloader(
    config: &Arc<Config>,
    parts: &Arc<Parts>,
    certificates: &reload::CertificateList,
) -> Reloader {
    let (applied, metrics) = (Arc::clone(parts), Arc::clone(&parts.metrics));
    Reloader::new(reload::Needs {
        config: Arc::clone(config),
        clock: parts.clock.clone(),
        accounts: Arc::clone(&parts.backend.accounts),
        certificates: Arc::clone(certificates),
        apply: Box::new(move |new| super::apply::apply(&applied, new)),
        observe: Box::new(move |outcome| {
            metrics.config_reload(outcome.is_ok());
            if let Ok(config) = outcome {
                metrics.set_config(&config.hash);
            }
        }),
    })
}
