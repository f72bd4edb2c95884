"""Podman without one: the rules that a real one printed, its answers in Docker's form, and what a change does there.

`tests/podman` judges the real thing.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from test_firewall import lab, recorded
from test_path import lab_on

from tui.core.addresses import parse_address, parse_prefix
from tui.core.changes import Connect, CreateNetwork, Disconnect, RemoveNode, StartNode, apply, command
from tui.core.changes.history import in_network, podman
from tui.core.changes.inverse import inverse
from tui.core.derived import listed
from tui.core.path import Outcome, path
from tui.core.path.as_text import drawn
from tui.core.path.mends import mends
from tui.core.path.symptoms import traceroute
from tui.core.world import Network, Subnet, World
from tui.engines.docker.listing import Listing, is_podman
from tui.engines.docker.world import networks

PODMAN = "podman://local 4.3.1"
A, B = "centos-net1", "centos-net2"


def on_podman() -> World:
    """The two bridges with default routes as Podman sets them."""
    world = lab_on(PODMAN)
    nodes = []
    for node in world.nodes:
        routes = (replace(each, metric=100, protocol="static") if each.is_default else each for each in node.routes)
        nodes.append(replace(node, routes=listed(routes)))
    return replace(world, nodes=tuple(nodes))


def defaults(world: World, name: str) -> list[tuple[str | None, str, int | None]]:
    node = world.node(name)
    assert node is not None
    return [(each.dev, str(each.gateway), each.metric) for each in node.routes if each.is_default and each.family == 4]


# --- its rules ---


def test_what_docker_s_form_makes_is_isolated_and_the_rule_is_named() -> None:
    got = path(lab(recorded("podman43.save")), A, B)
    assert (got.forward.outcome, got.forward.cause) == (Outcome.FILTERED, "NETAVARK_ISOLATION_2 -o br-net2 -j DROP")
    assert [str(each) for each in traceroute(lab(recorded("podman43.save")), A, B)] == ["172.19.0.1", "*"]


def test_the_router_serves_where_bridges_are_not_filtered() -> None:
    assert path(lab(recorded("podman43.save"), 0, there=True, back=True), A, B).works is True


def test_a_filtered_bridge_masquerades_and_the_reply_goes_astray() -> None:
    """Measured: the far container sees its own gateway, and its answer ends in the host."""
    world = lab(recorded("podman43.save"), 1, there=True, back=True)
    got = path(world, A, B)
    assert got.works is False and got.forward.outcome is Outcome.DELIVERED and got.back is not None
    assert str(got.forward.src) == "172.20.0.1"
    assert (got.back.node, got.back.outcome) == ("host", Outcome.DELIVERED)
    assert "filters gave the request a source that is not its own" in got.verdict
    assert drawn(got.back, astray=True).endswith("✗ DELIVERED to host instead")
    (mend,) = mends(world, got)
    assert mend.sentence == "Set net.bridge.bridge-nf-call-iptables to 0 on host."


# --- its answers ---

VERSION = {"Version": "4.3.1", "Components": [{"Name": "Podman Engine", "Version": "4.3.1"}]}
LISTED = [
    {"name": "net1", "id": "aa", "driver": "bridge", "network_interface": "podman1", "internal": False,
     "subnets": [{"subnet": "172.19.0.0/16", "gateway": "172.19.0.1"}], "options": {"isolate": "true"}},
    {"name": "bare", "id": "bb", "driver": "bridge", "network_interface": "podman2", "internal": True,
     "subnets": [{"subnet": "10.1.0.0/24"}], "labels": {"routetui.lab": "x"}},
]  # fmt: skip


class Answer:
    """A response of requests, as far as it is asked for."""

    def __init__(self, found: Any) -> None:
        self.found, self.ok = found, found is not None

    def json(self) -> Any:
        return self.found

    def raise_for_status(self) -> None:
        assert self.ok

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Api:
    """The client of a Podman that answers these."""

    base_url = "http+docker://podman"

    def __init__(self, own: Any, containers: Any = None) -> None:
        self.own, self.listed, self.inspected = own, containers, 0
        self.asked: list[tuple[str, object]] = []

    def get(self, url: str, params: dict[str, str]) -> Answer:
        self.asked.append((url, json.loads(params.get("filters", "null"))))
        return Answer(self.own)

    def networks(self, filters: object = None) -> list[dict[str, str]]:  # noqa: ARG002
        return [{"Name": "bridge", "Id": "cc", "Driver": "bridge"}]

    def containers(self, all: bool = False) -> Any:  # noqa: ARG002
        from docker.errors import APIError

        if self.listed is None:
            raise APIError("network inspection mismatch")
        return self.listed

    def inspect_container(self, identity: str) -> dict[str, Any]:
        from docker.errors import APIError

        self.inspected += 1
        if identity == "bad":
            raise APIError("network inspection mismatch")
        return {"HostConfig": {"NetworkMode": f"mode of {identity}"}, "NetworkSettings": {"Networks": {"net1": {}}}}


def test_its_own_list_tells_bridges_and_isolation() -> None:
    api = Api(LISTED)
    found = networks(Listing(VERSION).networks(api, "routetui.lab=x"))  # type: ignore[arg-type]
    assert [(each.name, each.bridge, each.internal, each.options) for each in found] == [
        ("bare", "podman2", True, ()),
        ("net1", "podman1", False, (("isolate", "true"),)),
    ]
    assert [str(each.subnets[0].gateway) for each in found] == ["None", "172.19.0.1"]
    assert api.asked == [("http+docker://podman/v4.0.0/libpod/networks/json", {"label": ["routetui.lab=x"]})]


@pytest.mark.parametrize("own", [None, {"message": "no"}, [{"Name": "cni", "plugins": []}]])
def test_one_that_has_no_such_list_is_asked_in_docker_s_form(own: object) -> None:
    assert [each["Name"] for each in Listing(VERSION).networks(Api(own))] == ["bridge"]  # type: ignore[arg-type]


def test_docker_is_not_asked_for_it() -> None:
    api = Api(LISTED, [{"Id": "one", "HostConfig": {"NetworkMode": "x"}}])
    docker = {"Version": "28.5.2", "Components": [{"Name": "Engine"}]}
    assert not is_podman(docker)
    assert [each["Name"] for each in Listing(docker).networks(api)] == ["bridge"]  # type: ignore[arg-type]
    assert Listing(docker).containers(api) == api.listed  # type: ignore[arg-type]
    assert (api.asked, api.inspected) == ([], 0)


def test_a_container_s_network_mode_is_asked_for_once() -> None:
    api, listing = Api([], [{"Id": "one"}, {"Id": "two"}]), Listing(VERSION)
    for _ in range(3):
        found = listing.containers(api)  # type: ignore[arg-type]
        assert [each["HostConfig"]["NetworkMode"] for each in found] == ["mode of one", "mode of two"]
    assert api.inspected == 2


def test_one_container_that_cannot_be_listed_does_not_hide_the_others() -> None:
    known = [{"Id": each, "Names": [each], "State": "running"} for each in ("good", "bad")]
    good, bad = Listing(VERSION).containers(Api(known))  # type: ignore[arg-type]
    assert (good["Names"], good["NetworkSettings"], good["State"]) == (["/good"], {"Networks": {"net1": {}}}, "running")
    assert bad["Names"] == ["/bad"] and "NetworkSettings" not in bad


# --- its changes ---


def test_what_is_joined_last_has_the_first_default_route_and_docker_s_way_is_another() -> None:
    after = apply(Connect(A, "net2"), on_podman())
    assert defaults(after, A)[0] == ("eth1", "172.20.0.1", 100)
    assert len(defaults(after, A)) == 2
    assert len(defaults(apply(Connect(A, "net2"), lab_on("docker://local 26.1")), A)) == 1


def test_the_address_is_asked_for_since_podman_gives_others_and_the_program_is_podman() -> None:
    (argv,) = command(Connect(A, "net2"), on_podman())
    assert argv == ("podman", "network", "connect", "--ip", "172.20.0.4", "net2", A)
    assert command(RemoveNode(A), on_podman()) == (("podman", "rm", "--force", A),)
    assert podman(A) == ("podman", "exec", A) and podman(None) == ()
    assert "podman inspect" in in_network("podman")


def test_a_freed_device_s_name_is_taken_again() -> None:
    world = apply(Disconnect("centos-router", "net1"), on_podman())
    router = apply(Connect("centos-router", "net1"), world).node("centos-router")
    assert router is not None and {each.name for each in router.interfaces} == {"lo", "eth0", "eth1"}


def test_a_bridge_comes_with_the_first_and_goes_with_the_last() -> None:
    def bridges(world: World) -> list[str | None]:
        host = world.node("host")
        assert host is not None
        return [each.network for each in host.interfaces if each.kind == "bridge"]

    net3 = Network("net3", subnets=(Subnet(parse_prefix("10.77.3.0/24")),))
    world = apply(CreateNetwork(net3), on_podman())
    assert "net3" not in bridges(world)
    joined = apply(Connect(A, "net3"), world)
    assert "net3" in bridges(joined)
    assert "net3" not in bridges(apply(Disconnect(A, "net3"), joined))


def test_a_container_is_started_on_its_networks_one_after_the_other() -> None:
    links = (Connect("", "net2"), Connect("", "net1", (parse_address("172.19.0.99"),)))
    world = apply(StartNode("extra", "x", links), on_podman())
    assert [dev for dev, _, metric in defaults(world, "extra") if metric == 100] == ["eth1", "eth0"]


def test_the_order_of_default_routes_comes_back() -> None:
    """Its start gives them in any order; joined again, a network's comes first."""
    world = apply(Connect(A, "net2"), on_podman())
    for network in ("net1", "net2"):
        change = Disconnect(A, network)
        back = apply(inverse(change, world), apply(change, world))
        assert defaults(back, A) == defaults(world, A)
