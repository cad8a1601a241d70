"""Runs the rounds of compare_redis.sh: the gateway on Redis, on its embedded store, and nginx + Lua that asks Redis each time."""

import asyncio
import base64
import hashlib
import hmac
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
from proxies import (OTHER_CPU, PROXY_CPU, arguments, backend, by_proxy, free_port, fuelgate, keep, load, nginx, programs,
                     rounds_of, rounds_of_starts, servers, shared, table, wait_for)

ON_REDIS, EMBEDDED, LUA = "fuelgate on Redis", "fuelgate embedded", "nginx + Lua + Redis"
RATE, BURST = 1_000_000, 1_000_000
SECRET = "lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17"
DELAY_SECONDS = 0.005
# Rounds for what is 5 ms away: shorter ones, or fewer, say little of a p99.
P99_ROUNDS, P99_SECONDS = 27, 5


def redis_cli(port, *words):
    return subprocess.run(["redis-cli", "-p", str(port), *words], capture_output=True, text=True, check=True).stdout


def commands(port):
    """Calls that Redis has served, by name, what scripts call included."""
    lines = (line.split(":", 1) for line in redis_cli(port, "INFO", "commandstats").split() if line.startswith("cmdstat_"))
    return {name[8:]: int(rest.split("calls=")[1].split(",")[0]) for name, rest in lines}


def calls_of(port, proxy, seconds, connections):
    """How many commands a request costs Redis at full speed, those inside scripts included."""
    count = lambda: sum(n for name, n in commands(port).items() if not name.startswith(("info", "config")))
    start = count()
    time.sleep(seconds)
    idle = (count() - start) / seconds
    start = count()
    requests, rate = load(proxy[1], proxy[2], seconds, connections)
    under_load = count() - start
    return (f"commands that Redis served: {under_load / requests:.4f} a request at {rate:.0f} requests/s, inside scripts"
            f" included; of them {idle:.0f} a second while idle (goal: 0.02)")


def lua_proxy(upstream):
    return lambda port: (
        f"upstream b {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 100000000; }}"
        f" server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ access_by_lua_block {{ require('gate').access() }}"
        " header_filter_by_lua_block { require('gate').header() } log_by_lua_block { require('gate').log() }"
        ' proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Connection ""; } }'
    )


def lua_http(redis_port):
    return (
        f"lua_package_path '{HERE}/support/?.lua;;'; lua_shared_dict usage 10m;"
        f" init_by_lua_block {{ local g = require('gate'); g.redis_port = {redis_port};"
        f" g.rate = {RATE // 1000}; g.burst = {BURST} }}"
        " init_worker_by_lua_block { require('gate').start() }\n"
    )


MODULES = ("load_module /usr/lib/nginx/modules/ndk_http_module.so;"
           " load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;\n")


def key_for_lua(port):
    digest = hmac.new(b"0123456789abcdef0123456789abcdef", SECRET.encode(), hashlib.sha1).digest()
    redis_cli(port, "HSET", "key:" + base64.b64encode(digest).decode(), "account", "acct_bench", "id", "key_bench",
              "scopes", "contacts:read", "status", "active", "expires_at", "")


class Delay(threading.Thread):
    """A proxy on loopback that holds back what goes either way, half of `seconds` each, in order. It takes time of the
    processor itself, so that what it is compared with stands behind one too, of no delay."""

    def __init__(self, to, seconds):
        super().__init__(daemon=True)
        self.to, self.seconds, self.port = to, seconds, free_port()
        self.ready = threading.Event()

    def run(self):
        os.sched_setaffinity(0, {int(OTHER_CPU)})
        asyncio.run(self.serve())

    async def serve(self):
        async def pump(reader, writer):
            queue = asyncio.Queue()

            async def send():
                while (item := await queue.get()) is not None:
                    due, data = item
                    await asyncio.sleep(max(0, due - time.monotonic()))
                    writer.write(data)
                    await writer.drain()
                writer.close()

            sending = asyncio.create_task(send())
            try:
                while data := await reader.read(65536):
                    queue.put_nowait((time.monotonic() + self.seconds / 2, data))
            finally:
                queue.put_nowait(None)
                await sending

        async def accept(reader, writer):
            to = await asyncio.open_connection("127.0.0.1", self.to)
            await asyncio.gather(pump(reader, to[1]), pump(to[0], writer), return_exceptions=True)

        server = await asyncio.start_server(accept, "127.0.0.1", self.port)
        self.ready.set()
        await server.serve_forever()


