"""One contract for every engine: what panels, command line and labs may rely on, whatever is behind the seam."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from listening import Listener
from private_engine.lab import Lab
from processes import AT_ONCE
from two_bridges import two_bridges as two_bridges_world

from tui.core import saved
from tui.core.world import TOPICS
from tui.engines.base import Engine, EngineError, Run
from tui.engines.docker.engine import connect
from tui.engines.sim import Simulator

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


@dataclass
class Subject:
    """An engine under test, and what this one calls the things that all have."""

    engine: Engine
    node: str = "centos-net1"
    ends: tuple[str, ...] = ("ip", "route")
    lasts: tuple[str, ...] | None = None  # a command that runs until it is ended, where the engine has one
    change: Callable[[], None] = field(default=lambda: None)


@pytest.fixture
def docker_subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    lab: Lab = request.getfixturevalue("two_bridges")
    engine = connect(lab.url)
    changes = iter(range(100))

    def change() -> None:
        lab.execute(
            "centos-net1", "ip", "route", "replace", "198.51.100.0/24", "dev", "eth0", "mtu", str(1000 + next(changes))
        )

    yield Subject(engine, lasts=("ping", "-i", "0.2", "172.19.0.1"), change=change)
    engine.close()
    lab.execute("centos-net1", "ip", "route", "del", "198.51.100.0/24")


@pytest.fixture
def sim_subject() -> Iterator[Subject]:
    engine = Simulator(two_bridges_world())
    yield Subject(engine, change=lambda: engine.replace(two_bridges_world()))
    engine.close()


@pytest.fixture
def kernel_subject(kernel_lab: Engine) -> Subject:
    changes = iter(range(100))

    def change() -> None:
        argv = ("ip", "route", "replace", "198.51.100.0/24", "dev", "eth0", "mtu", str(1000 + next(changes)))
        assert list(kernel_lab.run("centos-net1", argv)) == []

    return Subject(kernel_lab, lasts=("ping", "-i", "0.2", "172.19.0.1"), change=change)


@pytest.fixture(params=["docker", "kernel", "sim"])
def subject(request: pytest.FixtureRequest) -> Subject:
    found: Subject = request.getfixturevalue(f"{request.param}_subject")
    return found


def test_an_unchanged_world_equals_the_last_one(subject: Subject) -> None:
    assert subject.engine.snapshot() == subject.engine.snapshot(fresh=True)


def test_impatience_gives_a_whole_world_with_what_is_missing_named(subject: Subject) -> None:
    patient, hasty = subject.engine.snapshot(), subject.engine.snapshot(patience=0.0)
    for _ in range(50):  # a bridge whose last container has just left loses its carrier in its own time
        if patient == (after := subject.engine.snapshot()):
            break
        patient, hasty = after, subject.engine.snapshot(patience=0.0)
    assert [node.name for node in hasty.nodes] == [node.name for node in patient.nodes]
    assert hasty.networks == patient.networks
    for node in hasty.nodes:
        assert node == patient.node(node.name) or (node.problem and set(node.missing) == set(TOPICS))


def test_names_are_unique_and_sorted_with_the_host_last(subject: Subject) -> None:
    world = subject.engine.snapshot()
    nodes, networks = [node.name for node in world.nodes], [network.name for network in world.networks]
    assert nodes[-1] == "host"
    assert world.nodes[-1].kind == "host"
    for names in (nodes[:-1], networks):
        assert names == sorted(set(names))


def test_everything_named_is_there(subject: Subject) -> None:
    world = subject.engine.snapshot()
    assert {"net1", "net2"} <= {network.name for network in world.networks}
    assert len(world.nodes) >= 4
    for node in world.nodes:
        assert all(world.network(each.network) for each in node.interfaces if each.network)
        assert node.shares is None or world.node(node.shares)
        devices = {each.name for each in node.interfaces}
        assert all(hop.dev in devices for route in node.routes for hop in route.nexthops if hop.dev)
        assert set(node.missing) <= set(TOPICS)
        assert node.missing == () or node.problem


def test_the_members_of_a_network_are_found_through_their_interfaces(subject: Subject) -> None:
    world = subject.engine.snapshot()
    for network, names in (
        ("net1", {"centos-net1", "centos-router", "host"}),
        ("net2", {"centos-net2", "centos-router", "host"}),
    ):
        assert names <= {node.name for node, _ in world.members(network)}


def test_the_label_is_one_line_to_show(subject: Subject) -> None:
    assert subject.engine.label
    assert subject.engine.label == " ".join(subject.engine.label.split())


def test_a_run_gives_clean_lines_and_then_its_code(subject: Subject) -> None:
    run = subject.engine.run(subject.node, subject.ends)
    assert run.argv == subject.ends
    assert run.code is None
    lines = list(run)
    assert run.code == 0
    assert any(line.startswith("default via 172.19.0.1") for line in lines)
    assert not any(CONTROLS.search(line) or "\n" in line for line in lines)
    assert list(run) == []


def test_an_unknown_command_ends_with_a_sentence_and_a_code(subject: Subject) -> None:
    run = subject.engine.run(subject.node, ("no-such-command", "--at-all"))
    lines = [line for line in run if line]
    assert run.code
    assert len(lines) == 1
    assert "no-such-command" in lines[0]
    assert lines[0].endswith(".")


def test_an_unknown_node_is_refused_with_the_near_ones(subject: Subject) -> None:
    with pytest.raises(EngineError, match=r"centos-net11.*centos-net1\b"):
        subject.engine.run("centos-net11", subject.ends)


def test_a_run_that_is_closed_ends_at_once(subject: Subject) -> None:
    if subject.lasts is None:
        run = subject.engine.run(subject.node, subject.ends)
        run.close()
        assert list(run) == []
        return
    run = subject.engine.run(subject.node, subject.lasts)
    listener = Listener(iter(run))
    assert isinstance(listener.next(), str)
    began = time.monotonic()
    run.close()
    assert time.monotonic() - began < AT_ONCE
    assert run.code
    while (heard := listener.next()) is not Listener.END:
        assert isinstance(heard, str)
    assert list(run) == []
    run.close()


def test_closing_a_run_twice_or_after_its_end_is_fine(subject: Subject) -> None:
    run: Run = subject.engine.run(subject.node, subject.ends)
    list(run)
    code = run.code
    run.close()
    run.close()
    assert run.code == code


def test_a_change_elsewhere_is_heard_and_seen(subject: Subject) -> None:
    watch = subject.engine.watch()
    subject.engine.snapshot()
    listener = Listener(watch)
    subject.change()
    assert listener.next() is None


def test_a_watch_ends_when_the_engine_is_closed(subject: Subject) -> None:
    listener = Listener(subject.engine.watch())
    subject.engine.close()
    while (heard := listener.next()) is not Listener.END:
        assert heard is None
    subject.engine.close()
    assert list(subject.engine.watch()) == []


def test_closing_the_engine_ends_what_runs(subject: Subject) -> None:
    if subject.lasts is None:
        subject.engine.close()
        subject.engine.close()
        return
    run = subject.engine.run(subject.node, subject.lasts)
    listener = Listener(iter(run))
    listener.next()
    subject.engine.close()
    while listener.next() is not Listener.END:
        pass
    assert run.code


def test_nothing_in_the_world_can_harm_a_terminal(subject: Subject) -> None:
    texts = list(strings(saved.dump(subject.engine.snapshot())))
    assert len(texts) > 50
    assert not [text for text in texts if CONTROLS.search(text)]


def test_a_world_is_saved_and_read_back_equal(subject: Subject) -> None:
    world = subject.engine.snapshot()
    assert saved.loads(saved.dumps(world)) == world


def strings(value: object) -> Iterator[str]:
    """Every string within lists and dictionaries."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in (*value, *value.values()):
            yield from strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from strings(each)
