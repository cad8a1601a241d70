"""What the comparisons share: proxies and a backend on loopback, load by wrk, CPU time from /proc; never a result."""

import contextlib
import datetime
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
# On one core everything shares it: enough to train a build on, not to compare programs.
PROXY_CPU, OTHER_CPU = "0", "1" if os.cpu_count() > 1 else "0"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port):
    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens on {port}")


def nginx(folder, port, cpu, body, modules="", http=""):
    folder.mkdir()
    conf = folder / "nginx.conf"
    conf.write_text(
        f"{modules}daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;\n"
        "events { worker_connections 4096; }\n"
        f"http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;"
        f" fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n{http}{body(port)}\n}}\n"
    )
    return subprocess.Popen(["taskset", "-c", cpu, "nginx", "-p", str(folder), "-c", str(conf)])


def backend(port):
    payload = json.dumps({"data": [{"id": f"c_{i}", "name": "Ada Lovelace"} for i in range(8)]})
    return (
        f"server {{ listen 127.0.0.1:{port} backlog=4096; default_type application/json;"
        f" location / {{ return 200 '{payload}'; }} }}"
    )


def nginx_proxy(upstream):
    return lambda port: (
        f"upstream b {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 100000000; }}"
        f" server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ proxy_pass http://b;"
        ' proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Authorization ""; } }'
    )


def redis_server(folder, port):
    folder.mkdir()
    return subprocess.Popen(
        ["taskset", "-c", OTHER_CPU, "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder),
         "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction", "--daemonize", "no"],
        stdout=subprocess.DEVNULL)


def servers(folder, started, body, redis=0):
    """Starts nginx as the backend, answering as `body` says, and so many Redis: their ports, the backend's first."""
    ports = [free_port() for _ in range(1 + redis)]
    started.append(nginx(folder / "backend", ports[0], OTHER_CPU, body))
    started.extend(redis_server(folder / f"redis-server-{port}", port) for port in ports[1:])
    for port in ports:
        wait_for(port)
    return ports


def shared(port):
    """The text of a store on that Redis."""
    return f'{{ engine: redis, nodes: ["redis://127.0.0.1:{port}"] }}'


def fuelgate(binary, folder, upstream, log, store=None, more="", scopes=("contacts:read",)):
    """A gateway with everything on; `store` is the text of its store, embedded where it is left out, `more` further text.
    Its process knows its admin API: `admin` (port) and `token`."""
    folder.mkdir()
    token = "bench-admin-token-0123456789"
    store = store or f"{{ engine: embedded, path: {folder}/fuelgate.db }}"
    (folder / "fuelgate.yaml").write_text(
        f"""
listeners: [ {{ address: "127.0.0.1:0" }} ]
admin: {{ address: "127.0.0.1:0", token: {token} }}
portal: {{ address: "127.0.0.1:0", public_url: "http://127.0.0.1:1" }}
log: {{ access: {log} }}
realm: crm
store: {store}
spool: {{ path: {folder}/spool.db, max_bytes: 1073741824 }}
keys: {{ prefix: lf_live, peppers: [ {{ id: p1, secret: "0123456789abcdef0123456789abcdef" }} ] }}
default_plan: huge
plans:
  huge:
    rate: {{ requests: 1000000, per_seconds: 1, burst: 1000000 }}
    account_rate: {{ requests: 1000000, per_seconds: 1, burst: 1000000 }}
    quotas: {{ hour: 1000000000, month: 10000000000 }}
    max_keys: 100
upstreams: {{ crm: {{ targets: [ {{ address: "127.0.0.1:{upstream}", weight: 1 }} ] }} }}
apis: [ {{ openapi: {ROOT}/conf/crm.openapi.yaml, upstream: crm, server_prefix: /v1 }} ]
events: [ {{ type: contact.created, route: {{ method: POST, path: /v1/contacts }}, status: [201] }} ]
{more}
"""
    )
    process = subprocess.Popen(
        ["taskset", "-c", PROXY_CPU, binary, "serve", "--config", str(folder / "fuelgate.yaml")],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "FUELGATE_LOG": "warn"},
    )
    try:
        ports = {}
        for line in process.stdout:
            match = re.match(r"listening (\S+) .*:(\d+)\s*$", line)
            if match:
                ports[match[1]] = int(match[2])
            if "admin" in ports and len(ports) >= 2:
                break
        request = urllib.request.Request(
            f"http://127.0.0.1:{ports['admin']}/admin/v1/keys",
            json.dumps({"account_id": "acct_bench", "name": "bench", "scopes": list(scopes),
                        "expires_in_days": None}).encode(),
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        secret = json.load(urllib.request.urlopen(request))["secret"]
        process.admin, process.token = ports["admin"], token
        port = next(p for name, p in ports.items() if name not in ("admin", "portal", "status"))
    except BaseException:
        # Nobody else knows of it yet.
        process.kill()
        raise
    return process, port, secret


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def load(port, secret, seconds, connections):
    out = subprocess.run(
        ["taskset", "-c", OTHER_CPU, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency",
         "-H", f"Authorization: Bearer {secret}", f"http://127.0.0.1:{port}/v1/contacts"],
        capture_output=True, text=True, check=True,
    ).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(out)
    return int(re.search(r"(\d+) requests in", out)[1]), float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])


