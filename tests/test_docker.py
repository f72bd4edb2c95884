"""The Docker engine on a real one: every state of a container, events, commands, and trouble."""

from __future__ import annotations

import contextlib
import itertools
import re
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from listening import Listener, named, seen_until
from private_engine import PrivateEngine, images
from private_engine.lab import Lab

from tui.core import saved
from tui.core.addresses import parse_address, parse_prefix
from tui.core.lookup import lookup
from tui.core.query import Query
from tui.core.world import TOPICS, Interface, InterfaceAddress, Network, Subnet, World
from tui.engines.base import EngineError
from tui.engines.docker import local as docker_local
from tui.engines.docker import tables as docker_tables
from tui.engines.docker.engine import STILL_READING, DockerEngine, connect
from tui.engines.docker.world import Container, Endpoint, plugged


@pytest.fixture
def states(lab: Lab) -> Lab:
    """A container in each state and network mode."""
    lab.network("states", "172.29.0.0/16")
    lab.container("runs", {"states": "172.29.0.10"})
    lab.network("other", "172.30.0.0/16")
    lab.container("stopped", {"states": None, "other": None})
    lab.api.kill("stopped")
    lab.api.wait("stopped")
    lab.container("paused", {"states": None})
    lab.api.pause("paused")
    lab.container("made", {"states": None}, start=False)
    lab.container("fails", {"states": None}, command=["sh", "-c", "exit 1"], restart_policy={"Name": "always"})
    lab.container("no-network", "none")
    lab.container("on-host", "host")
    lab.container("shares", "container:runs")
    return lab


@pytest.mark.parametrize("rungs", [("netlink",), ("exec", "proc"), ("exec",)])
def test_every_state_is_shown_as_what_it_is(
    states: Lab, engine_by: Callable[..., DockerEngine], rungs: tuple[str, ...]
) -> None:
    world = engine_by(*rungs).snapshot()
    node = {each.name: each for each in world.nodes}
    assert node["runs"].missing == ()
    assert node["runs"].problem is None
    assert node["runs"].capabilities == ("NET_ADMIN", "NET_RAW")
    for name, state in (("stopped", "exited"), ("made", "created")):
        assert node[name].state == state
        assert node[name].missing == TOPICS
        assert node[name].problem == f"It is not running, so it has no tables: start it with docker start {name}."
        assert {each.network for each in node[name].interfaces} >= {"states"}
    assert node["fails"].state in ("restarting", "running", "exited")
    assert node["paused"].state == "paused"
    assert node["no-network"].network_mode == "none"
    assert [each.name for each in node["no-network"].interfaces] == ["lo"]
    assert node["no-network"].problem is None
    assert node["on-host"].shares == "host"
    assert node["shares"].shares == "runs"
    for name in ("on-host", "shares"):
        assert (node[name].interfaces, node[name].routes, node[name].problem) == ((), (), None)
    assert saved.loads(saved.dumps(world)) == world


def test_a_paused_container_is_read_from_outside_where_that_is_possible(
    states: Lab, engine_by: Callable[..., DockerEngine]
) -> None:
    by_netlink = named(engine_by("netlink").snapshot(), "paused")
    assert by_netlink.problem is None
    assert by_netlink.missing == ()
    by_proc = named(engine_by("exec", "proc").snapshot(), "paused")
    assert by_proc.routes
    assert (by_proc.problem or "").startswith("It is paused, and nothing can run in it: docker unpause paused.")
    not_at_all = named(engine_by("exec").snapshot(), "paused")
    assert not_at_all.missing == TOPICS
    assert (not_at_all.problem or "").startswith("It is paused")
    assert [each.network for each in not_at_all.interfaces] == ["states"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stopped", "stopped does not run (exited): start it with docker start stopped."),
        ("made", "made does not run (created): start it with docker start made."),
        ("paused", "paused is paused: docker unpause paused lets commands run in it again."),
    ],
)
def test_nothing_runs_in_what_does_not_run(
    states: Lab, engine_by: Callable[..., DockerEngine], name: str, said: str
) -> None:
    with pytest.raises(EngineError, match=re.escape(said)):
        engine_by().run(name, ["ip", "route"])


