"""Changes on the kernel beyond the contract: seen by whoever is attached, bridges kept apart, what runs in a node."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from listening import Listener, named, seen_until
from namespaces import WHY_NOT
from test_engine_changes import NET3, TO_NET2, A, B, assert_alike, make, network, route
from test_kernel import WHY_NO_LAB, needs_root, ping, until

from tui import labs
from tui.core.changes import (
    AddRoute,
    Change,
    Connect,
    CreateNetwork,
    RemoveNetwork,
    RemoveNode,
    Several,
    StartNode,
    apply,
    forwarding,
)
from tui.core.changes.inverse import inverse
from tui.core.labs.layout import world as lab_world
from tui.core.world import World
from tui.engines import kernel
from tui.engines.base import EngineError, Making
from tui.engines.kernel import KernelLab, kept
from tui.engines.kernel.namespaces import NamespaceEngine
from tui.engines.making import STOPPED, InOrder
from tui.engines.sim import Simulator

pytestmark = pytest.mark.skipif(WHY_NO_LAB is not None and not os.environ.get("CI"), reason=WHY_NO_LAB or "")
LAB = labs.load("two-bridges")
EXTRA = StartNode("extra", "busybox", (Connect("", "net3"), Connect("", "net1")))


@pytest.fixture
def lab() -> Iterator[KernelLab]:
    engine = kernel.start(LAB)
    yield engine
    engine.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the test's own for running labs."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    yield tmp_path
    for name in kept.running():
        kept.down(name)


def do(engine: KernelLab, *changes: Change) -> None:
    for each in changes:
        make(engine, each, engine.snapshot())


# --- a lab that others see ---


def test_who_is_attached_hears_of_new_nodes_sees_them_and_hears_what_changes_in_them(folder: Path) -> None:
    kept.up(LAB, persist=True).close()
    first, second = kept.attach("two-bridges"), kept.attach("two-bridges")
    listener = Listener(second.watch())
    before = second.snapshot()
    do(first, NET3, EXTRA)
    seen = seen_until(second, listener, lambda world: world.node("extra") is not None)
    assert seen == first.snapshot()
    do(first, AddRoute("extra", route("10.9.0.0/16", "172.19.0.3")))
    seen_until(
        second, listener, lambda world: any(str(each.dst) == "10.9.0.0/16" for each in named(world, "extra").routes)
    )
    third = kept.attach("two-bridges")
    assert third.snapshot() == first.snapshot()
    do(third, RemoveNode("extra"), RemoveNetwork("net3"))
    seen_until(second, listener, lambda world: world.network("net3") is None)
    assert second.snapshot() == third.snapshot()
    assert_alike(second, before)
    for each in (first, second, third):
        each.close()


def test_a_node_without_a_network_is_heard_of_too(folder: Path) -> None:
    kept.up(LAB, persist=True).close()
    first, second = kept.attach("two-bridges"), kept.attach("two-bridges")
    listener = Listener(second.watch())
    second.snapshot()
    do(first, StartNode("alone"))
    seen_until(second, listener, lambda world: world.node("alone") is not None)
    for each in (first, second):
        each.close()


def test_a_node_of_the_same_name_is_another_one(lab: KernelLab) -> None:
    do(lab, AddRoute(B, route("10.9.0.0/16", "172.20.0.3")))
    back = inverse(RemoveNode(B), lab.snapshot())
    do(lab, RemoveNode(B))
    with pytest.raises(EngineError, match=B):
        lab.run(B, ("ip", "route"))
    do(lab, StartNode(B, "", (Connect("", "net2"),)))
    assert not [each for each in named(lab.snapshot(), B).routes if str(each.dst) == "10.9.0.0/16"]
    do(lab, RemoveNode(B), back)
    assert [each for each in named(lab.snapshot(), B).routes if str(each.dst) == "10.9.0.0/16"]


def test_what_runs_in_a_node_ends_with_it(lab: KernelLab) -> None:
    run = lab.run(B, ("sleep", "1000"))
    listener = Listener(iter(run))
    do(lab, RemoveNode(B))
    assert listener.next() is Listener.END
    assert run.code == 137


# --- packets ---


@pytest.mark.parametrize("isolation", ["nft", "rules"])
def test_new_bridges_are_kept_apart_as_the_old_ones_are(isolation: str) -> None:
    """A new network answers its own, not others; removed again, what was kept apart still is."""
    lab = kernel.start(LAB, isolation=(isolation,))
    try:
        do(lab, NET3, EXTRA, StartNode("peer", "", (Connect("", "net3"),)))
        assert lab.isolation == isolation
        address = next(str(each.address) for link, each in named(lab.snapshot(), "peer").addresses() if link.network)
        assert ping(lab, "extra", address)[0] == 0
        assert ping(lab, B, address)[0] == 1
        assert ping(lab, B, "10.77.3.1")[0] == 0  # the host's own addresses answer everybody
        do(lab, RemoveNode("extra"), RemoveNode("peer"), RemoveNetwork("net3"))
        assert ping(lab, A, "172.20.0.2")[0] == 1
        assert ping(lab, A, "172.19.0.3")[0] == 0
    finally:
        lab.close()


def test_a_connected_node_reaches_its_new_neighbours_with_forwarding_from_one_to_the_other(lab: KernelLab) -> None:
    do(lab, TO_NET2, AddRoute(B, route("172.19.0.0/16", "172.20.0.3")))
    assert ping(lab, A, "172.20.0.2")[0] == 0
    do(lab, forwarding("centos-router", False))
    assert ping(lab, A, "172.20.0.2")[0] == 1
    do(lab, inverse(TO_NET2, lab_world(LAB)), Connect(A, "net2"))
    assert ping(lab, A, "172.20.0.2")[0] == 0


def test_a_network_without_a_bridge_under_docker_has_one_here(lab: KernelLab) -> None:
    wanted = network("flat", "10.88.0.0/24")
    do(lab, CreateNetwork(type(wanted)(wanted.name, driver="macvlan", subnets=wanted.subnets)), Connect(A, "flat"))
    do(lab, StartNode("peer", "", (Connect("", "flat"),)))
    assert ping(lab, "peer", "10.88.0.2")[0] == 0
    do(lab, RemoveNode("peer"))


def test_a_sysctl_that_is_not_there_leaves_nothing_of_a_new_node(lab: KernelLab) -> None:
    world = lab.snapshot()
    making = lab.change(StartNode("extra", "", (Connect("", "net1"),), (("net.ipv4.no_such", 1),)), world)
    assert any("net.ipv4.no_such" in each for each in list(making))
    assert making.code == 1
    assert lab.snapshot() == world


def test_who_was_slower_than_another_is_told_so_and_changes_nothing(folder: Path) -> None:
    """Two programs change what the lab consists of at the same moment: the second is refused, with what to do."""
    kept.up(LAB, persist=True).close()
    first, second = kept.attach("two-bridges"), kept.attach("two-bridges")
    world = second.snapshot()
    before = second.made, second.revision
    do(first, NET3)
    second.snapshot = lambda *_: world  # type: ignore[method-assign]  # read in the moment before
    after = first.snapshot()
    for change in (RemoveNode(B), StartNode("extra", "", (Connect("", "net1"),))):
        making = second.change(change, world)
        lines = list(making)
        assert making.code == 1
        assert any("meanwhile" in each or "File exists" in each for each in lines), lines
        assert (second.made, second.revision) == before
        assert first.snapshot() == after
    first.close()
    second.close()


# --- namespaces that others made ---


@needs_root
@pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")
def test_routes_and_switches_of_namespaces_and_nothing_else(namespaces: NamespaceEngine) -> None:
    world = namespaces.snapshot()
    name = next(each.name for each in world.nodes if each.kind == "namespace")
    there = Several((AddRoute(name, route("10.9.0.0/16", dev="lo", scope="link")), forwarding(name, True)))
    after, back = apply(there, world), inverse(there, world)
    making = namespaces.change(there, world)
    assert (list(making), making.code) == ([], 0)
    assert making.how == "in its namespace, by netlink"
    assert named(namespaces.snapshot(), name) == named(after, name)
    making = namespaces.change(back, namespaces.snapshot())
    assert (list(making), making.code) == ([], 0)
    assert namespaces.snapshot() == world
    making = namespaces.change(AddRoute(name, route("10.9.0.0/16", "10.1.2.3")), world)
    assert list(making) == ["Error: Nexthop has invalid gateway."] or making.code
    for change in (NET3, StartNode("extra"), Several((there, NET3))):
        with pytest.raises(EngineError, match="somebody else's"):
            namespaces.change(change, world)
    with pytest.raises(EngineError, match="no-such"):
        namespaces.change(forwarding("no-such", True), world)
    assert namespaces.snapshot() == world


@pytest.fixture
def namespaces() -> Iterator[NamespaceEngine]:
    from namespaces import Space

    with Space() as space:
        Path("/run/netns").mkdir(exist_ok=True)
        path = Path(f"/run/netns/rt-chg-{os.getpid()}")
        assert os.system(f"touch {path} && mount --bind /proc/{space.pid}/ns/net {path}") == 0
        engine = NamespaceEngine(path.name)
        yield engine
        engine.close()
        assert os.system(f"umount {path} && rm {path}") == 0
        until(lambda: not path.exists())


# --- in order, all or none ---


def test_closed_while_one_is_made_the_ones_before_are_taken_back() -> None:
    engine = Simulator(lab_world(LAB))
    world = engine.snapshot()
    made: list[Change] = []

    def one(change: Change, now: World) -> Making:
        made.append(change)
        if len(made) == 2:
            making.close()
        return engine._make(change, now)

    changes = tuple(AddRoute(A, route(f"10.9.{n}.0/24", "172.19.0.3")) for n in range(4))
    making = InOrder(Several(changes), world, one)
    lines = list(making)
    assert making.code == STOPPED
    assert len([each for each in lines if each.startswith("Taken back")]) == 2
    assert engine.snapshot() == world
    assert [type(each).__name__ for each in made] == ["AddRoute", "AddRoute", "DeleteRoute", "DeleteRoute"]


def test_who_stops_to_listen_in_the_middle_leaves_nothing_behind() -> None:
    engine = Simulator(lab_world(LAB))
    world = engine.snapshot()
    refused = AddRoute(A, route("10.9.9.0/24", "10.1.2.3"))
    making = InOrder(Several((TO_NET2, refused)), world, engine._make)
    lines = iter(making)
    assert "invalid gateway" in next(lines)
    assert engine.snapshot() != world
    del lines
    assert making.code == STOPPED
    assert engine.snapshot() == world
