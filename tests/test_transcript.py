"""Text pasted from a terminal: whose prompt it is, what each command showed, and the World that it makes."""

from __future__ import annotations

import json
from typing import Any

import pytest
import recorded
from hypothesis import given
from hypothesis import strategies as st
from test_lookup_recorded import differences
from texts import cases, needs_wild, recording, recordings, topologies, wild, without_lock

from tui.core import explain
from tui.core.lookup import lookup
from tui.core.query import parse_query
from tui.core.reading.prompts import read_prompt
from tui.core.reading.routes import read_ip_json
from tui.core.reading.rules import read_rules
from tui.core.reading.sections import shown_by
from tui.core.reading.transcript import TranscriptError, read_transcript
from tui.core.world import TOPICS, Node


def only(text: str) -> Node:
    (node,) = read_transcript(text).nodes
    return node


# Complete machine states, in the three ways in which they get pasted.


def sysctl_lines(case: dict[str, Any]) -> str:
    lines = []
    for device, values in case["sysctls"].items():
        if device == "ip_forward":
            lines.append(f"net.ipv4.ip_forward = {values}")
        else:
            lines += [f"net.ipv{case['family']}.conf.{device}.{name} = {value}" for name, value in values.items()]
    return "\n".join(lines)


def link_lines(case: dict[str, Any]) -> str:
    lines = []
    for link in case["links"]:
        flags, state = ",".join(link["flags"]), link["operstate"]
        lines.append(f"{link['ifindex']}: {link['name']}: <{flags}> mtu 1500 qdisc noqueue state {state} qlen 1000")
        lines.append("    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff")
    return "\n".join(lines)


def sections(case: dict[str, Any], six: str) -> list[tuple[str, str]]:
    return [
        ("ip link", link_lines(case)),
        ("ip addr", case["addr_text"]),
        (f"ip {six}rule", case["rules_text"]),
        (f"ip {six}route show table all", case["routes_text"]),
        ("sysctl -a", sysctl_lines(case)),
    ]


def prompted(case: dict[str, Any]) -> str:
    six = "-6 " if case["family"] == 6 else ""
    return "\n".join(f"root@it:/# {command}\n{output}" for command, output in sections(case, six))


def families_unsaid(case: dict[str, Any]) -> str:
    return "\n".join(f"$ {command}\n{output}" for command, output in reversed(sections(case, "")))


def bare(case: dict[str, Any]) -> str:
    return "\n".join(output for _, output in sections(case, ""))


def detailed(case: dict[str, Any]) -> str:
    return bare(case).replace(case["routes_text"], case["routes_detail_text"])


def in_json(case: dict[str, Any]) -> str:
    six = "-6 " if case["family"] == 6 else ""
    swapped = {f"ip {six}rule": case["rules_json"], f"ip {six}route show table all": case["routes_json"]}
    return "\n".join(
        f"it# {command}\n{json.dumps(swapped[command]) if command in swapped else output}"
        for command, output in sections(case, six)
    )


@pytest.mark.parametrize("paste", [prompted, families_unsaid, bare, detailed, in_json])
def test_nothing_of_a_machine_state_is_lost(paste: Any) -> None:
    for case in cases():
        node = only(paste(case))
        routes = read_ip_json(json.dumps(case["routes_json"])).routes
        assert tuple(map(without_lock, node.routes)) == routes
        assert node.rules == read_rules(json.dumps(case["rules_json"]), case["family"]).rules
        assert node.unread == ()
        other = 10 - case["family"]
        assert set(node.missing) == {f"routes{other}", f"tables{other}", f"rules{other}"}
        assert {link.name: (link.up, link.carrier, link.index) for link in node.interfaces} == {
            link["name"]: ("UP" in link["flags"], "LOWER_UP" in link["flags"], link["ifindex"])
            for link in case["links"]
        }
        assert [(link.name, str(each.address), each.length, each.scope) for link, each in node.addresses()] == [
            (each["dev"], each["local"], each["prefixlen"], each["scope"]) for each in case["addrs"]
        ]
        assert dict(node.sysctls) == dict(line.split(" = ") for line in sysctl_lines(case).split("\n")) | {
            name: int(value) for name, value in (line.split(" = ") for line in sysctl_lines(case).split("\n"))
        }