def test_the_host_owns_the_gateways(two_bridges: Lab, private_engine: PrivateEngine) -> None:
    engine = connect(two_bridges.url)
    try:
        world = engine.snapshot()
        host = named(world, "host")
        for name, gateway in (("net1", "172.19.0.1"), ("net2", "172.20.0.1")):
            network = world.network(name)
            assert network is not None
            assert str(network.subnets[0].gateway) == gateway
            bridge = host.interface(network.bridge or "")
            assert bridge is not None
            assert (bridge.network, bridge.kind) == (name, "bridge")
            assert gateway in [str(own.address) for own in bridge.addresses]
        assert host.missing == ()
        assert host.sysctl("net.ipv4.ip_forward") == 1
        run = engine.run("host", ["ip", "-4", "address", "show"])
        assert any("172.19.0.1/16" in line for line in run)
    finally:
        engine.close()


def test_the_walk_through(two_bridges: Lab, engine_by: Callable[..., DockerEngine]) -> None:
    world = engine_by("exec").snapshot()
    router = named(world, "centos-router")
    assert router.sysctl("net.ipv4.ip_forward") == 1
    assert [(own.network, [str(each.address) for each in own.addresses]) for own in router.interfaces[1:]] in (
        [("net1", ["172.19.0.3"]), ("net2", ["172.20.0.3"])],
        [("net2", ["172.20.0.3"]), ("net1", ["172.19.0.3"])],
    )
    decision = lookup(named(world, "centos-net1"), Query(parse_address("172.20.0.2"))).decision
    assert (str(decision.gateway), decision.dev, str(decision.prefsrc)) == ("172.19.0.1", "eth0", "172.19.0.2")


@pytest.mark.parametrize("rung", ["exec", "netlink"])
def test_a_network_connected_elsewhere_is_heard_of(lab: Lab, engine_by: Callable[..., DockerEngine], rung: str) -> None:
    lab.network("first", "172.27.0.0/16")
    lab.network("second", "172.28.0.0/16")
    lab.container("moves", {"first": None})
    engine = engine_by(rung)
    watch = engine.watch()
    before = named(engine.snapshot(), "moves")
    assert [each.network for each in before.interfaces] == [None, "first"]
    listener = Listener(watch)
    lab.api.connect_container_to_network("moves", "second")
    seen_until(engine, listener, lambda world: "second" in [i.network for i in named(world, "moves").interfaces])
    lab.api.disconnect_container_from_network("moves", "second")
    seen_until(engine, listener, lambda world: named(world, "moves") == before)


@pytest.mark.parametrize("rung", ["exec", "netlink"])
def test_a_route_added_by_hand_elsewhere_is_heard_of(
    lab: Lab, engine_by: Callable[..., DockerEngine], rung: str
) -> None:
    lab.container("changes", "bridge")
    engine = engine_by(rung)
    watch = engine.watch()
    engine.snapshot()
    listener = Listener(watch)
    assert lab.execute("changes", "ip", "route", "add", "blackhole", "198.51.100.0/24") == (0, "")
    seen_until(engine, listener, lambda world: any(each.is_reject for each in named(world, "changes").routes))


def test_one_event_makes_one_container_be_read_again(lab: Lab, engine_by: Callable[..., DockerEngine]) -> None:
    for name in ("one", "two", "three"):
        lab.container(name, "bridge")
    engine = engine_by("exec")
    watch = engine.watch()
    engine.snapshot()
    stream = lab.api.events(decode=True, filters={"type": "container", "event": ["exec_create", "kill"]})
    lab.execute("two", "ip", "route", "add", "blackhole", "198.51.100.0/24")
    seen_until(engine, Listener(watch), lambda world: any(each.is_reject for each in named(world, "two").routes))
    engine.snapshot()
    lab.api.kill("three")  # ends what is counted
    counted = list(itertools.takewhile(lambda event: event["Action"] != "kill", stream))
    stream.close()
    assert [event["Actor"]["Attributes"]["name"] for event in counted] == ["two", "two"]


def test_a_fresh_snapshot_reads_everything_again(lab: Lab, engine_by: Callable[..., DockerEngine]) -> None:
    lab.container("unseen", "bridge")
    engine = engine_by("exec")
    engine.watch()
    engine.snapshot()
    lab.enter("unseen", "ip", "route", "add", "blackhole", "198.51.100.0/24")  # no event tells of this
    assert not any(each.is_reject for each in named(engine.snapshot(), "unseen").routes)
    assert any(each.is_reject for each in named(engine.snapshot(fresh=True), "unseen").routes)


def test_without_a_watch_every_snapshot_reads_again(lab: Lab, engine_by: Callable[..., DockerEngine]) -> None:
    lab.container("unseen", "bridge")
    engine = engine_by("exec")
    engine.snapshot()
    lab.enter("unseen", "ip", "route", "add", "blackhole", "198.51.100.0/24")
    assert any(each.is_reject for each in named(engine.snapshot(), "unseen").routes)


