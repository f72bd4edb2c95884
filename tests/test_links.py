"""Interfaces, addresses and sysctls read from every form that they are printed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import cases, recording, recordings

from tui.core.addresses import parse_address, parse_prefix
from tui.core.reading import LinkReading, SysctlReading
from tui.core.reading.links import read_links
from tui.core.reading.sysctl_text import read_sysctls, sysctl_name
from tui.core.world import Interface, InterfaceAddress

WHOLE = {each.name: each for each in read_links(recording("links", "ip_j_d_addr")).interfaces}

UNSAID: dict[str, set[str]] = {
    "ip_d_addr": set(),
    "ip_addr": {"kind"},
    "ip_c_addr": {"kind"},
    "ip_s_addr": {"kind"},
    "ip_j_addr": {"kind"},
    "busybox_ip_addr": {"kind"},
    "ip_link": {"kind", "addresses"},
    "ip_o_link": {"kind", "addresses"},
    "ip_j_link": {"kind", "addresses"},
    "busybox_ip_link": {"kind", "addresses"},
    "ip_4_addr": {"kind", "addresses", "mac", "peer_index"},
    "ip_br_link": {"kind", "addresses", "index", "mtu", "master", "peer_index"},
    "ip_br_addr": {"kind", "addresses", "index", "mac", "mtu", "master", "peer_index", "up"},
    "ip_c_br_addr": {"kind", "addresses", "index", "mac", "mtu", "master", "peer_index", "up"},
    "ip_o_addr": {"kind", "mac", "mtu", "master", "peer_index", "up", "carrier"},
    "ip_4_o_addr": {"kind", "addresses", "mac", "mtu", "master", "peer_index", "up", "carrier"},
    "if_inet6": {"kind", "addresses", "mac", "mtu", "master", "peer_index", "up", "carrier"},
    "ifconfig_a": {"kind", "addresses", "index", "mac", "master", "peer_index"},
    "busybox_ifconfig_a": {"kind", "addresses", "index", "mac", "master", "peer_index"},
}
"""What each form does not tell of an interface, or not of every one."""


@pytest.mark.parametrize("form", sorted(UNSAID))
def test_every_form_tells_what_the_fullest_tells(form: str) -> None:
    reading = read_links(recording("links", form))
    assert reading.unread == ()
    assert reading.interfaces
    for found in reading.interfaces:
        whole = WHOLE[found.name]
        for field in fields(Interface):
            if field.name not in UNSAID[form]:
                assert getattr(found, field.name) == getattr(whole, field.name), (found.name, field.name)
        for field in ("mac", "kind"):
            assert getattr(found, field) in ("", getattr(whole, field))


def test_every_recording_is_held_against_the_fullest() -> None:
    assert {*UNSAID, "ip_j_d_addr"} == set(recordings("links"))


@pytest.mark.parametrize("form", ["ip_br_addr", "ifconfig_a", "busybox_ifconfig_a", "ip_4_addr", "if_inet6"])
def test_forms_that_tell_less_of_addresses_tell_no_other(form: str) -> None:
    for found in read_links(recording("links", form)).interfaces:
        known = [(each.address, each.length, each.scope) for each in WHOLE[found.name].addresses]
        assert {(each.address, each.length, each.scope) for each in found.addresses} <= set(known)


def test_the_fullest_form_itself() -> None:
    e0 = WHOLE["e0"]
    assert (e0.kind, e0.up, e0.carrier, e0.peer_index, e0.mtu) == ("veth", True, True, WHOLE["e1"].index, 1500)
    assert (WHOLE["br0"].kind, WHOLE["br0"].carrier, WHOLE["p0"].master, WHOLE["p1"].up) == (
        "bridge",
        False,
        "br0",
        False,
    )
    assert InterfaceAddress(parse_address("10.0.0.3"), 24, flags=("secondary",)) in e0.addresses
    assert InterfaceAddress(parse_address("10.9.0.1"), 32, peer=parse_prefix("10.9.0.2/32")) in e0.addresses
    assert InterfaceAddress(parse_address("fd00::1"), 64, flags=("nodad",)) in e0.addresses


@pytest.mark.parametrize(
    ("form", "topics"),
    [
        ("ip_addr", ("addresses", "links")),
        ("ip_link", ("links",)),
        ("ip_o_addr", ("addresses",)),
        ("ip_br_addr", ("addresses",)),
        ("ip_br_link", ("links",)),
    ],
)
def test_a_reading_says_what_it_told(form: str, topics: tuple[str, ...]) -> None:
    assert read_links(recording("links", form)).topics == topics


def test_addresses_of_every_recorded_state() -> None:
    for case in cases():
        found = [
            (link.name, str(each.address), each.length, each.scope, str(each.broadcast) if each.broadcast else None,
             "secondary" in each.flags, "noprefixroute" in each.flags)
            for link in read_links(case["addr_text"]).interfaces for each in link.addresses
        ]  # fmt: skip
        assert found == [
            (a["dev"], a["local"], a["prefixlen"], a["scope"], a.get("broadcast"), a.get("secondary", False),
             a.get("noprefixroute", False))
            for a in case["addrs"]
        ]  # fmt: skip


HEADS: list[tuple[str, dict[str, object]]] = [
    (
        "5: eth0@if6: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br0",
        {"peer_index": 6, "index": 5, "master": "br0"},
    ),
    ("5: eth0.10@eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500", {"name": "eth0.10", "peer_index": None}),
    ("7: foo:veth0@eth0: <UP,LOWER_UP> mtu 9000", {"name": "foo:veth0", "mtu": 9000}),
    ("2: e0@e0p: <NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN> mtu 1500", {"up": True, "carrier": False}),
    ("2: e0@e0p: <BROADCAST,MULTICAST,UP,M-DOWN> mtu 1500", {"up": True, "carrier": False}),
    ("2: e0: <BROADCAST,MULTICAST> mtu 1500 state DOWN", {"up": False, "carrier": False}),
    ("2: e0: <BROADCAST,MULTICAST,UP> mtu 1500", {"up": True, "carrier": True}),  # kernels before LOWER_UP
    ("1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536", {"kind": "loopback"}),
    (
        "eth0@if6         UP             02:42:ac:13:00:02 <BROADCAST,MULTICAST,UP,LOWER_UP> ",
        {"mac": "02:42:ac:13:00:02"},
    ),
    ("tun0             UNKNOWN        <POINTOPOINT,UP,LOWER_UP> ", {"mac": "", "up": True}),
    ("docker0          DOWN           172.17.0.1/16 ", {"carrier": False}),
]


@pytest.mark.parametrize(("line", "expected"), HEADS, ids=[line for line, _ in HEADS])
def test_first_line(line: str, expected: dict[str, object]) -> None:
    reading = read_links(line)
    assert reading.unread == ()
    (link,) = reading.interfaces
    assert {name: getattr(link, name) for name in expected} == expected


HEAD = "2: e0: <UP,LOWER_UP> mtu 1500"
ADDRESSES: list[tuple[str, InterfaceAddress]] = [
    ("inet 10.0.0.1/24 metric 100 brd 10.0.0.255 scope global dynamic noprefixroute e0",
     InterfaceAddress(parse_address("10.0.0.1"), 24, "global", parse_address("10.0.0.255"), None,
                      ("dynamic", "noprefixroute"))),
    ("inet 10.0.0.1/24 scope global secondary e0:1",
     InterfaceAddress(parse_address("10.0.0.1"), 24, flags=("secondary",))),
    ("inet 10.0.0.1 peer 10.0.0.2/32 scope global e0",
     InterfaceAddress(parse_address("10.0.0.1"), 32, peer=parse_prefix("10.0.0.2/32"))),
    ("inet6 fe80::1/64 scope link proto kernel_ll", InterfaceAddress(parse_address("fe80::1"), 64, "link")),
    ("inet6 fd00::1/64 scope global deprecated tentative dadfailed",
     InterfaceAddress(parse_address("fd00::1"), 64, flags=("deprecated", "tentative", "dadfailed"))),
    ("inet6 fd00::1/64 scope global flags 02", InterfaceAddress(parse_address("fd00::1"), 64, flags=("nodad",))),
    ("inet 10.0.0.1/24 scope 253 e0", InterfaceAddress(parse_address("10.0.0.1"), 24, "link")),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), ADDRESSES, ids=[line for line, _ in ADDRESSES])
def test_address_line(line: str, expected: InterfaceAddress) -> None:
    (link,) = read_links(f"{HEAD}\n    {line}\n       valid_lft forever preferred_lft forever").interfaces
    assert link.addresses == (expected,)


@pytest.mark.parametrize(
    ("text", "unread"),
    [
        (f"{HEAD}\n    shiny new line", 1),
        (f"{HEAD}\n    inet nowhere scope global e0", 1),
        ("    inet 10.0.0.1/24 scope global e0", 1),
        ("nothing of the kind\nat all", 2),
        ('[{"ifindex":3},{"ifname":"e0","addr_info":[{"family":"inet","local":"x"}]}]', 2),
        ("eth0: flags=4163<UP>  mtu 1500\n        inet nowhere  netmask 255.0.0.0", 1),
        ("fe80000000000000024200fffe000001 02 40 20 80 eth0\nfe80 02", 1),
    ],
)
def test_what_is_not_understood_is_unread(text: str, unread: int) -> None:
    assert len(read_links(text).unread) == unread


PIECES = st.sampled_from((HEAD, "    inet ", "x", "[", "{}", "1: lo    inet 1", "    link/"))


@given(st.text(max_size=200) | st.lists(PIECES).map("\n".join))
def test_no_junk_raises(text: str) -> None:
    read_links(text)
    read_sysctls(text)


# Sysctls

SYSCTLS = """\
net.ipv4.ip_forward = 1
net.ipv4.conf.eth0/101.rp_filter=2
/proc/sys/net/ipv4/conf/eth0.5/rp_filter:1
net/ipv4/conf/all/rp_filter = 0
net.ipv4.tcp_rmem = 4096\t87380\t6291456
net.ipv4.tcp_congestion_control = cubic
vm.swappiness = 60
"""


def test_sysctls_in_all_their_spellings() -> None:
    assert read_sysctls(SYSCTLS) == SysctlReading(
        (
            ("net.ipv4.conf.all.rp_filter", 0),
            ("net.ipv4.conf.eth0/101.rp_filter", 2),
            ("net.ipv4.conf.eth0/5.rp_filter", 1),
            ("net.ipv4.ip_forward", 1),
        )
    )


def test_bare_values_take_the_names_that_were_asked_for() -> None:
    names = ("/proc/sys/net/ipv4/ip_forward", "net.ipv4.conf.a/b.rp_filter")
    assert read_sysctls("1\n2\n", names).sysctls == (("net.ipv4.conf.a/b.rp_filter", 2), ("net.ipv4.ip_forward", 1))
    refused = read_sysctls("cat: /proc/sys/net/ipv4/ip_forward: No such file or directory\n2", names)
    assert refused.sysctls == (("net.ipv4.conf.a/b.rp_filter", 2),)
    assert len(refused.unread) == 1


@pytest.mark.parametrize(
    "line", ["hello", "sysctl: cannot stat /proc/sys/x: No such file", "net.ipv4 is nice", "a.b = c"]
)
def test_what_is_no_sysctl_is_unread(line: str) -> None:
    assert read_sysctls(line) == SysctlReading((), (line,))


def test_a_name_is_turned_round_once() -> None:
    assert sysctl_name("/proc/sys/net/ipv4/conf/eth0.5/rp_filter") == "net.ipv4.conf.eth0/5.rp_filter"
    assert sysctl_name("net.ipv4.conf.eth0/5.rp_filter") == "net.ipv4.conf.eth0/5.rp_filter"


def test_readings_are_values() -> None:
    read: Callable[[str], LinkReading] = read_links
    assert read(HEAD) == read(HEAD)
    assert replace(read(HEAD), unread=("x",)) != read(HEAD)
