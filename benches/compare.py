"""Runs the rounds of compare.sh: bare Pingora, bare nginx, and the gateway with everything on, its access log off and on."""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "support"))
from proxies import (PROXY_CPU, arguments, backend, free_port, fuelgate, keep, nginx, nginx_proxy, programs, rounds_of,
                     rounds_of_starts, servers, table, wait_for)


def rounds_of_one_start(release, first, rounds, seconds, connections):
    """Starts each proxy and the backend, and measures so many rounds, numbered from `first`."""
    with programs() as (folder, started):
        (upstream,) = servers(folder, started, backend)
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
        return rounds_of(proxies, rounds, seconds, connections, first)


def main():
    release, numbers = arguments()
    rows, line = rounds_of_starts(rounds_of_one_start, release, *numbers)
    text = table(rows, "bare pingora", line)
    print(text)
    keep("compare", "compare.sh", release, numbers, text, rows)


main()
