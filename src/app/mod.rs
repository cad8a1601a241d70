//! Puts everything together: the only place that names both domains and backends; never a rule of a domain.

mod alerts;
mod apply;
mod backend;
mod export;
mod hear;
mod listeners;
mod load;
mod observers;
pub mod online;
mod operations;
mod portal;
mod ready;
mod reload;
mod run;
mod signals;
mod simulator;
mod stop;
pub mod store_copy;
pub mod store_file;
mod tasks;
mod watch;
mod wire;

pub use load::load;
pub use run::Running;
pub use wire::{StartError, start};
