"""Changes in the model: the recorded verdicts of kernels, effects, inverses, commands, undo and scripts."""

from __future__ import annotations

import random
import re
import shlex
from dataclasses import replace

import pytest
import recorded
from hypothesis import given, settings
from hypothesis import strategies as st
from random_changes import some_change, some_route

from tui import labs
from tui.core.addresses import parse_address, parse_prefix
from tui.core.changes import (
    AddRoute,
    ChangeRefused,
    Connect,
    CreateNetwork,
    DeleteRoute,
    Disconnect,
    RemoveNetwork,
    RemoveNode,
    ReplaceRoute,
    SetSysctl,
    Several,
    StartNode,
    apply,
    classic,
    command,
    forwarding,
    placed,
)
from tui.core.changes import history as past
from tui.core.changes.inverse import inverse
from tui.core.changes.sentence import sentence
from tui.core.commands import CommandError, adding, meaning, route_command
from tui.core.commands.inserting import key
from tui.core.commands.onlink import marked
from tui.core.commands.refused import RouteRefused
from tui.core.derived import kernel_routes, listed
from tui.core.labs.layout import world as build
from tui.core.sysctls import Switches
from tui.core.world import (
    Interface,
    InterfaceAddress,
    Network,
    NextHop,
    Node,
    Route,
    Subnet,
    World,
    default_rules,
)

# --- the recorded verdicts -------------------------------------------------------------------------------------------


def words(case, attempt):
    return ["ip", *(["-6"] if case["family"] == 6 else []), *attempt["cmd"].split()]


def verdict(node, case, attempt):
    """The node after the command, and what the kernel prints against it."""
    try:
        return adding.apply(node, meaning(words(case, attempt))), ""
    except (RouteRefused, CommandError) as error:
        return node, str(error)


def without_ipv6(node, case):
    """IPv4 states were recorded without their IPv6 switches: a refusal tells where IPv6 was off."""
    refused = (each["cmd"] for each in case["adds"] if "IPv6 is disabled" in each["err"])
    devices = {match for each in refused for match in re.findall(r"inet6 \S+ dev (\S+)", each)}
    off = {f"net.ipv6.conf.{each}.disable_ipv6": 1 for each in devices}
    return replace(node, sysctls=tuple(sorted({**dict(node.sysctls), **off}.items())))


@pytest.mark.parametrize("case", recorded.cases(), ids=lambda case: str(case["sid"]))
def test_every_recorded_verdict_is_given_in_the_same_words(case):
    node = without_ipv6(recorded.node(case), case)
    differ = [
        (each["cmd"], each["err"], told)
        for each in case["add_probes"]
        if (told := verdict(node, case, each)[1]) != each["err"]
    ]
    assert differ == []
    assert len(case["add_probes"]) == 30


WITHOUT_OBJECTS = [case for case in recorded.cases() if not any("nexthop add" in each["cmd"] for each in case["adds"])]


def before(case):
    """The state that the recorded commands began from: what the kernel makes itself for links and addresses."""
    end, family = without_ipv6(recorded.node(case), case), case["family"]
    own = [each for each in end.routes if each.protocol == "kernel"]
    known = {(each.table, each.dst, each.dev) for each in own}
    forwards = bool(end.sysctl("net.ipv6.conf.all.forwarding"))
    for route in (each for link in end.interfaces for each in kernel_routes(link, forwards)):
        replaced = any("replace" in each["cmd"] and str(route.dst) in each["cmd"] for each in case["adds"])
        if replaced and route.family == family and (route.table, route.dst, route.dev) not in known:
            own.append(replace(route, nexthops=tuple(marked(end, hop, family) for hop in route.nexthops)))
    rules = (*default_rules(4), *default_rules(6))
    return replace(end, routes=listed(own), rules=rules, merged=True)


OTHER_PROTOCOL = {462}
"""States whose listing names another protocol than the command did; neither kernel at hand does that again."""


