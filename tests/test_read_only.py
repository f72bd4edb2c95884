"""Read-only: which commands change nothing, and an engine through which nothing else comes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest
from two_bridges import two_bridges

from tui.core.changes import forwarding
from tui.core.commands.reading import changes_nothing
from tui.engines.base import Enters, ReadOnly, Streams
from tui.engines.read_only import ReadOnlyEngine
from tui.engines.sim import Simulator

HARMLESS = """
ip route
ip -j route show table all
ip -6 -d r sh
ip route get 172.20.0.2 from 1.2.3.4
ip a
ip -o -f inet address list dev eth0
ip -br link
ip neigh show
ip monitor route
ip netns list
ip -n blue route
ip help
/sbin/ip rule
busybox ip route
bridge fdb show
route
route -n
sysctl net.ipv4.ip_forward
sysctl -n net.ipv4.ip_forward net.ipv4.conf.all.rp_filter
sysctl -a
cat /proc/net/route
ls /proc/sys/net
ping -n -c 1 172.20.0.2
traceroute -n 172.20.0.2
tracepath -n 172.20.0.2
tcpdump -n -i eth0 icmp
tcpdump -U -w - -i any
ss -tunap
arp -n
ifconfig
ifconfig eth0
hostname -I
netstat -rn
iptables -L -n -v -t nat
iptables-save
iptables-save -c
nft list ruleset
nft -a list table inet routetui
""".strip().splitlines()

CHANGING = """
ip route add 10.0.0.0/8 via 172.19.0.3
ip r a 10.0.0.0/8 dev eth0
ip route del default
ip route flush cache
ip link set eth0 down
ip link s eth0 down
ip -batch commands
ip -b -
ip netns exec blue sh
ip vrf exec red sh
ip xfrm state flush
ip address add 1.2.3.4/8 dev eth0
ip -n blue route del default
busybox ip route del default
bridge link set dev eth0 isolated on
route add default gw 172.19.0.3
route -n del default
route -A inet6 add ::/0 gw fd00::1
sysctl -w net.ipv4.ip_forward=1
sysctl net.ipv4.ip_forward=1
sysctl -p
sysctl --system
tcpdump -w /tmp/file
tcpdump -nw /tmp/file
tcpdump -i eth0 -z gzip
tcpdump --postrotate gzip
tcpdump -w - -w file
ss -K dst 1.2.3.4
ss --kill
arp -s 1.2.3.4 00:11:22:33:44:55
arp -d 1.2.3.4
ifconfig eth0 down
ifconfig eth0 1.2.3.4
hostname other
iptables -A FORWARD -j DROP
iptables -L -Z
iptables -t nat -F
iptables-save -f /etc/passwd
nft flush ruleset
nft -f rules
nft list ruleset ; flush ruleset
sh -c "ip route"
python3 -c 1
tee /proc/sys/net/ipv4/ip_forward
busybox
no-such-command
""".strip().splitlines()


@pytest.mark.parametrize("line", HARMLESS)
def test_what_only_looks(line: str) -> None:
    assert changes_nothing(shlex.split(line))


@pytest.mark.parametrize("line", [*CHANGING, ""])
def test_what_may_change_something(line: str) -> None:
    assert not changes_nothing(shlex.split(line))


@pytest.fixture
def engine() -> Iterator[ReadOnlyEngine]:
    made = ReadOnlyEngine(Simulator(two_bridges()))
    yield made
    made.close()


def test_it_looks_as_the_engine_does_and_says_what_it_is(engine: ReadOnlyEngine) -> None:
    assert engine.snapshot() == two_bridges()
    assert engine.label == "simulated read-only"
    assert engine.read_only
    run = engine.run("centos-net1", ("ip", "route"))
    assert next(iter(run)).startswith("default via 172.19.0.1")
    assert not isinstance(engine, Enters | Streams)


@pytest.mark.parametrize("line", ["ip route add 10.0.0.0/8 via 172.19.0.3", "sysctl -w net.ipv4.ip_forward=1", "sh"])
def test_a_command_that_changes_something_is_refused_with_a_sentence(engine: ReadOnlyEngine, line: str) -> None:
    with pytest.raises(ReadOnly, match="read-only") as refused:
        engine.run("centos-net1", line.split())
    assert line in str(refused.value)
    assert "--read-only" in refused.value.hint
    assert engine.snapshot() == two_bridges()


def test_no_change_is_begun(engine: ReadOnlyEngine) -> None:
    with pytest.raises(ReadOnly, match="read-only"):
        engine.change(forwarding("centos-net1", True), two_bridges())
    assert engine.snapshot() == two_bridges()


def test_it_ends_with_the_engine(engine: ReadOnlyEngine) -> None:
    watch = engine.watch()
    engine.close()
    assert list(watch) == []


class Other(Simulator):
    """An engine with ways of its own into a node."""

    enter = stream = Simulator.run


def test_other_ways_into_a_node_are_guarded_alike() -> None:
    engine = ReadOnlyEngine(Other(two_bridges()))
    assert isinstance(engine, Enters)
    assert isinstance(engine, Streams)
    assert list(engine.enter("centos-net1", ("ip", "route")))
    for way in (engine.enter, engine.stream):
        with pytest.raises(ReadOnly):
            way("centos-net1", ("ip", "route", "del", "default"))
