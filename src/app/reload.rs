//! Hot reload: file change, SIGHUP and the admin API go one way: load, validate, build, swap; never half of it.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use tokio::sync::Mutex;

use super::load;
use crate::accounts::port::AccountStore;
use crate::base::clock::Clock;
use crate::config::certificates::Certificates;
use crate::config::model::Config;
use crate::config::{Report, diff_restart_only};
use crate::web::admin::state::{ConfigControl, ConfigFailure, ConfigProblem, ConfigStatus};

/// Builds what runs on a configuration and swaps it in; the last step, after which nothing can fail.
pub(super) type Apply = Box<dyn Fn(&Arc<Config>) -> Result<(), Vec<ConfigProblem>> + Send + Sync>;

/// What hears how a reload ended.
pub(super) type Observe = Box<dyn Fn(Result<&Config, &[ConfigProblem]>) + Send + Sync>;

/// Certificates in use with the names of their listeners.
pub(super) type CertificateList = Arc<Vec<(String, Arc<Certificates>)>>;

/// The configuration in use and the one way to another.
pub(super) struct Reloader {
    file: PathBuf,
    clock: Clock,
    accounts: Arc<dyn AccountStore>,
    // Read by every admin call; written only by a reload.
    current: ArcSwap<Current>,
    certificates: CertificateList,
    // One reload at a time: two that overlap could end with the older one swapped in last.
    turn: Mutex<()>,
    apply: Apply,
    observe: Observe,
}

struct Current {
    config: Arc<Config>,
    status: ConfigStatus,
}

/// What a [`Reloader`] is made of.
pub(super) struct Needs {
    pub(super) config: Arc<Config>,
    pub(super) clock: Clock,
    pub(super) accounts: Arc<dyn AccountStore>,
    pub(super) certificates: CertificateList,
    pub(super) apply: Apply,
    pub(super) observe: Observe,
}

impl Reloader {
    pub(super) fn new(needs: Needs) -> Self {
        let status = ConfigStatus {
            loaded_at: needs.clock.now(),
            failure: None,
        };
        (needs.observe)(Ok(&needs.config));
        Self {
            file: needs.config.source.clone(),
            current: ArcSwap::from_pointee(Current {
                config: needs.config,
                status,
            }),
            clock: needs.clock,
            accounts: needs.accounts,
            certificates: needs.certificates,
            turn: Mutex::new(()),
            apply: needs.apply,
            observe: needs.observe,
        }
    }

    /// Every file whose change is a reason to reload.
    pub(super) fn watched(&self) -> Vec<PathBuf> {
        let mut files = self.current.load().config.files.clone();
        for (_, c) in self.certificates.iter() {
            files.push(c.files().certificate.clone());
            files.push(c.files().private_key.clone());
        }
        files
    }

    /// Certificates are taken anew with every reload: they change without the configuration that names them.
    async fn reload_certificates(&self) {
        let all = Arc::clone(&self.certificates);
        let reloaded = tokio::task::spawn_blocking(move || {
            for (name, certificates) in all.iter() {
                if let Err(e) = certificates.reload() {
                    tracing::error!("the certificate of {name} is not reloaded: {e}");
                }
            }
        });
        // It only fails when the runtime ends.
        let _ = reloaded.await;
    }

    /// Reloads where a watched file changed; a file that still says the same is no reload.
    pub(super) async fn file_changed(&self) {
        let _ = self.run(true).await;
    }