@pytest.mark.parametrize("case", WITHOUT_OBJECTS, ids=lambda case: str(case["sid"]))
def test_recorded_commands_replayed_end_in_the_recorded_tables(case):
    node = before(case)
    for each in case["adds"]:
        node, told = verdict(node, case, each)
        assert told == each["err"], each["cmd"]
    end, family = recorded.node(case), case["family"]
    if case["sid"] not in OTHER_PROTOCOL:
        assert [plainly(each) for each in node.routes] == [plainly(each) for each in end.routes]
    assert [each for each in node.rules if each.family == family] == [
        each for each in end.rules if each.family == family
    ]
    if family == 4:
        assert node.merged is end.merged


def plainly(route):
    """Without the word that the text has for a whole route whose links are all down."""
    return replace(route, attributes=tuple(each for each in route.attributes if each != "linkdown"))


# --- a node by hand --------------------------------------------------------------------------------------------------


def address(text, length, **more):
    return InterfaceAddress(parse_address(text), length, **more)


def box():
    """The node of tests/random_changes.py as a kernel would make it."""
    links = (
        Interface("lo", 1, kind="loopback", addresses=(address("127.0.0.1", 8, scope="host"), address("::1", 128))),
        Interface(
            "e0",
            2,
            addresses=(address("10.0.0.1", 24), address("10.0.0.9", 24, flags=("secondary",)), address("fd00::1", 64)),
        ),
        Interface("e1", 3, addresses=(address("10.1.0.1", 16), address("fd00:1::1", 64))),
        Interface("e2", 4, carrier=False, addresses=(address("10.2.0.1", 24),)),
        Interface("e3", 5, up=False, carrier=False),
    )
    routes = listed(each for link in links for each in kernel_routes(link))
    rules = (*default_rules(4), *default_rules(6))
    switches = Switches()
    for link in links:
        switches.add_device(link.name)
    return Node("box", interfaces=links, routes=routes, rules=rules, merged=True, sysctls=switches.read())


BOX = World(nodes=(box(),))


def settled(world):
    """With the anycast entries of one prefix in one order: an inverse of a device's switch may change it."""
    nodes = []
    for node in world.nodes:
        anycast = sorted((each for each in node.routes if each.type == "anycast"), key=str)
        nodes.append(replace(node, routes=(*(each for each in node.routes if each.type != "anycast"), *anycast)))
    return replace(world, nodes=tuple(nodes))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 32))
def test_what_was_done_and_undone_in_any_order_of_making_is_as_before(seed):
    rng = random.Random(seed)
    world, undos = BOX, []
    for _ in range(12):
        change = some_change(rng, world.nodes[0])
        try:
            back, after = inverse(change, world), apply(change, world)
        except ChangeRefused as refused:
            assert str(refused).endswith(".")
            continue
        undos.append((back, world))
        world = after
    while undos:
        back, was = undos.pop()
        world = apply(back, world)
        assert settled(world) == settled(was)
        world = was


@given(st.integers(0, 1 << 32), st.sampled_from([4, 6]))
def test_the_command_of_a_route_says_that_route(seed, family):
    route = some_route(random.Random(seed), family)
    said = meaning(route_command.ip_route("add", route)).route
    hops = () if route.type != "unicast" else said.nexthops
    assert said == replace(route, nexthops=hops, metric=route.metric)
    assert sentence(AddRoute("box", route)).endswith(".")


@given(st.integers(0, 1 << 32))
def test_the_classic_form_says_the_same_where_there_is_one(seed):
    route = replace(some_route(random.Random(seed), 4), attributes=(), prefsrc=None, protocol="boot")
    words_ = route_command.classic("add", route)
    if words_ is None:
        plain_hop = len(route.nexthops) == 1 and not route.nexthops[0].flags
        usual_scope = (route.scope == "link") == (route.gateway is None)
        assert route.tos or route.table != "main" or route.type != "unicast" or not plain_hop or not usual_scope
        return
    said = meaning(words_).route
    assert replace(said, nexthops=said.nexthops if route.type == "unicast" else ()) == route


def hop(dev=None, via=None, **more):
    return NextHop(dev, parse_address(via) if via else None, **more)


def to(dst, *hops, **more):
    return Route(parse_prefix(dst, more.pop("version", 4)), nexthops=hops, **more)


