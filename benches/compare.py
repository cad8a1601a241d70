"""Runs the rounds of compare.sh: starts backend and proxies, loads one at a time, reads CPU time from /proc."""

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

ROOT = pathlib.Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
PROXY_CPU, OTHER_CPU = "0", "1"


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


def nginx(folder, port, cpu, body):
    folder.mkdir()
    conf = folder / "nginx.conf"
    conf.write_text(
        f"daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;\n"
        "events { worker_connections 4096; }\n"
        f"http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;"
        f" fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n{body(port)}\n}}\n"
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


def fuelgate(binary, folder, upstream, log):
    folder.mkdir()
    token = "bench-admin-token-0123456789"
    (folder / "fuelgate.yaml").write_text(
        f"""
listeners: [ {{ address: "127.0.0.1:0" }} ]
admin: {{ address: "127.0.0.1:0", token: {token} }}
portal: {{ address: "127.0.0.1:0", public_url: "http://127.0.0.1:1" }}
log: {{ access: {log} }}
realm: crm
store: {{ engine: embedded, path: {folder}/fuelgate.db }}
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
"""
    )
    process = subprocess.Popen(
        ["taskset", "-c", PROXY_CPU, binary, "serve", "--config", str(folder / "fuelgate.yaml")],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "FUELGATE_LOG": "warn"},
    )
    ports = {}
    for line in process.stdout:
        match = re.match(r"listening (\S+) .*:(\d+)\s*$", line)
        if match:
            ports[match[1]] = int(match[2])
        if "admin" in ports and len(ports) >= 2:
            break
    request = urllib.request.Request(
        f"http://127.0.0.1:{ports['admin']}/admin/v1/keys",
        json.dumps({"account_id": "acct_bench", "name": "bench", "scopes": ["contacts:read"],
                    "expires_in_days": None}).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    secret = json.load(urllib.request.urlopen(request))["secret"]
    port = next(p for name, p in ports.items() if name not in ("admin", "portal", "status"))
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


def main():
    release = pathlib.Path(sys.argv[1])
    rounds, seconds, connections = (int(a) for a in (sys.argv[2:] + ["9", "5", "32"][len(sys.argv) - 2:])[:3])
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fuelgate-compare-"))
    started = []
    try:
        upstream = free_port()
        started.append(nginx(folder / "backend", upstream, OTHER_CPU, backend))
        wait_for(upstream)
        proxies = {}
        port = free_port()
        started.append(subprocess.Popen(
            ["taskset", "-c", PROXY_CPU, str(release / "examples/bare_pingora"), f"127.0.0.1:{port}",
             f"127.0.0.1:{upstream}"]))
        proxies["bare pingora"] = (started[-1], port, "none")
        port = free_port()
        started.append(nginx(folder / "proxy", port, PROXY_CPU, nginx_proxy(upstream)))
        proxies["bare nginx"] = (started[-1], port, "none")
        for name, log in (("fuelgate, log off", "null"), ("fuelgate, log on", f"{folder}/access.log")):
            process, port, secret = fuelgate(
                str(release / "fuelgate"), folder / f"fg-{len(proxies)}", upstream, log)
            started.append(process)
            proxies[name] = (process, port, secret)
        for _, port, _ in proxies.values():
            wait_for(port)
        for _, port, secret in proxies.values():
            load(port, secret, 2, connections)
        rows = []
        for number in range(rounds):
            names = list(proxies)
            for name in names[number % len(names):] + names[:number % len(names)]:
                process, port, secret = proxies[name]
                before = cpu_seconds(process.pid)
                requests, rate = load(port, secret, seconds, connections)
                # The last usage flush and the last batch of log lines belong to this round.
                time.sleep(1.2)
                cpu = (cpu_seconds(process.pid) - before) / requests * 1e6
                rows.append({"round": number, "proxy": name, "cpu_us": round(cpu, 3), "per_second": rate})
                print(f"round {number} {name:20} {cpu:7.2f} us/request {rate:9.0f} requests/s", flush=True)
        report(rows, rounds, seconds, connections)
    finally:
        for process in started:
            process.send_signal(signal.SIGINT)
        for process in started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        subprocess.run(["rm", "-rf", str(folder)], check=False)


def report(rows, rounds, seconds, connections):
    by = {}
    for row in rows:
        by.setdefault(row["proxy"], {})[row["round"]] = row
    lines = [
        f"{rounds} interleaved rounds of {seconds} s, {connections} connections; medians; ratios are medians of each round's ratio to bare Pingora",
        f"{'proxy':20} {'us/request':>10} {'ratio':>7} {'requests/s':>11} {'ratio':>7}",
    ]
    base = by["bare pingora"]
    for name, own in by.items():
        cpu = statistics.median(r["cpu_us"] for r in own.values())
        rate = statistics.median(r["per_second"] for r in own.values())
        cpu_ratio = statistics.median(own[n]["cpu_us"] / base[n]["cpu_us"] for n in own)
        rate_ratio = statistics.median(own[n]["per_second"] / base[n]["per_second"] for n in own)
        lines.append(f"{name:20} {cpu:10.2f} {cpu_ratio:7.3f} {rate:11.0f} {rate_ratio:7.3f}")
    text = "\n".join(lines)
    print(text)
    out = ROOT / "benches/results" / f"{datetime.date.today()}-compare"
    out.mkdir(parents=True, exist_ok=True)
    machine = subprocess.run(["sh", "-c", "nproc; grep -m1 'model name' /proc/cpuinfo; uname -r; nginx -v 2>&1"],
                             capture_output=True, text=True, check=False).stdout
    (out / "summary.txt").write_text(f"benches/compare.sh {rounds} {seconds} {connections}\n{machine}\n{text}\n")
    (out / "rounds.json").write_text(json.dumps(rows, indent=1) + "\n")


main()
