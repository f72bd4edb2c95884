"""Labs: Compose files read, refused with a sentence, laid out as the kernel would, and written back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tui import labs
from tui.core.addresses import parse_address
from tui.core.commands import CommandError, meaning
from tui.core.commands.adding import RouteRefused, add_route, apply
from tui.core.labs import Expectation, Lab, LabError, LinkCommand, RouteCommand, SysctlCommand
from tui.core.labs.interpolation import interpolate
from tui.core.labs.layout import world
from tui.core.labs.shell import ShellError, commands
from tui.core.lookup import lookup
from tui.core.query import Query
from tui.core.world import Node, Route, World
from tui.labs.yamlfile import TEXT_LIMIT, read_yaml, write_yaml

WORLDS = Path(__file__).parent / "worlds"


def cases(name: str) -> list[tuple[str, str, str]]:
    """(name, file, what is expected) of each case in a data file."""
    text = (WORLDS / name).read_text(encoding="utf-8")
    found = []
    for part in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]:
        title, _, rest = part.partition("\n")
        body, _, expected = ("\n" + rest).rpartition("\n->")
        found.append((title, body.removeprefix("\n").replace("\\t", "\t"), expected.strip()))
    return found


def named(name: str) -> list[object]:
    return [pytest.param(text, expected, id=title) for title, text, expected in cases(name)]


def spelled(route: Route) -> str:
    """A route of main as `ip route` begins its line."""
    words = [] if route.type == "unicast" else [route.type]
    words.append(route.dst.brief)
    for hop in route.nexthops:
        words += ["via", str(hop.gateway)] if hop.gateway else []
        words += ["dev", str(hop.dev)]
    return " ".join([*words, *(["metric", str(route.metric)] if route.metric is not None else [])])


def told(node: Node) -> Iterator[str]:
    """What the data files say about a node."""
    for interface in node.interfaces:
        if interface.network:
            addresses = " ".join(f"{each.address}/{each.length}" for each in interface.addresses)
            yield f"{node.name} {interface.name} {interface.network} {addresses}"
    for route in node.routes:
        if route.table == "main" and route.protocol != "kernel":
            yield f"{node.name} route {spelled(route)}"
    for rule in node.rules:
        if rule.priority not in (0, 32766, 32767):
            yield f"{node.name} rule {rule.priority}"
    if node.problem:
        yield f"{node.name} problem {node.problem}"


def check_consistent(seen: World) -> None:
    """What holds of every World, wherever it came from."""
    names = [each.name for each in seen.nodes]
    assert names[-1] == "host"
    assert names[:-1] == sorted(set(names[:-1]))
    networks = {each.name: each for each in seen.networks}
    assert list(networks) == sorted(networks)
    for node in seen.nodes:
        devs = {each.name for each in node.interfaces}
        assert node.problem or "lo" in devs
        for interface, address in node.addresses():
            if interface.network and not address.address.is_link_local:
                assert any(each.prefix.covers(address.address) for each in networks[interface.network].subnets)
                assert any(route.type == "local" and route.dst.address == address.address for route in node.routes)
        for route in node.routes:
            assert {hop.dev for hop in route.nexthops} <= devs
            assert not route.dst.has_host_bits
    owned = [
        (interface.network, each.address)
        for node in seen.nodes
        if node.shares is None
        for interface, each in node.addresses()
        if interface.network
    ]
    assert len(owned) == len(set(owned))


@pytest.mark.parametrize("name", labs.names())
def test_a_built_in_lab_is_complete_and_comes_back_from_its_own_world(name: str) -> None:
    lab = labs.load(name)
    assert lab.name == name
    assert lab.title
    assert lab.steps
    assert lab.expectations
    assert not lab.notes
    assert 3 <= len(re.findall(r"[.?!](?=\s|$)", lab.text)) <= 8
    assert bool(lab.solution) == bool(lab.goals)
    seen = world(lab)
    check_consistent(seen)
    assert labs.open_compose(labs.write_compose(seen)) == seen


def test_the_built_in_labs_begin_with_the_default() -> None:
    assert labs.names()[0] == labs.DEFAULT
    assert len(labs.names()) == 12


def test_every_built_in_lab_lets_its_image_be_replaced_and_its_hooks_run_in_docker() -> None:
    for name in labs.names():
        lab = labs.load(name, {"ROUTETUI_LAB_IMAGE": "local/tools"})
        assert {each.image for each in lab.services} == {"local/tools"}
        assert all("NET_ADMIN" in each.cap_add for each in lab.services)
        assert all(hook.user == "root" and hook.meaning for each in lab.services for hook in each.hooks)


@pytest.mark.parametrize("name", labs.names())
def test_the_solution_of_a_lab_is_accepted(name: str) -> None:
    lab = labs.load(name)
    seen = {each.name: each for each in world(lab).nodes}
    for node, command in lab.solution:
        if isinstance(command.meaning, RouteCommand):
            changed = add_route(seen[node], command.argv)
            assert changed != seen[node]
            seen[node] = changed


@pytest.mark.parametrize("name", labs.names())
def test_an_expected_route_is_the_one_that_a_lookup_chooses(name: str) -> None:
    lab = labs.load(name)
    seen = {each.name: each for each in world(lab).nodes}
    check_routes(seen, lab.expectations)
    for node, command in lab.solution:
        if command.meaning is not None:
            seen[node] = apply(seen[node], command.meaning)
    check_routes(seen, lab.goals)


def check_routes(seen: dict[str, Node], expectations: tuple[Expectation, ...]) -> None:
    for each in expectations:
        owner = seen.get(each.dst)
        dst = next(own.address for dev, own in owner.addresses() if dev.network) if owner else parse_address(each.dst)
        chosen = lookup(seen[each.src], Query(dst)).decision.route
        for word, value in each.route:
            assert chosen is not None
            assert str(chosen.dst.brief if word == "dst" else getattr(chosen, word)) == value, each


WALK_THROUGH = {
    "centos-net1": (
        "default via 172.19.0.1 dev eth0",
        "172.19.0.0/16 dev eth0",
        "local 127.0.0.0/8 dev lo",
        "local 127.0.0.1 dev lo",
        "broadcast 127.255.255.255 dev lo",
        "local 172.19.0.2 dev eth0",
        "broadcast 172.19.255.255 dev eth0",
        "local ::1 dev lo metric 0",
    ),
    "centos-router": (
        "default via 172.19.0.1 dev eth0",
        "172.19.0.0/16 dev eth0",
        "172.20.0.0/16 dev eth1",
        "local 127.0.0.0/8 dev lo",
        "local 127.0.0.1 dev lo",
        "broadcast 127.255.255.255 dev lo",
        "local 172.19.0.3 dev eth0",
        "broadcast 172.19.255.255 dev eth0",
        "local 172.20.0.3 dev eth1",
        "broadcast 172.20.255.255 dev eth1",
        "local ::1 dev lo metric 0",
    ),
    "host": (
        "172.19.0.0/16 dev br-net1",
        "172.20.0.0/16 dev br-net2",
        "local 127.0.0.0/8 dev lo",
        "local 127.0.0.1 dev lo",
        "broadcast 127.255.255.255 dev lo",
        "local 172.19.0.1 dev br-net1",
        "broadcast 172.19.255.255 dev br-net1",
        "local 172.20.0.1 dev br-net2",
        "broadcast 172.20.255.255 dev br-net2",
        "local ::1 dev lo metric 0",
    ),
}


@pytest.mark.parametrize("name", WALK_THROUGH)
def test_two_bridges_has_the_tables_of_the_walk_through(name: str) -> None:
    node = world(labs.load("two-bridges")).node(name)
    assert node is not None
    assert tuple(spelled(each) for each in node.routes) == WALK_THROUGH[name]


def test_two_bridges_forwards_on_the_router_and_the_host_alone() -> None:
    seen = world(labs.load("two-bridges"))
    forwarding = {each.name for each in seen.nodes if each.sysctl("net.ipv4.ip_forward")}
    assert forwarding == {"centos-router", "host"}
    router = seen.node("centos-router")
    assert router is not None
    assert router.sysctl("net.ipv4.conf.eth1.forwarding") == 1
    assert router.sysctl("net.ipv6.conf.eth1.disable_ipv6") == 1


@pytest.mark.parametrize(("text", "sentence"), named("labs-refused.txt"))
def test_a_file_is_refused_with_one_sentence_and_its_line(text: str, sentence: str) -> None:
    with pytest.raises(LabError) as refused:
        labs.open_compose(text)
    assert str(refused.value) == sentence
    line = re.match(r"line ([0-9]+): ", sentence)
    assert refused.value.line == (int(line.group(1)) if line else None)


@pytest.mark.parametrize(("text", "expected"), named("labs-read.txt"))
def test_a_file_is_read(text: str, expected: str) -> None:
    wanted = expected.splitlines()
    if wanted[0].startswith("refused "):
        with pytest.raises(LabError, match=re.escape(wanted[0].removeprefix("refused "))):
            labs.open_compose(text)
        return
    lab = labs.read(text)
    seen = world(lab)
    check_consistent(seen)
    got = [line for node in seen.nodes if node.name != "host" for line in told(node)]
    assert set(wanted) <= {*got, *(f"note {each}" for each in lab.notes)}
    assert [f"note {each}" for each in lab.notes] == [each for each in wanted if each.startswith("note ")]
    assert labs.open_compose(labs.write_compose(seen)) == seen


ODD = """
name: odd
networks:
  front: {}
  back: {internal: true}
  side: {enable_ipv6: true, driver_opts: {com.docker.network.driver.mtu: 1400}}
  idle: {enable_ipv6: true}
  a-network-with-a-long-name: {}