    async fn run(&self, only_if_changed: bool) -> Result<(), Vec<ConfigProblem>> {
        let _turn = self.turn.lock().await;
        self.reload_certificates().await;
        let file = self.file.clone();
        let loaded = tokio::task::spawn_blocking(move || load(&file)).await;
        let before = self.current.load_full();
        let outcome = match loaded {
            Ok(Ok(new)) => {
                let same = new.fingerprint == before.config.fingerprint;
                if only_if_changed && same && before.status.failure.is_none() {
                    return Ok(());
                }
                self.swap(Arc::new(new), &before.config).await
            }
            Ok(Err(report)) => Err(problems(&report)),
            Err(_) => Err(vec![whole_file("the file could not be read to its end")]),
        };
        match outcome {
            Ok(config) => {
                tracing::info!(hash = %config.hash, "the configuration was reloaded");
                (self.observe)(Ok(&config));
                self.current.store(Arc::new(Current {
                    config,
                    status: ConfigStatus {
                        loaded_at: self.clock.now(),
                        failure: None,
                    },
                }));
                Ok(())
            }
            Err(problems) => {
                self.failed(&before, &problems, only_if_changed);
                Err(problems)
            }
        }
    }

    async fn swap(
        &self,
        new: Arc<Config>,
        old: &Config,
    ) -> Result<Arc<Config>, Vec<ConfigProblem>> {
        let fixed = diff_restart_only(old, &new);
        if !fixed.is_empty() {
            return Err(fixed
                .into_iter()
                .map(|setting| ConfigProblem {
                    place: self.file.display().to_string(),
                    setting,
                    message: "cannot be changed while the gateway runs; restart it".to_owned(),
                })
                .collect());
        }
        // Only then is the store asked: a key must be deniable, and the gateway closable, while it is away.
        let removes_a_plan = old.plans.keys().any(|p| !new.plans.contains_key(p));
        let in_use = match removes_a_plan {
            false => Vec::new(),
            true => self.accounts.plans_in_use().await.map_err(|e| {
                tracing::warn!("cannot ask which plans are in use: {e}");
                vec![whole_file(
                    "the store cannot say which plans are in use; try again",
                )]
            })?,
        };
        let gone: Vec<_> = in_use
            .into_iter()
            .filter(|plan| !new.plans.contains_key(plan))
            .map(|plan| ConfigProblem {
                place: self.file.display().to_string(),
                setting: format!("plans.{plan}"),
                message: "accounts have this plan; give them another one before it is removed"
                    .to_owned(),
            })
            .collect();
        if !gone.is_empty() {
            return Err(gone);
        }
        (self.apply)(&new)?;
        Ok(new)
    }

    fn failed(&self, before: &Current, problems: &[ConfigProblem], quietly_repeated: bool) {
        let known = before
            .status
            .failure
            .as_ref()
            .is_some_and(|f| f.problems == problems);
        // The same broken file seen again by the watcher is no news.
        if known && quietly_repeated {
            return;
        }
        for p in problems {
            tracing::error!(
                "configuration not reloaded: {} {}: {}",
                p.place,
                p.setting,
                p.message
            );
        }
        (self.observe)(Err(problems));
        self.current.store(Arc::new(Current {
            config: Arc::clone(&before.config),
            status: ConfigStatus {
                loaded_at: before.status.loaded_at,
                failure: Some(ConfigFailure {
                    at: self.clock.now(),
                    problems: problems.to_vec(),
                }),
            },
        }));
    }
}

#[async_trait]
impl ConfigControl for Reloader {
    fn current(&self) -> Arc<Config> {
        Arc::clone(&self.current.load().config)
    }

    fn status(&self) -> ConfigStatus {
        self.current.load().status.clone()
    }

    async fn reload(&self) -> Result<(), Vec<ConfigProblem>> {
        self.run(false).await
    }
}

fn problems(report: &Report) -> Vec<ConfigProblem> {
    report
        .problems
        .iter()
        .map(|p| ConfigProblem {
            place: format!("{}:{}:{}", p.file.display(), p.line, p.column),
            setting: p.path.clone(),
            message: p.message.clone(),
        })
        .collect()
}

pub(super) fn whole_file(message: &str) -> ConfigProblem {
    ConfigProblem {
        place: String::new(),
        setting: String::new(),
        message: message.to_owned(),
    }
}
