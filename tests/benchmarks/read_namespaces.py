"""How fast 200 namespaces are read, as a ratio to a loop of `nsenter -t PID -n ip -j route`.

The reader takes everything (links, addresses, routes of all tables, rules, switches, IPv4 and IPv6); the loop that it
is measured against only the IPv4 main table. Needs root.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from namespaces import WHY_NOT, Space

from tui.engines import netlink

COUNT, REPEATS = 200, 7


def milliseconds(work: Callable[[], object], repeats: int) -> float:
    """The median time of `work`."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def main() -> None:
    if WHY_NOT:
        sys.exit(f"This benchmark {WHY_NOT}.")
    spaces = [Space() for _ in range(COUNT)]
    try:
        for number, space in enumerate(spaces):
            space.batch(
                (
                    "link add eth0 type veth peer name peer0",
                    "link set eth0 up",
                    "link set peer0 up",
                    f"address add 10.{number}.0.2/16 dev eth0",
                    f"route add default via 10.{number}.0.1",
                )
            )
        pids = [space.pid for space in spaces]
        first = milliseconds(lambda: netlink.read_many(pids), 1)
        again = milliseconds(lambda: netlink.read_many(pids), REPEATS)
        loop = milliseconds(
            lambda: [
                subprocess.run(["nsenter", "-t", str(pid), "-n", "ip", "-j", "route"], capture_output=True, check=True)
                for pid in pids
            ],
            1,
        )
    finally:
        for space in spaces:
            space.close()
    print(f"{COUNT} namespaces, everything, first time {first:7.1f} ms  {loop / first:6.1f} times faster than the loop")
    print(f"{COUNT} namespaces, everything, again      {again:7.1f} ms  {loop / again:6.1f} times faster than the loop")
    print(f"{COUNT} times nsenter ip -j route          {loop:7.1f} ms")


if __name__ == "__main__":
    main()
