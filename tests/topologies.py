"""Topologies that were measured on a kernel, as Worlds: their nodes' tables, and the pairs that were probed."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tui.core.addresses import parse_address, parse_prefix
from tui.core.reading.routes import read_ip_route
from tui.core.reading.rules import read_rules
from tui.core.world import Interface, InterfaceAddress, Network, Node, Subnet, World

ENGINES = {"docker20": "docker://measured 20.10.24", "docker28": "docker://measured 28.0.4"}
"""The engine whose rules the host of each kind had; a host of another kind had none."""

RECORDED = Path(__file__).parent / "worlds" / "topo-sample.jsonl.gz"


def topologies(path: Path = RECORDED) -> Iterator[tuple[World, dict[str, Any]]]:
    """Each recorded topology as a World, with its record."""
    with gzip.open(path, "rt") as file:
        for line in file:
            record = json.loads(line)
            yield world(record), record


def world(record: dict[str, Any]) -> World:
    networks = tuple(
        Network(
            each["name"],
            subnets=(Subnet(parse_prefix(each["subnet"])),),
            internal=each["internal"],
            bridge=each["name"],
        )
        for each in record["bridges"]
    )
    nodes = sorted(
        (node(name, found, record) for name, found in record["nodes"].items()),
        key=lambda each: (each.kind == "host", each.name),
    )
    return World(ENGINES.get(record["kind"], "measured"), networks, tuple(nodes))


def node(name: str, found: dict[str, Any], record: dict[str, Any]) -> Node:
    family = record["family"]
    filters = "iptables" in found
    return Node(
        name,
        kind="host" if filters else "namespace",
        interfaces=interfaces(found),
        routes=read_ip_route(found["routes_text"], family=family).routes,
        rules=read_rules(found["rules_text"], family).rules,
        merged=not found["custom_rules"],
        sysctls=sysctls(found, family),
    )


def interfaces(found: dict[str, Any]) -> tuple[Interface, ...]:
    plugged = {each["dev"]: each["bridge"] for each in found["links"]}
    addresses: dict[str, list[InterfaceAddress]] = {}
    for each in found["addrs"]:
        broadcast = parse_address(each["broadcast"]) if each.get("broadcast") else None
        flags = tuple(flag for flag in ("secondary", "deprecated", "tentative") if each.get(flag))
        one = InterfaceAddress(parse_address(each["local"]), each["prefixlen"], each["scope"], broadcast, None, flags)
        addresses.setdefault(each["dev"], []).append(one)
    return tuple(
        Interface(
            each["name"], each["ifindex"], each["mac"], tuple(addresses.get(each["name"], ())),
            plugged.get(each["name"]), "loopback" if each["name"] == "lo" else "veth",
            up="UP" in each["flags"], carrier="LOWER_UP" in each["flags"],
        )
        for each in found["links_json"]
    )  # fmt: skip


def sysctls(found: dict[str, Any], family: int) -> tuple[tuple[str, int], ...]:
    values = {
        f"net.ipv{family}.conf.{dev}.{name}": value
        for dev, conf in found["sysctls"].items()
        if isinstance(conf, dict)
        for name, value in conf.items()
    }
    ignored = "net.ipv4.icmp_echo_ignore_all" if family == 4 else "net.ipv6.icmp.echo_ignore_all"
    values[ignored] = found["sysctls"].get("icmp_echo_ignore_all", 0)
    if "bridge_nf_call_iptables" in found:
        values["net.bridge.bridge-nf-call-iptables"] = found["bridge_nf_call_iptables"]
    return tuple(sorted(values.items()))
