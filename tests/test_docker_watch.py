"""What the kernel itself tells of containers' networks: changes that the engine knows nothing of are heard at once."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from listening import Listener, named, seen_until
from private_engine import PrivateEngine, images
from private_engine.lab import Lab

from tui.core.world import Node
from tui.engines import netlink
from tui.engines.docker import tables as docker_tables
from tui.engines.docker.engine import DockerEngine, connect

Connecting = Callable[..., DockerEngine]
CHANGES = {
    "route": ("route add 10.66.0.0/16 via 172.27.0.9", lambda node: "10.66.0.0/16" in _destinations(node)),
    "route6": ("-6 route add fd00:66::/48 via fd00:27::9", lambda node: "fd00:66::/48" in _destinations(node)),
    "rule": ("rule add from 10.0.0.0/8 lookup 100", lambda node: any(each.table == "100" for each in node.rules)),
    "link": ("link add more type veth peer name less", lambda node: node.interface("more") is not None),
    "address": (
        "address add 172.27.0.99/16 dev eth0",
        lambda node: any(str(own.address) == "172.27.0.99" for _, own in node.addresses()),
    ),
}


def _destinations(node: Node) -> set[str]:
    return {str(each.dst) for each in node.routes}


def start(lab: Lab, name: str) -> str:
    """A container without anything, whose addresses have come to rest."""
    made = lab.container(name, {"watched": None}, images.BARE, cap_add=[])
    lab.enter(made, "sh", "-c", "while ip -6 address show tentative | grep -q inet6; do sleep 0.05; done")
    return made


@pytest.fixture
def watched(lab: Lab) -> Lab:
    """A network, and a container on it that has no program to change anything with."""
    lab.network("watched", "172.27.0.0/16", "fd00:27::/64")
    start(lab, "subject")
    return lab


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_changed_unseen_by_the_engine_is_heard_and_seen(watched: Lab, engine_by: Connecting, what: str) -> None:
    words, done = CHANGES[what]
    engine = engine_by()
    watch = engine.watch()
    before = engine.snapshot()
    assert not done(named(before, "subject"))
    listener = Listener(watch)
    watched.enter("subject", "ip", *words.split())
    seen_until(engine, listener, lambda world: done(named(world, "subject")))


def test_forwarding_switched_from_outside_is_heard_and_seen(watched: Lab, engine_by: Connecting) -> None:
    engine = engine_by()
    watch = engine.watch()
    switch = "net.ipv4.ip_forward"
    wanted = 1 - (named(engine.snapshot(), "subject").sysctl(switch) or 0)
    listener = Listener(watch)
    watched.enter("subject", "sh", "-c", f"echo {wanted} >/proc/sys/net/ipv4/ip_forward")
    seen_until(engine, listener, lambda world: named(world, "subject").sysctl(switch) == wanted)


def test_a_snapshot_has_what_was_changed_just_before_it(watched: Lab, engine_by: Connecting) -> None:
    engine = engine_by()
    engine.watch()
    engine.snapshot()
    for number in range(30):
        watched.enter("subject", "ip", "route", "add", f"10.{number}.0.0/16", "via", "172.27.0.9")
        assert f"10.{number}.0.0/16" in _destinations(named(engine.snapshot(), "subject"))


def test_a_container_that_comes_is_listened_to_and_one_that_goes_is_let_go(watched: Lab, engine_by: Connecting) -> None:
    engine = engine_by()
    watch = engine.watch()
    engine.snapshot()
    listener = Listener(watch)
    late = start(watched, "late")
    seen_until(engine, listener, lambda world: bool(named(world, "late").routes))
    watched.enter("late", "ip", "route", "add", "10.66.0.0/16", "via", "172.27.0.9")
    seen_until(engine, listener, lambda world: "10.66.0.0/16" in _destinations(named(world, "late")))
    ears = engine._tables._ears
    assert ears.hears(late)
    # Killed and started again it has a network of its own again, which is heard as well.
    watched.api.restart(late, timeout=0)
    seen_until(
        engine,
        listener,
        lambda world: "10.66.0.0/16" not in _destinations(named(world, "late")) and bool(named(world, "late").routes),
    )
    watched.enter("late", "ip", "route", "add", "10.67.0.0/16", "via", "172.27.0.9")
    seen_until(engine, listener, lambda world: "10.67.0.0/16" in _destinations(named(world, "late")))
    sockets = listening_sockets()
    watched.remove(late)
    seen_until(engine, listener, lambda world: world.node("late") is None)
    assert not ears.hears(late)
    assert listening_sockets() == sockets - 1


def listening_sockets() -> int:
    """How many sockets of this program listen to routes; each keeps a network alive."""
    found = 0
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the one that lists the folder is closed by now
            if file.is_socket():
                with socket.socket(fileno=os.dup(int(file.name))) as each:
                    found += each.family == socket.AF_NETLINK and each.getsockname()[1] != 0
    return found


def test_the_hosts_own_routes_are_heard(watched: Lab, engine_by: Connecting, private_engine: PrivateEngine) -> None:
    engine = engine_by()
    watch = engine.watch()
    engine.snapshot()
    listener = Listener(watch)
    words = ["nsenter", "-t", str(private_engine.daemon_pid), "-n", "ip", "route"]
    subprocess.run([*words, "add", "10.66.0.0/16", "via", "172.27.0.2"], check=True)
    try:
        seen_until(engine, listener, lambda world: "10.66.0.0/16" in _destinations(named(world, "host")))
    finally:
        subprocess.run([*words, "del", "10.66.0.0/16"], check=True)


def test_what_no_notification_tells_is_read_when_all_of_it_is_asked_for(watched: Lab, engine_by: Connecting) -> None:
    engine = engine_by()
    engine.watch()
    engine.snapshot()
    watched.enter("subject", "sh", "-c", "echo 1 >/proc/sys/net/ipv4/conf/eth0/accept_local")
    assert named(engine.snapshot(fresh=True), "subject").sysctl("net.ipv4.conf.eth0.accept_local") == 1


def test_tables_that_the_kernel_vouches_for_are_not_read_again(
    watched: Lab, engine_by: Connecting, private_engine: PrivateEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_tables, "VOUCHED", 1000.0)
    start(watched, "other")
    engine = engine_by()
    engine.watch()
    before = engine.snapshot()
    host = private_engine.daemon_pid
    read: list[object] = []
    real = netlink.read_many

    def counted(wheres: Sequence[int]) -> list[netlink.Tables | OSError]:
        read.extend(each for each in wheres if each != host)
        return real(wheres)

    monkeypatch.setattr(netlink, "read_many", counted)
    assert named(engine.snapshot(), "subject") == named(before, "subject")
    assert read == []
    watched.enter("other", "ip", "route", "add", "10.66.0.0/16", "via", "172.27.0.9")
    assert "10.66.0.0/16" in _destinations(named(engine.snapshot(), "other"))
    assert len(read) == 1
    engine.snapshot(fresh=True)
    assert len(read) == 3


def test_nothing_is_held_once_the_engine_is_closed(watched: Lab, docker_engine_url: str) -> None:
    sockets = listening_sockets()
    engine = connect(docker_engine_url)
    listener = Listener(engine.watch())
    engine.snapshot()
    assert listening_sockets() > sockets
    engine.close()
    while listener.next() is not Listener.END:
        pass
    for thread in threading.enumerate():
        if thread.name in ("docker-ears", "docker-events"):
            thread.join(10)
    assert listening_sockets() == sockets
