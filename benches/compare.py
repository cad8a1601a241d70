"""Runs the rounds of compare.sh: bare Pingora, bare nginx, and the gateway with everything on, its access log off and on."""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))
from proxies import (OTHER_CPU, PROXY_CPU, backend, free_port, fuelgate, keep, nginx, nginx_proxy, programs,
                     rounds_of, table, wait_for)


def main():
    release = pathlib.Path(sys.argv[1])
    rounds, seconds, connections = (int(a) for a in (sys.argv[2:] + ["9", "5", "32"][len(sys.argv) - 2:])[:3])
    with programs() as (folder, started):
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
            proxies[name] = fuelgate(str(release / "fuelgate"), folder / f"fg-{len(proxies)}", upstream, log)
            started.append(proxies[name][0])
        for _, port, _ in proxies.values():
            wait_for(port)
        rows = rounds_of(proxies, rounds, seconds, connections)
    text = table(rows, "bare pingora",
                 f"{rounds} interleaved rounds of {seconds} s, {connections} connections")
    print(text)
    keep("compare", f"benches/compare.sh {rounds} {seconds} {connections}", text, rows)


main()