def test_the_walk_through_in_both_forms():
    change = AddRoute("centos-net1", to("172.20.0.0/16", hop(via="172.19.0.3")))
    assert shlex.join(command(change, World())[0]) == "ip route add 172.20.0.0/16 via 172.19.0.3"
    assert shlex.join(classic(change)) == "route add -net 172.20.0.0 netmask 255.255.0.0 gw 172.19.0.3"
    assert sentence(change) == "Add a route on centos-net1: 172.20.0.0/16 via 172.19.0.3."


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (to("default", hop("eth0", "10.0.0.2")), "route add default gw 10.0.0.2 dev eth0"),
        (to("192.0.2.7", hop(via="10.0.0.2"), metric=5), "route add -host 192.0.2.7 gw 10.0.0.2 metric 5"),
        (to("10.9.0.0/16", type="unreachable", scope="host"), "route add -net 10.9.0.0 netmask 255.255.0.0 reject"),
        (to("fd50::/32", hop("e0", "fd00::2")), "route -A inet6 add fd50::/32 gw fd00::2 metric 1024 dev e0"),
        (to("10.9.0.0/16", hop(via="10.0.0.2"), table="100"), None),
        (to("10.9.0.0/16", hop(via="10.0.0.2", flags=("onlink",))), None),
        (to("10.9.0.0/16", hop(via="10.0.0.2"), hop(via="10.0.0.3")), None),
        (to("10.9.0.0/16", hop(via="10.0.0.2"), prefsrc=parse_address("10.0.0.1")), None),
        (to("10.9.0.0/16", type="blackhole"), None),
        (to("10.9.0.0/16", type="unreachable"), None),
    ],
)
def test_the_classic_form(route, said):
    told = route_command.classic("add", route)
    assert (shlex.join(told) if told else None) == said


@pytest.mark.parametrize(
    ("change", "words_", "sentence_"),
    [
        (
            AddRoute("box", to("10.9.0.0/16", hop(via="172.16.0.1"))),
            "Error: Nexthop has invalid gateway.",
            "172.16.0.1 is not on-link for box: a gateway must lie in 10.0.0.0/24 (e0) or 10.1.0.0/16 (e1) or "
            "10.2.0.0/24 (e2).",
        ),
        (
            AddRoute("box", to("10.9.0.1/16", hop(via="10.0.0.2"))),
            "Error: Invalid prefix for given prefix length.",
            "The prefix is 10.9.0.0/16, without host bits.",
        ),
        (
            AddRoute("box", to("10.0.0.0/24", hop("e1"), scope="link")),
            "RTNETLINK answers: File exists",
            "There is already a route to 10.0.0.0/24 with that metric: replace it, or give another metric.",
        ),
        (
            AddRoute("box", to("10.9.0.0/16", hop("e7"))),
            'Cannot find device "e7"',
            "box has lo, e0, e1, e2, e3.",
        ),
        (
            AddRoute("box", to("10.9.0.0/16", hop("e3"))),
            "Error: Device for nexthop is not up.",
            "e3 is down: ip link set dev e3 up.",
        ),
        (
            DeleteRoute("box", to("10.9.0.0/16", hop("e0"))),
            "RTNETLINK answers: No such process",
            "Table main has no such route to 10.9.0.0/16.",
        ),
        (
            SetSysctl("box", "net.ipv4.conf.e9.forwarding", 1),
            "sysctl: cannot stat /proc/sys/net/ipv4/conf/e9/forwarding: No such file or directory",
            None,
        ),
        (
            SetSysctl("box", "net.ipv6.conf.e0.disable_ipv6", 1),
            "",
            "disable_ipv6 takes every IPv6 address away, and cannot be undone: it is not set here.",
        ),
        (AddRoute("bax", to("10.9.0.0/16", hop("e0"))), "", "There is no node bax: the nodes are box."),
    ],
)
def test_refusals_have_the_kernel_s_words_and_a_sentence_that_says_what_to_do(change, words_, sentence_):
    with pytest.raises(ChangeRefused) as refused:
        apply(change, BOX)
    assert refused.value.words == words_
    if sentence_ is not None:
        assert str(refused.value) == sentence_


