"""The netlink reader against `ip` itself: whatever the kernel was told, both must list the same."""

from __future__ import annotations

import errno
import json
import os
import random
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from namespaces import WHY_NOT, Space, at_rest

from tui.core.addresses import parse_address
from tui.core.query import parse_query
from tui.core.sysctls import DEVICE_DEFAULTS
from tui.core.world import NextHop, Node, Route, Rule
from tui.engines import netlink
from tui.engines.netlink import decode as rtdecode
from tui.engines.netlink import sockets as nlsocket
from tui.engines.netlink import switches
from tui.engines.netlink.asking import ask
from tui.engines.netlink.rules import rule as decode_rule
from tui.engines.netlink.switches import BRIDGING
from tui.engines.netlink.watching import watch

needs_namespaces = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")

DEVICES = (
    "link add br0 type bridge",
    "link add e0 type veth peer name p0",
    "link add e1 type veth peer name p1",
    "link add e.2 type veth peer name p2",
    "link set p0 master br0 up",
    "link set p1 up",
    "link set br0 up",
    "link set e0 up",
    "link set e1 up",
    "address add 10.0.0.1/24 brd + dev e0",
    "address add 10.0.0.9/24 dev e0",
    "address add 10.0.1.1/24 dev e1 noprefixroute",
    "address add 10.9.0.1 peer 10.9.0.2/32 dev e1",
    "address add 169.254.7.7/16 scope link dev e1",
    "address add fd00:0::1/64 dev e0 nodad",
    "address add fd00:1::1/64 dev e1 nodad",
    "address add fd00:2::1/64 dev e1 nodad preferred_lft 0",
)


@pytest.fixture
def space() -> Iterator[Space]:
    with Space() as made:
        for command in DEVICES:
            made.ip(command)
        yield made


# --- what `ip -j` prints, made of our values -------------------------------------------------------------------------


def _hop(hop: NextHop, family: int) -> dict[str, Any]:
    told: dict[str, Any] = {"dev": hop.dev} if hop.dev else {}
    if hop.gateway is not None and hop.gateway.version == family:
        told["gateway"] = str(hop.gateway)
    elif hop.gateway is not None:
        told["via"] = {"family": f"inet{'6' if hop.gateway.version == 6 else ''}", "host": str(hop.gateway)}
    return told


def _as_ip_route(route: Route) -> dict[str, Any]:
    """The fields that decide, as `ip -j -d route show table all` writes them (print_route in ip/iproute.c)."""
    told: dict[str, Any] = {
        "type": route.type,
        "dst": route.dst.brief,
        "protocol": route.protocol,
        "scope": route.scope,
        "table": route.table,
    }
    if len(route.nexthops) > 1:
        hops = [{**_hop(hop, route.family), "weight": hop.weight, "flags": list(hop.flags)} for hop in route.nexthops]
        told |= {"nexthops": hops, "flags": []}
    else:
        hop = route.nexthops[0] if route.nexthops else NextHop()
        told |= {**_hop(hop, route.family), "flags": list(hop.flags)}
    if route.tos:
        told["tos"] = f"{route.tos:#04x}"
    for name in ("prefsrc", "metric", "nhid", "pref"):
        value = getattr(route, name)
        if value is not None:
            told[name] = value if isinstance(value, int) else str(value)
    if route.src is not None:
        told["from"] = route.src.brief
    return told


def _told(entry: dict[str, Any]) -> dict[str, Any]:
    """The same fields of an entry of `ip -j`; the scope of a multipath route's legs and metrics stay out."""
    kept = {"type", "dst", "protocol", "scope", "dev", "gateway", "via", "table", "tos", "prefsrc", "metric"}
    told = {"table": "main"} | {
        key: value for key, value in entry.items() if key in kept | {"nhid", "pref", "from", "flags"}
    }
    if "nexthops" in entry:
        told["nexthops"] = [
            {key: hop[key] for key in ("dev", "gateway", "via", "weight", "flags") if key in hop}
            for hop in entry["nexthops"]
        ]
    return told


