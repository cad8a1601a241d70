"""Runs the measurements of webhooks.sh: throughput and CPU of deliveries, their delay, and what a blocked receiver costs the API."""

import asyncio
import http.client
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "support"))
from proxies import (OTHER_CPU, cpu_seconds, free_port, fuelgate, keep, nginx, programs, redis_server,
                     wait_for)

SETTINGS = "webhooks: {{ allowed_private_targets: [127.0.0.0/8], endpoint: {{ concurrency: {}, per_second: {} }} }}"
# As fast as one webhook may be, and as it is where nothing is set.
FAST, DEFAULT = SETTINGS.format(64, 1000), SETTINGS.format(8, 50)
TYPE = "contact.created"
ENDPOINTS, BLOCKED = 40, 50
# Requests a second over these connections, while receivers are blocked.
RATE, CLIENTS = 8000, 8


class Admin:
    """The admin API over one connection, or a further one where that was idle and may be closed."""

    def __init__(self, process):
        self.last = time.monotonic()
        self.connection = http.client.HTTPConnection("127.0.0.1", process.admin)
        self.fields = {"Authorization": f"Bearer {process.token}", "Content-Type": "application/json"}

    def call(self, method, path, body=None):
        if time.monotonic() - self.last > 2:
            self.connection.close()
        self.last = time.monotonic()
        self.connection.request(method, path, json.dumps(body) if body is not None else None, self.fields)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {text}")
        return text

    def subscribe(self, account, url):
        body = {"account_id": account, "url": url, "event_types": [TYPE]}
        return json.loads(self.call("POST", "/admin/v1/webhooks", body))["id"]

    def set_status(self, endpoints, status):
        for id in endpoints:
            self.call("PATCH", f"/admin/v1/webhooks/{id}", {"status": status})

    def publish(self, account, number):
        data = {"id": f"c_{number}", "name": "Ada Lovelace", "email": "ada@example.com"}
        self.call("POST", "/admin/v1/events", {"account_id": account, "type": TYPE, "data": data})

    def delivered(self):
        text = self.call("GET", "/metrics").decode()
        found = re.search(r'^fuelgate_webhook_deliveries_total\{outcome="success"\} (\d+)', text, re.M)
        return int(found[1]) if found else 0


def receiver(port):
    return f"server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 204; }} }}"


