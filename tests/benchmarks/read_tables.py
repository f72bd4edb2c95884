"""How many routes a second each form of a large table is read at: `python tests/benchmarks/read_tables.py [ROUTES]`."""

from __future__ import annotations

import gc
import random
import sys
import time
from collections.abc import Callable

from tui.core.reading.routes import read_routes
from tui.core.reading.transcript import read_transcript


def tables(count: int) -> dict[str, str]:
    """One table of /24 prefixes, as a router with a few hundred neighbours has it, in every form."""
    pick = random.Random(7)
    rows = []
    for number in range(count):
        gateway, dev = pick.randrange(200), pick.randrange(4)
        rows.append(
            (f"{20 + (number >> 16)}.{number >> 8 & 255}.{number & 255}.0", f"10.0.0.{gateway + 1}", f"eth{dev}")
        )
    hexed = ["".join(f"{int(each):02X}" for each in reversed(dst.split("."))) for dst, _, _ in rows]
    gateways = ["".join(f"{int(each):02X}" for each in reversed(via.split("."))) for _, via, _ in rows]
    header = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    objects = (f'{{"dst":"{dst}/24","gateway":"{via}","dev":"{dev}","flags":[]}}' for dst, via, dev in rows)
    return {
        "ip route": "".join(f"{dst}/24 via {via} dev {dev} proto bgp metric 20 \n" for dst, via, dev in rows),
        "ip -6 route": "".join(
            f"2001:{number >> 16:x}:{number & 65535:x}::/48 via fe80::{number % 200:x} dev eth0 proto bgp \n"
            for number in range(count)
        ),
        "ip -j route": f"[{','.join(objects)}]",
        "route -n": "Kernel IP routing table\n"
        + "".join(f"{dst:15} {via:15} 255.255.255.0   UG    0      0        0 {dev}\n" for dst, via, dev in rows),
        "/proc/net/route": header
        + "".join(
            f"{dev}\t{dst}\t{via}\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0   \n"
            for dst, via, (_, _, dev) in zip(hexed, gateways, rows, strict=True)
        ),
    }


def measured(read: Callable[[str], object], text: str) -> float:
    """Seconds that one reading takes."""
    gc.collect()
    start = time.perf_counter()
    read(text)
    return time.perf_counter() - start


def main() -> None:
    """Print a line for each form."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    forms = tables(count)
    readers: list[tuple[str, Callable[[str], object], str]] = [
        (name, read_routes, text) for name, text in forms.items()
    ]
    readers.append(("transcript", read_transcript, f"root@router:/# ip route\n{forms['ip route']}"))
    readers.append(("no prompt", read_transcript, forms["ip route"]))
    for name, read, text in readers:
        seconds = measured(read, text)
        print(f"{name:16} {count:9,} routes {seconds:6.2f} s {count / seconds / 1000:7.0f} thousand a second")


if __name__ == "__main__":
    main()