def latency_us(text, share):
    """A percentile of wrk's `--latency`, in microseconds."""
    number, unit = re.search(rf"^\s*{share}%\s+([\d.]+)(us|ms|s)\s*$", text, re.M).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]


@contextlib.contextmanager
def programs():
    """A list of processes, which are ended together, and a folder of their own."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fuelgate-compare-"))
    started = []
    try:
        yield folder, started
    finally:
        for process in started:
            process.send_signal(signal.SIGINT)
        for process in started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        subprocess.run(["rm", "-rf", str(folder)], check=False)


def rounds_of(proxies, rounds, seconds, connections, first=0, stores=None):
    """Interleaved rounds over `{name: (process, port, secret)}`, numbered from `first`: CPU of the proxy process and throughput
    of each; and CPU of the proxy and its store together where `stores` has that store's process."""
    stores = stores or {}
    for _, port, secret in proxies.values():
        load(port, secret, 2, connections)
    rows = []
    for number in range(first, first + rounds):
        names = list(proxies)
        for name in names[number % len(names):] + names[:number % len(names)]:
            process, port, secret = proxies[name]
            store = stores.get(name)
            with_store = lambda: cpu_seconds(process.pid) + (cpu_seconds(store.pid) if store else 0)
            before, all_before = cpu_seconds(process.pid), with_store()
            requests, rate = load(port, secret, seconds, connections)
            # The last usage flush and the last batch of log lines belong to this round.
            time.sleep(1.2)
            cpu = (cpu_seconds(process.pid) - before) / requests * 1e6
            rows.append({"round": number, "proxy": name, "cpu_us": round(cpu, 3), "per_second": rate,
                         "with_store_us": round((with_store() - all_before) / requests * 1e6, 3)})
            print(f"round {number} {name:22} {cpu:7.2f} us/request {rate:9.0f} requests/s", flush=True)
    return rows


def arguments():
    """The folder of the programs, then starts, rounds, seconds and connections as the command line or the defaults say."""
    given = [int(a) for a in sys.argv[2:]]
    return pathlib.Path(sys.argv[1]), (*given, *(5, 3, 3, 32)[len(given):])


def rounds_of_starts(one_start, release, starts, rounds, seconds, connections):
    """All rounds of so many starts, and the line that says what they were. Where a process's memory came to lie moves its CPU per
    request by some per cent for as long as it lives, so that one start of each, however long it is measured, says little."""
    rows = []
    for start in range(starts):
        rows += one_start(release, start * rounds, rounds, seconds, connections)
    return rows, f"{starts} starts of all, {rounds} interleaved rounds of {seconds} s each, {connections} connections"


def by_proxy(rows):
    by = {}
    for row in rows:
        by.setdefault(row["proxy"], {})[row["round"]] = row
    return by


def keep(what, script, release, numbers, text, rows):
    """Writes a result with the command that made it and the machine; apart from others what deploy/release.sh built."""
    guided = "guided" in pathlib.Path(release).parts
    what += "-guided" if guided else ""
    command = " ".join([f"benches/{script}", *(["--guided"] if guided else []), *(str(n) for n in numbers)])
    out = ROOT / "benches/results" / f"{datetime.date.today()}-{what}"
    out.mkdir(parents=True, exist_ok=True)
    machine = subprocess.run(["sh", "-c", "nproc; grep -m1 'model name' /proc/cpuinfo; uname -r; nginx -v 2>&1"],
                             capture_output=True, text=True, check=False).stdout
    (out / "summary.txt").write_text(f"{command}\n{machine}\n{text}\n")
    (out / "rounds.json").write_text(json.dumps(rows, indent=1) + "\n")


def table(rows, base, line):
    """Medians, and medians of each round's ratio to `base`."""
    by = by_proxy(rows)
    lines = [
        f"{line}; medians; ratios are medians of each round's ratio to {base}",
        f"{'proxy':22} {'us/request':>10} {'ratio':>7} {'requests/s':>11} {'ratio':>7}",
    ]
    for name, own in by.items():
        cpu = statistics.median(r["cpu_us"] for r in own.values())
        rate = statistics.median(r["per_second"] for r in own.values())
        cpu_ratio = statistics.median(own[n]["cpu_us"] / by[base][n]["cpu_us"] for n in own)
        rate_ratio = statistics.median(own[n]["per_second"] / by[base][n]["per_second"] for n in own)
        lines.append(f"{name:22} {cpu:10.2f} {cpu_ratio:7.3f} {rate:11.0f} {rate_ratio:7.3f}")
    return "\n".join(lines)
