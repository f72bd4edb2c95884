"""Probes on a real Docker Engine: the walk-through's sights, with the tools that a container has, or with none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from private_engine import images
from private_engine.lab import Lab
from processes import AT_ONCE

from tui.core.addresses import parse_address
from tui.core.probes import Ping, Probe, TcpConnect, Traceroute
from tui.core.probes.dialects import Dialect
from tui.core.probes.results import Connection, Result
from tui.core.probes.verdict import Verdict, against
from tui.engines.base import EngineError
from tui.engines.docker.engine import DockerEngine, connect
from tui.probing import Probes

NET2, ROUTER, HOST = (parse_address(each) for each in ("172.20.0.2", "172.19.0.3", "172.19.0.1"))


@pytest.fixture(scope="module")
def engine(two_bridges: Lab) -> Iterator[DockerEngine]:
    """The walk-through as it comes."""
    made = connect(two_bridges.url)
    yield made
    made.close()


def seen(engine: DockerEngine, node: str, probe: Probe) -> tuple[Result, Verdict, Dialect]:
    world = engine.snapshot()
    running = Probes(engine).start(world, node, probe)
    list(running)
    assert running.result.lost_lines == 0, running.result.unread
    return running.result, against(world, node, probe, running.result), running.dialect


def test_a_lost_ping(engine: DockerEngine) -> None:
    result, verdict, dialect = seen(engine, "centos-net1", Ping(NET2, 2, 0.2, wait=0.5))
    assert (result.sent, result.received, result.faulty) == (2, 0, 0)
    assert (verdict.agrees, verdict.seen, dialect) == (True, "silence", Dialect.IPUTILS)


def test_a_traceroute_to_the_host_only(engine: DockerEngine) -> None:
    result, verdict, dialect = seen(engine, "centos-net1", Traceroute(NET2, wait=0.5))
    assert result.hops[0].addresses == (HOST,)
    assert not any(each.answers for each in result.hops[1:])
    assert (verdict.agrees, dialect) == (True, Dialect.TRACEROUTE)


def test_a_connect_by_the_netcat_that_is_there(engine: DockerEngine) -> None:
    result, verdict, dialect = seen(engine, "centos-net1", TcpConnect(ROUTER, 9, 1))
    assert (result.state, verdict.agrees, dialect) == (Connection.REFUSED, True, Dialect.BUSYBOX)


def test_with_both_routes_ttl_63_and_two_hops(lab: Lab, engine_by: Callable[..., DockerEngine]) -> None:
    make_two_bridges_elsewhere(lab)
    engine = engine_by()
    far = parse_address("172.30.2.2")
    lab.execute("far-net1", "ip", "route", "add", "172.30.2.0/24", "via", "172.30.1.3")
    lab.execute("far-net2", "ip", "route", "add", "172.30.1.0/24", "via", "172.30.2.3")
    pinged, verdict, _ = seen(engine, "far-net1", Ping(far, 3, 0.2))
    assert [each.ttl for each in pinged.replies] == [63, 63, 63]
    assert verdict.agrees is True
    traced, verdict, _ = seen(engine, "far-net1", Traceroute(far, queries=1))
    assert [str(each.addresses[0]) for each in traced.hops] == ["172.30.1.3", "172.30.2.2"]
    assert verdict.agrees is True


def make_two_bridges_elsewhere(lab: Lab) -> None:
    """The same shape with other names and addresses, to be changed."""
    lab.network("far1", "172.30.1.0/24")
    lab.network("far2", "172.30.2.0/24")
    lab.container("far-net1", {"far1": "172.30.1.2"})
    lab.container("far-net2", {"far2": "172.30.2.2"})
    both = {"far1": "172.30.1.3", "far2": "172.30.2.3"}
    lab.container("far-router", both, sysctls={"net.ipv4.ip_forward": "1"})


@pytest.mark.parametrize(
    ("image", "dialect"),
    [(images.BUSYBOX, Dialect.BUSYBOX), (images.PLAIN, Dialect.OWN), (images.BARE, Dialect.OWN)],
    ids=["BusyBox", "a shell only", "nothing"],
)
def test_whatever_a_container_has_the_results_are_the_same(
    lab: Lab, engine_by: Callable[..., DockerEngine], image: str, dialect: Dialect
) -> None:
    lab.network("near1", "172.31.1.0/24")
    lab.container("near-a", {"near1": "172.31.1.2"}, image)
    lab.container("near-b", {"near1": "172.31.1.3"})
    engine, there = engine_by(), parse_address("172.31.1.3")
    for probe in (Ping(there, 2, 0.2), Traceroute(there, queries=1), TcpConnect(there, 9, 1)):
        result, verdict, used = seen(engine, "near-a", probe)
        assert used is dialect
        assert verdict.agrees is True
        if isinstance(probe, Ping):
            assert [(each.seq, each.ttl) for each in result.replies] == [(1, 64), (2, 64)]


def test_a_probe_is_stopped_within_a_second_and_nothing_of_it_is_left(two_bridges: Lab, engine: DockerEngine) -> None:
    world, probes = engine.snapshot(), Probes(engine)
    for probe in (Ping(NET2, 100), Traceroute(NET2, wait=10), TcpConnect(NET2, 9, 30)):
        running = probes.start(world, "centos-net1", probe)
        ended = threading.Event()

        def listen(running=running, ended=ended) -> None:
            list(running)
            ended.set()

        threading.Thread(target=listen, daemon=True).start()
        running.close()
        assert ended.wait(AT_ONCE)
    _, listed = two_bridges.execute("centos-net1", "ps")
    assert not any(word in listed for word in ("ping", "traceroute", "nc -w")), listed


def test_without_tools_and_without_a_way_in_a_sentence_says_what_is_needed(
    lab: Lab, engine_by: Callable[..., DockerEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.container("toolless", "bridge", images.PLAIN)
    engine = engine_by()
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(EngineError, match=r"toolless: there is no ping there; and .*root") as caught:
        Probes(engine).start(engine.snapshot(), "toolless", Ping(HOST))
    assert "sudo" in caught.value.hint


def test_the_host_probes_too(engine: DockerEngine) -> None:
    result, verdict, _ = seen(engine, "host", Ping(NET2, 1))
    assert result.received == 1
    assert verdict.agrees is True