def test_a_deleted_route_comes_back_between_its_rivals():
    world = BOX
    for gateway in ("10.0.0.2", "10.0.0.3", "10.0.0.4"):
        world = apply(AddRoute("box", to("10.9.0.0/16", hop(via=gateway)), "append"), world)
    middle = next(each for each in world.nodes[0].routes if each.gateway == parse_address("10.0.0.3"))
    change = DeleteRoute("box", middle)
    assert apply(inverse(change, world), apply(change, world)) == world


def test_a_replaced_route_comes_back_with_all_it_carried():
    mended = to("10.9.0.0/16", hop("e0", "10.0.0.2", weight=2), hop("e1", "10.1.0.2"), attributes=("mtu lock 1300",))
    world = apply(AddRoute("box", replace(mended, prefsrc=parse_address("10.0.0.9"), protocol="static")), BOX)
    change = ReplaceRoute("box", to("10.9.0.0/16", type="blackhole"))
    after = apply(change, world)
    assert [each.type for each in after.nodes[0].routes if each.dst == mended.dst] == ["blackhole"]
    assert apply(inverse(change, world), after) == world


def test_a_delete_never_takes_another_route_than_the_one_meant():
    both = to("10.9.0.0/16", hop("e0", "10.0.0.2"), hop("e0", "10.0.0.3"))
    one = to("10.9.0.0/16", hop("e0", "10.0.0.2"))
    world = apply(AddRoute("box", both), BOX)
    world = apply(AddRoute("box", one, "append"), world)
    held = next(each for each in world.nodes[0].routes if each.dst == one.dst and len(each.nexthops) == 1)
    with pytest.raises(ChangeRefused, match="apart from another before it"):
        apply(DeleteRoute("box", held), world)


def test_ip_forward_moves_every_device_and_its_inverse_restores_each():
    world = apply(SetSysctl("box", "net.ipv4.conf.e1.forwarding", 1), BOX)
    world = apply(SetSysctl("box", "net.ipv4.conf.all.accept_redirects", 0), world)
    change = forwarding("box", True)
    after = apply(change, world)
    assert all(after.nodes[0].sysctl(f"net.ipv4.conf.{dev}.forwarding") == 1 for dev in ("all", "lo", "e0", "e1"))
    assert after.nodes[0].sysctl("net.ipv4.conf.all.accept_redirects") == 0
    back = inverse(change, world)
    assert apply(back, after) == world
    assert [words for _, words in placed(back, after)] == [
        ("sysctl", "-w", "net.ipv4.ip_forward=0"),
        ("sysctl", "-w", "net.ipv4.conf.all.accept_redirects=0"),
        ("sysctl", "-w", "net.ipv4.conf.e1.forwarding=1"),
    ]


def test_a_switch_that_is_on_already_moves_nothing():
    """The kernel spreads ip_forward only when its value changes (devinet_sysctl_forward)."""
    world = apply(SetSysctl("box", "net.ipv4.conf.e0.forwarding", 0), apply(forwarding("box", True), BOX))
    assert apply(forwarding("box", True), world) == world
    assert inverse(forwarding("box", True), world) == Several(())


def test_an_ipv6_router_gets_its_anycast_addresses_and_loses_them():
    change = forwarding("box", True, family=6)
    after = apply(change, BOX)
    anycast = [str(each.dst.address) for each in after.nodes[0].routes if each.type == "anycast"]
    assert anycast == ["fd00::", "fd00:1::"]
    assert apply(inverse(change, BOX), after) == BOX


def test_ipv6_gateways_of_one_metric_are_legs_and_leave_one_by_one():
    first, second = (to("fd50::/32", hop("e0", via)) for via in ("fd00::2", "fd00::3"))
    world = apply(AddRoute("box", first), BOX)
    change = AddRoute("box", second, "append")
    after = apply(change, world)
    (route,) = [each for each in after.nodes[0].routes if each.dst == first.dst]
    assert [str(each.gateway) for each in route.nexthops] == ["fd00::2", "fd00::3"]
    back = inverse(change, world)
    assert shlex.join(command(back, after)[0]) == "ip -6 route del fd50::/32 via fd00::3 dev e0"
    assert apply(back, after) == world


