"""Routes read from every form that they are printed in, and written again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from texts import lines_with_something, needs_wild, recording, routes, states, wild, without_lock

from tui.core.addresses import Address, Prefix, parse_address, parse_prefix
from tui.core.reading.prompts import is_prompt
from tui.core.reading.route_words import KEYWORDS
from tui.core.reading.routes import (
    Reading,
    ip_route_json,
    ip_route_line,
    read_columns,
    read_ip_json,
    read_ip_route,
    read_routes,
    route_flags,
    route_n_columns,
    route_n_row,
)
from tui.core.world import NextHop, Route


def one(text: str, **given: object) -> Route:
    """The one route of a text in which everything is understood."""
    reading = read_routes(text, **given)  # type: ignore[arg-type]
    assert reading.unread == ()
    (route,) = reading.routes
    return route


# One table in 22 forms: each says what it can, and that must be the same.

TEXT4 = read_ip_json(recording("lab", "ip_j_route")).routes
TEXT6 = read_ip_json(recording("lab", "ip6_j_route")).routes


@pytest.mark.parametrize("form", ["ip_route", "ip_o_route", "ip_c_route", "ip_s_route", "ip_br_route", "ip_d_route"])
def test_iproute2_says_the_same_with_every_option(form: str) -> None:
    reading = read_routes(recording("lab", form))
    assert reading.unread == ()
    assert tuple(map(without_lock, reading.routes)) == TEXT4


def test_json_with_details_says_the_same() -> None:
    reading = read_routes(recording("lab", "ip_jp_d_route"))
    assert reading.unread == ()
    assert tuple(map(without_lock, reading.routes)) == TEXT4


@pytest.mark.parametrize("form", ["ip6_route", "ip6_d_route"])
def test_ipv6_text_says_what_its_json_says(form: str) -> None:
    reading = read_routes(recording("lab", form))
    assert reading.unread == ()
    assert tuple(map(without_lock, reading.routes)) == TEXT6


def test_numbers_stand_for_the_names_that_they_have() -> None:
    assert read_routes(recording("lab", "ip_N_route")).routes == read_routes(recording("lab", "ip_route_all")).routes


def test_table_all_holds_the_main_tables_of_both_families() -> None:
    everything = read_routes(recording("lab", "ip_route_all")).routes
    main = tuple(without_lock(route) for route in everything if route.table == "main")
    assert main == TEXT4 + TEXT6
    assert {route.table for route in everything} == {"main", "local", "1000000"}


def ways(route: Route) -> tuple[object, ...]:
    """What BusyBox tells of a route: no protocol, no flags, no attributes, no legs."""
    hops = tuple(NextHop(hop.dev, hop.gateway) for hop in route.nexthops) if len(route.nexthops) == 1 else ()
    via_other = any(hop.gateway and hop.gateway.version != route.family for hop in hops)
    hops = tuple(replace(hop, gateway=None) for hop in hops) if via_other else hops
    return (route.type, route.dst, hops, route.scope, route.prefsrc, route.metric)


@pytest.mark.parametrize(("form", "table"), [("busybox_ip_route", TEXT4), ("busybox_ip6_route", TEXT6)])
def test_busybox_ip_says_as_much_as_it_can(form: str, table: tuple[Route, ...]) -> None:
    reading = read_routes(recording("lab", form))
    assert reading.unread == ()
    found = {ways(route) for route in reading.routes}
    assert {ways(route) for route in table} <= found


def classic(route: Route) -> tuple[object, ...]:
    """What the classic columns tell of an IPv4 route: the first leg, and rejects without their kind."""
    kind = {"prohibit": "unreachable", "throw": "blackhole"}.get(route.type, route.type)
    gateway = route.gateway if route.gateway and route.gateway.version == route.family else None
    return (kind, route.dst, route.dev, gateway, route.metric or 0)


@pytest.mark.parametrize("form", ["busybox_route_n", "busybox_netstat_rn", "proc_net_route"])
def test_classic_columns_and_their_file_agree_with_ip(form: str) -> None:
    reading = read_routes(recording("lab", form))
    assert reading.unread == ()
    has_metric = form != "busybox_netstat_rn"
    expected = [classic(route) for route in TEXT4]
    assert [classic(route) for route in reading.routes] == [each if has_metric else (*each[:4], 0) for each in expected]
    through_ipv6 = next(route for route in reading.routes if str(route.dst) == "20.5.0.0/16")
    assert through_ipv6.words == ("via", "inet6"), "a gateway that the form cannot show is not on-link"


def classic6(route: Route) -> tuple[object, ...]:
    kind = "unreachable" if route.is_reject or route.type == "throw" else route.type
    hops = tuple((hop.dev, hop.gateway) for hop in route.nexthops)
    return (kind, route.dst, hops, route.metric, route.table)


@pytest.mark.parametrize("form", ["busybox_route_A_inet6", "proc_net_ipv6_route"])
def test_ipv6_columns_and_their_file_agree_with_ip(form: str) -> None:
    reading = read_routes(recording("lab", form))
    assert reading.unread == ()
    everything = [route for route in read_routes(recording("lab", "ip_route_all")).routes if route.family == 6]
    empty = ("unreachable", Prefix(6, 0, 0), (("lo", None),), 0xFFFFFFFF, "unspec")
    assert sorted(map(repr, map(classic6, reading.routes))) == sorted(
        repr(each) for each in [*map(classic6, everything), empty]
    )


def test_the_file_of_ipv6_routes_tells_preference_and_source() -> None:
    reading = read_routes(recording("lab", "proc_net_ipv6_route"))
    default = next(route for route in reading.routes if route.is_default and not route.is_reject)
    sourced = next(route for route in reading.routes if route.src)
    assert default.pref == "high"
    assert str(sourced.src) == "2001:db8::/64"


# Real tools on a second table: net-tools and BusyBox beside `ip -j`.


@pytest.mark.parametrize("form", ["route_n", "route_ee", "netstat_rn", "busybox_route_n", "busybox_netstat_rn"])
def test_net_tools_and_busybox_agree_with_ip(form: str) -> None:
    reading = read_routes(recording("classic", form))
    assert reading.unread == ()
    main = [route for route in read_routes(recording("classic", "ip_j_route_4")).routes if route.table == "main"]
    metric = "netstat" not in form
    assert [classic(route) for route in reading.routes] == [
        each if metric else (*each[:4], 0) for each in map(classic, main)
    ]


@pytest.mark.parametrize(
    "form", ["route_A_inet6_n", "route_6", "netstat_rn_A_inet6", "busybox_route_A_inet6", "proc_ipv6_route"]
)
def test_ipv6_of_net_tools_and_busybox_agrees_with_ip(form: str) -> None:
    reading = read_routes(recording("classic", form))
    assert reading.unread == ()
    wanted = [classic6(route) for route in read_routes(recording("classic", "ip_j_route_6")).routes]
    found = [classic6(route) for route in reading.routes]
    assert [each for each in wanted if each not in found and each[0] != "anycast"] == []
    assert len(found) == len(wanted) + 1, "one more than ip shows: the kernel's empty entry"


def test_rows_are_written_as_net_tools_writes_them() -> None:
    main = [route for route in read_routes(recording("classic", "ip_j_route_4")).routes if route.table == "main"]
    assert [route_n_row(route) for route in main] == recording("classic", "route_n").splitlines()[2:]


def test_ipv6_rows_are_written_as_net_tools_writes_them() -> None:
    printed = {tuple(line.split()[:4]) for line in recording("classic", "route_A_inet6_n").splitlines()[2:]}
    for route in read_routes(recording("classic", "ip_j_route_6")).routes:
        assert route_n_columns(route)[:4] in printed, route
        assert route_n_row(route).split() == list(route_n_columns(route))


@pytest.mark.parametrize(
    ("line", "flags"),
    [
        ("default via 10.0.0.1 dev e0", "UG"),
        ("10.0.0.5 via 10.0.0.1 dev e0", "UGH"),
        ("10.0.0.0/8 dev e0 scope link", "U"),
        ("prohibit 10.0.0.5", "!H"),
        ("throw 10.0.0.0/8", "U"),
        ("local ::1 dev lo table local proto kernel metric 0", "Un"),
        ("blackhole 3005::/16 dev lo metric 1024 pref medium", "!n"),
    ],
)
def test_flags(line: str, flags: str) -> None:
    assert route_flags(one(line)) == flags


# /proc/net/fib_trie


def test_a_merged_trie_is_known_and_read_once() -> None:
    reading = read_routes(recording("classic", "proc_fib_trie_merged"))
    assert (reading.merged, reading.unread) == (True, ())
    wanted = read_routes(recording("classic", "ip_j_route_4")).routes
    assert {(r.dst, r.type, r.table, r.scope) for r in reading.routes} == {
        (r.dst, r.type, r.table, r.scope) for r in wanted
    }


def test_a_split_trie_keeps_its_tables_apart() -> None:
    reading = read_routes(recording("classic", "proc_fib_trie_split"))
    assert (reading.merged, reading.unread) == (False, ())
    by_table = {table: {r.type for r in reading.routes if r.table == table} for table in ("5", "main", "local")}
    assert by_table["5"] == {"unicast"}
    assert by_table["local"] == {"local", "broadcast"}
    assert by_table["main"] == {"unicast", "unreachable", "prohibit", "blackhole", "throw"}


def test_a_trie_tells_the_type_of_service() -> None:
    reading = read_routes(recording("lab", "fib_trie"))
    assert [route.tos for route in reading.routes if str(route.dst) == "20.3.0.0/16"] == [16]


# Other people's outputs: how many routes a correct reader finds in each.


@needs_wild
@pytest.mark.parametrize(
    ("text", "count"),
    wild("ip-route", "ip6-route", "ip-route-mixed", "busybox-ip-route", "ip-json", "ip-route-get",
         "busybox-ip-route-get", "proc-net-route", "proc-net-ipv6-route"),
)  # fmt: skip
def test_the_wild_is_read_to_the_last_route(text: str, count: int) -> None:
    reading = read_routes(text)
    assert (len(reading.routes), reading.unread) == (count, ())


@needs_wild
@pytest.mark.parametrize(("text", "count"), wild("route-n", "netstat-rn", "route6"))
def test_wild_columns_are_routes_but_for_names_of_hosts(text: str, count: int) -> None:
    reading = read_routes(text)
    assert len(reading.routes) + len(reading.unread) == count
    for line in reading.unread:
        assert not line.split()[0].replace(".", "").isdigit(), "only a destination that is a name is unread"


# Machine states of the real kernel.


def test_text_and_json_of_every_recorded_state_are_one() -> None:
    for state in states():
        text = read_ip_route(state["routes_text"])
        objects = read_ip_json(json.dumps(state["routes_json"]))
        assert text.unread == objects.unread == ()
        assert tuple(map(without_lock, text.routes)) == objects.routes
        if "routes_detail_text" in state:
            detailed = read_ip_route(state["routes_detail_text"]).routes
            assert tuple(map(without_lock, detailed)) == objects.routes


def test_what_is_written_is_what_the_kernel_printed() -> None:
    for state in states():
        printed = [line.rstrip() for line in lines_with_something(state["routes_text"])]
        routes = read_ip_route(state["routes_text"]).routes
        assert [line for route in routes for line in ip_route_line(route).split("\n")] == printed
        objects = read_ip_json(json.dumps(state["routes_json"])).routes
        assert [ip_route_json(route) for route in objects] == state["routes_json"]


# Shapes that have misled readers.


def hop(dev: str | None = None, gateway: str | None = None, weight: int = 1, *flags: str) -> NextHop:
    return NextHop(dev, parse_address(gateway) if gateway else None, weight, flags)


TRAPS: list[tuple[str, dict[str, object]]] = [
    ("0.0.0.0 dev veth1 scope link", {"dst": Prefix(4, 0, 32), "scope": "link"}),
    ("0.0.0.0/0 via 1.0.0.254 dev eth0 protocol static", {"dst": Prefix(4, 0, 0), "protocol": "static"}),
    ("default via fe80::1 dev e0", {"dst": Prefix(6, 0, 0)}),
    ("default via inet6 fe80::1 dev e0", {"dst": Prefix(4, 0, 0), "nexthops": (hop("e0", "fe80::1"),)}),
    ("fe80:: dev e0 metric 256", {"dst": parse_prefix("fe80::/128"), "metric": 256}),
    ("10.0.0.0/24 dev proto proto kernel", {"nexthops": (hop("proto"),), "protocol": "kernel"}),
    ("10.0.0.0/24 dev dev", {"nexthops": (hop("dev"),)}),
    ("10.0.0.0/24 dev eth0@if5 scope link", {"nexthops": (hop("eth0"),)}),
    ("10.0.0.0/24 dev foo:veth0@eth0  proto kernel  src 10.0.0.2", {"nexthops": (hop("foo:veth0"),)}),
    ("10.0.0.0/24 dev eth0  table local  proto kernel", {"table": "local", "protocol": "kernel"}),
    ("7 20.6.0.0/16 metric 4294967295", {"type": "unreachable", "metric": 4294967295, "nexthops": ()}),
    ("9 20.8.0.0/16 table 1000000", {"type": "throw", "table": "1000000"}),
    ("unreachable 20.6.0.0/16  metric -1", {"metric": 4294967295}),
    ("10.0.0.0/8 dev e0 proto 196 scope 253 table 254", {"protocol": "196", "scope": "link", "table": "main"}),
    ("10.0.0.0/8 tos CS1 dev e0", {"tos": 0x20}),
    ("10.0.0.0/8 nhid 9 via 10.0.0.2 dev e0", {"nhid": 9}),
    ("10.0.0.0/8 via 10.0.0.2 dev e0 dead linkdown", {"nexthops": (hop("e0", "10.0.0.2", 1, "dead", "linkdown"),)}),
    ("multicast ff00::/8 dev e0 rt_offload_failed", {"nexthops": (hop("e0", None, 1, "rt_offload_failed"),)}),
    ("default dev lo metric 1 error -101", {"dst": Prefix(6, 0, 0), "attributes": ("error -101",)}),
    ("unreachable default dev lo  metric -1  error -101", {"table": "unspec", "dst": Prefix(6, 0, 0)}),
    ("default from fe80::a00:2 dev x metric 1", {"src": parse_prefix("fe80::a00:2/128"), "dst": Prefix(6, 0, 0)}),
    ("10.0.0.0/8 dev e0 mtu lock 1300 rto_min lock 5ms", {"attributes": ("mtu lock 1300", "rto_min lock 5ms")}),
    ("default via fe80::1 dev eth0 metric 1024 expires", {"words": ("expires",), "metric": 1024}),
    ("192.168.0.0/16 dev eth1 via 9.8.7.1.", {"words": ("via", "9.8.7.1."), "nexthops": (hop("eth1"),)}),
    ("10.0.0.0/8 dev e0 metric 5 metric 6", {"metric": 5, "words": ("metric", "6")}),
    ("10.0.0.0/8 dev e0 shiny", {"words": ("shiny",)}),
    (
        "1::11  encap seg6local action End.B6.Encaps segs 2 [ 2001:a::b 2001:a::d ] via 2001::5 dev dum0 metric 20",
        {
            "nexthops": (hop("dum0", "2001::5"),),
            "attributes": ("encap seg6local action End.B6.Encaps segs 2 [ 2001:a::b 2001:a::d ]",),
        },
    ),
    ("1::3  encap seg6local action End.T table 10 dev dum0 metric 20", {"table": "main", "metric": 20}),
    (
        "20.10.0.0/16  encap ip id 5 src 0.0.0.0 dst 1.2.3.4 ttl 0 tos 0 tos 0x10 dev e0 scope link",
        {"tos": 16, "prefsrc": None, "attributes": ("encap ip id 5 src 0.0.0.0 dst 1.2.3.4 ttl 0 tos 0",)},
    ),
    (
        "default proto ra metric 1024 pref medium\n\tnexthop via fe80::1 dev a weight 1 \n"
        "\tnexthop via fe80::2 dev b weight 3 onlink pref medium",
        {"dst": Prefix(6, 0, 0), "nexthops": (hop("a", "fe80::1"), hop("b", "fe80::2", 3, "onlink"))},
    ),
    ("20.4.0.0/16 \n        nexthop via 10.0.0.2 dev e0 weight 10", {"nexthops": (hop("e0", "10.0.0.2", 10),)}),
    (
        "10.5.4.0/24 proto static \\ nexthop via 10.5.4.1 dev e0 weight 1\\ nexthop via 10.5.4.2 dev e0 weight 1",
        {"nexthops": (hop("e0", "10.5.4.1"), hop("e0", "10.5.4.2")), "protocol": "static"},
    ),
    ("20.4.0.0/16 ", {"nexthops": (), "type": "unicast"}),
    (
        "30.0.0.0/16 metric 5 linkdown mtu 1300\n\tnexthop via 10.0.0.2  dev e0 weight 1 dead linkdown",
        {
            "nexthops": (hop("e0", "10.0.0.2", 1, "dead", "linkdown"),),
            "attributes": ("linkdown", "mtu 1300"),
        },
    ),
    (
        "10.0.0.0/8 \n\tnexthop  encap mpls  100 via 10.0.0.2 dev e0 weight 1",
        {"nexthops": (hop("e0", "10.0.0.2"),), "attributes": ("nexthop 1 encap mpls 100",)},
    ),
    ("\x1b[35m10.0.0.0/8 \x1b[0mdev \x1b[36me0 \x1b[0mscope link ", {"nexthops": (hop("e0"),), "scope": "link"}),
    ("nat 205.254.211.17 via 192.168.100.17  table local  scope host", {"type": "nat", "scope": "host"}),
    ("    10.0.0.0/8 dev e0\r\n", {"nexthops": (hop("e0"),)}),
]


@pytest.mark.parametrize(("text", "expected"), TRAPS, ids=[text.split("\n")[0] for text, _ in TRAPS])
def test_trap(text: str, expected: dict[str, object]) -> None:
    route = one(text)
    assert {name: getattr(route, name) for name in expected} == expected
    if "words" not in expected:
        assert route.words == ()


@pytest.mark.parametrize(
    ("line", "given", "field", "value"),
    [
        ("default via 10.0.0.2 metric 100", {"default_dev": "e0"}, "dev", "e0"),
        ("10.0.0.0/8 proto kernel scope link", {"default_dev": "e0"}, "dev", "e0"),
        ("local 10.0.0.1 scope host", {"default_table": "local"}, "table", "local"),
        ("10.0.0.0/8 dev e0 table 5", {"default_table": "7"}, "table", "5"),
        ("default dev tun0", {"family": 6}, "family", 6),
        ("default dev tun0", {}, "family", 4),
        ("default via 10.0.0.1 dev tun0", {"family": 6}, "family", 4),
    ],
)
def test_what_a_filtered_listing_omits_is_given(line: str, given: dict[str, object], field: str, value: object) -> None:
    assert getattr(one(line, **given), field) == value


def test_a_listing_of_one_device_reads_as_the_whole_does() -> None:
    filtered = read_ip_route(recording("classic", "ip_route_dev"), default_dev="e0")
    whole = read_ip_route(recording("classic", "ip_route_all")).routes
    main = [route for route in whole if route.table == "main" and route.family == 4]
    assert list(filtered.routes) == [route for route in main if route.dev == "e0" and len(route.nexthops) == 1]


def test_next_hops_of_a_filtered_listing_replace_the_device_that_it_omits() -> None:
    route = one("10.0.0.0/8 \n\tnexthop via 10.0.0.2 dev e1 weight 2", default_dev="e0")
    assert route.nexthops == (hop("e1", "10.0.0.2", 2),)


def test_a_default_that_tells_no_family_takes_its_neighbours() -> None:
    text = "fe80::/64 dev eth0  metric 256\ndefault dev ppp0  metric 1024"
    assert [route.family for route in read_routes(text).routes] == [6, 6]
    assert [route.family for route in read_routes("\n".join(reversed(text.split("\n")))).routes] == [6, 6]


def test_an_entry_that_prints_its_gateway_as_a_name_keeps_it() -> None:
    text = "default         _gateway        0.0.0.0         UG    100    0        0 ens33"
    assert one(text).words == ("via", "_gateway")


def test_a_destination_that_is_a_name_is_unread() -> None:
    line = "console2        *               255.255.255.255 UH    1436   0      136 plip1"
    assert read_columns(line) == Reading((), (line,), "route -n")


def test_names_of_networks_that_every_system_has() -> None:
    header = "Destination     Gateway         Genmask         Flags MSS    Window Use Iface\n"
    assert one(f"{header}loopback * 255.0.0.0 U 1936 0 109 lo").dst == parse_prefix("127.0.0.0/8")
    assert one(f"{header}default 24.94.1.123 * UG 1500 0 72 eth0").dst == Prefix(4, 0, 0)


def test_the_column_after_the_flags_is_not_always_the_metric() -> None:
    header = "Destination     Gateway         Genmask         Flags   MSS Window  irtt Iface\n"
    assert one(f"{header}10.0.0.0 0.0.0.0 255.0.0.0 U 1400 1000 100 e0").metric is None


def test_a_mask_with_holes_is_no_route() -> None:
    assert read_routes("Kernel IP routing table\n10.0.0.0 0.0.0.0 255.0.255.0 U 0 0 0 e0").routes == ()


# JSON


def test_invalid_json_of_old_iproute2() -> None:
    text = '[{"broadcast","dst":"127.0.0.0","dev":"lo"},{"local","dst":"::1","dev":"lo"}]'
    assert [route.type for route in read_routes(text).routes] == ["broadcast", "local"]


def test_encap_of_json_repeats_keys_of_the_route() -> None:
    text = (
        '[{"dst":"20.10.0.0/16","encap":"ip","id":5,"src":"0.0.0.0","dst":"1.2.3.4","ttl":0,"tos":0,"tos":"0x10",'
        '"dev":"e0","flags":[]},{"dst":"1::3","encap":"seg6local","action":"End.T","table":"10","dev":"d","metric":20}]'
    )
    first, second = read_routes(text).routes
    assert (str(first.dst), first.tos, first.dev) == ("20.10.0.0/16", 16, "e0")
    assert first.attributes == ("encap ip id 5 src 0.0.0.0 dst 1.2.3.4 ttl 0 tos 0",)
    assert (second.table, second.attributes) == ("main", ("encap seg6local action End.T table 10",))


@pytest.mark.parametrize(
    ("text", "count", "unread"),
    [
        ("[ ]", 0, 0),
        ("[{},{}]", 0, 0),
        ('{"dst":"10.0.0.0/8","dev":"e0"}\n{"dst":"10.1.0.0/16","dev":"e0"}', 2, 0),
        ('[{"dst":"10.0.0.0/8"}', 0, 1),
        ('[{"dst":"nowhere"},{"type":"odd","dst":"10.0.0.0/8"},{"metric":1}]', 0, 3),
        ('[1,"x",null]', 0, 3),
        ('[{"dst":"10.0.0.0/8","gateway":7,"metric":-5,"via":[],"nexthops":[3]}]', 1, 0),
        ("[" * 100_000, 0, 1),
    ],
)
def test_json_of_other_shapes_loses_nothing(text: str, count: int, unread: int) -> None:
    reading = read_routes(text)
    assert (len(reading.routes), len(reading.unread)) == (count, unread)


def test_keys_that_nobody_knows_are_kept() -> None:
    route = one('[{"dst":"10.0.0.0/8","dev":"e0","shine":{"a":1},"gateway":"x"}]')
    assert route.words == ("shine", '{"a": 1}', "gateway", "x")


# Properties


@given(routes())
@example(Route(Prefix(6, 0, 0), nexthops=(NextHop("e0", Address(4, 1)),), pref="medium"))
def test_a_written_route_reads_back_equal(route: Route) -> None:
    assert one(ip_route_line(route), family=route.family) == route


@given(routes().filter(lambda route: not route.words))
def test_written_json_reads_back_equal(route: Route) -> None:
    written = ip_route_json(route)
    attributes = written.pop("attributes", [])
    assert attributes == []
    read = one(json.dumps([written]), family=route.family)
    assert replace(read, attributes=()) == without_lock(replace(route, attributes=()))
    assert sorted(read.attributes) == sorted(without_lock(route).attributes)


PIECES = (
    "default 10.0.0.0/8 10.0.0.1 ::/0 fe80::1 unreachable 7 nexthop 0.0.0.0 UG 255.0.0.0 Iface Main: |-- /8 link "
    'UNICAST 00000000 [ {"dst":"10.0.0.0/8"} ! lo 5: from all Destination Gateway Kernel IP $ # >'
)
JUNK = st.lists(st.text(max_size=40) | st.sampled_from((*PIECES.split(), "\t", "0" * 32, *KEYWORDS)), max_size=8).map(
    " ".join
)


@pytest.mark.parametrize("read", [read_routes, read_ip_route, read_columns])
@given(text=st.lists(JUNK, max_size=5).map("\n".join))
def test_no_junk_raises(read: Callable[[str], Reading], text: str) -> None:
    read(text)


@given(st.lists(JUNK, max_size=5))
def test_every_line_of_junk_is_a_route_or_unread(lines: list[str]) -> None:
    for line in lines:
        for single in line.replace("\r", "\n").split("\n"):
            if "\\" in single or not single.isprintable():
                continue
            reading = read_ip_route(single)
            assert bool(single.strip()) == bool(reading.routes or reading.unread or is_prompt(single))
            for route in reading.routes:
                said = ip_route_line(route).split()
                assert all(word in said for word in route.words)


@given(st.lists(st.sampled_from(("e0", "10.0.0.2", "lock", "5", "[", *KEYWORDS)), max_size=7))
def test_no_word_of_a_route_is_lost(words: list[str]) -> None:
    """Whatever follows a destination is printed again, in whichever order, unless it is what goes without saying."""
    reading = read_ip_route(f"10.0.0.0/8 {' '.join(words)}")
    assert len(reading.routes) + len(reading.unread) == 1
    for route in reading.routes:
        shown = replace(route, table=f"={route.table}", protocol=f"={route.protocol}")
        printed = [word.lstrip("=") for word in ip_route_line(shown).split()]
        for word in {*words} - {"e0", "10.0.0.2", "5", "inet6"}:
            same = {"protocol": "proto", "dsfield": "tos", "realms": "realm"}.get(word, word)
            same = "metric" if word in ("priority", "preference") else same
            assert word in printed or same in printed or same in ("scope", "tos"), (word, route)