def test_the_first_picture_does_not_wait_for_tables(two_bridges: Lab, engine_by: Callable[..., DockerEngine]) -> None:
    engine = engine_by("exec")
    watch = engine.watch()
    first = engine.snapshot(patience=0)
    node = named(first, "centos-net1")
    assert (node.problem, node.missing, node.routes) == (STILL_READING, TOPICS, ())
    assert [(each.network, str(each.addresses[0].address)) for each in node.interfaces] == [("net1", "172.19.0.2")]
    listener = Listener(watch)
    whole = seen_until_patient(engine, listener)
    assert whole == engine.snapshot()


def seen_until_patient(engine: DockerEngine, listener: Listener) -> World:
    while True:
        assert listener.next() is None
        world = engine.snapshot(patience=0)
        if all(node.problem != STILL_READING for node in world.nodes):
            return world


def test_health_checks_are_no_news(lab: Lab, engine_by: Callable[..., DockerEngine]) -> None:
    made = lab.api.create_container(
        images.FULL, name="healthy", healthcheck={"test": ["CMD-SHELL", "true; true"], "interval": 1_000_000_000}
    )
    try:
        lab.api.start(made)
        engine = engine_by("exec")
        watch = engine.watch()
        engine.snapshot()
        listener = Listener(watch)
        stream = lab.api.events(decode=True, filters={"container": "healthy", "event": "exec_die"})
        next(stream), next(stream), next(stream)
        stream.close()
        assert listener.heard.empty()
        lab.execute("healthy", "sh", "-c", "true")
        assert listener.next() is None
    finally:
        lab.api.remove_container(made, force=True)