# --- networks and nodes ----------------------------------------------------------------------------------------------

TWO = build(labs.load("two-bridges"))
NET3 = Network("net3", subnets=(Subnet(parse_prefix("172.30.0.0/16")),))


def test_a_node_is_connected_with_the_next_free_address():
    after = apply(Connect("centos-net1", "net2"), TWO)
    link = after.node("centos-net1").interface("eth1")
    assert [str(each.address) for each in link.addresses] == ["172.20.0.4"]
    assert link.network == "net2"
    connected = next(each for each in after.node("centos-net1").routes if each.dev == "eth1" and each.table == "main")
    assert str(connected.dst) == "172.20.0.0/16"
    assert command(Connect("centos-net1", "net2"), TWO) == (("docker", "network", "connect", "net2", "centos-net1"),)


@pytest.mark.parametrize(
    "change",
    [
        Connect("centos-net1", "net2"),
        Connect("centos-net1", "net2", (parse_address("172.20.7.7"),)),
        Disconnect("centos-net1", "net1"),
        Disconnect("centos-router", "net2"),
        CreateNetwork(NET3),
        StartNode("centos-net0", "busybox", (Connect("", "net1"), Connect("", "net2"))),
        RemoveNode("centos-router"),
        RemoveNode("centos-net2"),
        Several((CreateNetwork(NET3), Connect("centos-net1", "net3"), forwarding("centos-net1", True))),
    ],
    ids=sentence,
)
def test_networks_and_nodes_come_and_go_and_all_is_as_before(change):
    after = apply(change, TWO)
    assert after != TWO
    assert apply(inverse(change, TWO), after) == TWO


def test_a_lab_with_one_more_container_is_the_lab_that_has_it():
    """What StartNode makes equals what the whole lab makes, and what RemoveNode leaves equals the lab without."""
    whole = labs.load("two-bridges")
    last = max(whole.services, key=lambda each: each.name)
    without = build(replace(whole, services=tuple(each for each in whole.services if each is not last)))
    links = tuple(Connect("", each.network, tuple(a.address for a in each.addresses)) for each in last.attachments)
    started = apply(StartNode(last.name, last.image, links, last.sysctls), without)
    full = build(replace(whole, services=tuple(replace(each, hooks=()) for each in whole.services)))
    assert started == full
    assert apply(RemoveNode(last.name), full) == without


VARIED = """
name: varied
networks:
  front: {{ipam: {{config: [{{subnet: 10.71.0.0/24}}]}}}}
  side: {{enable_ipv6: true, ipam: {{config: [{{subnet: 10.72.0.0/24}}, {{subnet: "fd72::/64"}}]}}}}
  {more}
services:
  a: {{networks: [front], sysctls: [net.ipv4.ip_forward=1]}}
  b: {{networks: [{b}]}}
"""


def varied(b="front", more=""):
    return build(labs.read(VARIED.format(b=b, more=more)))


@pytest.mark.parametrize(
    ("change", "then"),
    [
        (Connect("b", "side"), {"b": "front, side"}),
        (CreateNetwork(replace(NET3, name="third")), {"more": "third: {ipam: {config: [{subnet: 172.30.0.0/16}]}}"}),
        (Several((Connect("b", "side"), Disconnect("b", "side"))), {}),
    ],
    ids=["connect", "create", "connect and disconnect"],
)
def test_a_lab_changed_is_the_lab_that_was_written_so(change, then):
    """layout builds what the kernel makes of a file (tests/test_labs_kernel.py); a change must end there too."""
    assert without_link_local(apply(change, varied())) == without_link_local(varied(**then))


def without_link_local(world):
    """A bridge that had a carrier once keeps its fe80:: address."""
    nodes = []
    for node in world.nodes:
        links = tuple(
            replace(each, addresses=tuple(a for a in each.addresses if not a.address.is_link_local))
            if each.kind == "bridge"
            else each
            for each in node.interfaces
        )
        local = [
            each
            for each in node.routes
            if node.kind == "host" and (each.dst.address.is_link_local or each.dst.address.is_multicast)
        ]
        nodes.append(replace(node, interfaces=links, routes=tuple(each for each in node.routes if each not in local)))
    return replace(world, nodes=tuple(nodes))


