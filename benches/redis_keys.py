"""Measures what redis_keys.sh says: so many keys imported over the admin API, then a gateway that starts beside them."""

import hashlib
import hmac
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "support"))
from proxies import OTHER_CPU, backend, free_port, fuelgate, keep, latency_us, nginx, programs, redis_server, wait_for

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PEPPER = b"0123456789abcdef0123456789abcdef"
KEYS_OF_ACCOUNT, BATCH = 100, 1000
SAMPLE = 20_000
# Of so many keys, at most, the memory in the gateway is measured: each costs Redis a handful of calls the first time.
WARMED = 200_000
WARMING_SECONDS = 120


def secret(dice):
    body = "".join(dice.choices(BASE62, k=30))
    rest, check = zlib.crc32(body.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        check = BASE62[digit] + check
    return f"lf_live_{body}{check}"


def imported(number, text):
    return {"account_id": f"acct_{number // KEYS_OF_ACCOUNT:06}", "name": f"key {number}", "scopes": ["contacts:read"],
            "expires_in_days": None, "digest": hmac.new(PEPPER, text.encode(), hashlib.sha256).hexdigest(),
            "hash": "hmac_sha256", "pepper": "p1", "prefix": "lf_live", "last_four": text[-4:]}


def post(admin, path, value):
    request = urllib.request.Request(
        f"http://127.0.0.1:{admin}{path}", json.dumps(value).encode(),
        {"Authorization": "Bearer bench-admin-token-0123456789", "Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=60))


def get(admin, path):
    return urllib.request.urlopen(f"http://127.0.0.1:{admin}{path}", timeout=10).read().decode()


def admin_of(process):
    """The admin API's port: the listening socket that answers `/healthz`."""
    out = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        if f"pid={process.pid}," in line:
            port = int(line.split()[3].rsplit(":", 1)[1])
            try:
                if "ok" in get(port, "/healthz"):
                    return port
            except (urllib.error.URLError, OSError):
                pass
    raise SystemExit("no admin API")


def resident(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


def info(port, section):
    return subprocess.run(["redis-cli", "-p", str(port), "INFO", section], capture_output=True, text=True, check=True).stdout


def used_memory(port):
    return int(re.search(r"used_memory:(\d+)", info(port, "memory"))[1])


def look_ups(port, tokens, seconds, connections):
    """wrk over a file of tokens, each request with the next."""
    out = subprocess.run(
        ["taskset", "-c", OTHER_CPU, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s",
         "-s", str(HERE / "support/tokens.lua"), f"http://127.0.0.1:{port}/v1/contacts"],
        capture_output=True, text=True, check=True, env={**os.environ, "TOKENS": str(tokens)}).stdout
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    requests = int(re.search(r"(\d+) requests in", out)[1])
    return requests, {p: latency_us(out, p) for p in (50, 99)}, int(failed[1]) if failed else 0


def cached(admin):
    return int(float(re.search(r"^fuelgate_key_cache_entries (\S+)", get(admin, "/metrics"), re.M)[1]))


def stop(process):
    process.send_signal(signal.SIGTERM)
    process.wait(60)


def main():
    release, count = pathlib.Path(sys.argv[1]), int((sys.argv[2:] or ["1000000"])[0])
    binary, rows, lines = str(release / "fuelgate"), [], []

    def note(what, value, unit):
        rows.append({"what": what, "value": value, "unit": unit})
        lines.append(f"{what:62} {value:>14,.1f} {unit}")
        print(lines[-1], flush=True)

    with programs() as (folder, started):
        upstream, redis = free_port(), free_port()
        started.append(nginx(folder / "backend", upstream, OTHER_CPU, backend))
        started.append(redis_server(folder / "redis", redis))
        wait_for(upstream)
        wait_for(redis)
        store = f'{{ engine: redis, nodes: ["redis://127.0.0.1:{redis}"] }}'
        process, _, _ = fuelgate(binary, folder / "first", upstream, "null", store)
        admin = admin_of(process)
        dice = random.Random(7)
        secrets = [secret(dice) for _ in range(count)]
        empty = used_memory(redis)
        began = time.monotonic()
        for first in range(0, count, BATCH):
            keys = [imported(first + n, text) for n, text in enumerate(secrets[first:first + BATCH])]
            post(admin, "/admin/v1/keys/import", {"keys": keys})
        note(f"import of {count:,} keys, digests made by the caller", time.monotonic() - began, "s")
        note("memory of Redis a key", (used_memory(redis) - empty) / count, "bytes")
        stop(process)
        # Otherwise Redis writes its log anew beside what is measured, on the same core.
        subprocess.run(["redis-cli", "-p", str(redis), "BGREWRITEAOF"], capture_output=True, check=True)
        while re.search(r"aof_rewrite_(in_progress|scheduled):1", info(redis, "persistence")):
            time.sleep(0.2)

        began = time.monotonic()
        process, port, _ = fuelgate(binary, folder / "second", upstream, "null", store)
        started.append(process)
        admin = admin_of(process)
        while "ok" not in get(admin, "/healthz"):
            time.sleep(0.01)
        get(admin, "/readyz")
        note("cold start to ready, its first key made", time.monotonic() - began, "s")
        empty = resident(process)
        sample = folder / "sample"
        dice.shuffle(secrets)
        sample.write_text("\n".join(secrets[:SAMPLE]) + "\n")
        # One connection: each request waits for its own look-up and for nobody else's.
        done, cold, failed = look_ups(port, sample, 3, 1)
        if done > SAMPLE:
            raise SystemExit("the sample is too small: some look-ups were warm")
        note("requests with a key seen for the first time, one after the other", done, "requests")
        note("of them answered other than 200", failed, "requests")
        for share, us in cold.items():
            note(f"request with a key seen for the first time, p{share}", us, "us")
        sample.write_text("\n".join(secrets[:min(done, 5000)]) + "\n")
        _, warm, _ = look_ups(port, sample, 3, 1)
        for share, us in warm.items():
            note(f"request with a cached key whose lease is not warm, p{share}", us, "us")
        many = min(count, WARMED)
        everyone = folder / "everyone"
        everyone.write_text("\n".join(secrets[:many]) + "\n")
        asked, failed = 0, 0
        began = time.monotonic()
        while cached(admin) < many and time.monotonic() - began < WARMING_SECONDS:
            requests, _, lost = look_ups(port, everyone, 20, 8)
            asked, failed = asked + requests, failed + lost
        note("requests that warmed keys, 8 at once", asked, "requests")
        note("of them answered other than 200", failed, "requests")
        note("keys in the gateway's cache", cached(admin), "keys")
        note("memory of the gateway a cached key, lease and account too", (resident(process) - empty) / cached(admin), "bytes")
    keep("redis-keys", "redis_keys.sh", release, (count,), "\n".join(lines), rows)


main()