def p99(port, secret, seconds):
    """In microseconds, of every request as it was; wrk adds what clients with a fixed pace would have seen, which makes much
    of the few milliseconds in which a key that was idle warms up. ab's own first percentile line is whole milliseconds."""
    with tempfile.NamedTemporaryFile() as table_file:
        out = subprocess.run(
            ["taskset", "-c", OTHER_CPU, "ab", "-q", "-k", "-c4", f"-t{seconds}", "-n100000000", "-e", table_file.name,
             "-H", f"Authorization: Bearer {secret}", f"http://127.0.0.1:{port}/v1/contacts"],
            capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in out or not re.search(r"Failed requests:\s+0\b", out):
            raise SystemExit(out)
        rows = dict(line.strip().split(",") for line in open(table_file.name))
        return float(rows["99"]) * 1000


def further_away(near, far, rounds, seconds):
    """p99 with Redis near and 5 ms away, interleaved."""
    rows = []
    for number in range(rounds):
        pair = [("near", near), ("far", far)]
        for name, (_, port, secret) in pair if number % 2 == 0 else pair[::-1]:
            rows.append({"round": number, "redis": name, "p99_us": p99(port, secret, seconds)})
    of = {n: [r["p99_us"] for r in rows if r["redis"] == n] for n in ("near", "far")}
    ratio = statistics.median(f / n for n, f in zip(of["near"], of["far"]))
    return rows, (f"p99 with Redis near {statistics.median(of['near']):.0f} us, 5 ms away"
                  f" {statistics.median(of['far']):.0f} us; median of each round's ratio {ratio:.3f} (goal: under 1.05)")


def rounds_of_one_start(release, first, rounds, seconds, connections):
    """Starts everything, and measures so many rounds, numbered from `first`; and what the gateway asks of Redis."""
    with programs() as (folder, started):
        upstream, redis, other_redis = servers(folder, started, backend, 2)
        binary = str(release / "fuelgate")
        proxies = {ON_REDIS: fuelgate(binary, folder / "on-redis", upstream, "null", shared(redis))}
        started.append(proxies[ON_REDIS][0])
        proxies[EMBEDDED] = fuelgate(binary, folder / "embedded", upstream, "null")
        started.append(proxies[EMBEDDED][0])
        port = free_port()
        key_for_lua(other_redis)
        lua = nginx(folder / "lua", port, PROXY_CPU, lua_proxy(upstream), MODULES, lua_http(other_redis))
        started.append(lua)
        proxies[LUA] = (lua, port, SECRET)
        for _, port, _ in proxies.values():
            wait_for(port)
        stores = {ON_REDIS: started[1], LUA: started[2]}
        rows = rounds_of(proxies, rounds, seconds, connections, first, stores)
        return rows, calls_of(redis, proxies[ON_REDIS], seconds, connections)


def latencies(release, rounds, seconds):
    """p99 of two gateways, of which one has its Redis 5 ms further away."""
    with programs() as (folder, started):
        upstream, redis = servers(folder, started, backend, 1)
        behind = {}
        for name, delay in (("near", Delay(redis, 0)), ("far", Delay(redis, DELAY_SECONDS))):
            delay.start()
            delay.ready.wait(10)
            behind[name] = fuelgate(str(release / "fuelgate"), folder / name, upstream, "null", shared(delay.port))
            started.append(behind[name][0])
            p99(behind[name][1], behind[name][2], 2)
        return further_away(behind["near"], behind["far"], rounds, seconds)


def main():
    release, numbers = arguments()
    calls = []

    def one_start(*of):
        rows, line = rounds_of_one_start(*of)
        calls.append(line)
        return rows

    rows, line = rounds_of_starts(one_start, release, *numbers)
    text = table(rows, LUA, line)
    by = by_proxy(rows)
    ratio = lambda what, to: statistics.median(by[ON_REDIS][n][what] / by[to][n][what] for n in by[ON_REDIS])
    to_embedded = ratio("cpu_us", EMBEDDED)
    text += f"\n{ON_REDIS} to {LUA}, each with its Redis's CPU: {ratio('with_store_us', LUA):.3f} (goal: 0.60)"
    text += f"\n{ON_REDIS} to {EMBEDDED}: {to_embedded:.3f} (goal: 1.05; to {LUA}: 0.60)\n{calls[-1]}"
    print(text, flush=True)
    times, line = latencies(release, P99_ROUNDS, P99_SECONDS)
    text += "\n" + line
    print(line)
    keep("compare-redis", "compare_redis.sh", release, numbers, text, rows + times)


main()