# Prompts

PROMPTS = [
    ("root@centos-net1:/# ip route", "centos-net1", "routes"),
    ("[root@host ~]# ip r", "host", "routes"),
    ("$ ip rule", "", "rules"),
    ("# ip -6 route show table all", "", "routes"),
    ("host> ip a", "host", "links"),
    ("R1(config)# ip addr", "R1", "links"),
    ("/ # route -n", "", "routes"),
    ("~ $ cat /proc/net/route", "", "routes"),
    ("bash-5.1# sysctl -a", "", "sysctls"),
    ("(venv) me@box:~/x$ sudo ip -br a", "box", "links"),
    ("me@mac ~ % netstat -rn", "mac", "routes"),
    ("mininet> h1 ip route", "h1", "routes"),
    ("+ ip route", "", "routes"),
    ("user@web-1.example.org:/etc/net$ /sbin/ip ro", "web-1.example.org", "routes"),
    ("$ sh -c 'ip route'", "", "routes"),
    ("$ ip route get 1.1.1.1", "", "get"),
    ("$ ip route add default via 10.0.0.1", "", "foreign"),
    ("$ ip monitor", "", "foreign"),
    ("r1# ping -c1 10.0.0.1", "r1", "foreign"),
    ("$ ./my-script", "", "unknown"),
    ("$ cat /etc/hosts", "", "foreign"),
    ("$ grep . /proc/sys/net/ipv4/conf/all/rp_filter", "", "sysctls"),
]


@pytest.mark.parametrize(("line", "host", "kind"), PROMPTS)
def test_prompt(line: str, host: str, kind: str) -> None:
    prompt = read_prompt(line)
    assert prompt is not None
    assert prompt.host == host
    assert [shown_by(words).kind for words in prompt.commands] == [kind]


@pytest.mark.parametrize("line", ["root@a:/#", "root@a:/# ", "[root@h ~]$", "$", "/ # ", "r1>"])
def test_a_prompt_alone(line: str) -> None:
    prompt = read_prompt(line)
    assert prompt is not None
    assert prompt.commands == ()


@pytest.mark.parametrize(
    "line",
    ["default via 10.0.0.1 dev eth0", "# a comment about routes", "> quoted words", "10.0.0.0/8 dev e0",
     "100% packet loss",
     "0:\tfrom all lookup local", "2: e0: <UP> mtu 1500", "10.0.0.0/24 dev %(name)s", "net.ipv4.ip_forward = 1"],
)  # fmt: skip
def test_no_prompt(line: str) -> None:
    assert read_prompt(line) is None