def test_a_route_that_was_added_is_lost_with_its_device_and_comes_back_with_it():
    route = to("172.20.0.0/16", hop(via="172.19.0.3"))
    world = apply(AddRoute("centos-net1", route), TWO)
    change = Disconnect("centos-net1", "net1")
    after = apply(change, world)
    assert [each for each in after.node("centos-net1").routes if each.dev == "eth0"] == []
    assert apply(inverse(change, world), after) == world


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (Connect("centos-net1", "net1"), "is on network net1 already"),
        (Connect("centos-net1", "net9"), "There is no network net9: the networks are net1, net2."),
        (Connect("centos-net1", "net2", (parse_address("172.20.0.3"),)), "172.20.0.3 is in use"),
        (Connect("centos-net1", "net2", (parse_address("10.0.0.3"),)), "does not lie in network net2"),
        (Connect("host", "net2"), "The host is on every network"),
        (Disconnect("centos-net1", "net2"), "centos-net1 is not on network net2."),
        (CreateNetwork(replace(NET3, name="net1")), "There is a network net1 already"),
        (
            CreateNetwork(Network("n", subnets=(Subnet(parse_prefix("172.19.8.0/24")),))),
            "overlaps 172.19.0.0/16 of network net1",
        ),
        (CreateNetwork(Network("n", subnets=(Subnet(parse_prefix("172.30.1.0/16")),))), "has host bits"),
        (CreateNetwork(Network("n")), "needs a subnet"),
        (RemoveNetwork("net1"), "is in use by centos-net1, centos-router"),
        (StartNode("centos-net1"), "There is a node centos-net1 already"),
        (RemoveNode("host"), "The host cannot be removed."),
    ],
)
def test_what_an_engine_would_refuse_is_a_sentence(change, says):
    with pytest.raises(ChangeRefused, match=re.escape(says)):
        apply(change, TWO)


def test_what_was_not_read_is_not_guessed():
    blind = replace(TWO, nodes=tuple(replace(each, missing=("routes4",)) for each in TWO.nodes))
    with pytest.raises(ChangeRefused, match="could not be read"):
        apply(AddRoute("centos-net1", to("10.9.0.0/16", hop(via="172.19.0.3"))), blind)
    stopped = replace(TWO, nodes=tuple(replace(each, state="exited") for each in TWO.nodes))
    with pytest.raises(ChangeRefused, match="start it first"):
        apply(forwarding("centos-net1", True), stopped)


def test_a_change_in_a_shared_network_is_seen_by_all_who_use_it():
    owner = TWO.node("centos-net1")
    tenant = replace(owner, name="tenant", shares="centos-net1")
    world = replace(TWO, nodes=(*TWO.nodes[:-1], tenant, TWO.nodes[-1]))
    after = apply(AddRoute("tenant", to("172.20.0.0/16", hop(via="172.19.0.3"))), world)
    assert after.node("tenant").routes == after.node("centos-net1").routes != owner.routes


# --- undo, redo, scripts ---------------------------------------------------------------------------------------------

THERE = AddRoute("centos-net1", to("172.20.0.0/16", hop(via="172.19.0.3")))
BACK = AddRoute("centos-net2", to("172.19.0.0/16", hop(via="172.20.0.3")))


def after_both():
    history, world = past.made(past.History(), THERE, TWO), apply(THERE, TWO)
    return past.made(history, BACK, world), apply(BACK, world)


def test_undo_and_redo_go_through_the_changes_in_order():
    history, world = after_both()
    full = world
    for _ in range(2):
        world, history = apply(past.undo(history, world), world), past.undid(history)
    assert world == TWO
    with pytest.raises(ChangeRefused, match="nothing to undo"):
        past.undo(history, world)
    for _ in range(2):
        world, history = apply(past.redo(history, world), world), past.redid(history)
    assert world == full
    with pytest.raises(ChangeRefused, match="nothing to redo"):
        past.redo(history, world)


