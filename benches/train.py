"""Puts the load of deploy/release.sh on a build that counts where its time goes: the gateway on either store, and bare Pingora."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "support"))
from proxies import OTHER_CPU, PROXY_CPU, free_port, fuelgate, load, programs, servers, shared, wait_for

SCOPES = ("contacts:read", "contacts:write", "deals:read")
# Rules and webhooks, so that events are captured, stored, signed and sent.
WEBHOOKS = "webhooks: { allowed_private_targets: [127.0.0.0/8], endpoint: { concurrency: 16, per_second: 1000 } }"
CONNECTIONS = 32


def backend(port):
    """Answers reads with a page of contacts, writes with one contact, and deliveries."""
    page = json.dumps({"data": [{"id": f"c_{n}", "name": "Ada Lovelace"} for n in range(8)]})
    one = json.dumps({"id": "c_17", "name": "Ada Lovelace", "email": "ada@example.com"})
    return (
        f"server {{ listen 127.0.0.1:{port} backlog=4096; default_type application/json;"
        f" location = /hook {{ return 204; }}"
        f" location / {{ if ($request_method = POST) {{ return 201 '{one}'; }} return 200 '{page}'; }} }}"
    )


def mixed(port, secret, seconds):
    """What real clients send: most is read, some is written, some is refused."""
    subprocess.run(
        ["taskset", "-c", OTHER_CPU, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s",
         str(HERE / "support/mix.lua"), f"http://127.0.0.1:{port}"],
        check=True, stdout=subprocess.DEVNULL, env={**os.environ, "FUELGATE_KEY": secret})


def subscribe(process, url):
    request = urllib.request.Request(
        f"http://127.0.0.1:{process.admin}/admin/v1/webhooks",
        json.dumps({"account_id": "acct_bench", "url": url, "event_types": ["contact.created"]}).encode(),
        {"Authorization": f"Bearer {process.token}", "Content-Type": "application/json"})
    urllib.request.urlopen(request).close()


def train(binary, folder, started, upstream, store, log, seconds):
    process, port, secret = fuelgate(binary, folder, upstream, log, store, WEBHOOKS, SCOPES)
    started.append(process)
    wait_for(port)
    load(port, secret, seconds, CONNECTIONS)
    subscribe(process, f"http://127.0.0.1:{upstream}/hook")
    mixed(port, secret, seconds)
    # The next one has the core for itself, or it takes its store for one that is away.
    process.send_signal(signal.SIGINT)
    process.wait(60)


def main():
    release, seconds = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    with programs() as (folder, started):
        upstream, redis = servers(folder, started, backend, 1)
        for name, store, log in (("embedded", None, "null"), ("logged", None, f"{folder}/access.log"), ("on-redis", shared(redis), "null")):
            train(str(release / "fuelgate"), folder / name, started, upstream, store, log, seconds)
        bare = release / "examples/bare_pingora"
        if bare.exists():
            port = free_port()
            started.append(subprocess.Popen(
                ["taskset", "-c", PROXY_CPU, str(bare), f"127.0.0.1:{port}", f"127.0.0.1:{upstream}"]))
            wait_for(port)
            load(port, "none", seconds, CONNECTIONS)


main()