def test_a_container_that_hangs_does_not_hold_up_the_others(
    lab: Lab, engine_by: Callable[..., DockerEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_tables, "PIECE", 1.0)
    hang = lab.container("hangs", "bridge")
    lab.execute(hang, "sh", "-c", "printf '#!/bin/sh\nwhile :; do :; done' >/usr/bin/ip; chmod 755 /usr/bin/ip")
    lab.container("well", "bridge")
    world = engine_by("exec").snapshot()
    assert named(world, "well").problem is None
    assert named(world, "hangs").missing == TOPICS
    assert "did not answer" in (named(world, "hangs").problem or "")
    lab.remove(hang)


def test_a_container_that_prints_without_end_is_given_up(
    lab: Lab, engine_by: Callable[..., DockerEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_tables, "LARGEST", 1 << 20)
    floods = lab.container("floods", "bridge")
    lab.execute(floods, "sh", "-c", "printf '#!/bin/sh\nwhile :; do echo [; done' >/usr/bin/cat")
    node = named(engine_by("exec").snapshot(), "floods")
    assert node.missing == TOPICS
    assert "1 megabytes" in (node.problem or "")
    lab.remove(floods)


def test_a_container_that_vanishes_meanwhile_spoils_nothing(lab: Lab, engine_by: Callable[..., DockerEngine]) -> None:
    names = [f"brief-{number}" for number in range(6)]
    for name in names:
        lab.container(name, "bridge")
    lab.container("stays", "bridge")
    engine = engine_by("exec")
    remover = threading.Thread(target=lambda: [lab.api.remove_container(name, force=True) for name in names])
    remover.start()
    while remover.is_alive():
        assert named(engine.snapshot(), "stays").problem is None
    remover.join()
    assert not any(node.name.startswith("brief") for node in engine.snapshot().nodes)


@pytest.mark.parametrize("rung", ["exec", "netlink", "proc"])
def test_what_was_listed_and_is_gone_has_a_problem(engine_by: Callable[..., DockerEngine], rung: str) -> None:
    gone = Container("0" * 64, "gone", "running", "", "bridge")
    found = engine_by(rung)._tables.gather([gone], None, keep=False)["0" * 64]
    assert found is not None
    assert found.missing == TOPICS
    assert found.problem


HOSTILE = "[/red]\x1b[31m\u202e<b>\r\x07"


def test_hostile_text_comes_in_clean(lab: Lab, engine_by: Callable[..., DockerEngine]) -> None:
    lab.network("bad[/red]\x1b[31m\u202e", "172.26.0.0/16")
    lab.container("victim", "bridge", labels={HOSTILE: HOSTILE})
    lab.execute("victim", "sh", "-c", r"printf '#!/bin/sh\necho \033[31mno\033]0;x\007' >/usr/bin/ip")
    engine = engine_by("exec")
    world = engine.snapshot()
    assert world.network("bad[/red]") is not None
    assert "\x1b" not in repr(world)
    assert "x1b" not in repr(world)
    lines = list(
        engine.run("victim", ["sh", "-c", 'printf "$1"', "sh", r"\033[31mred\033[0m [/bold] \302\233 \r\nnext\n"])
    )
    assert lines == ["red [/bold]  ", "next"]


def test_a_run_outlives_nothing(lab: Lab, engine_by: Callable[..., DockerEngine]) -> None:
    lab.container("busy", "bridge")
    engine = engine_by()
    run = engine.run("busy", ["sh", "-c", "sleep 1001 & echo begun; sleep 1002"])
    listener = Listener(iter(run))
    assert listener.next() == "begun"
    run.close()
    assert listener.next() is Listener.END
    assert run.code == 128 + 15
    left = lab.execute("busy", "ps")[1]
    assert "sleep 100" not in left


def test_a_run_in_a_container_that_dies_ends(lab: Lab, engine_by: Callable[..., DockerEngine]) -> None:
    lab.container("dies", "bridge")
    run = engine_by().run("dies", ["sh", "-c", "echo begun; sleep 1000"])
    listener = Listener(iter(run))
    assert listener.next() == "begun"
    lab.remove("dies")
    assert listener.next() is Listener.END
    assert run.code == 128 + 9


@pytest.mark.parametrize("image", [images.BARE, images.IP_ONLY])
def test_commands_run_where_there_is_no_shell(lab: Lab, engine_by: Callable[..., DockerEngine], image: str) -> None:
    name = "shell-less"
    lab.container(name, "bridge", image)
    engine = engine_by()
    run = engine.run(name, ["sleep", "0"])
    assert list(run) == []
    assert run.code == 0
    run = engine.run(name, ["sleep", "1003"])
    run.close()
    assert run.code
    pid = docker_local.pids([named(engine.snapshot(), name).id])
    assert len(pid) == 1


def unfiltered(world: World) -> World:
    return replace(world, nodes=tuple(replace(node, filters=None) for node in world.nodes))


def test_a_broken_engine_is_told_and_found_again() -> None:
    with PrivateEngine() as mine, contextlib.ExitStack() as closing:
        lab = Lab(mine.url)
        closing.callback(lab.api.close)
        lab.container("stays", "bridge")
        engine = connect(mine.url)
        closing.callback(engine.close)
        watch = engine.watch()
        before = engine.snapshot()
        listener = Listener(watch)
        mine.stop_daemon()
        while (heard := listener.next()) is None:
            pass
        assert isinstance(heard, EngineError)
        # The stream may end before its socket is gone, or after.
        assert str(heard).endswith(
            ("it was stopped, or is being restarted.", "start it (sudo systemctl start docker).")
        )
        for away in (engine.snapshot, engine.watch, lambda: engine.run("stays", ["ip", "route"])):
            with pytest.raises(EngineError, match=r"Nothing answers|does not answer"):
                away()
        mine.start_daemon()
        watch = engine.watch()
        assert next(watch) is None  # what happened meanwhile went unheard
        # Starting, an engine sets up its packet filters anew, and not always in the order that they had.
        assert unfiltered(engine.snapshot()) == unfiltered(before)
        assert list(engine.run("stays", ["echo", "back"])) == ["back"]


def test_the_way_out_of_an_overlay_network_is_on_its_bridge_though_the_engine_lists_no_member() -> None:
    def read(dev: str, mac: str, address: str) -> Interface:
        return Interface(dev, 2, mac=mac, addresses=(InterfaceAddress(parse_address(address), 24),), kind="veth")

    on_overlay = Endpoint("ov1", "02:42:0a:00:01:02", (InterfaceAddress(parse_address("10.0.1.2"), 24),))
    member = Container("0" * 64, "member", "running", "", "ov1", endpoints=(on_overlay,))
    interfaces = (read("eth0", on_overlay.mac, "10.0.1.2"), read("eth1", "9a:96:b4:f5:f1:74", "172.18.0.3"))
    outward = Network("docker_gwbridge", bridge="docker_gwbridge", subnets=(Subnet(parse_prefix("172.18.0.0/16")),))
    for known, networks in (((outward,), ["ov1", "docker_gwbridge"]), ((), ["ov1", None])):
        assert [each.network for each in plugged(interfaces, member, known)] == networks
