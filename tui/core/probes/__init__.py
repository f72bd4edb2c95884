"""What is probed, as values whose bounds hold from the start: ping, traceroute, a TCP connect, and a capture."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tui.core.addresses import Address

__all__ = ["ANY", "PROTOCOLS", "Capture", "Ping", "Probe", "ProbeError", "TcpConnect", "Traceroute"]

ANY = "any"
"""The device name that means every device of the node (packet(7), tcpdump(8))."""

PROTOCOLS = ("icmp", "udp", "tcp")
"""What traceroute can send."""

UDP_PORT, TCP_PORT = 33434, 80
"""The ports that traceroute(8) uses where none is given: for UDP the first, counted up with each probe."""

_DEVICE = re.compile(r"[^\s/:]{1,15}")


class ProbeError(ValueError):
    """A probe that cannot be made as asked; str() is one sentence that says what to write."""


def _within(name: str, value: float, low: float, high: float, unit: str = "") -> None:
    if not low <= value <= high:  # also what is no number at all: NaN is within no bounds
        unit = f" {unit}" if unit else ""
        raise ProbeError(f"{name} must be from {low:g} to {high:g}{unit}, not {value:g}.")


def _device(name: str | None) -> None:
    if name is not None and (name in (".", "..") or not _DEVICE.fullmatch(name) or name.startswith("-")):
        raise ProbeError(f"{name!r} is no name of a device: write one such as eth0.")


def _target(target: Address) -> None:
    if target.is_unspecified:
        raise ProbeError(f"{target} stands for no particular machine: write the address of one.")


def _ends(target: Address, dev: str | None, source: Address | None) -> None:
    _target(target)
    _device(dev)
    if source is not None and source.version != target.version:
        raise ProbeError(f"{source} and {target} are of two families: both must be IPv4, or both IPv6.")
    if dev is None and target.version == 6 and target.is_link_local:
        raise ProbeError(f"{target} is link-local, it exists once on every link: say which device it is on.")


@dataclass(frozen=True, slots=True)
class Ping:
    """Echo requests: `count` of them, `interval` seconds apart, with `size` bytes of data and that `ttl`.

    `dev` binds them to a device, `source` is the address they carry. `wait`: seconds to wait for the last answer.
    Raises ProbeError where a value is out of bounds.
    """

    target: Address
    count: int = 5
    interval: float = 1.0
    size: int = 56
    ttl: int = 64
    dev: str | None = None
    source: Address | None = None
    wait: float = 2.0

    def __post_init__(self) -> None:
        _ends(self.target, self.dev, self.source)
        _within("The count", self.count, 1, 10_000)
        _within("The interval", self.interval, 0.2, 60, "seconds")
        _within("The size", self.size, 0, 65_507 if self.family == 4 else 65_527, "bytes")
        _within("The ttl", self.ttl, 1, 255)
        _within("The wait", self.wait, 0.5, 60, "seconds")

    @property
    def family(self) -> int:
        """4 or 6: that of the target."""
        return self.target.version

    @property
    def lasts(self) -> float:
        """The most seconds that it takes: all intervals and the last wait."""
        return (self.count - 1) * self.interval + self.wait


@dataclass(frozen=True, slots=True)
class Traceroute:
    """Probes with ttl 1, 2, ... `max_hops`, `queries` of each, waiting `wait` seconds for each answer.

    `proto` is what they are: icmp (echo requests), udp (to ports nobody listens on), tcp (SYN to `port`). `port` None
    is the usual one. Raises ProbeError where a value is out of bounds.
    """

    target: Address
    proto: str = "udp"
    max_hops: int = 16
    queries: int = 3
    wait: float = 1.0
    port: int | None = None
    dev: str | None = None
    source: Address | None = None

    def __post_init__(self) -> None:
        _ends(self.target, self.dev, self.source)
        if self.proto not in PROTOCOLS:
            raise ProbeError(f"traceroute sends icmp, udp or tcp, not {self.proto!r}.")
        _within("The number of hops", self.max_hops, 1, 255)
        _within("The number of queries", self.queries, 1, 10)
        _within("The wait", self.wait, 0.5, 10, "seconds")
        if self.port is not None:
            _within("The port", self.port, 1, 65_535)
            if self.proto == "icmp":
                raise ProbeError("ICMP has no ports: leave the port out, or choose UDP or TCP.")

    @property
    def family(self) -> int:
        """4 or 6: that of the target."""
        return self.target.version

    @property
    def first_port(self) -> int:
        """The port that is probed: of UDP the first one, the others follow; 0 for ICMP."""
        if self.proto == "icmp":
            return 0
        return self.port or (UDP_PORT if self.proto == "udp" else TCP_PORT)

    @property
    def lasts(self) -> float:
        """The most seconds that it takes: the slowest traceroutes send each probe after the last one's wait."""
        return self.max_hops * self.queries * self.wait


@dataclass(frozen=True, slots=True)
class TcpConnect:
    """One TCP connection to a port, closed at once; given up after `wait` seconds. Raises ProbeError."""

    target: Address
    port: int
    wait: float = 3.0
    dev: str | None = None
    source: Address | None = None

    def __post_init__(self) -> None:
        _ends(self.target, self.dev, self.source)
        _within("The port", self.port, 1, 65_535)
        _within("The wait", self.wait, 0.5, 60, "seconds")

    @property
    def family(self) -> int:
        """4 or 6: that of the target."""
        return self.target.version

    @property
    def lasts(self) -> float:
        """The most seconds that it takes."""
        return self.wait


@dataclass(frozen=True, slots=True)
class Capture:
    """Packets seen on a device, or on all of them (`ANY`): at most `count`, for at most `seconds`.

    `filter` is an expression of pcap-filter(7), "" for every packet. Raises ProbeError where a value is out of bounds.
    """

    dev: str = ANY
    filter: str = ""
    count: int = 100
    seconds: float = 30.0

    def __post_init__(self) -> None:
        _device(self.dev)
        _within("The count", self.count, 1, 100_000)
        _within("The time", self.seconds, 0.5, 3_600, "seconds")
        if len(self.filter) > 1_000 or not self.filter.isprintable():
            raise ProbeError("The filter must be one line of at most 1,000 characters, such as `icmp or port 53`.")

    @property
    def lasts(self) -> float:
        """The most seconds that it takes."""
        return self.seconds


Probe = Ping | Traceroute | TcpConnect
"""What asks the network something and gets an answer; a Capture only listens."""
