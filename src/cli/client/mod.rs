//! What the clients of the admin API share: where it is, the token, how answers and errors are shown; never one command's meaning.

pub mod error;
pub mod http;
pub mod print;
#[cfg(test)]
pub mod testing;

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use crate::base::secret::Secret;

pub use error::CliError;
use http::Admin;
use print::Output;

/// The environment variable with the token; a flag's value would be seen in the list of processes.
const TOKEN_VARIABLE: &str = "FUELGATE_ADMIN_TOKEN";
/// A token is far shorter, in bytes.
const TOKEN_FILE_BYTES: u64 = 65_536;

/// Where the admin API is and how to speak to it.
#[derive(Debug, Clone, clap::Args)]
pub struct Connection {
    /// Address of the admin API
    #[arg(
        long,
        env = "FUELGATE_ADMIN_URL",
        default_value = "http://127.0.0.1:8082",
        global = true,
        value_name = "URL"
    )]
    pub admin_url: String,
    /// File with the admin token; without it the token is taken from FUELGATE_ADMIN_TOKEN
    #[arg(long, global = true, value_name = "FILE")]
    pub admin_token_file: Option<PathBuf>,
    /// File with the certificates (PEM) that sign the admin API's, instead of the system's
    #[arg(long, global = true, value_name = "FILE")]
    pub admin_ca_file: Option<PathBuf>,
    /// Who you are, for the audit log
    #[arg(long, global = true, value_name = "NAME")]
    pub actor: Option<String>,
    /// Print JSON, for scripts
    #[arg(long, global = true)]
    pub json: bool,
}

impl Connection {
    /// A client with the token from where the user put it, and standard output and error to write to.
    ///
    /// # Errors
    /// What of the flags or the environment cannot be used.
    pub fn open(&self) -> Result<(Admin, Output), CliError> {
        let admin = Admin::new(self, self.token()?)?;
        let mut output = Output::standard(self.json);
        if admin.speaks_openly() {
            output.note("warning: the admin token goes over the network unencrypted: use https://");
        }
        Ok((admin, output))
    }

    fn token(&self) -> Result<Secret, CliError> {
        let text = match &self.admin_token_file {
            Some(path) => {
                let unreadable = |e| CliError::usage(format!("{}: {e}", path.display()));
                let file = fs::File::open(path).map_err(unreadable)?;
                let mut text = String::new();
                let mut file = file.take(TOKEN_FILE_BYTES);
                file.read_to_string(&mut text).map_err(unreadable)?;
                text
            }
            None => std::env::var(TOKEN_VARIABLE).unwrap_or_default(),
        };
        let token = Secret::new(text.trim());
        if token.is_empty() {
            return Err(CliError::usage(format!(
                "no admin token: set {TOKEN_VARIABLE} or name a file with --admin-token-file"
            )));
        }
        Ok(token)
    }
}

/// Which page of a list.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct PageArgs {
    /// Entries at most, 1 to 200
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub limit: Option<u32>,
    /// Where the page before ended
    #[arg(long)]
    pub cursor: Option<String>,
}

impl PageArgs {
    /// Its query parameters.
    pub fn query(&self) -> Vec<(&'static str, String)> {
        let limit = self.limit.map(|l| ("limit", l.to_string()));
        let cursor = self.cursor.clone().map(|c| ("cursor", c));
        limit.into_iter().chain(cursor).collect()
    }
}

/// Adds the parameters that were given to a query.
pub fn add<'a>(
    query: &mut Vec<(&'static str, String)>,
    given: impl IntoIterator<Item = (&'static str, &'a Option<String>)>,
) {
    for (name, value) in given {
        query.extend(value.clone().map(|v| (name, v)));
    }
}