def _as_ip_rule(rule: Rule) -> dict[str, Any]:
    told: dict[str, Any] = {"priority": rule.priority, "src": "all"}
    if rule.invert:
        told["not"] = None
    for name, length, prefix in (("src", "srclen", rule.src), ("dst", "dstlen", rule.dst)):
        if prefix is not None and prefix.length:
            told[name] = str(prefix.address)
            if prefix.length != (32 if prefix.version == 4 else 128):
                told[length] = prefix.length
    if rule.tos:
        told["tos"] = f"{rule.tos:#04x}"
    if rule.mark is not None:
        told["fwmark"] = f"{rule.mark:#x}" if rule.mark else "0"
        if rule.mask != 0xFFFFFFFF:
            told["fwmask"] = f"{rule.mask:#x}"
    for name, device, gone in (("iif", rule.iif, rule.iif_detached), ("oif", rule.oif, rule.oif_detached)):
        if device is not None:
            told[name] = device
            if gone:
                told[f"{name}_detached"] = None
    if rule.uidrange is not None:
        told |= {"uid_start": rule.uidrange[0], "uid_end": rule.uidrange[1]}
    if rule.ipproto is not None:
        told["ipproto"] = {1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp"}[rule.ipproto]
    for name, ports in (("sport", rule.sport), ("dport", rule.dport)):
        if ports is not None and ports[0] == ports[1]:
            told[name] = ports[0]
        elif ports is not None:
            told |= {f"{name}_start": ports[0], f"{name}_end": ports[1]}
    if rule.action == "table":
        told["table"] = rule.table
        if rule.suppress_prefixlength is not None:
            told["suppress_prefixlen"] = rule.suppress_prefixlength
    elif rule.action == "goto":
        told["goto"] = rule.target
        if rule.unresolved:
            told["unresolved"] = None
    elif rule.action == "nop":
        told["nop"] = None
    else:
        told["action"] = rule.action
    if rule.protocol is not None:
        told["protocol"] = rule.protocol
    return told


# --- random tables ---------------------------------------------------------------------------------------------------


def random_route(rng: random.Random, family: int, objects: bool = True) -> str:
    verb = rng.choice(("add", "add", "append", "prepend"))
    if family == 4:
        length = rng.choice((0, 8, 16, 24, 30, 32))
        mask = (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF
        value = rng.choice((20, 30)) << 24 | rng.getrandbits(24)
        dst = f"{'.'.join(str(byte) for byte in (value & mask).to_bytes(4))}/{length}"
    else:
        dst = rng.choice(("default", "2001:db8::/32", "2001:db8:1::/48", f"2001:db8:{rng.randrange(4):x}::7"))
    words = [f"route {verb}"]
    kind = rng.random()
    if not objects and 0.7 <= kind < 0.8:
        kind = 0.9
    if kind < 0.2:
        words += [rng.choice(("blackhole", "unreachable", "prohibit", "throw")), dst]
    elif kind < 0.6:
        words += [dst, *rng.choice(_LEGS[family])]
        if rng.random() < 0.2:
            words.append("onlink")
    elif kind < 0.7:
        words += [dst, "dev", rng.choice(("e0", "e1", "lo"))]
    elif kind < 0.8:
        words += [dst, "nhid", str(rng.choice((1, 2, 9)) + (10 if family == 6 else 0))]
    else:
        words.append(dst)
    if rng.random() < 0.5:
        words += ["metric", str(rng.choice((5, 100, 4294967295, rng.randrange(1, 3000))))]
    for chance, option in (
        (0.3, ("table", rng.choice(("100", "250", "local", "default", "100000")))),
        (0.3, ("proto", rng.choice(("static", "bird", "196", "bgp", "kernel")))),
        (0.1, ("tos", rng.choice(("0x10", "0x08", "0x04")) if family == 4 else "0")),
        (0.15, ("src", "10.0.0.9" if family == 4 else "fd00:0::1")),
        (
            0.15,
            rng.choice((("mtu", "1300"), ("mtu", "lock", "1400"), ("hoplimit", "9", "advmss", "1000"))),
        ),
        (0.1, ("pref", rng.choice(("low", "high"))) if family == 6 else ("realm", "3/5")),
        (0.1, ("from", "2001:db8:7::/48") if family == 6 else ("scope", "link")),
    ):
        if rng.random() < chance:
            words += option
    if kind >= 0.8:
        for leg in rng.sample(_LEGS[family], 2):
            words += ["nexthop", *leg, "weight", str(rng.choice((1, 3, 250)))]
    return " ".join(words)


_LEGS = {
    4: (
        ("via", "10.0.0.2", "dev", "e0"),
        ("via", "10.0.0.3", "dev", "e0"),
        ("via", "10.9.0.2", "dev", "e1"),
        ("via", "inet6", "fd00:1::7", "dev", "e1"),
        ("dev", "e1"),
    ),
    6: (
        ("via", "fd00:0::2", "dev", "e0"),
        ("via", "fd00:1::3", "dev", "e1"),
        ("via", "fe80::5", "dev", "e1"),
    ),
}
_OBJECTS = (
    "nexthop add id 1 via 10.0.0.2 dev e0",
    "nexthop add id 2 via 10.9.0.2 dev e1",
    "nexthop add id 9 group 1,3/2",
    "nexthop add id 10 blackhole",
    "nexthop add id 11 via fd00:0::2 dev e0",
    "nexthop add id 12 via fd00:1::2 dev e1",
    "nexthop add id 19 group 11/12,4",
)


def random_rule(rng: random.Random, family: int) -> str:
    nets = ("10.1.0.0/16", "10.2.3.4") if family == 4 else ("fd00:7::/32", "fd00::9")
    words = ["rule add"]
    if rng.random() < 0.2:
        words.append("not")
    for chance, option in (
        (0.4, ("from", rng.choice(nets))),
        (0.4, ("to", rng.choice(nets))),
        (0.3, ("iif", rng.choice(("e0", "lo", "gone0")))),
        (0.2, ("oif", rng.choice(("e1", "gone1")))),
        (0.3, ("fwmark", rng.choice(("0x10", "7/0xff", "0/0x1")))),
        (0.2, ("tos", "0x10")),
        (0.2, ("uidrange", "0-1000")),
        (0.3, ("ipproto", rng.choice(("tcp", "udp")), "dport", rng.choice(("53", "1000-2000")))),
        (0.1, ("ipproto", "udp", "sport", "68")),
        (0.6, ("pref", str(rng.randrange(1, 32000)))),
        (0.2, ("protocol", rng.choice(("static", "77")))),
    ):
        if rng.random() < chance:
            words += option
    words += rng.choice(
        (
            ("lookup", "main"),
            ("lookup", "1234"),
            ("lookup", "100", "suppress_prefixlength", "0"),
            ("goto", "32766"),
            ("goto", "32001"),
            ("blackhole",),
            ("prohibit",),
            ("unreachable",),
            ("nop",),
        )
    )
    return " ".join(words)


@needs_namespaces
@pytest.mark.parametrize("seed", range(8))
def test_random_tables_are_listed_as_ip_lists_them(space: Space, seed: int) -> None:
    rng = random.Random(seed)
    space.batch(_OBJECTS)
    for family in (4, 6):
        space.batch([random_route(rng, family) for _ in range(120)], f"-{family}")
    if seed % 2:
        space.ip("link set br0 down")  # linkdown
        space.write("net.ipv4.conf.all.ignore_routes_with_linkdown", 1)
    if seed == 3:
        space.write("net.ipv4.nexthop_compat_mode", 0)
        space.write("net.ipv4.nexthop_compat_mode", 1)
    tables = at_rest(lambda: netlink.read(space.pid), pause=0.1)
    for family in (4, 6):
        theirs = [_told(entry) for entry in space.json(f"-{family} -d route show table all")]
        ours = [_as_ip_route(route) for route in tables.routes if route.family == family]
        assert ours == theirs
        assert len(ours) > 40
    assert not tables.missing
    assert not any(route.words for route in tables.routes)


@needs_namespaces
@pytest.mark.parametrize("seed", range(4))
def test_random_rules_are_listed_as_ip_lists_them(space: Space, seed: int) -> None:
    rng = random.Random(seed)
    for family in (4, 6):
        space.batch([random_rule(rng, family) for _ in range(60)], f"-{family}")
    tables = netlink.read(space.pid)
    for family in (4, 6):
        theirs = space.json(f"-{family} rule")
        ours = [rule for rule in tables.rules if rule.family == family]
        assert [_as_ip_rule(rule) for rule in ours] == theirs
        assert len(ours) > 40
        assert {rule.words for rule in ours} == {()}
    assert tables.merged is False


# --- what `ip -j route` leaves out -----------------------------------------------------------------------------------


@needs_namespaces
@pytest.mark.parametrize(
    ("command", "attributes"),
    [
        ("7.0.0.0/8 via 10.0.0.2 mtu lock 1300", ("mtu lock 1300",)),
        ("7.0.0.0/8 via 10.0.0.2 rto_min 5ms hoplimit 64", ("hoplimit 64", "rto_min lock 5ms")),
        ("7.0.0.0/8 via 10.0.0.2 rtt 40ms rttvar 10ms", ("rtt 40ms", "rttvar 10ms")),
        ("7.0.0.0/8 via 10.0.0.2 features ecn congctl cubic", ("features ecn", "congctl cubic")),
        ("7.0.0.0/8 via 10.0.0.2 realm 5", ("realm 5",)),
        ("7.0.0.0/8 via 10.0.0.2 realm 5/7", ("realms 5/7",)),
        (
            "7.0.0.0/8 encap ip id 42 dst 10.0.0.3 via 10.0.0.2",
            ("encap ip id 42 src 0.0.0.0 dst 10.0.0.3 ttl 0 tos 0",),
        ),
        (
            "7.0.0.0/8 encap seg6 mode encap segs 2001:db8::1,2001:db8::2 dev e0",
            ("encap seg6 mode encap segs 2 [ 2001:db8::1 2001:db8::2 ]",),
        ),
        ("-6 2001:db8:9::/48 via fd00:0::2 expires 600", ("expires",)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_route_carries_besides(space: Space, command: str, attributes: tuple[str, ...]) -> None:
    family, _, rest = command.rpartition("-6 ")
    space.ip(f"{'-6' if family or command.startswith('-6') else '-4'} route add {rest}")
    dst = next(word for word in rest.split() if "/" in word)
    found = [route for route in netlink.read(space.pid).routes if str(route.dst) == dst]
    assert [route.attributes for route in found] == [attributes]


@needs_namespaces
def test_groups_of_next_hop_objects_are_expanded_where_the_kernel_does_not(space: Space) -> None:
    space.batch(_OBJECTS)
    space.ip("route add 20.0.0.0/8 nhid 9")
    space.ip("route add 21.0.0.0/8 nhid 1")
    expanded = netlink.read(space.pid).routes
    space.write("net.ipv4.nexthop_compat_mode", 0)
    assert netlink.read(space.pid).routes == expanded
    group = next(route for route in expanded if str(route.dst) == "20.0.0.0/8")
    assert [(str(hop.gateway), hop.dev, hop.weight) for hop in group.nexthops] == [
        ("10.0.0.2", "e0", 3),
        ("10.9.0.2", "e1", 1),
    ]
    assert group.nhid == 9


# --- links, addresses, sysctls, neighbours ---------------------------------------------------------------------------


@needs_namespaces
def test_links_and_addresses_are_those_of_ip(space: Space) -> None:
    space.ip("link set br0 down")
    interfaces = {each.name: each for each in netlink.read(space.pid).interfaces}
    listed = space.json("-d address")
    assert list(interfaces) == [entry["ifname"] for entry in listed]
    for entry in listed:
        ours = interfaces[entry["ifname"]]
        assert (ours.index, ours.mtu, ours.master) == (entry["ifindex"], entry["mtu"], entry.get("master"))
        assert ours.mac == entry["address"]
        assert ours.up == ("UP" in entry["flags"])
        assert ours.carrier == ("LOWER_UP" in entry["flags"])
        kind = entry.get("linkinfo", {}).get("info_kind", "loopback" if entry["link_type"] == "loopback" else "")
        assert ours.kind == kind
        assert [_as_ip_address(each) for each in ours.addresses] == [
            {key: value for key, value in told.items() if key in _ADDRESS_KEYS} for told in entry["addr_info"]
        ]
    by_index = {each.index: each for each in interfaces.values()}
    assert by_index[interfaces["e0"].peer_index or 0] == interfaces["p0"]


_ADDRESS_FLAGS = ("secondary", "temporary", "nodad", "deprecated", "tentative", "dadfailed", "noprefixroute", "dynamic")
_ADDRESS_KEYS = {"local", "address", "prefixlen", "broadcast", "scope", *_ADDRESS_FLAGS}


def _as_ip_address(address: Any) -> dict[str, Any]:
    told = {"local": str(address.address), "prefixlen": address.length, "scope": address.scope}
    told |= dict.fromkeys(address.flags, True)
    if address.broadcast is not None:
        told["broadcast"] = str(address.broadcast)
    if address.peer is not None:
        told["address"] = str(address.peer.address)
    return told


@needs_namespaces
def test_a_device_with_a_hostile_name_is_made_safe(space: Space) -> None:
    done = space.run("ip", "link", "add", "a\x1b[31mb\x07c", "type", "bridge")
    assert done.returncode == 0, done.stderr
    tables = netlink.read(space.pid)
    assert tables.interfaces[-1].name == "abc"
    assert not [name for name, _ in tables.sysctls if not name.isprintable()]


@needs_namespaces
def test_every_switch_is_the_one_of_its_name(space: Space) -> None:
    """Each is written alone and must be the only one that differs, so no position in a link's listing is off by one."""
    for family, defaults in DEVICE_DEFAULTS.items():
        for name, value in defaults.items():
            full = f"net.ipv{family}.conf.e/2.{name}"
            before = dict(netlink.read(space.pid).sysctls)
            space.write(full, 1 - before[full])
            after = dict(netlink.read(space.pid).sysctls)
            assert {key: after[key] for key in after if after[key] != before.get(key)} == {full: 1 - before[full]}, (
                value
            )
            space.write(full, before[full])


@needs_namespaces
def test_common_switches_are_read_in_that_namespace(space: Space) -> None:
    for name, value in (
        ("net.ipv4.ip_forward", 1),
        ("net.ipv4.conf.all.rp_filter", 2),
        ("net.ipv4.fib_multipath_hash_policy", 1),
        ("net.ipv6.conf.all.forwarding", 1),
    ):
        space.write(name, value)
        assert dict(netlink.read(space.pid).sysctls)[name] == value
        assert dict(netlink.read(os.getpid()).sysctls)[name] != value or value == 1


@needs_namespaces
def test_a_window_shows_its_own_namespace_to_every_thread(space: Space) -> None:
    space.write("net.ipv4.conf.all.rp_filter", 2)
    space.write("net.ipv4.fib_multipath_hash_policy", 1)
    (window,) = netlink.open_namespaces([space.pid])
    at_rest(lambda: netlink.read(space.pid), pause=0.1)
    assert window.tables() == netlink.read(space.pid)
    assert dict(window.tables().sysctls)["net.ipv4.conf.all.rp_filter"] == 2
    assert window.switches.read("net.ipv4.fib_multipath_hash_policy") == 1
    space.ip("link add new0 type bridge")  # a window follows what comes later
    space.write("net.ipv4.conf.new0.rp_filter", 1)
    assert dict(window.tables().sysctls)["net.ipv4.conf.new0.rp_filter"] == 1
    assert (
        window.switches.read("net.ipv4.conf.nosuch.rp_filter"),
        window.switches.read("net.ipv4.ping_group_range"),
    ) == (None, None)
    window.close()
    window.close()


@needs_namespaces
def test_neighbours(space: Space) -> None:
    space.ip("neighbour add 10.0.0.77 lladdr 02:00:00:00:00:77 dev e0 nud permanent")
    space.ip("neighbour add fd00:0::77 dev e0 lladdr 02:00:00:00:00:78 nud stale")
    (window,) = netlink.open_namespaces([space.pid])
    found = window.neighbours()
    window.close()
    assert rtdecode.Neighbour(parse_address("10.0.0.77"), "e0", "02:00:00:00:00:77", "PERMANENT") in found
    assert rtdecode.Neighbour(parse_address("fd00::77"), "e0", "02:00:00:00:00:78", "STALE") in found


# --- merged local and main -------------------------------------------------------------------------------------------


@needs_namespaces
def test_local_and_main_are_one_trie_until_the_first_rule() -> None:
    with Space() as space:
        assert netlink.read(space.pid).merged is True
        trie = space.run("cat", "/proc/net/fib_trie").stdout
        assert trie.split("Local:")[0].removeprefix("Main:") == trie.split("Local:")[1]
        space.ip("rule add pref 100 lookup main")
        assert netlink.read(space.pid).merged is False
        space.ip("rule del pref 100")
        tables = netlink.read(space.pid)
        assert tables.merged is False
        assert [rule.priority for rule in tables.rules if rule.family == 4] == [0, 32766, 32767]


@needs_namespaces
def test_a_local_route_in_another_table_does_not_tell_whether_the_two_are_one() -> None:
    with Space() as space:
        space.ip("link set lo up")
        space.ip("route add local 10.9.9.9 table default dev lo")
        assert netlink.read(space.pid).merged is True
        space.ip("rule add pref 100 lookup main")
        space.ip("rule del pref 100")
        assert netlink.read(space.pid).merged is False


@needs_namespaces
def test_with_no_own_address_nobody_can_tell_and_nothing_depends_on_it() -> None:
    with Space() as space:
        space.ip("address flush dev lo")
        tables = netlink.read(space.pid)
        assert (tables.merged, tables.routes, tables.missing) == (None, (), ())


# --- many, trouble ---------------------------------------------------------------------------------------------------


@needs_namespaces
def test_many_namespaces_in_one_thread_and_the_caller_stays_where_it_is(space: Space) -> None:
    here = Path("/proc/thread-self/ns/net").readlink()
    with Space() as other:
        gone = Space()
        gone.close()
        results = netlink.read_many([space.pid, gone.pid, other.pid, f"/proc/{space.pid}/ns/net", "/etc/hostname"])
    names = [
        [each.name for each in found.interfaces] if isinstance(found, netlink.Tables) else type(found).__name__
        for found in results
    ]
    assert names[1:3] == ["FileNotFoundError", ["lo"]]
    assert names[0] == names[3] != ["lo"]
    assert names[4] == "OSError"
    assert Path("/proc/thread-self/ns/net").readlink() == here
    with pytest.raises(FileNotFoundError):
        netlink.read(gone.pid)


def test_what_could_not_be_read_is_said_in_the_node() -> None:
    tables = netlink.Tables(missing=("rules4",), failures=(("rules4", "Operation not supported"),))
    node = tables.onto(Node("web"))
    assert node.missing == ("rules4",)
    assert node.problem == "Not everything could be read: rules4: Operation not supported."


class Kernel:
    """A socket that plays recorded datagrams, as the kernel would send them."""

    def __init__(self, *datagrams: bytes, flags: int = 0) -> None:
        self.datagrams = list(datagrams)
        self.asked: list[bytes] = []
        self.flags = flags

    def send(self, data: bytes) -> None:
        self.asked.append(data)

    def recvmsg(self, _size: int) -> tuple[bytes, list[Any], int, int]:
        return self.datagrams.pop(0), [], self.flags, 0


def _part(sequence: int, kind: int = 24, flags: int = 2, body: bytes = b"abcd") -> bytes:
    return nlsocket.message(kind, flags, body, sequence)


_DONE = struct.pack("=i", 0)


def test_an_interrupted_dump_is_taken_again() -> None:
    kernel = Kernel(
        _part(1) + _part(1, flags=2 | nlsocket.NLM_F_DUMP_INTR),
        _part(1, nlsocket.NLMSG_DONE, body=_DONE),
        _part(1, body=b"late") + _part(2, body=b"once"),
        _part(2, nlsocket.NLMSG_DONE, body=_DONE),
    )
    assert nlsocket.dump(kernel, 26, bytes(12)) == (b"once",)  # type: ignore[arg-type]
    assert len(kernel.asked) == 2


def test_a_dump_that_never_comes_whole_is_given_up() -> None:
    parts = [_part(n, nlsocket.NLMSG_DONE, 2 | nlsocket.NLM_F_DUMP_INTR, _DONE) for n in range(1, 17)]
    with pytest.raises(nlsocket.Interrupted, match="change faster"):
        nlsocket.dump(Kernel(*parts), 26, bytes(12))  # type: ignore[arg-type]


def test_a_refusal_carries_the_kernels_own_words() -> None:
    words = nlsocket.attribute(1, b"Nexthop has invalid gateway.\0")
    body = struct.pack("=i", -errno.EINVAL) + bytes(16) + words
    kernel = Kernel(nlsocket.message(2, 0x300, body, 0x7FFF))
    with pytest.raises(nlsocket.NetlinkError) as refused:
        nlsocket.request(kernel, 24, bytes(12))  # type: ignore[arg-type]
    assert (refused.value.errno, refused.value.text) == (errno.EINVAL, "Nexthop has invalid gateway.")


@pytest.mark.parametrize("datagram", [_part(1)[:-2], struct.pack("=IHHII", 8, 24, 2, 1, 0)], ids=["cut", "too short"])
def test_a_message_that_is_cut_short_is_an_error(datagram: bytes) -> None:
    with pytest.raises(nlsocket.NetlinkError, match="cut short"):
        nlsocket.dump(Kernel(datagram), 26, bytes(12))  # type: ignore[arg-type]
    with pytest.raises(nlsocket.NetlinkError, match="cut short"):
        nlsocket.dump(Kernel(_part(1), flags=0x20), 26, bytes(12))  # type: ignore[arg-type]


def test_unknown_attributes_are_kept_and_foreign_bodies_are_not_taken() -> None:
    header = struct.pack("=8BI", 2, 8, 0, 0, 254, 3, 0, 1, 0)
    route = rtdecode.route(header + nlsocket.attribute(1, b"\7\0\0\0") + nlsocket.attribute(99, b"\1\2"), {})
    assert route is not None
    assert (str(route.dst), route.words) == ("7.0.0.0/8", ("rta 99 0102",))
    rule = decode_rule(header + nlsocket.attribute(19, b"\1"))
    assert rule is not None
    assert rule.words == ("fra 19 01",)
    assert rtdecode.route(b"\x07" + header[1:], {}) is None
    assert decode_rule(b"\2") is None
    assert rtdecode.interface_address(b"") is None


# --- the kernel's own answer -----------------------------------------------------------------------------------------


@needs_namespaces
@pytest.mark.parametrize(
    "query",
    [
        "20.1.2.3",
        "20.1.2.3 oif e1",
        "20.1.2.3 mark 0x10",
        "20.2.0.1 tos 0x10",
        "20.3.0.1",
        "20.4.0.1",
        "20.5.0.1",
        "20.6.0.1 ipproto tcp dport 53",
        "20.6.0.1 ipproto udp dport 53",
        "99.0.0.1",
        "10.0.0.1",
        "10.0.0.255",
        "20.1.2.3 from 10.0.0.9",
        "20.1.2.3 from 9.9.9.9",
        "20.1.2.3 from 10.0.0.55 iif e0",
        "20.8.0.1",
        "2001:db8::5",
        "2001:db8:5::1",
        "fd00:1::1",
        "20.1.2.3 iif nosuch0",
    ],
)
def test_ask_is_ip_route_get(space: Space, query: str) -> None:
    for command in (
        "route add 20.0.0.0/8 via 10.0.0.2",
        "route add 20.2.0.0/16 tos 0x10 via 10.0.0.3",
        "route add unreachable 20.3.0.0/16",
        "route add prohibit 20.4.0.0/16",
        "route add blackhole 20.5.0.0/16",
        "route add 20.0.0.0/8 via 10.0.0.66 table 77",
        "route add 20.8.0.0/16 via inet6 fd00:1::7 dev e1",
        "rule add fwmark 0x10 lookup 77",
        "rule add ipproto tcp dport 53 lookup 77",
        "-6 route add 2001:db8::/32 via fd00:1::2",
    ):
        space.ip(command)
    (window,) = netlink.open_namespaces([space.pid])
    answer = ask(window, parse_query(query))
    window.close()
    done = space.run("ip", "-j", *parse_query(query).command()[1:])
    if done.returncode:
        reasons = {
            "Network is unreachable": "ENETUNREACH",
            "No route to host": "EHOSTUNREACH",
            "Permission denied": "EACCES",
            "Invalid argument": "EINVAL",
            "Cannot find device": "ENODEV",
        }
        assert answer.errno == next(name for words, name in reasons.items() if words in done.stderr), done.stderr
        assert answer.message
    else:
        (told,) = json.loads(done.stdout)
        gateway = told.get("gateway") or told.get("via", {}).get("host")
        assert answer.errno is None
        assert (answer.type, answer.dev) == (told.get("type", "unicast"), told["dev"])
        assert (str(answer.gateway or ""), str(answer.prefsrc or "")) == (gateway or "", told.get("prefsrc", ""))
        assert (answer.table or "main") == told.get("table", "main")


@needs_namespaces
def test_ask_names_the_route_that_decided(space: Space) -> None:
    space.ip("route add 20.0.0.0/8 via 10.0.0.2 metric 7")
    (window,) = netlink.open_namespaces([space.pid])
    answer = ask(window, parse_query("20.1.2.3"))
    assert answer.route in window.tables().routes
    assert answer.route is not None
    assert (str(answer.route.dst), answer.route.metric) == ("20.0.0.0/8", 7)
    window.close()


# --- notifications ---------------------------------------------------------------------------------------------------


@needs_namespaces
@pytest.mark.parametrize(
    "command",
    [
        "route add 20.0.0.0/8 via 10.0.0.2",
        "-6 route add 2001:db8::/32 via fd00:0::2",
        "rule add pref 7 lookup main",
        "-6 rule add pref 7 lookup main",
        "address add 10.77.0.1/24 dev e0",
        "link set e1 down",
        "nexthop add id 5 via 10.0.0.2 dev e0",
        "netconf",
    ],
)
def test_a_change_is_heard_from_the_namespace_where_it_happened(space: Space, command: str) -> None:
    with Space() as quiet:
        heard = watch([quiet.pid, space.pid])
        changes = iter(heard)
        if command == "netconf":
            space.write("net.ipv4.conf.e0.rp_filter", 1)
        else:
            space.ip(command)
        assert next(changes) == {1}
        heard.close()
        assert list(changes) == []


@needs_namespaces
def test_a_watch_ends_when_another_thread_closes_it(space: Space) -> None:
    heard = watch([space.pid])
    before = len(list(Path("/proc/self/fd").iterdir()))
    seen: list[frozenset[int]] = []
    listener = threading.Thread(target=lambda: seen.extend(heard))
    listener.start()
    heard.close()
    heard.close()
    listener.join(5)
    assert not listener.is_alive()
    assert seen == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before - 3  # the socket and both ends of the pipe
    assert list(heard) == []


@needs_namespaces
def test_reading_leaves_no_descriptor_open(space: Space) -> None:
    netlink.read(space.pid)
    before = sorted(Path("/proc/self/fd").iterdir())
    netlink.read_many([space.pid] * 5)
    with pytest.raises(OSError):
        netlink.open_namespaces([space.pid, "/nowhere"])
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_whether_bridged_frames_meet_the_rules_is_read_where_there_is_a_bridge() -> None:
    with Space() as space:
        assert not [name for name, _ in netlink.read(space.pid).sysctls if name in BRIDGING]
        space.ip("link add bridge0 type bridge")
        found = dict(netlink.read(space.pid).sysctls)
        for name in BRIDGING:
            file = "/proc/sys/" + name.replace(".", "/")
            said = space.run("cat", file)
            # No file, no br_netfilter: then no bridged frame meets a rule.
            assert found[name] == (int(said.stdout) if said.returncode == 0 else 0)


@pytest.mark.parametrize(("loaded", "expected"), [(False, tuple((name, 0) for name in BRIDGING)), (True, ())])
def test_without_the_files_a_loaded_module_leaves_it_unknown(
    loaded: bool, expected: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switches, "_BRIDGE_NETFILTER", str(tmp_path if loaded else tmp_path / "absent"))
    assert switches.Switches({}).bridging() == expected