def test_a_new_change_ends_what_could_be_redone():
    history, world = after_both()
    history = past.made(past.undid(history), forwarding("centos-net1", True), world)
    assert history.undone == ()


@pytest.mark.parametrize(
    ("meanwhile", "says"),
    [
        (
            lambda world: DeleteRoute("centos-net2", held(world)),
            "the route to 172.19.0.0/16 on centos-net2 is no longer there",
        ),
        (
            lambda _: ReplaceRoute("centos-net2", to("172.19.0.0/16", hop(via="172.20.0.1"))),
            "another route to 172.19.0.0/16 stands on centos-net2 now, via 172.20.0.1 by eth0",
        ),
        (
            lambda _: AddRoute("centos-net2", to("172.19.0.0/16", hop(via="172.20.0.1")), "prepend"),
            "another route to 172.19.0.0/16 stands on centos-net2 now",
        ),
        (lambda _: RemoveNode("centos-net2"), "there is no node centos-net2 any more"),
    ],
)
def test_undo_refuses_with_a_sentence_when_the_world_has_moved_on(meanwhile, says):
    history, world = after_both()
    with pytest.raises(ChangeRefused, match=re.escape(says)) as refused:
        past.undo(history, apply(meanwhile(world), world))
    assert str(refused.value).startswith("Undo of “Add a route on centos-net2: 172.19.0.0/16 via 172.20.0.3”")


def held(world):
    return next(each for each in world.node("centos-net2").routes if key(each)[1] == BACK.route.dst)


def test_redo_refuses_when_somebody_was_faster():
    history, world = after_both()
    world, history = apply(past.undo(history, world), world), past.undid(history)
    with pytest.raises(ChangeRefused, match=re.escape("there is a route to 172.19.0.0/16 on centos-net2 again")):
        past.redo(history, apply(AddRoute("centos-net2", BACK.route), world))


def test_a_switch_that_was_set_elsewhere_is_not_undone():
    change = forwarding("centos-net1", True)
    history, world = past.made(past.History(), change, TWO), apply(change, TWO)
    world = apply(forwarding("centos-net1", False), world)
    with pytest.raises(ChangeRefused, match=r"net.ipv4.ip_forward on centos-net1 is 0 now, not 1"):
        past.undo(history, world)


def test_a_script_does_it_all_and_another_undoes_it():
    history, _ = after_both()
    assert past.script(history).splitlines() == [
        "#!/bin/sh",
        "set -e",
        "docker exec centos-net1 ip route add 172.20.0.0/16 via 172.19.0.3",
        "docker exec centos-net2 ip route add 172.19.0.0/16 via 172.20.0.3",
    ]
    assert past.script(history, undo=True, prefix=past.netns).splitlines() == [
        "#!/bin/sh",
        "set -e",
        "ip netns exec centos-net2 ip route del 172.19.0.0/16 via 172.20.0.3 dev eth0",
        "ip netns exec centos-net1 ip route del 172.20.0.0/16 via 172.19.0.3 dev eth0",
    ]


def test_a_script_quotes_what_a_shell_would_read():
    odd = replace(TWO, nodes=(replace(TWO.nodes[0], name="a; rm -rf $HOME"), *TWO.nodes[1:]))
    history = past.made(past.History(), AddRoute("a; rm -rf $HOME", THERE.route), odd)
    assert past.script(history).splitlines()[2].startswith("docker exec 'a; rm -rf $HOME' ip route add")


def test_what_cannot_be_undone_says_so_and_stands_as_a_comment_in_the_script():
    ruled = adding.apply(TWO.node("centos-net2"), meaning(["ip", "rule", "add", "from", "10.0.0.1", "lookup", "77"]))
    world = replace(TWO, nodes=tuple(ruled if each.name == ruled.name else each for each in TWO.nodes))
    change = RemoveNode("centos-net2")
    history, after = past.made(past.History(), change, world), apply(change, world)
    with pytest.raises(ChangeRefused, match="cannot be undone: centos-net2 has rules of its own"):
        past.undo(history, after)
    assert past.script(history, undo=True).splitlines()[2].startswith("# not undone: Remove centos-net2.")