services:
  web:
    networks:
      front: {gw_priority: 1}
      back: {priority: 10, mac_address: 02-42-AA-BB-CC-DD}
      a-network-with-a-long-name:
      side:
        interface_name: wan0
        driver_opts: {com.docker.network.endpoint.sysctls: net.ipv4.conf.IFNAME.rp_filter=2}
    sysctls: [net.ipv4.ip_forward=1, net.ipv4.conf.default.rp_filter=1, net.ipv6.conf.all.forwarding=1]
    post_start:
      - command: ip rule add from 10.0.0.0/8 lookup 77
      - command: ip rule add not fwmark 0x10/0xff lookup main pref 50
      - command: ip rule add to 10.9.0.0/16 iif eth0 ipproto tcp dport 80-90 prohibit
      - command: ip -6 rule add to fd00::/8 lookup 77 suppress_prefixlength 0
      - command: ip route add default via 172.20.0.1 table 77
      - command: ip route add 10.60.0.0/16 nexthop via 172.20.0.1 weight 2 nexthop via 172.19.0.1
      - command: ip route append 10.50.0.0/16 via 172.20.0.9 metric 5 mtu 1300
      - command: ip route add throw 10.51.0.0/16
      - command: ip route add 10.52.0.0/16 via 192.0.2.9 dev eth0 onlink
      - command: ip route add local 10.53.0.1 dev lo
      - command: ip -6 route add unreachable fd99::/16
      - command: ip route del 172.19.0.0/16 dev eth0
      - command: sysctl -w net.ipv4.conf.lo.rp_filter=1
  down:
    networks: [front]
    post_start: [{command: ip link set dev eth0 down}]
  gateway:
    network_mode: host
    post_start: [{command: ip route add 10.70.0.0/16 via 172.20.0.2}]
