"""Random packet filters in namespaces of a test's own, with real packets: what the kernel did is held to what was said.

Three namespaces in a row: a - r - b, r forwards. Rules go into r (and sometimes into b); the probes are echo requests,
datagrams and connections with known ports, from a and from r. What counts is whether the answer came.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_interface

import pytest
from firewall_scripts import ANSWER, ASK
from namespaces import WHY_NOT, Space
from two_bridges import LOOPBACK, default, interface, node

from tui.core.addresses import parse_address, parse_prefix
from tui.core.firewall.values import Ruleset
from tui.core.world import Interface, InterfaceAddress, Network, NextHop, Node, Route, World
from tui.engines.docker.host_filters import HostFilters

PROGRAMS = ("iptables-restore", "iptables-save", "ip6tables-restore", "ip6tables-save", "nft", "python3")
NO = WHY_NOT or ("needs iptables and nft" if not all(map(shutil.which, PROGRAMS)) else None)
PORTS = (53, 80, 4000)
LOOPBACK_6 = Route(parse_prefix("::1/128"), "local", (NextHop("lo"),), "local", "kernel", prefsrc=parse_address("::1"))
LOOPBACK_BOTH = replace(LOOPBACK, addresses=(*LOOPBACK.addresses, InterfaceAddress(parse_address("::1"), 128, "host")))


@dataclass(frozen=True, slots=True)
class Family:
    """The addresses of the row in one family; the program that loads its rules, and what nft calls it."""

    version: int
    a: str
    also: str  # a's second address
    ra: str
    rb: str
    b: str
    length: int
    restore: str
    nft: str

    def near(self, address: str) -> str:
        """The prefix of the link that an address is on."""
        return str(ip_interface(f"{address}/{self.length}").network)


FOUR = Family(4, "10.71.0.2", "10.71.0.5", "10.71.0.1", "10.72.0.1", "10.72.0.2", 24, "iptables-restore", "ip")
SIX = Family(6, "fd00:71::2", "fd00:71::5", "fd00:71::1", "fd00:72::1", "fd00:72::2", 64, "ip6tables-restore", "ip6")


@dataclass(frozen=True, slots=True)
class Probe:
    """`src` is a or r; `port` None is an echo request, else a datagram (17) or a connection (6) to that port.

    `source` is the address that it is sent from, "" where the kernel chooses.
    """

    src: str
    dst: str
    port: int | None = None
    proto: int = 17
    source: str = ""


def probes(family: Family) -> tuple[Probe, ...]:
    """All that is sent for one set of rules."""
    far, near, other = family.b, family.ra, family.rb
    return (
        *(Probe("a", each) for each in (far, near, other)),
        *(Probe("r", each) for each in (far, family.a, near)),
        *(Probe("a", far, port) for port in PORTS),
        *(Probe("a", near, port) for port in PORTS),
        *(Probe("r", far, port) for port in PORTS),
        Probe("r", near, 80),
        *(Probe("a", each, 80, 6) for each in (far, near)),
        Probe("a", far, 4000, 6),
        Probe("r", far, 80, 6),
        *(Probe("a", each, source=family.also) for each in (far, near)),
        *(Probe("a", far, 80, proto, family.also) for proto in (17, 6)),
    )


def able() -> None:
    """Skip where there can be no row; in CI that is a failure."""
    if NO:
        if os.environ.get("CI"):
            pytest.fail(f"{NO}. In CI every test must run.")
        pytest.skip(NO)


class Row:
    """The three namespaces; `close` takes them down."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.spaces = {name: Space() for name in "arb"}
        self.loaded: dict[str, tuple[str, ...]] = {}
        self._filters = {name: HostFilters() for name in "rb"}
        for space in self.spaces.values():
            space.write("net.ipv4.tcp_synack_retries", 0)  # no answer comes when its question is long over
            for name in ("all", "default"):
                space.write(f"net.ipv6.conf.{name}.accept_dad", 0)
                space.write(f"net.ipv6.conf.{name}.router_solicitations", 0)
        ends = (("a", "r", "a0", "ra", family.a, family.ra), ("r", "b", "rb", "b0", family.rb, family.b))
        for left, right, one, other, near, far in ends:
            self.spaces[left].ip(f"link add {one} type veth peer name {other} netns {self.spaces[right].pid}")
            for space, dev, address in ((left, one, near), (right, other, far)):
                self.spaces[space].ip(f"address add {address}/{family.length} dev {dev}")
                self.spaces[space].ip(f"link set {dev} up")
        self.spaces["a"].ip(f"address add {family.also}/{family.length} dev a0")
        self.spaces["a"].ip(f"route add default via {family.ra}")
        # As routers announce themselves: by the link-local address.
        self._gateway = (
            family.rb if family.version == 4 else str(self._interface("r", "rb", None).addresses[-1].address)
        )
        self.spaces["b"].ip(f"route add default via {self._gateway} dev b0")
        self.spaces["r"].write("net.ipv4.ip_forward" if family.version == 4 else "net.ipv6.conf.all.forwarding", 1)
        self._ears = [self._start(name, ANSWER) for name in "rb"]
        self._askers = {name: self._start(name, ASK) for name in "ar"}

    def _start(self, name: str, script: str) -> subprocess.Popen[str]:
        started = subprocess.Popen(
            ["nsenter", "-t", str(self.spaces[name].pid), "-n", "python3", "-c", script, str(self.family.version)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert started.stdout is not None
        assert started.stdout.readline() == "ready\n"
        return started

    def close(self) -> None:
        for started in (*self._ears, *self._askers.values()):
            started.communicate(timeout=20)
        for filters in self._filters.values():
            filters.close()
        for space in self.spaces.values():
            space.close()

    def ruleset(self, name: str) -> Ruleset:
        """What the namespace has, read as the engines read a host's."""
        found = self._filters[name].read(self.spaces[name].pid)
        assert found is not None
        return found

    def load(self, name: str, iptables: str, nft: str = "") -> None:
        """Put these rules into a namespace, in place of all that it has."""
        space = self.spaces[name]
        for program, text in (
            (("nft", "-f", "-"), f"flush ruleset\n{nft}"),
            ((self.family.restore,), iptables),
        ):
            done = space.run(*program, text=text)
            assert done.returncode == 0, (text, done.stderr)
        self.loaded[name] = (iptables, nft)

    def reached(self, asked: Mapping[Probe, bool], first: int) -> dict[Probe, bool]:
        """Whether each probe was answered, sent all at once; those of which it is expected are waited for longer.

        Their ids and source ports count from `first`, and were never used yet.
        """
        words: dict[str, list[tuple[object, ...]]] = {}
        for number, (each, hoped) in enumerate(asked.items(), first):
            words.setdefault(each.src, []).append((each.dst, each.source, each.port, each.proto, number, hoped))
        for name, own in words.items():
            stdin = self._askers[name].stdin
            assert stdin is not None
            print(json.dumps(own), file=stdin, flush=True)
        found: dict[Probe, bool] = {}
        for name in words:
            stdout = self._askers[name].stdout
            assert stdout is not None
            found |= zip((each for each in asked if each.src == name), json.loads(stdout.readline()), strict=True)
        return found

    def forget(self) -> None:
        """Nobody knows a neighbour's address any more.

        Twice: packets that wait for one are given up the first time, and the errors about them ask for neighbours.
        """
        for space in (*self.spaces.values(), *self.spaces.values()):
            space.ip("neigh flush all")

    def world(self, filters: dict[str, Ruleset]) -> World:
        """The row as a World, with these filters."""
        switches = (
            ("net.ipv4.conf.all.rp_filter", 0),
            ("net.ipv4.ip_forward", 1),
            ("net.ipv6.conf.all.forwarding", 1),
        )
        nodes: tuple[Node, ...] = (
            node("a", self._interface("a", "a0", "left"), routes=(default(self.family.ra, "a0"), LOOPBACK_6)),
            node("b", self._interface("b", "b0", "right"), routes=(default(self._gateway, "b0"), LOOPBACK_6)),
            node("r", self._interface("r", "ra", "left"), self._interface("r", "rb", "right"), routes=(LOOPBACK_6,)),
        )
        made = (
            replace(
                each,
                interfaces=(LOOPBACK_BOTH, *each.interfaces[1:]),
                sysctls=switches,
                filters=filters.get(each.name, Ruleset()),
            )
            for each in nodes
        )
        return World("namespaces", (Network("left"), Network("right")), tuple(made))

    def _interface(self, name: str, dev: str, network: str | None) -> Interface:
        listed = self.spaces[name].json(f"-{self.family.version} address show dev {dev}")[0]["addr_info"]
        return interface(dev, network, *(f"{each['local']}/{each['prefixlen']}" for each in listed))
