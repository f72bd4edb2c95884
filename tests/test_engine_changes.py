"""One contract for changes, whatever engine makes them: what core says becomes of the World does, all of it or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from listening import Listener
from private_engine import images
from private_engine.lab import Lab, two_bridges

from tui import labs
from tui.core.addresses import parse_address, parse_prefix
from tui.core.changes import (
    AddRoute,
    Change,
    ChangeRefused,
    Connect,
    CreateNetwork,
    DeleteRoute,
    Disconnect,
    RemoveNetwork,
    RemoveNode,
    ReplaceRoute,
    SetSysctl,
    Several,
    StartNode,
    apply,
    forwarding,
    placed,
)
from tui.core.changes.inverse import inverse
from tui.core.labs.layout import world as lab_world
from tui.core.world import Interface, Network, NextHop, Node, Route, Subnet, World
from tui.engines.base import Engine, EngineError, ReadOnly
from tui.engines.docker.engine import connect
from tui.engines.read_only import ReadOnlyEngine
from tui.engines.sim import Simulator

A, B, ROUTER = "centos-net1", "centos-net2", "centos-router"


@pytest.fixture
def docker_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    lab: Lab = request.getfixturevalue("lab")
    two_bridges(lab)
    engine = connect(lab.url)
    yield engine
    engine.close()
    for container in lab.api.containers(all=True):
        if container["Names"][0].strip("/") in ("extra", A, B, ROUTER):
            lab.api.remove_container(container["Id"], force=True)
    for network in lab.api.networks(names=["net3"]):
        lab.api.remove_network(network["Id"])


@pytest.fixture
def kernel_engine(kernel_lab: Engine) -> Engine:
    return kernel_lab


@pytest.fixture
def sim_engine() -> Iterator[Engine]:
    engine = Simulator(lab_world(labs.load("two-bridges")))
    yield engine
    engine.close()


@pytest.fixture(params=["docker", "kernel", "sim"])
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(f"{request.param}_engine")
    return found


# --- what a World is, apart from what an engine chooses for itself ---


def alike(world: World) -> dict[str, object]:
    """Networks and nodes as they can be compared between engines.

    Engines choose MAC addresses (and with them fe80:: ones), ids, and the names of bridges, ports and devices; those
    that come again have other indexes, and are listed last.
    """
    found: dict[str, object] = {each.name: _network(each) for each in world.networks}
    return found | {f"node {each.name}": _node(each) for each in world.nodes}


def _network(network: Network) -> tuple[object, ...]:
    return (network.driver, {(str(each.prefix), str(each.gateway)) for each in network.subnets}, network.internal)


def _node(node: Node) -> dict[str, object]:
    links = [each for each in node.interfaces if each.master is None]
    named = {each.name: f"on {each.network}" if each.network is not None else each.name for each in links}
    routes = [each for each in node.routes if not _by_itself(each)]
    return {
        "state": (node.kind, node.state, node.shares, node.missing),
        "links": {named[each.name]: _link(each) for each in links},
        "routes": [_renamed(each, named) for each in routes],
        "rules": node.rules,
        "switches": dict(_switches(node, named)),
    }


def _link(link: Interface) -> tuple[object, ...]:
    given = [f"{each.address}/{each.length}" for each in link.addresses if not each.address.is_link_local]
    given = [each for each in given if each != "::1/128"]  # whether a node has IPv6 at all is the engine's choice
    return (link.network, link.up, link.carrier, sorted(given))


def _by_itself(route: Route) -> bool:
    """Routes that the kernel makes for fe80:: addresses, as a bridge has once it had a port; and those of table local,
    which wait until no neighbour objects to an address: on a bridge without a carrier there is none to ask.
    """
    return route.family == 6 and (route.dst.first.is_link_local or route.table == "local")


def _renamed(route: Route, names: dict[str, str]) -> Route:
    hops = tuple(replace(hop, dev=names.get(hop.dev or "", hop.dev)) for hop in route.nexthops)
    return replace(route, nexthops=hops, protocol="", pref=None)


def _switches(node: Node, names: dict[str, str]) -> Iterator[tuple[str, int]]:
    for name, value in node.sysctls:
        if name.endswith((".disable_ipv6", ".accept_ra")):  # the engine's own, by the addresses that it gives
            continue
        if ".conf." not in name:
            yield name, value
        elif (dev := name.split(".")[3]) in ("all", *names):
            yield name.replace(f".conf.{dev}.", f".conf.{names.get(dev, dev)}."), value


def assert_alike(engine: Engine, wanted: World) -> None:
    """The engine's World is as wanted, once it has settled: a bridge's carrier comes and goes in its own time."""
    want = alike(wanted)
    for _ in range(200):
        if (have := alike(engine.snapshot(fresh=True))) == want:
            return
    different = list(unlike(have, want))
    assert not different, different


def unlike(have: object, want: object, *place: str) -> Iterator[tuple[object, ...]]:
    """Where two are not alike: the place, what the engine has there, what it should have."""
    if isinstance(have, dict) and isinstance(want, dict):
        for key in {**have, **want}:
            if have.get(key) != want.get(key):
                yield from unlike(have.get(key), want.get(key), *place, key)
    elif isinstance(have, list) and isinstance(want, list):
        yield place, [each for each in have if each not in want], [each for each in want if each not in have]
    else:
        yield place, have, want


def make(engine: Engine, change: Change, world: World) -> list[str]:
    """Make a change that goes well; what was said."""
    making = engine.change(change, world)
    assert making.code is None
    lines = list(making)
    assert making.code == 0, lines
    assert making.how or change == Several(())
    assert list(making) == []
    return lines


# --- the kinds ---


def route(dst: str, via: str | None = None, dev: str | None = None, **more: object) -> Route:
    prefix = parse_prefix(dst, 4)
    return Route(prefix, nexthops=(NextHop(dev, parse_address(via) if via else None),), **more)  # type: ignore[arg-type]


def network(name: str, *subnets: str) -> Network:
    return Network(name, subnets=tuple(Subnet(parse_prefix(each)) for each in subnets))


TO_NET2 = AddRoute(A, route("172.20.0.0/16", "172.19.0.3"))
TO_10_9 = AddRoute(A, route("10.9.0.0/16", "172.19.0.3"))
NET3 = CreateNetwork(network("net3", "10.77.3.0/24"))


@dataclass(frozen=True)
class Kind:
    """A change, and those that have to be made before."""

    change: Callable[[World], Change]
    before: tuple[Change | Callable[[World], Change], ...] = ()


def kind(change: Change, *before: Change | Callable[[World], Change]) -> Kind:
    return Kind(lambda _: change, before)


def default(world: World) -> Change:
    node = world.node(A)
    assert node is not None
    return DeleteRoute(A, next(each for each in node.routes if each.is_default))


def extra(world: World) -> Change:
    node = world.node(A)
    assert node is not None
    links = (Connect("", "net2"), Connect("", "net1", (parse_address("172.19.0.99"),)))
    return StartNode("extra", node.image if "/" in node.image else images.FULL, links, (("net.ipv4.ip_forward", 1),))


KINDS = {
    "route": kind(TO_NET2),
    "route with a metric in a table": kind(AddRoute(A, route("10.9.0.0/16", "172.19.0.3", metric=7, table="100"))),
    "route appended": kind(
        AddRoute(A, route("10.9.0.0/16", "172.19.0.3"), "append"), AddRoute(A, route("10.9.0.0/16", "172.19.0.1"))
    ),
    "reject": kind(AddRoute(A, Route(parse_prefix("10.9.0.0/16"), "unreachable"))),
    "replacement": kind(ReplaceRoute(A, route("default", "172.19.0.3"))),
    "route less": Kind(default),
    "route of the host": kind(AddRoute("host", route("10.9.0.0/16", "172.19.0.3"))),
    "forwarding on": kind(forwarding(A, True)),
    "forwarding off": kind(forwarding(ROUTER, False)),
    "one device's switch": kind(SetSysctl(ROUTER, "net.ipv4.conf.eth1.rp_filter", 1)),
    "connected": kind(Connect(A, "net2")),
    "connected with an address": kind(Connect(A, "net2", (parse_address("172.20.0.77"),))),
    "connected to where nobody is": kind(Connect(A, "net3"), NET3),
    "disconnected": kind(Disconnect(ROUTER, "net2")),
    "disconnected from where its default route leads": kind(Disconnect(ROUTER, "net1"), AddRoute(A, TO_NET2.route)),
    "the last one disconnected": kind(Disconnect(A, "net3"), NET3, Connect(A, "net3")),
    "network": kind(NET3),
    "network of both families": kind(CreateNetwork(network("net3", "10.77.3.0/24", "fd77:3::/64"))),
    "network less": kind(RemoveNetwork("net3"), NET3),
    "node": Kind(extra),
    "node less": kind(RemoveNode("extra"), extra, AddRoute("extra", route("10.9.0.0/16", "172.20.0.3"))),
    "several": kind(
        Several((TO_10_9, AddRoute(B, route("172.19.0.0/16", "172.20.0.3")), forwarding(A, True), Connect(A, "net2")))
    ),
    "nothing": kind(Several(())),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_is_made_is_what_was_told_and_its_inverse_brings_back_what_was(engine: Engine, name: str) -> None:
    for each in KINDS[name].before:
        world = engine.snapshot(fresh=True)
        make(engine, each(world) if callable(each) else each, world)
    world = engine.snapshot(fresh=True)
    change = KINDS[name].change(world)
    after, back = apply(change, world), inverse(change, world)
    begun = engine.change(change, world)
    assert begun.argv == next((argv for _, argv in placed(change, world)), ())
    begun.close()
    assert list(begun) == []
    make(engine, change, world)
    assert_alike(engine, after)
    now = engine.snapshot(fresh=True)
    make(engine, back, now)
    assert_alike(engine, world)


@pytest.mark.parametrize(
    "change",
    [
        AddRoute(A, route("10.9.0.0/16", "10.1.2.3")),
        AddRoute(A, route("172.19.0.0/16", dev="eth0", scope="link", protocol="kernel")),
        AddRoute(A, route("10.9.0.1/16", "172.19.0.3")),
        AddRoute(A, route("10.9.0.0/16", dev="eth7", scope="link")),
        DeleteRoute(A, route("10.9.0.0/16", "172.19.0.3")),
        SetSysctl(A, "net.ipv4.conf.eth7.forwarding", 1),
    ],
    ids=lambda change: type(change).__name__,
)
def test_what_the_kernel_refuses_ends_in_its_words_and_changes_nothing(engine: Engine, change: Change) -> None:
    world = engine.snapshot(fresh=True)
    with pytest.raises(ChangeRefused) as told:
        apply(change, world)
    making = engine.change(change, world)
    lines = [each for each in making if each]
    assert making.code not in (None, 0, 130)
    assert any(told.value.words in each for each in lines) or "sysctl" in told.value.words, (lines, told.value.words)
    assert lines
    assert_alike(engine, world)


@pytest.mark.parametrize(
    "change",
    [
        Connect(A, "net1"),
        Connect(A, "no-such-network"),
        Connect(A, "net2", (parse_address("172.20.0.2"),)),
        Connect(A, "net2", (parse_address("10.1.2.3"),)),
        Disconnect(A, "net2"),
        CreateNetwork(network("net1", "10.77.3.0/24")),
        CreateNetwork(network("net3", "172.19.128.0/24")),
        RemoveNetwork("net1"),
        StartNode(A, images.FULL, (Connect("", "net1"),)),
        StartNode("extra", images.FULL, (Connect("", "net1", (parse_address("172.19.0.3"),)),)),
        RemoveNode("no-such-node"),
        SetSysctl(A, "net.ipv6.conf.all.disable_ipv6", 1),
    ],
    ids=lambda change: type(change).__name__,
)
def test_what_the_engine_refuses_says_why_and_changes_nothing(engine: Engine, change: Change) -> None:
    world = engine.snapshot(fresh=True)
    with pytest.raises(ChangeRefused):
        apply(change, world)
    try:
        making = engine.change(change, world)
    except EngineError as error:
        assert str(error).endswith((".", "?"))
    else:
        assert [each for each in making if each]
        assert making.code not in (None, 0, 130)
    assert_alike(engine, world)


@pytest.mark.parametrize(
    "last",
    [AddRoute(B, route("172.19.0.0/16", "10.1.2.3")), DeleteRoute(A, route("10.9.0.0/16")), Disconnect(B, "net1")],
)
def test_several_are_all_made_or_none(engine: Engine, last: Change) -> None:
    world = engine.snapshot(fresh=True)
    first = (TO_10_9, forwarding(A, True), Connect(A, "net2"))
    making = engine.change(Several((*first, last)), world)
    lines = [each for each in making if each]
    assert making.code not in (None, 0, 130)
    assert sum(each.startswith("Taken back") for each in lines) == len(first)
    assert_alike(engine, world)


def test_closed_before_it_is_iterated_nothing_is_made(engine: Engine) -> None:
    world = engine.snapshot(fresh=True)
    making = engine.change(Several((TO_10_9, Connect(A, "net2"))), world)
    making.close()
    making.close()
    assert making.code not in (None, 0)
    assert list(making) == []
    assert_alike(engine, world)


def test_closed_in_between_all_of_it_is_there_or_nothing(engine: Engine) -> None:
    world = engine.snapshot(fresh=True)
    routes = tuple(AddRoute(A, route(f"10.9.{n}.0/24", "172.19.0.3")) for n in range(40))
    change = Several(routes)
    watch = engine.watch()
    engine.snapshot()
    listener = Listener(watch)
    making = engine.change(change, world)
    maker = Listener(iter(making))
    assert listener.next() is None
    making.close()
    while (said := maker.next()) is not Listener.END:
        assert isinstance(said, str)
    wanted = apply(change, world) if making.code == 0 else world
    assert making.code is not None
    assert_alike(engine, wanted)


def test_a_change_of_a_node_that_is_not_there_cannot_even_be_tried_or_is_refused(engine: Engine) -> None:
    world = engine.snapshot(fresh=True)
    try:
        making = engine.change(AddRoute("no-such-node", TO_NET2.route), world)
        assert any("no-such-node" in each for each in list(making))
        assert making.code not in (None, 0, 130)
    except EngineError as error:
        assert "no-such-node" in str(error)


def test_what_moved_on_meanwhile_is_judged_as_it_is_now(engine: Engine) -> None:
    """The World that was shown is old: the route is there already."""
    world = engine.snapshot(fresh=True)
    make(engine, TO_NET2, world)
    making = engine.change(TO_NET2, world)
    assert any("File exists" in each for each in list(making))
    assert making.code not in (None, 0, 130)


def test_a_change_is_heard_by_who_watches(engine: Engine) -> None:
    watch = engine.watch()
    world = engine.snapshot()
    listener = Listener(watch)
    make(engine, TO_NET2, world)
    assert listener.next() is None
    wanted = apply(TO_NET2, world)
    assert_alike(engine, wanted)


def test_read_only_makes_no_change(engine: Engine) -> None:
    guarded = ReadOnlyEngine(engine)
    world = guarded.snapshot(fresh=True)
    for name in ("route", "forwarding on", "connected", "network", "node", "node less", "several"):
        with pytest.raises(ReadOnly):
            guarded.change(KINDS[name].change(world), world)
    with pytest.raises(ReadOnly):
        guarded.run(A, ("ip", "route", "add", "172.20.0.0/16", "via", "172.19.0.3"))
    assert alike(guarded.snapshot(fresh=True)) == alike(world)
    assert list(guarded.run(A, ("ip", "route")))
