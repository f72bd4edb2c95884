"""The tools that can send a probe, what each is asked on its command line, and which of them a node has."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tui.core.probes import Ping, Probe, ProbeError, TcpConnect, Traceroute


class Dialect(StrEnum):
    """A tool and the way it talks. The same name may stand for several programs: BusyBox has all three."""

    IPUTILS = "iputils"  # ping of most distributions
    BUSYBOX = "BusyBox"
    INETUTILS = "GNU inetutils"
    TRACEROUTE = "traceroute"  # Dmitry Butskoy's, of most distributions
    OPENBSD_NC = "OpenBSD netcat"
    TRADITIONAL_NC = "traditional netcat"
    BASH = "bash"
    OWN = "routetui's own prober"  # tui.engines.prober: sentences in JSON, for every probe


@dataclass(frozen=True, slots=True)
class Tools:
    """Which tools a node has; None where it has none that is known. `icmp`: its BusyBox traceroute has -I."""

    ping: Dialect | None = None
    traceroute: Dialect | None = None
    connect: Dialect | None = None
    icmp: bool = False

    def fit(self, probe: Probe) -> Dialect:
        """The tool for a probe; raises ProbeError where the node has none, or none that can do it as asked."""
        name, found = {
            Ping: ("ping", self.ping),
            Traceroute: ("traceroute", self.traceroute),
            TcpConnect: ("nc", self.connect),
        }[type(probe)]
        if found is None:
            raise ProbeError(f"there is no {name} there" + (", and no bash" if name == "nc" else ""))
        if found is Dialect.BUSYBOX and isinstance(probe, Traceroute) and probe.proto == "icmp" and not self.icmp:
            raise ProbeError("its traceroute (BusyBox) was built without ICMP: choose UDP")
        argv(probe, found)
        return found


_ASK = """for each in "ping -V" "traceroute --version" "nc -h" "bash --version" "timeout --help"; do
set -- $each; echo "= $1 $(command -v $1)"; command -v $1 >/dev/null && $each </dev/null 2>&1; done"""

QUESTION = ("sh", "-c", _ASK)
"""The command whose output tells which tools there are; read it with `read_tools`."""

_KNOWN = {
    "ping": (("iputils", Dialect.IPUTILS), ("BusyBox", Dialect.BUSYBOX), ("inetutils", Dialect.INETUTILS)),
    "traceroute": (
        ("Modern traceroute", Dialect.TRACEROUTE),
        ("BusyBox", Dialect.BUSYBOX),
        ("inetutils", Dialect.INETUTILS),
    ),
    "nc": (
        ("OpenBSD netcat", Dialect.OPENBSD_NC),
        ("BusyBox", Dialect.BUSYBOX),
        ("[v1.10", Dialect.TRADITIONAL_NC),
    ),
}


def read_tools(lines: Iterable[str]) -> Tools:
    """Which tools a node has, from what QUESTION printed there."""
    said: dict[str, str] = {}
    name = ""
    for line in lines:
        if line.startswith("= "):
            words = line.split()
            name = words[1] if len(words) > 2 else ""
            said.setdefault(name, "")
        elif name:
            said[name] += line + "\n"
    connect = _known("nc", said)
    if connect is None and "bash" in said and "timeout" in said:
        connect = Dialect.BASH
    options = re.search(r"traceroute \[-([0-9A-Za-z]+)\]", said.get("traceroute", ""))
    return Tools(_known("ping", said), _known("traceroute", said), connect, options is not None and "I" in options[1])


def _known(name: str, said: dict[str, str]) -> Dialect | None:
    text = said.get(name, "")
    return next((dialect for sign, dialect in _KNOWN[name] if sign in text), None)


def argv(probe: Probe, dialect: Dialect) -> tuple[str, ...]:
    """The command of that tool for a probe, with options left out that say what is usual anyway.

    Raises ProbeError where the tool cannot do it as asked.
    """
    made = _COMMANDS.get((type(probe), dialect))
    if made is None:
        raise ProbeError(f"{dialect} has no way to do this")
    command: tuple[str, ...] = made(probe)
    return command


_HARMLESS = (
    re.compile(r"nc( -[nzv])* -z( -[nzv])*( -w \d+)?( -s [\da-f.:]+)? [\da-f:][\w.:%-]* \d+"),
    re.compile(r"nc -w \d+ [\da-f:][\w.:%-]* \d+ -e true"),
    re.compile(r"timeout \d+ bash -c exec 3<>/dev/tcp/[\da-f:][\w.:%-]*/\d+"),
)


def only_connects(words: Sequence[str]) -> bool:
    """Whether a command is one of those that open a TCP connection and close it, or asks which tools there are."""
    return tuple(words) == QUESTION or any(each.fullmatch(" ".join(words)) for each in _HARMLESS)


def _target(probe: Probe) -> str:
    """The target; a link-local address of IPv6 with the device that it is on."""
    zone = f"%{probe.dev}" if probe.family == 6 and probe.target.is_link_local and probe.dev else ""
    return f"{probe.target}{zone}"


def _option(flag: str, value: object, usual: object = None) -> tuple[str, ...]:
    if value is None or value == usual:
        return ()
    return (flag, f"{value:g}" if isinstance(value, float) else str(value))


def _whole(seconds: float) -> int:
    """Seconds for a tool that takes no fractions of them."""
    return math.ceil(seconds)


def _iputils(probe: Ping) -> tuple[str, ...]:
    """ping(8) of iputils: -n no names, -O says so when a request has no answer at the time of the next."""
    return (
        *("ping", "-n", "-O", "-c", str(probe.count)),
        *_option("-i", float(probe.interval), 1.0),
        *_option("-W", float(probe.wait)),
        *_option("-s", probe.size, 56),
        *_option("-t", probe.ttl, 64),
        *_option("-I", probe.dev),
        *_option("-I", probe.source),
        _target(probe),
    )


def _busybox_ping(probe: Ping) -> tuple[str, ...]:
    """BusyBox has one -I for both, and leaves the hop limit of IPv6 alone whatever -t says (1.35, measured)."""
    if probe.family == 6 and probe.ttl != 64:
        raise ProbeError("its ping (BusyBox) cannot set the hop limit of IPv6")
    if probe.dev is not None and probe.source is not None:
        raise ProbeError("its ping (BusyBox) takes a device or a source address, not both")
    return (
        *("ping", "-c", str(probe.count)),
        *_option("-i", float(probe.interval), 1.0),
        *_option("-W", _whole(probe.wait)),
        *_option("-s", probe.size, 56),
        *_option("-t", probe.ttl, 64),
        *_option("-I", probe.dev or probe.source),
        _target(probe),
    )


def _inetutils_ping(probe: Ping) -> tuple[str, ...]:
    """GNU inetutils has a ping6 of its own, which takes whole seconds only, and neither binds to anything."""
    if probe.dev is not None or probe.source is not None:
        raise ProbeError("its ping (GNU inetutils) cannot be bound to a device or a source address")
    if probe.family == 6 and probe.interval != int(probe.interval):
        raise ProbeError("its ping6 (GNU inetutils) takes intervals in whole seconds")
    return (
        *("ping6" if probe.family == 6 else "ping", "-n", "-c", str(probe.count)),
        *_option("-i", float(probe.interval), 1.0),
        *(_option("-W", _whole(probe.wait)) if probe.family == 4 else ()),  # ping6 has its own idea of it
        *_option("-s", probe.size, 56),
        *_option("--hoplimit" if probe.family == 6 else "--ttl", probe.ttl, 64),
        _target(probe),
    )


_METHOD = {"udp": (), "icmp": ("-I",), "tcp": ("-T",)}


def _traceroute(probe: Traceroute) -> tuple[str, ...]:
    """traceroute(8), which sends 16 probes at a time."""
    return (
        *("traceroute", *_METHOD[probe.proto], "-n", "-m", str(probe.max_hops), "-q", str(probe.queries)),
        *_option("-w", float(probe.wait)),
        *_option("-p", probe.port),
        *_option("-i", probe.dev),
        *_option("-s", probe.source),
        _target(probe),
    )


def _busybox_traceroute(probe: Traceroute) -> tuple[str, ...]:
    if probe.proto == "tcp":
        raise ProbeError("its traceroute (BusyBox) knows no TCP: choose UDP")
    return (
        *("traceroute", *_METHOD[probe.proto], "-n"),  # for IPv6 too: traceroute6 is not linked everywhere
        *("-m", str(probe.max_hops), "-q", str(probe.queries), "-w", str(_whole(probe.wait))),
        *_option("-p", probe.port),
        *_option("-i", probe.dev),
        *_option("-s", probe.source),
        _target(probe),
    )


def _inetutils_traceroute(probe: Traceroute) -> tuple[str, ...]:
    if probe.family == 6:
        raise ProbeError("its traceroute (GNU inetutils) knows no IPv6")
    if probe.proto == "tcp":
        raise ProbeError("its traceroute (GNU inetutils) knows no TCP: choose UDP or ICMP")
    if probe.dev is not None or probe.source is not None:
        raise ProbeError("its traceroute (GNU inetutils) cannot be bound to a device or a source address")
    return (
        *("traceroute", *_METHOD[probe.proto], "-m", str(probe.max_hops), "-q", str(probe.queries)),
        *("-w", str(_whole(probe.wait)), *_option("-p", probe.port)),
        _target(probe),
    )


def _unbound(probe: TcpConnect, tool: str) -> None:
    if probe.dev is not None or probe.source is not None:
        raise ProbeError(f"{tool} cannot be bound to a device or a source address")


def _netcat(probe: TcpConnect) -> tuple[str, ...]:
    if probe.dev is not None:
        raise ProbeError("its nc cannot be bound to a device")
    wait = str(_whole(probe.wait))
    return ("nc", "-n", "-z", "-v", "-w", wait, *_option("-s", probe.source), _target(probe), str(probe.port))


def _traditional(probe: TcpConnect) -> tuple[str, ...]:
    if probe.family == 6:
        raise ProbeError("its nc (traditional netcat) knows no IPv6")
    return _netcat(probe)


def _busybox_nc(probe: TcpConnect) -> tuple[str, ...]:
    """Not every BusyBox has nc -z; with `-e true` it connects, runs true, and ends."""
    _unbound(probe, "its nc (BusyBox)")
    return ("nc", "-w", str(_whole(probe.wait)), _target(probe), str(probe.port), "-e", "true")


def _bash(probe: TcpConnect) -> tuple[str, ...]:
    """bash(1), REDIRECTION: /dev/tcp/HOST/PORT opens a connection."""
    _unbound(probe, "bash")
    return ("timeout", str(_whole(probe.wait)), "bash", "-c", f"exec 3<>/dev/tcp/{_target(probe)}/{probe.port}")


_COMMANDS: dict[tuple[type, Dialect], Callable[[Any], tuple[str, ...]]] = {
    (Ping, Dialect.IPUTILS): _iputils,
    (Ping, Dialect.BUSYBOX): _busybox_ping,
    (Ping, Dialect.INETUTILS): _inetutils_ping,
    (Traceroute, Dialect.TRACEROUTE): _traceroute,
    (Traceroute, Dialect.BUSYBOX): _busybox_traceroute,
    (Traceroute, Dialect.INETUTILS): _inetutils_traceroute,
    (TcpConnect, Dialect.OPENBSD_NC): _netcat,
    (TcpConnect, Dialect.TRADITIONAL_NC): _traditional,
    (TcpConnect, Dialect.BUSYBOX): _busybox_nc,
    (TcpConnect, Dialect.BASH): _bash,
}