COMMANDS: list[tuple[str, dict[str, object]]] = [
    ("ip r", {"kind": "routes", "whole": True, "family": None}),
    ("ip -6 ro sh ta all", {"kind": "routes", "family": 6, "every": True, "table": "main"}),
    ("ip route list table 100", {"table": "100", "every": False, "whole": True}),
    ("ip route show dev eth0", {"dev": "eth0", "whole": False}),
    ("ip -f inet6 route", {"family": 6}),
    ("ip route show default", {"whole": False}),
    ("ip -j -p -d r s t main", {"kind": "routes", "table": "main", "whole": True}),
    ("ip a", {"kind": "links", "topics": ("addresses", "links")}),
    ("ip -4 addr", {"topics": ("addresses",), "family": 4}),
    ("ip -br l", {"kind": "links", "topics": ("links",)}),
    ("ip a s eth0", {"kind": "links", "topics": (), "whole": False}),
    ("ip ru", {"kind": "rules"}),
    ("ip n", {"kind": "foreign"}),
    ("ip -n red route", {"node": "red", "place": "namespace", "kind": "routes"}),
    ("ip netns exec blue ip -6 r", {"node": "blue", "place": "namespace", "family": 6}),
    ("docker exec -it -u root net1 ip route", {"node": "net1", "place": "container", "kind": "routes"}),
    ("sudo docker compose exec -T web route -n", {"node": "web", "kind": "routes"}),
    ("kubectl exec -n kube-system pod/web-1 -- ip route", {"node": "web-1", "kind": "routes"}),
    ("ssh root@r1 ip rule", {"node": "r1", "place": "machine", "kind": "rules"}),
    ("sudo nsenter -t 12 -n ip route", {"kind": "routes", "node": None}),
    ("nsenter --net=/run/netns/red ip route", {"kind": "routes", "node": "red"}),
    ("docker exec -it net1 bash", {"kind": "shell", "node": "net1"}),
    ("route -A inet6 -n", {"kind": "routes", "family": 6}),
    ("route add default gw 10.0.0.1", {"kind": "foreign"}),
    ("netstat -tlnp", {"kind": "foreign"}),
    ("busybox ip route", {"kind": "routes"}),
    ("cat /proc/net/fib_trie", {"kind": "routes", "whole": False}),
    ("cat /proc/sys/net/ipv4/ip_forward", {"kind": "sysctls", "names": ("/proc/sys/net/ipv4/ip_forward",)}),
    ("sysctl -n net.ipv4.ip_forward", {"names": ("net.ipv4.ip_forward",)}),
    ("docker ps", {"kind": "foreign"}),
]


