//! `fuelgate sample-crm`: the sample CRM backend alone; never the CRM itself.

use std::net::SocketAddr;

use super::{Failure, runtime, say};

/// Arguments of `fuelgate sample-crm`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:9000")]
    listen: SocketAddr,
}

/// Serves the sample CRM until it is interrupted.
///
/// # Errors
/// The address cannot be listened on.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    runtime::block_on(async {
        let listener = tokio::net::TcpListener::bind(args.listen)
            .await
            .map_err(|e| Failure::of(&format!("cannot listen on {}", args.listen), e))?;
        let address = listener
            .local_addr()
            .map_err(|e| Failure::of("cannot listen", e))?;
        say(&format!("listening sample-crm {address}"));
        crate::sample::serve(listener, runtime::stopped())
            .await
            .map_err(|e| Failure::of("the sample CRM failed", e))
    })
}