def throughput(process, to, deliveries):
    """Deliveries per second of a backlog, and the gateway's CPU for each."""
    admin = Admin(process)
    endpoints = []
    for n in range(ENDPOINTS):
        endpoints.append(admin.subscribe(f"acct_{n % 4}", f"http://127.0.0.1:{to}/{n}"))
    admin.set_status(endpoints, "paused")
    for number in range(deliveries // (ENDPOINTS // 4)):
        admin.publish(f"acct_{number % 4}", number)
    before, wanted = admin.delivered(), deliveries // (ENDPOINTS // 4) * (ENDPOINTS // 4)
    time.sleep(3)
    start, cpu = time.monotonic(), cpu_seconds(process.pid)
    admin.set_status(endpoints, "active")
    while (done := admin.delivered() - before) < wanted:
        if time.monotonic() - start > 600:
            raise SystemExit(f"{done} of {wanted} deliveries were made")
        time.sleep(0.1)
    took, cpu = time.monotonic() - start, cpu_seconds(process.pid) - cpu
    return {"deliveries": wanted, "per_second": round(wanted / took, 1), "cpu_us": round(cpu / wanted * 1e6, 1)}


class Http(threading.Thread):
    """A backend and receiver in one: POST /v1/contacts makes contacts, anything else is a delivery whose time is noted."""

    def __init__(self):
        super().__init__(daemon=True)
        self.port, self.heard, self.made, self.ready = free_port(), {}, 0, threading.Event()

    def run(self):
        os.sched_setaffinity(0, {int(OTHER_CPU)})
        asyncio.run(self.serve())

    async def serve(self):
        async def answer(reader, writer):
            try:
                while head := await reader.readuntil(b"\r\n\r\n"):
                    length = re.search(rb"content-length: *(\d+)", head, re.I)
                    body = await reader.readexactly(int(length[1])) if length else b""
                    if head.startswith(b"POST /v1/"):
                        self.made += 1
                        text = json.dumps({"id": f"c_{self.made}", "name": "Ada Lovelace"}).encode()
                        writer.write(b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                                     % (len(text), text))
                    else:
                        self.heard.setdefault(json.loads(body)["data"]["id"], time.monotonic())
                        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                    await writer.drain()
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", self.port, limit=1 << 20)
        self.ready.set()
        await server.serve_forever()


def delay(process, port, secret, http_side, seconds):
    """From when a client has its response to when the receiver has the first attempt, in milliseconds."""
    Admin(process).subscribe("acct_bench", f"http://127.0.0.1:{http_side.port}/hook")
    connection = http.client.HTTPConnection("127.0.0.1", port)
    fields = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    answered, end = {}, time.monotonic() + seconds
    while time.monotonic() < end:
        connection.request("POST", "/v1/contacts", '{"name":"Ada Lovelace"}', fields)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 201:
            raise SystemExit(f"{answer.status} {text}")
        answered[json.loads(text)["id"]] = time.monotonic()
        time.sleep(0.025)
    time.sleep(5)
    missing = [id for id in answered if id not in http_side.heard]
    if missing:
        raise SystemExit(f"{len(missing)} of {len(answered)} events were not delivered")
    # An attempt may arrive before the client has read its response.
    waits = sorted(max(0, http_side.heard[id] - at) * 1e3 for id, at in answered.items())
    share = lambda part: round(waits[int((len(waits) - 1) * part)], 2)
    return {"events": len(waits), "p50_ms": share(0.5), "p99_ms": share(0.99)}


class Mute(threading.Thread):
    """Takes connections and never answers."""

    def __init__(self):
        super().__init__(daemon=True)
        self.port, self.taken, self.ready = free_port(), 0, threading.Event()

    def run(self):
        os.sched_setaffinity(0, {int(OTHER_CPU)})
        asyncio.run(self.serve())

    async def serve(self):
        async def hold(reader, writer):
            self.taken += 1
            while await reader.read(65536):
                pass
            writer.close()

        server = await asyncio.start_server(hold, "127.0.0.1", self.port)
        self.ready.set()
        await server.serve_forever()


def api(process, port, secret, seconds):
    """Each request's microseconds, and the gateway's CPU for one, under reads at a fixed rate: a third of what a core can do, since
    a full core's p99 says how long its queue is."""
    before = cpu_seconds(process.pid)
    with tempfile.NamedTemporaryFile() as log:
        out = subprocess.run(
            ["taskset", "-c", OTHER_CPU, "h2load", "--h1", "-t1", f"-c{CLIENTS}", f"--rps={RATE // CLIENTS}", f"-D{seconds}",
             f"--log-file={log.name}", "-H", f"Authorization: Bearer {secret}", f"http://127.0.0.1:{port}/v1/contacts"],
            capture_output=True, text=True, check=True).stdout
        time.sleep(1.2)
        found = [line.split("\t") for line in pathlib.Path(log.name).read_text().splitlines()]
    if not found or any(row[1] != "200" for row in found):
        raise SystemExit(out)
    return [int(row[2]) for row in found], (cpu_seconds(process.pid) - before) / len(found) * 1e6


def p99_of(times):
    return sorted(times)[int((len(times) - 1) * 0.99)]


def blocked(process, port, secret, rounds, seconds):
    """What a receiver that never answers changes for the API: its webhooks paused and active by turns, each for longer than an
    attempt may take, so that time-outs are in it as often as they are."""
    mute = Mute()
    mute.start()
    mute.ready.wait(10)
    admin = Admin(process)
    endpoints = [admin.subscribe("acct_blocked", f"http://127.0.0.1:{mute.port}/{n}") for n in range(BLOCKED)]
    admin.set_status(endpoints, "paused")
    for number in range(200):
        admin.publish("acct_blocked", number)
    rows, pooled = [], {"paused": [], "active": []}
    api(process, port, secret, 2)
    for number in range(rounds):
        for state in ("paused", "active") if number % 2 == 0 else ("active", "paused"):
            for n, id in enumerate(endpoints):
                # Another URL is another receiver: it is not held off for what the one before did.
                url = f"http://127.0.0.1:{mute.port}/{n}/{number}"
                admin.call("PATCH", f"/admin/v1/webhooks/{id}", {"status": state, "url": url})
            # Attempts under way end, or begin; and what waits for the changed webhooks is brought in line, which is work, too.
            time.sleep(16)
            times, cpu = api(process, port, secret, seconds)
            p99 = p99_of(times)
            pooled[state] += times
            rows.append({"round": number, "receiver": state, "p99_us": p99, "cpu_us": round(cpu, 3)})
            print(f"round {number} {state:7} p99 {p99:8.0f} us {cpu:7.2f} us/request", flush=True)
    if mute.taken < BLOCKED:
        raise SystemExit(f"only {mute.taken} attempts were under way")
    ratio = {}
    for what in ("p99_us", "cpu_us"):
        of = {s: [r[what] for r in rows if r["receiver"] == s] for s in ("paused", "active")}
        ratio[what] = round(statistics.median(a / p for p, a in zip(of["paused"], of["active"])), 3)
    ratio["pooled"] = round(p99_of(pooled["active"]) / p99_of(pooled["paused"]), 3)
    return rows, ratio


def backend(port):
    return f"server {{ listen 127.0.0.1:{port} backlog=4096; default_type application/json; location / {{ return 200 '{{}}'; }} }}"


def main():
    release = pathlib.Path(sys.argv[1])
    deliveries, seconds, rounds = (int(a) for a in (sys.argv[2:] + ["20000", "20", "9"][len(sys.argv) - 2:])[:3])
    lines, rows = [], []
    with programs() as (folder, started):
        upstream, to, redis = free_port(), free_port(), free_port()
        started.append(nginx(folder / "backend", upstream, OTHER_CPU, backend))
        started.append(nginx(folder / "receiver", to, OTHER_CPU, receiver))
        started.append(redis_server(folder / "redis", redis))
        http_side = Http()
        http_side.start()
        http_side.ready.wait(10)
        for port in (upstream, to, redis):
            wait_for(port)
        binary = str(release / "fuelgate")
        shared = lambda prefix: f'{{ engine: redis, nodes: ["redis://127.0.0.1:{redis}"], key_prefix: {prefix} }}'
        scopes = ("contacts:read", "contacts:write")

        def start(name, behind, more):
            """A gateway on this store, of its own for each measurement; told apart in Redis by its prefix."""
            store = None if name.endswith("embedded") else shared(name.split("-")[0])
            running = fuelgate(binary, folder / name, behind, "null", store, more, scopes)
            started.append(running[0])
            return running

        def end(running):
            running[0].terminate()
            running[0].wait(60)

        for store in ("embedded", "redis"):
            running = start(f"rate-{store}", upstream, FAST)
            found = throughput(running[0], to, deliveries)
            end(running)
            lines.append(f"{store}: {found['per_second']} deliveries/s, {found['cpu_us']} us of CPU each, of a backlog of"
                         f" {found['deliveries']} to {ENDPOINTS} webhooks")
            rows.append({"store": store, "what": "throughput", **found})
            print(lines[-1], flush=True)
            running = start(f"delay-{store}", http_side.port, DEFAULT)
            found = delay(*running, http_side, seconds)
            end(running)
            http_side.heard.clear()
            lines.append(f"{store}: from response to first attempt p50 {found['p50_ms']} ms, p99 {found['p99_ms']} ms,"
                         f" {found['events']} events")
            rows.append({"store": store, "what": "delay", **found})
            print(lines[-1], flush=True)
            running = start(f"block-{store}", upstream, DEFAULT)
            found, ratio = blocked(*running, rounds, seconds)
            end(running)
            lines.append(f"{store}: a receiver that never answers, {BLOCKED} webhooks, makes the API's p99"
                         f" {ratio['p99_us']} of what it was and its CPU per request {ratio['cpu_us']} (goal: 1.03 at most;"
                         f" medians of {rounds} rounds; p99 of all rounds' requests together {ratio['pooled']})")
            rows.extend({"store": store, "what": "blocked", **row} for row in found)
            print(lines[-1], flush=True)
    text = "\n".join(lines)
    print(text)
    keep("webhooks", "webhooks.sh", release, (deliveries, seconds, rounds), text, rows)


main()
