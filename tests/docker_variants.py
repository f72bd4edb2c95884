"""Labs on a Docker Engine in which the host's filters decide, and the judge that pings between all of their nodes."""

from __future__ import annotations

import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from private_engine.lab import Lab, two_bridges

from tui.core.path import Outcome, path
from tui.core.world import Node, World
from tui.engines.docker.engine import DockerEngine

GATEWAY_MODE = "com.docker.network.bridge.gateway_mode_ipv4"
ICC = "com.docker.network.bridge.enable_icc"
MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"


def no_routes(lab: Lab) -> None:
    """The walk-through as it begins: each end knows the host alone."""
    two_bridges(lab)


def forward_only(lab: Lab) -> None:
    """The request has a way through the router, the reply has none."""
    two_bridges(lab)
    _route(lab, "centos-net1", "172.20.0.0/16", "172.19.0.3")


def both_routes(lab: Lab) -> None:
    """The walk-through as it ends."""
    forward_only(lab)
    _route(lab, "centos-net2", "172.19.0.0/16", "172.20.0.3")


def internal(lab: Lab) -> None:
    """net2 is internal: its containers have no default route; the ways through the router are there."""
    lab.network("net1", "172.19.0.0/16")
    lab.network("net2", "172.20.0.0/16", internal=True)
    _members(lab)


def no_icc(lab: Lab) -> None:
    """On net1 containers may not talk to each other."""
    lab.network("net1", "172.19.0.0/16", options={ICC: "false"})
    lab.network("net2", "172.20.0.0/16")
    _members(lab)


def no_masquerade(lab: Lab) -> None:
    """net1 keeps its addresses when it leaves by the host."""
    lab.network("net1", "172.19.0.0/16", options={MASQUERADE: "false"})
    lab.network("net2", "172.20.0.0/16")
    _members(lab)


def routed(lab: Lab) -> None:
    """net2 lets everybody in to its ports, without translation (Docker 27 and newer)."""
    lab.network("net1", "172.19.0.0/16")
    lab.network("net2", "172.20.0.0/16", options={GATEWAY_MODE: "routed"})
    _members(lab)


def published(lab: Lab) -> None:
    """A container on net2 publishes a port."""
    lab.network("net1", "172.19.0.0/16")
    lab.network("net2", "172.20.0.0/16")
    lab.container("web", {"net2": "172.20.0.9"}, port_bindings={"80/tcp": 8080})
    _members(lab)


def three_in_a_row(lab: Lab) -> None:
    """Two routers between the ends, with all the routes that it takes."""
    for number in (1, 2, 3):
        lab.network(f"net{number}", f"172.{18 + number}.0.0/16")
    lab.container("left", {"net1": "172.19.0.2"})
    lab.container("right", {"net3": "172.21.0.2"})
    forward = {"net.ipv4.ip_forward": "1"}
    lab.container("r1", {"net1": "172.19.0.3", "net2": "172.20.0.3"}, sysctls=forward)
    lab.container("r2", {"net2": "172.20.0.4", "net3": "172.21.0.3"}, sysctls=forward)
    _route(lab, "left", "172.21.0.0/16", "172.19.0.3")
    _route(lab, "r1", "172.21.0.0/16", "172.20.0.4")
    _route(lab, "right", "172.19.0.0/16", "172.21.0.3")
    _route(lab, "r2", "172.19.0.0/16", "172.20.0.3")


def _members(lab: Lab) -> None:
    """The ends, a second one on net1, the router, and both routes through it."""
    lab.container("centos-net1", {"net1": "172.19.0.2"})
    lab.container("second-net1", {"net1": "172.19.0.4"})
    lab.container("centos-net2", {"net2": "172.20.0.2"})
    lab.container("centos-router", {"net1": "172.19.0.3", "net2": "172.20.0.3"}, sysctls={"net.ipv4.ip_forward": "1"})
    _route(lab, "centos-net1", "172.20.0.0/16", "172.19.0.3")
    _route(lab, "centos-net2", "172.19.0.0/16", "172.20.0.3")


def _route(lab: Lab, node: str, prefix: str, gateway: str) -> None:
    code, said = lab.execute(node, "ip", "route", "add", prefix, "via", gateway)
    assert code == 0, said


VARIANTS: tuple[Callable[[Lab], None], ...] = (
    no_routes,
    forward_only,
    both_routes,
    internal,
    no_icc,
    no_masquerade,
    routed,
    published,
    three_in_a_row,
)

NEEDS = {routed: 27}
"""The first version of the engine that has it."""


@dataclass(frozen=True)
class Verdict:
    """One pair: what was predicted (None: not known), why, and whether the kernel's ping came back."""

    src: str
    dst: str
    predicted: bool | None
    outcome: str
    reason: str
    observed: bool

    @property
    def agrees(self) -> bool:
        """Whether the prediction held; one that was not made does not."""
        return self.predicted is self.observed

    def __str__(self) -> str:
        told = {True: "works", False: "lost", None: "unknown"}[self.predicted]
        seen = "works" if self.observed else "lost"
        return f"{self.src} -> {self.dst}: predicted {told} ({self.outcome}: {self.reason}), ping {seen}"


def engine_pid(url: str) -> int:
    """The process that listens on an engine's socket (SO_PEERCRED, unix(7))."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(url.removeprefix("unix://"))
        pid, _, _ = struct.unpack("3i", link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return int(pid)


def bridge_netfilter(pid: int, on: bool) -> None:
    """Whether iptables on the engine's host sees frames that a bridge passes on."""
    value = f"net.bridge.bridge-nf-call-iptables={int(on)}"
    subprocess.run(["nsenter", "-t", str(pid), "-n", "sysctl", "-qw", value], check=True)


def judge(engine: DockerEngine, pid: int) -> Iterator[Verdict]:
    """Ping from every node to every other, and hold each answer against the path on the World of now."""
    world = engine.snapshot(fresh=True)
    pairs = [(a, b) for a in _alive(world) for b in _alive(world) if a is not b]
    with ThreadPoolExecutor(16) as pool:
        yield from pool.map(lambda pair: _verdict(pid, engine, world, *pair), pairs)


def judge_again(engine: DockerEngine, pid: int, pair: Verdict) -> Verdict:
    """One pair by itself.

    Pings at one time may have one number, since each container counts its processes from 1: where their sources are
    translated to one address, connection tracking takes them for one.
    """
    world = engine.snapshot(fresh=True)
    a, b = (next(each for each in world.nodes if each.name == name) for name in (pair.src, pair.dst))
    return _verdict(pid, engine, world, a, b)


def _alive(world: World) -> list[Node]:
    return [each for each in world.nodes if each.state == "running" and each.shares is None]


def _verdict(pid: int, engine: DockerEngine, world: World, a: Node, b: Node) -> Verdict:
    predicted = path(world, a.name, b.name)
    ping = ("ping", "-n", "-c", "1", "-W", "1", str(predicted.address))
    if a.kind == "host":
        command = ["nsenter", "-t", str(pid), "-n", *ping]
        observed = subprocess.run(command, capture_output=True, check=False).returncode == 0
    else:
        run = engine.run(a.name, ping)
        list(run)
        observed = run.code == 0
    way = predicted.trouble
    outcome, reason = (way.outcome, way.reason) if way is not None else (Outcome.DELIVERED, "both ways")
    return Verdict(a.name, b.name, predicted.works, outcome, reason, observed)