@pytest.mark.parametrize(("command", "expected"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_what_a_command_shows(command: str, expected: dict[str, object]) -> None:
    shown = shown_by(command.split())
    assert {name: getattr(shown, name) for name in expected} == expected


# Whole transcripts

WALK = """\
A colleague wrote this.
root@centos-net1:/# ip route
default via 172.19.0.1 dev eth0
172.19.0.0/16 dev eth0 proto kernel scope link src 172.19.0.2
root@centos-net1:/# ping -c1 172.20.0.2
PING 172.20.0.2 (172.20.0.2) 56(84) bytes of data.
64 bytes from 172.20.0.2: icmp_seq=1 ttl=63 time=0.1 ms
root@centos-net1:/# ip rule
0:\tfrom all lookup local
32766:\tfrom all lookup main
32767:\tfrom all lookup default
root@centos-net1:/#
$ docker exec centos-router ip -br a
lo               UNKNOWN        127.0.0.1/8
eth0@if5         UP             172.19.0.3/16
eth1@if7         UP             172.20.0.3/16
$ docker exec -it centos-net2 sh
/ # route -n
Kernel IP routing table
Destination     Gateway         Genmask         Flags Metric Ref    Use Iface
0.0.0.0         172.20.0.1      0.0.0.0         UG    0      0        0 eth0
172.20.0.0      0.0.0.0         255.255.0.0     U     0      0        0 eth0
/ # ip a
5: eth0@if6: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue
    link/ether 02:42:ac:14:00:02 brd ff:ff:ff:ff:ff:ff
    inet 172.20.0.2/16 brd 172.20.255.255 scope global eth0
       valid_lft forever preferred_lft forever
/ # exit
$ sysctl net.ipv4.ip_forward
net.ipv4.ip_forward = 1
a line nobody knows
"""


def test_several_machines_and_the_networks_between_them() -> None:
    world = read_transcript(WALK)
    assert [node.name for node in world.nodes] == ["centos-net1", "centos-net2", "centos-router", "pasted"]
    assert [node.kind for node in world.nodes] == ["machine", "container", "container", "machine"]
    assert [(network.name, network.driver) for network in world.networks] == [
        ("172.19.0.0/16", ""),
        ("172.20.0.0/16", ""),
    ]
    assert {(node.name, link.name) for node, link in world.members("172.20.0.0/16")} == {
        ("centos-net2", "eth0"),
        ("centos-router", "eth1"),
    }


def test_what_was_skipped_and_what_was_not_understood_is_said() -> None:
    world = read_transcript(WALK)
    net1, pasted = world.node("centos-net1"), world.node("pasted")
    assert net1 is not None and pasted is not None
    assert "ping -c1 172.20.0.2" in net1.source
    assert net1.unread == ()
    assert pasted.unread == ("A colleague wrote this.", "a line nobody knows")


def test_an_address_that_only_its_route_tells() -> None:
    net1 = read_transcript(WALK).node("centos-net1")
    assert net1 is not None
    assert [(link.name, str(each.address), each.length) for link, each in net1.addresses()] == [
        ("eth0", "172.19.0.2", 16)
    ]
    assert set(net1.missing) == set(TOPICS) - {"routes4", "rules4"}


GIVES: list[tuple[str, str, set[str]]] = [
    ("ip route", "10.0.0.0/8 dev e0", {"routes4"}),
    ("ip route", "", {"routes4"}),
    ("ip -6 route", "", {"routes6"}),
    ("ip route show table all", "10.0.0.0/8 dev e0", {"routes4", "tables4"}),
    ("ip route show table all", "10.0.0.0/8 dev e0\n::1 dev lo", {"routes4", "tables4", "routes6", "tables6"}),
    ("ip route show table 100", "10.0.0.0/8 dev e0", set()),
    ("ip route | grep 10", "10.0.0.0/8 dev e0", set()),
    ("ip route show dev e0", "10.0.0.0/8 scope link", set()),
    ("ip route", "Cannot open netlink socket: Address family not supported by protocol", set()),
    ("ip rule", "0:\tfrom all lookup local", {"rules4"}),
    ("ip -6 rule", "0:\tfrom all lookup local", {"rules6"}),
    ("ip a", "2: e0: <UP> mtu 1500", {"addresses", "links"}),
    ("ip link", "2: e0: <UP> mtu 1500", {"links"}),
    ("ip -o addr", "2: e0    inet 10.0.0.1/8 scope global e0", {"addresses"}),
    ("sysctl net.ipv4.ip_forward", "net.ipv4.ip_forward = 1", {"sysctls"}),
    ("cat /proc/sys/net/ipv4/ip_forward", "1", {"sysctls"}),
    ("route -n", "10.0.0.0 0.0.0.0 255.0.0.0 U 0 0 0 e0", {"routes4"}),
]


@pytest.mark.parametrize(("command", "output", "topics"), GIVES, ids=[f"{c}: {o}" for c, o, _ in GIVES])
def test_topics_that_a_section_gives(command: str, output: str, topics: set[str]) -> None:
    text = f"$ ip -6 rule show table 9\n\nroot@x:/# {command}\n{output}\nroot@x:/# ip -br l\ne0  UP  <UP,LOWER_UP>"
    node = read_transcript(text).node("x")
    assert node is not None
    assert set(TOPICS) - set(node.missing) == topics | {"links"}


def test_tables_shown_one_by_one_are_all_there_is_when_no_rule_wants_another() -> None:
    rules = "$ ip rule\n0:\tfrom all lookup local\n9: from all lookup 7\n32766:\tfrom all lookup main\n"
    shown = "$ ip r\n10.0.0.0/8 dev e0\n$ ip r s t local\nlocal 10.0.0.1 dev e0\n"
    assert "tables4" in only(rules + shown).missing
    whole = only(f"{rules}{shown}$ ip r s t 7\nError: ipv4: FIB table does not exist.\nDump terminated\n")
    assert "tables4" not in whole.missing
    assert whole.unread == ()


def test_of_two_listings_of_one_table_the_later_counts() -> None:
    node = only(
        "$ ip r\n10.0.0.0/8 dev e0\n$ ip route add 11.0.0.0/8 dev e0\n$ ip r\n10.0.0.0/8 dev e0\n11.0.0.0/8 dev e0"
    )
    assert [str(route.dst) for route in node.routes] == ["10.0.0.0/8", "11.0.0.0/8"]


def test_of_two_forms_the_one_that_tells_more_counts() -> None:
    rows = "$ route -n\n10.0.0.0 0.0.0.0 255.0.0.0 U 0 0 0 e0\n"
    lines = "$ ip r\n10.0.0.0/8 dev e0 proto kernel scope link src 10.0.0.1\n"
    assert only(rows + lines).routes == only(lines + rows).routes == only(lines).routes


def test_all_tables_replace_the_main_one_and_are_not_doubled() -> None:
    every = "$ ip route show table all\n10.0.0.0/8 dev e0\n10.0.0.0/8 dev e1 table 5\n"
    assert len(only(f"$ ip r\n10.0.0.0/8 dev e0\n{every}").routes) == 2
    assert len(only(f"{every}$ ip r\n10.0.0.0/8 dev e0\n").routes) == 2


def test_a_filtered_listing_adds_what_no_whole_one_has() -> None:
    node = only("$ ip r\n10.0.0.0/8 dev e0\n$ ip r s dev e0\n10.0.0.0/8\n$ ip r s dev e1\n12.0.0.0/8 scope link")
    assert [(str(route.dst), route.dev) for route in node.routes] == [("10.0.0.0/8", "e0"), ("12.0.0.0/8", "e1")]


def test_several_commands_in_one_line() -> None:
    node = only(
        "root@a:/# ip r; ip rule && ip -br l\n10.0.0.0/8 dev e0\n0:\tfrom all lookup local\ne0  UP  <UP,LOWER_UP>"
    )
    assert (len(node.routes), len(node.rules), len(node.interfaces), node.unread) == (1, 1, 1, ())


def test_commands_without_a_prompt() -> None:
    node = only("ip route\ndefault via 10.0.0.1 dev e0\n\nip -6 rule\n0:\tfrom all lookup local\n")
    assert (len(node.routes), [rule.family for rule in node.rules]) == (1, [6])


def test_a_merged_trie_tells_that_no_rule_was_ever_added() -> None:
    trie = recording("classic", "proc_fib_trie_merged")
    node = only(f"$ cat /proc/net/fib_trie\n{trie}\n$ cat /proc/net/route\n{recording('classic', 'proc_route')}")
    assert node.merged is True
    assert any(route.type == "local" and str(route.dst) == "10.0.0.1/32" for route in node.routes)
    assert only(f"$ cat /proc/net/fib_trie\n{recording('classic', 'proc_fib_trie_split')}\n$ ip r\n").merged is False


@pytest.mark.parametrize("folder", ["lab", "classic", "links"])
def test_every_recording_opens_by_itself(folder: str) -> None:
    for name in recordings(folder):
        node = only(recording(folder, name))
        assert node.name == "pasted"
        assert node.unread == (), name


@needs_wild
@pytest.mark.parametrize(
    ("text", "count"), wild("ip-route", "ip6-route", "ip-json", "proc-net-route", "busybox-ip-route", "route6")
)
def test_the_wild_opens_by_itself(text: str, count: int) -> None:
    node = only(text)
    assert (len(node.routes), node.unread) == (count, ())


@pytest.mark.parametrize(
    "text", ["", "hello\nworld", "[1,2", "$ ls\na b c", "services:\n  a: {}\n", "\x00" * 9, "[]x{"]
)
def test_a_text_with_nothing_in_it_says_what_to_paste(text: str) -> None:
    with pytest.raises(TranscriptError, match=r"paste what `ip route`") as caught:
        read_transcript(text)
    assert "\n" not in str(caught.value)


def test_hostile_text_reaches_nobody() -> None:
    node = only("root@a:/# ip r\n10.0.0.0/8 dev e\x1b]0;x\x07vil\x1b[31m0 shi\u202eny\n\x1b[2Jjunk\n")
    assert (node.routes[0].dev, node.routes[0].words, node.unread) == ("evil0", ("shiny",), ("junk",))


PIECES = st.sampled_from(
    ("root@a:/# ip route", "$ ip rule", "# ip a", "default via 10.0.0.1 dev e0", "0:\tfrom all lookup local",
     "\tnexthop via 10.0.0.2 dev e1 weight 1", "2: e0: <UP> mtu 1", "    inet 10.0.0.1/8 scope global e0", "[",
     "[{", "{}",
     "net.ipv4.ip_forward = 1", "Kernel IP routing table", "Main:", "nothing", "", "$ docker exec -it x sh", "/ # exit",
     "$ ls", '[{"dst":"default","dev":"e0"}]', "Error: x", "mininet> h1 route",
     "$ cat /proc/sys/net/ipv4/ip_forward", "1")
)  # fmt: skip


@given(st.lists(PIECES | st.text(max_size=30), max_size=12).map("\n".join))
def test_no_junk_raises_anything_else(text: str) -> None:
    try:
        world = read_transcript(text)
    except TranscriptError:
        return
    assert len({node.name for node in world.nodes}) == len(world.nodes) > 0


@given(st.lists(st.text(alphabet="xyz?! ", min_size=1, max_size=9), max_size=6))
def test_every_line_of_junk_beside_a_table_is_unread(lines: list[str]) -> None:
    node = only("\n".join(["$ ip route", "default via 10.0.0.1 dev e0", *lines]))
    assert list(node.unread) == [line for line in lines if line.strip()]


@pytest.mark.parametrize("paste", [prompted, bare])
def test_every_recorded_answer_is_predicted_from_a_paste(paste: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's answers to 6,000 questions, asked of the machine as it was pasted, without a word about its trie."""
    monkeypatch.setattr(recorded, "node", lambda case, _routes: only(paste(case)))
    wrong = [(case["sid"], *each) for case in recorded.cases() for each in differences(case, "")]
    assert wrong == []


def test_topologies_pasted_as_one_text_have_their_bridges_as_networks() -> None:
    for topology in topologies():
        six = "-6 " if topology["family"] == 6 else ""
        text = "\n".join(
            f"[root@{name} ~]# ip addr\n{node['addr_text']}\n[root@{name} ~]# ip {six}route show table all\n"
            f"{node['routes_text']}\n[root@{name} ~]# ip {six}rule\n{node['rules_text']}"
            for name, node in topology["nodes"].items()
        )
        world = read_transcript(text)
        assert [node.name for node in world.nodes] == sorted(topology["nodes"])
        shared: dict[str, set[str]] = {}
        for node in world.nodes:
            given_ = topology["nodes"][node.name]
            assert tuple(map(without_lock, node.routes)) == read_ip_json(json.dumps(given_["routes_json"])).routes
            assert node.unread == ()
            for link in node.interfaces:
                if link.network is not None:
                    shared.setdefault(link.network, set()).add(node.name)
        assert all(len(names) > 1 for names in shared.values())
        subnets = {str(subnet.prefix) for network in world.networks for subnet in network.subnets}
        assert {bridge["subnet"] for bridge in topology["bridges"]} & subnets


def test_a_gateway_that_is_a_name_is_no_neighbour_and_mss_is_no_metric() -> None:
    """From a paste with host names in it: netstat -r without -n."""
    text = (
        "Destination     Gateway         Genmask         Flags   MSS Window  irtt Iface\n"
        "pm3-67.example  *               255.255.255.255 UH       40 0          0 ppp0\n"
        "127.0.0.0       *               255.0.0.0       U        40 0          0 lo\n"
        "default         pm3-67.example  0.0.0.0         UG       40 0          0 ppp0\n"
    )
    node = read_transcript(text).nodes[0]
    assert [(route.dst.brief, route.metric, route.unread_gateway) for route in node.routes] == [
        ("127.0.0.0/8", None, None),
        ("default", None, "pm3-67.example"),
    ]
    assert [line.split()[0] for line in node.unread] == ["pm3-67.example"]
    found = lookup(node, parse_query("8.8.8.8"))
    assert "pm3-67.example: its address is not known" in " ".join(found.decision.assumptions)
    assert "hands the packet to pm3-67.example, whose address is not known" in explain.decision(found, node)
