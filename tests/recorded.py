"""The recorded answers of a real kernel: each case read, by the program's own readers, into a Node and its queries."""

import gzip
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

from tui.core.query import Query, parse_query
from tui.core.reading.links import read_links
from tui.core.reading.routes import read_ip_route
from tui.core.reading.rules import read_rules
from tui.core.reading.sysctl_text import read_sysctls
from tui.core.world import Interface, Node, default_rules

SAMPLE = Path(__file__).parent / "worlds" / "cases-sample.jsonl.gz"


@cache
def cases():
    """The 100 random machine states of the sample (fields: see tests/worlds/ORIGIN.md)."""
    with gzip.open(SAMPLE, "rt") as lines:
        return [json.loads(line) for line in lines]


def sysctl_text(case):
    """The case's switches as `sysctl` prints them."""
    lines = [f"net.ipv4.ip_forward = {case['sysctls']['ip_forward']}"]
    for dev, switches in case["sysctls"].items():
        if dev != "ip_forward":
            lines += [f"net.ipv{case['family']}.conf.{dev}.{name} = {value}" for name, value in switches.items()]
    return "\n".join(lines)


def node(case, routes="routes_text"):
    """The case's machine; `routes` names which of its listings is read."""
    family = case["family"]
    other = default_rules(10 - family)
    return Node(
        "recorded",
        "machine",
        interfaces=interfaces(case),
        routes=read_ip_route(case[routes], family=family).routes,
        rules=(*read_rules(case["rules_text"], family).rules, *other),
        # What no listing shows: whether a rule was ever added (a line of /proc/net/fib_trie would tell).
        merged=not case["custom_rules"],
        sysctls=read_sysctls(sysctl_text(case)).sysctls,
    )


def interfaces(case):
    """Links from their JSON, addresses from `ip addr` text."""
    read = {each.name: each for each in read_links(case["addr_text"]).interfaces}
    links = []
    for link in case["links"]:
        up, carrier = "UP" in link["flags"], "LOWER_UP" in link["flags"]
        kind = "loopback" if "LOOPBACK" in link["flags"] else ""
        known = read.get(link["name"], Interface(link["name"], kind=kind))
        links.append(replace(known, index=link["ifindex"], up=up, carrier=carrier))
    return tuple(links)


def query(asked) -> Query:
    """One recorded question; the words of its command are those of `ip route get`."""
    return parse_query(asked["q"])
