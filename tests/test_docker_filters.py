"""The private engine's own filters: read, followed, and proved by the counters that a real ping moves."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from private_engine import PrivateEngine
from private_engine.lab import Lab

from tui.core.firewall.evidence import rose
from tui.core.path import Outcome, Path, path
from tui.core.world import World
from tui.engines.base import Counts
from tui.engines.docker.engine import DockerEngine

NETWORKS = {"left": "10.81.0.0/24", "right": "10.82.0.0/24"}
ONE, TWO = "10.81.0.2", "10.82.0.2"


@pytest.fixture
def pair(lab: Lab) -> Lab:
    """Two networks with a container on each."""
    for name, subnet in NETWORKS.items():
        lab.network(name, subnet)
    lab.container("one", {"left": ONE})
    lab.container("two", {"right": TWO})
    return lab


def host_rules(engine: PrivateEngine, *argv: str) -> None:
    done = subprocess.run(
        ["nsenter", f"--net=/proc/{engine.daemon_pid}/ns/net", "--", *argv], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def pinged(lab: Lab, engine: DockerEngine) -> tuple[bool, list[str]]:
    """Whether a ping from one to two is answered, and the rules that dropped packets meanwhile."""
    before = engine.filters("host")
    code, _ = lab.execute("one", "ping", "-c", "2", "-i", "0.2", "-W", "1", TWO)
    after = engine.filters("host")
    assert before is not None and after is not None
    return code == 0, [each.text for each in rose(before, after) if each.drops]


def predicted(world: World) -> Path:
    return path(world, "one", "two")


def test_the_rule_that_is_named_is_the_one_whose_counter_rises(
    pair: Lab, engine_by: Callable[..., DockerEngine]
) -> None:
    engine = engine_by()
    assert isinstance(engine, Counts)
    got = predicted(engine.snapshot())
    assert (got.forward.outcome, got.forward.node, got.forward.model) == (Outcome.FILTERED, "host", False)
    came, dropped = pinged(pair, engine)
    assert not came and dropped == [got.forward.cause]


def test_rules_that_somebody_changes_are_seen_at_once_and_unchanged_ones_make_no_new_world(
    pair: Lab, engine_by: Callable[..., DockerEngine], private_engine: PrivateEngine
) -> None:
    """Opened in both directions it works, by masquerading; with a rule of one's own it is dropped by that."""
    engine = engine_by()
    first = engine.snapshot()
    pair.execute("one", "ping", "-c", "1", "-W", "1", "10.81.0.1")
    assert engine.snapshot() == first
    try:
        for subnet in NETWORKS.values():
            host_rules(private_engine, "iptables", "-I", "DOCKER-USER", "-d", subnet, "-j", "ACCEPT")
        got = predicted(engine.snapshot())
        assert got.works and str(got.forward.src) == "10.82.0.1"
        assert pinged(pair, engine) == (True, [])
        host_rules(private_engine, "iptables", "-t", "raw", "-I", "PREROUTING", "-s", ONE, "-d", TWO, "-j", "DROP")
        got = predicted(engine.snapshot())
        assert got.forward.cause == f"raw PREROUTING -s {ONE}/32 -d {TWO}/32 -j DROP"
        assert pinged(pair, engine) == (False, [got.forward.cause])
    finally:
        host_rules(private_engine, "iptables", "-F", "DOCKER-USER")
        host_rules(private_engine, "iptables", "-A", "DOCKER-USER", "-j", "RETURN")
        host_rules(private_engine, "iptables", "-t", "raw", "-F")


def test_a_table_of_nft_beside_docker_s_own_is_read_too(
    pair: Lab, engine_by: Callable[..., DockerEngine], private_engine: PrivateEngine
) -> None:
    engine = engine_by()
    host_rules(private_engine, "nft", "add table inet mine")
    try:
        chain = "{ type filter hook forward priority -10; policy accept; }"
        host_rules(private_engine, "nft", f"add chain inet mine gate {chain}")
        host_rules(private_engine, "nft", f"add rule inet mine gate ip daddr {TWO} counter drop")
        got = predicted(engine.snapshot())
        assert got.forward.cause == f"inet mine gate ip daddr {TWO} drop"
        assert pinged(pair, engine) == (False, [got.forward.cause])
    finally:
        host_rules(private_engine, "nft", "delete table inet mine")


def test_a_container_s_own_filters_are_read_too(pair: Lab, engine_by: Callable[..., DockerEngine]) -> None:
    """The engine itself has rules for names in each container on a network of one's own."""
    engine = engine_by()
    first = engine.snapshot().node("two")
    assert first is not None and first.filters is not None and first.filters.unread == ()
    assert {table.name for table in first.filters.tables} <= {"nat"}
    pair.enter("one", "iptables", "-A", "OUTPUT", "-d", "10.81.0.1", "-j", "REJECT")
    got = path(engine.snapshot(fresh=True), "one", "10.81.0.1")
    assert (got.forward.node, got.forward.cause) == (
        "one", "OUTPUT -d 10.81.0.1/32 -j REJECT --reject-with icmp-port-unreachable",
    )  # fmt: skip
    code, printed = pair.execute("one", "ping", "-c", "1", "-W", "1", "10.81.0.1")
    assert code != 0 and "Destination Port Unreachable" in printed