"""


def test_what_is_unusual_comes_back_too() -> None:
    lab = labs.read(ODD)
    seen = world(lab)
    check_consistent(seen)
    text = labs.write_compose(seen)
    assert labs.open_compose(text) == seen
    host, web = seen.node("host"), seen.node("web")
    assert host is not None
    assert web is not None
    assert all(len(each.name) <= 15 for each in host.interfaces)
    assert not web.merged
    assert any(route.dst.brief == "10.70.0.0/16" for route in host.routes)
    idle = host.interface("br-idle")
    assert idle is not None
    assert not idle.carrier
    assert all(
        ("linkdown" in route.nexthops[0].flags) == (route.type in ("unicast", "broadcast", "multicast"))
        for route in host.routes
        if route.dev == "br-idle"
    )


def test_a_file_cannot_grow_without_end() -> None:
    levels = "\n".join(f"x-{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]" for n in range(9))
    with pytest.raises(LabError, match=r"more than 20000 values"):
        labs.read(f"x-0: &a0 [1, 2]\n{levels}\nservices: {{web: {{}}}}\n")
    with pytest.raises(LabError, match=r"more than 20000 values"):
        merges = "\n".join(f"x-{n + 1}: &a{n + 1} {{k{n}: *a{n}, j{n}: *a{n}, <<: *a{n}}}" for n in range(30))
        labs.read(f"x-0: &a0 {{z: 1}}\n{merges}\nservices: {{web: {{}}}}\n")
    with pytest.raises(LabError, match=r"nested too deeply"):
        labs.read("services: " + "[" * 5000)
    with pytest.raises(LabError, match=r"longer than"):
        labs.read("services: {}\n" + "#" * TEXT_LIMIT)


def test_hostile_text_is_made_safe() -> None:
    lab = labs.read('services:\n  web:\n    image: "a\\e[31mb"\nx-routetui: {title: "\\u202eevil"}\n')
    assert lab.services[0].image == "ab"
    assert lab.title == "evil"
    with pytest.raises(LabError) as refused:
        labs.read('services:\n  web: {"\\e[2Jkey": 1}\n')
    assert "\x1b" not in str(refused.value)
    with pytest.raises(LabError, match=r"^line 2: a character here cannot stand in a YAML file"):
        labs.read("services:\n  web: {image: \x07}\n")


def test_words_are_those_of_yaml_1_2() -> None:
    value, lines = read_yaml("a: no\nb: 22:22\nc: 0o17\nd: [~, 1.10, 0x1F, true, '3', !!str 4]\n")
    assert value == {"a": "no", "b": "22:22", "c": 15, "d": [None, "1.10", 31, True, "3", "4"]}
    assert lines["d", 3] == 4
    assert read_yaml(write_yaml({"a": ["no", "1", None, True, 7, "x: y"]})).value == {
        "a": ["no", "1", None, True, 7, "x: y"]
    }


def test_lines_follow_merged_keys_to_where_they_are_written() -> None:
    text = "x-a: &a\n  networks:\n    - nowhere\nservices:\n  web:\n    <<: *a\n"
    with pytest.raises(LabError, match=r"^line 3: services\.web\.networks\.0: there is no network"):
        labs.read(text)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (labs.source("ipv6"), True),
        ("version: '3'\n\n'services':\n  a: {}", True),
        ("networks :\n", True),
        ('{"services": {}}', False),
        ("$ ip route\ndefault via 172.17.0.1 dev eth0\n", False),
        ("my services: are\n services:\n", False),
        ("", False),
    ],
)
def test_a_compose_file_is_told_by_a_look(text: str, is_one: bool) -> None:
    assert labs.looks_like_compose(text) is is_one


def test_load_takes_a_name_or_a_text_and_says_what_there_is() -> None:
    assert labs.load("ipv6") == labs.read(labs.source("ipv6"), "ipv6")
    assert labs.load("services: {web: {}}", name="My Lab!").name == "mylab"
    with pytest.raises(LabError, match=r"there is no lab 'nope': built in are two-bridges, "):
        labs.load("nope")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("$$HOME", "$HOME"),
        ("$A-$B", "1-"),
        ("${A}${EMPTY}", "1"),
        ("${EMPTY:-x}|${EMPTY-x}|${NONE:-x}|${NONE-x}", "x||x|x"),
        ("${A:+x}|${EMPTY:+x}|${EMPTY+x}|${NONE+x}", "x||x|"),
        ("${NONE:-${NONE:-${A}}}", "1"),
        ("${NONE:-a}b}", "ab}"),
        ("${A:?why}", "1"),
    ],
)
def test_variables(text: str, value: str) -> None:
    assert interpolate(text, {"A": "1", "EMPTY": ""}, print) == value


def test_a_dollar_of_the_story_is_a_dollar() -> None:
    lab = labs.read('services: {web: {}}\nx-routetui: {title: "costs $5 ${NONE}"}')
    assert lab.title == "costs $5 ${NONE}"
    assert not lab.notes


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("ip r", None),
        ("ip route show table all", None),
        ("ip -s link", None),
        ("sleep infinity", None),
        ("ip link set lo up", LinkCommand("lo", True)),
        ("ip link set dev eth0 down", LinkCommand("eth0", False)),
        ("sysctl -w net.ipv4.ip_forward=1", SysctlCommand("net.ipv4.ip_forward", 1)),
        ("sysctl net/ipv4/conf/eth0.5/rp_filter=2", SysctlCommand("net.ipv4.conf.eth0/5.rp_filter", 2)),
        ("/sbin/sysctl -q kernel.x=1", None),
        ("busybox ip link set lo up", LinkCommand("lo", True)),
    ],
)
def test_what_a_command_means(command: str, expected: object) -> None:
    assert meaning(command.split()) == expected


@pytest.mark.parametrize(
    ("script", "argvs"),
    [
        ("a b && c; d", ["a b", "c", "d"]),
        ("a || b; c", ["a", "c"]),
        ("a | b\nc \\\n d", ["a", "c d"]),
        ("a >/dev/null 2>&1 &", ["a"]),
        ("a '1;2' \"3 && 4\"", ["a 1;2 3 && 4"]),
        ("echo 1 > /proc/sys/net/x", ["echo 1 > /proc/sys/net/x"]),
    ],
)
def test_a_shell_list_falls_into_its_commands(script: str, argvs: list[str]) -> None:
    assert [" ".join(each.argv) for each in commands(["/bin/sh", "-ec", script])] == argvs


@pytest.mark.parametrize("script", ["if a; then b; fi", "a $X", "a `b`", "a 'b"])
def test_more_than_a_list_is_not_guessed_at(script: str) -> None:
    with pytest.raises(ShellError):
        commands(["sh", "-c", script])


ADDED = [
    ("ip route add 10.9.0.0/16 via 172.19.0.3", "10.9.0.0/16 via 172.19.0.3 dev eth0"),
    ("ip route add default via 172.20.0.1 metric 9", "default via 172.20.0.1 dev eth1 metric 9"),
    ("ip route replace default via 172.20.0.1", "default via 172.20.0.1 dev eth1"),
    ("ip route change default dev eth1", "default dev eth1"),
    ("ip route append default via 172.20.0.1", "default via 172.20.0.1 dev eth1"),
    ("ip route add prohibit 10.9.0.0/16", "prohibit 10.9.0.0/16"),
    ("ip route add 10.9.9.9 dev eth1", "10.9.9.9 dev eth1"),
    ("route add -host 10.9.9.9 gw 172.19.0.2", "10.9.9.9 via 172.19.0.2 dev eth0"),
    ("ip route add 10.9.0.0/16 via 172.19.0.3 table 7", None),
]


@pytest.mark.parametrize(("command", "line"), ADDED)
def test_a_route_is_added(command: str, line: str | None) -> None:
    node = world(labs.load("two-bridges")).node("centos-router")
    assert node is not None
    added = [each for each in add_route(node, command.split()).routes if each not in node.routes]
    assert len(added) == 1
    assert spelled(added[0]) == line or (line is None and added[0].table == "7")


REFUSED = [
    ("ip route add 10.9.0.0/16 via 172.21.0.3", "Error: Nexthop has invalid gateway."),
    ("ip route add 10.9.0.0/16 via 172.20.0.3 dev eth0", "Error: Nexthop has invalid gateway."),
    ("ip route add 10.9.0.0/16 via 172.20.255.255", "Error: Nexthop has invalid gateway."),
    ("ip route add 10.9.0.0/16 via 172.20.0.2 scope link", "Error: Nexthop has invalid gateway."),
    ("ip route add 10.9.0.0/16 via 10.1.1.1 onlink", "Error: Nexthop device required for onlink."),
    ("ip route add 10.9.0.0/16 via 172.19.0.3 dev eth0 onlink", "Error: Nexthop has invalid gateway."),
    ("ip route add 10.9.0.1/16 via 172.19.0.2", "Error: Invalid prefix for given prefix length."),
    ("ip route add 10.9.0.0/16 dev eth9", 'Cannot find device "eth9"'),
    ("ip route add 10.9.0.0/16 via 172.19.0.2 src 10.0.0.1", "Error: Invalid prefsrc address."),
    ("ip route add default via 172.20.0.1", "RTNETLINK answers: File exists"),
    ("ip route change 10.9.0.0/16 via 172.19.0.2", "RTNETLINK answers: No such file or directory"),
    ("ip route del 10.9.0.0/16", "RTNETLINK answers: No such process"),
    ("ip route del default via 172.20.0.1", "RTNETLINK answers: No such process"),
]


@pytest.mark.parametrize(("command", "words"), REFUSED)
def test_a_route_is_refused_in_the_kernels_words(command: str, words: str) -> None:
    node = world(labs.load("two-bridges")).node("centos-router")
    assert node is not None
    with pytest.raises(RouteRefused) as refused:
        add_route(node, command.split())
    assert str(refused.value) == words
    assert refused.value.reason


def test_add_route_changes_routes_only() -> None:
    with pytest.raises(CommandError):
        add_route(Node("x"), ["ip", "link", "set", "lo", "up"])


def test_a_lab_is_a_value() -> None:
    assert labs.load("two-bridges") == labs.load("two-bridges")
    assert isinstance(hash(labs.load("policy-routing")), int)
    assert Lab("x") == Lab("x")
