//! The built binary as a command that runs to its end, with the tests' admin token in its environment; never what it should say.

use std::process::{Command, Output, Stdio};

use super::gateway::TOKEN;

/// The command, its environment cleared of everything that it would take settings from, but for the token.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fuelgate"));
    command
        .args(arguments)
        .env_remove("FUELGATE_ADMIN_URL")
        .env("FUELGATE_ADMIN_TOKEN", TOKEN)
        .stdin(Stdio::null());
    command
}

/// Runs it.
pub fn fuelgate(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// What it printed.
pub fn out(o: &Output) -> String {
    String::from_utf8_lossy(&o.stdout).into_owned()
}

/// What it said on the side.
pub fn err(o: &Output) -> String {
    String::from_utf8_lossy(&o.stderr).into_owned()
}
