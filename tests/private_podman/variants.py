"""Labs that only Podman has: bridges that are not kept apart, and some that are by its own option."""

from __future__ import annotations

from collections.abc import Callable

from private_engine.lab import Lab

from tui.engines.docker.engine import connect
from tui.engines.docker.podman import OWN

Pairs = dict[tuple[str, str], bool]
"""Whether a ping gets an answer, by its ends, where that is what a variant is for: the engine itself is held to it."""


def open_bridges(lab: Lab) -> Pairs:
    """As `podman network create` makes them: the host passes on from one to the other."""
    _network(lab, "net1", "172.19.0.0/16")
    _network(lab, "net2", "172.20.0.0/16")
    _ends(lab)
    return {("left", "right"): True, ("right", "left"): True}


def one_isolated(lab: Lab) -> Pairs:
    """Podman keeps apart only what is isolated on both sides."""
    _network(lab, "net1", "172.19.0.0/16", isolate="true")
    _network(lab, "net2", "172.20.0.0/16")
    _ends(lab)
    return {("left", "right"): True, ("right", "left"): True}


def both_isolated(lab: Lab) -> Pairs:
    """Looked at before anybody is on them: Podman 4.3 would forget that they are isolated, asked in Docker's way."""
    _network(lab, "net1", "172.19.0.0/16", isolate="true")
    _network(lab, "net2", "172.20.0.0/16", isolate="true")
    engine = connect(lab.url)
    engine.snapshot()
    engine.close()
    _ends(lab)
    return {("left", "right"): False, ("right", "left"): False}


def internal_and_open(lab: Lab) -> Pairs:
    """An internal network has no default route and no translation; its bridge has the gateway all the same."""
    _network(lab, "net1", "172.19.0.0/16")
    _network(lab, "net2", "172.20.0.0/16", internal=True)
    _ends(lab)
    return {("left", "right"): False, ("right", "left"): False}


def default_network(lab: Lab) -> Pairs:
    """Podman's own network beside one made by hand, and a container that uses another's network."""
    _network(lab, "net1", "172.19.0.0/16")
    lab.container("left", {"net1": "172.19.0.2"})
    lab.container("right", {"podman": None})
    lab.container("beside", "container:right", cap_add=[])
    return {("left", "right"): True, ("right", "left"): True}


def on_the_host(lab: Lab) -> Pairs:
    """A container in the host's own network."""
    _network(lab, "net1", "172.19.0.0/16")
    lab.container("left", {"net1": "172.19.0.2"})
    lab.container("hosted", "host", cap_add=[])
    return {("left", "host"): True}


def both_families(lab: Lab) -> Pairs:
    """Two open bridges with IPv6 too."""
    _network(lab, "net1", "172.19.0.0/16", "fd00:19::/64")
    _network(lab, "net2", "172.20.0.0/16", "fd00:20::/64")
    _ends(lab)
    return {("left", "right"): True}


def _ends(lab: Lab) -> None:
    lab.container("left", {"net1": "172.19.0.2"})
    lab.container("right", {"net2": "172.20.0.2"})
    lab.container("both", {"net1": "172.19.0.3", "net2": "172.20.0.3"}, sysctls={"net.ipv4.ip_forward": "1"})


def _network(lab: Lab, name: str, *subnets: str, internal: bool = False, **options: str) -> None:
    """A network as Podman itself makes it; by Docker's form it would be isolated."""
    body = {
        "name": name,
        "driver": "bridge",
        "internal": internal,
        "ipv6_enabled": any(":" in each for each in subnets),
        "subnets": [{"subnet": each} for each in subnets],
        "options": options,
    }
    answer = lab.api.post(f"{lab.api.base_url}{OWN}/networks/create", json=body)
    assert answer.ok, answer.text
    lab.made(network=name)


VARIANTS: tuple[Callable[[Lab], Pairs], ...] = (
    open_bridges,
    one_isolated,
    both_isolated,
    internal_and_open,
    default_network,
    on_the_host,
    both_families,
)
