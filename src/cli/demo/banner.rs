//! What the demo says when it is ready: addresses, the key, and curl lines to paste; never anything that is not so.

use std::net::SocketAddr;
use std::path::Path;

use crate::cli::say;

/// What the lines are made of.
pub(super) struct Facts<'a> {
    pub(super) gateway: SocketAddr,
    pub(super) portal: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) crm: SocketAddr,
    pub(super) config: &'a Path,
    pub(super) token_file: &'a Path,
    pub(super) key: &'a str,
    pub(super) reader: &'a str,
}

/// Prints them.
pub(super) fn print(f: &Facts<'_>) {
    let Facts {
        gateway,
        portal,
        admin,
        crm,
        key,
        reader,
        ..
    } = f;
    let (config, token) = (f.config.display(), f.token_file.display());
    let program = std::env::current_exe();
    let program = program.map_or_else(|_| "fuelgate".to_owned(), |p| p.display().to_string());
    say(&format!(
        r#"
fuelgate demo is ready; stop it with Ctrl-C.

  portal       http://{portal}   (press "Open the demo account")
  docs         http://{portal}/docs
  simulator    http://{portal}/webhook-simulator
  gateway      http://{gateway}/v1
  admin API    http://{admin}/admin/openapi.json   (token in {token})
  metrics      http://{admin}/metrics
  sample CRM   http://{crm}   (what the gateway protects)
  settings     {config}   (edit it: changes are taken at once)

Account acct_demo has two keys, shown once:
  all scopes            {key}
  contacts:read only    {reader}

Paste these into another terminal:

# Read
curl -i http://{gateway}/v1/contacts -H 'Authorization: Bearer {key}'

# Write: the webhook contact.created arrives below
curl -i http://{gateway}/v1/contacts -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' -d '{{"name":"Grace Hopper","email":"grace@example.com"}}'

# 401: no such key
curl -i http://{gateway}/v1/contacts -H 'Authorization: Bearer lf_live_nosuchkey'

# 403: the second key may only read contacts
curl -i http://{gateway}/v1/deals -H 'Authorization: Bearer {reader}'

# 429: 400 requests in a burst against a bucket of 100 that fills at 50 a second
curl -sZ -o /dev/null -w '%{{http_code}}\n' 'http://{gateway}/v1/contacts?limit=1&n=[1-400]' -H 'Authorization: Bearer {reader}' | sort | uniq -c

# A receiver of your own: the account's events, signed, sent to a local URL
'{program}' listen --account acct_demo --forward-to http://127.0.0.1:8000/ --admin-url http://{admin} --admin-token-file '{token}'

# Usage so far
curl -s 'http://{admin}/admin/v1/usage/summary?account_id=acct_demo' -H "Authorization: Bearer $(cat '{token}')"

Verified webhook deliveries:"#
    ));
}
