"""The World that a lab promises, and what its story says, held against the Linux kernel."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import permutations

import pytest
from namespaces import WHY_NOT, Space

from tui import labs
from tui.core.labs import Expectation, Lab, Service
from tui.core.labs.layout import world
from tui.core.world import Interface, InterfaceAddress, Node, Route, World

pytestmark = pytest.mark.skipif(
    bool(WHY_NOT) or not all(map(shutil.which, ("iptables", "ping"))), reason=WHY_NOT or "needs iptables and ping"
)
SETTLING_SECONDS = 5

UNUSUAL = """
name: unusual
networks:
  front: {}
  back: {internal: true}
  side: {enable_ipv6: true, ipam: {config: [{subnet: "fd01::/64"}]}}
  idle: {enable_ipv6: true}
  small: {ipam: {config: [{subnet: 10.9.9.0/29, gateway: 10.9.9.6}]}}
services:
  web:
    networks:
      front: {gw_priority: 1}
      back: {priority: 10, mac_address: 02:42:aa:bb:cc:dd}
      side: {interface_name: wan0}
    sysctls: [net.ipv4.ip_forward=1, net.ipv4.conf.default.rp_filter=1, net.ipv6.conf.all.forwarding=1]
    command: ["sh", "-c", "ip route add 10.50.0.0/16 via 172.19.0.1 metric 5; exec sleep infinity"]
    post_start:
      - command: ip rule add from 10.0.0.0/8 lookup 77
      - command: ip rule add fwmark 0x10/0xff lookup main pref 50
      - command: ip -6 rule add to fd00::/8 lookup 77
      - command: ip route add default via 172.19.0.1 table 77
      - command: ip route add blackhole 10.54.0.0/16 table 1000
      - command: ip route append 10.50.0.0/16 via 172.19.0.9 metric 5
      - command: ip route prepend 10.50.0.0/16 dev eth1 metric 5
      - command: ip route add throw 10.51.0.0/16
      - command: ip route add 10.52.0.0/16 via 192.0.2.9 dev eth0 onlink
      - command: ip route add local 10.53.0.1 dev lo
      - command: ip route replace 10.54.0.0/15 nexthop via 172.19.0.1 weight 2 nexthop via 172.18.0.1
      - command: ip -6 route add unreachable fd99::/16
      - command: ip -6 route add fd98::/64 via fd01::1 metric 7
      - command: ip route del 172.19.0.0/16 dev eth1
      - command: sysctl -w net.ipv4.conf.wan0.forwarding=0
  none: {network_mode: none}
  app:
    networks: [small, front]
    post_start: [{command: ip link set dev eth1 down}]
"""


class Raised:
    """A lab built with `ip`, from the Lab value alone, as Docker would build it: the bridges are kept apart."""

    def __init__(self, lab: Lab, wanted: World, stack: ExitStack) -> None:
        self.lab, self.wanted = lab, wanted
        self.spaces = {each.name: Space() for each in wanted.nodes}
        for space in self.spaces.values():
            stack.callback(space.close)
        host = wanted.node("host")
        assert host is not None
        self._host(host)
        for service in lab.services:
            self._container(service)
        for service in lab.services:
            for hook in service.hooks:
                self.command(service.name, hook.argv)

    def command(self, node: str, argv: tuple[str, ...]) -> None:
        done = self.spaces[node].run(*argv)
        assert done.returncode == 0, (node, argv, done.stderr)

    def _host(self, node: Node) -> None:
        space = self.spaces["host"]
        for name in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            space.write(name, node.sysctl(name) or 0)
        bridges = node.interfaces[1:]
        for bridge in bridges:
            space.ip(f"link add name {bridge.name} address {bridge.mac} type bridge")
            self._addresses(space, bridge)
        for one, other in permutations(bridges, 2):
            self.command("host", ("iptables", "-w", "-A", "FORWARD", "-i", one.name, "-o", other.name, "-j", "DROP"))

    def _container(self, service: Service) -> None:
        space, host = self.spaces[service.name], self.spaces["host"]
        node = self.wanted.node(service.name)
        assert node is not None
        for name, value in service.sysctls:
            space.write(name, value)
        for link in service.attachments:
            port = f"{self.lab.services.index(service)}{link.dev}"
            bridge = next(each.bridge for each in self.lab.networks if each.name == link.network)
            host.ip(f"link add name {port} type veth peer name {link.dev} address {link.mac} netns {space.pid}")
            host.write(f"net.ipv6.conf.{port}.disable_ipv6", 1)
            host.ip(f"link set dev {port} master {bridge} up")
            interface = node.interface(link.dev)
            assert interface is not None
            self._addresses(space, interface, link.addresses)
        for hop in service.gateways:
            space.ip(f"route add default via {hop.gateway} dev {hop.dev}")

    def _addresses(self, space: Space, interface: Interface, given: tuple[InterfaceAddress, ...] = ()) -> None:
        six = any(each.address.version == 6 for each in interface.addresses)
        space.write(f"net.ipv6.conf.{interface.name}.disable_ipv6", int(not six))
        space.write(f"net.ipv6.conf.{interface.name}.accept_dad", 0)
        for each in given or interface.addresses:
            if not each.address.is_link_local:
                brd = f"brd {each.broadcast}" if each.broadcast else ""
                space.ip(f"addr add {each.address}/{each.length} {brd} dev {interface.name}")
        space.ip(f"link set dev {interface.name} up")

    def routes(self, node: str, family: int) -> list[str]:
        text = self.spaces[node].run("ip", f"-{family}", "-o", "route", "show", "table", "all").stdout
        return [" ".join(line.replace("\\", " ").split()) for line in text.splitlines()]

    def answers(self, expectation: Expectation) -> bool:
        node = self.wanted.node(expectation.dst)
        first = next((str(each.address) for dev, each in node.addresses() if dev.network), "") if node else ""
        return self.spaces[expectation.src].run("ping", "-c1", "-W1", first or expectation.dst).returncode == 0


def printed(route: Route) -> str:
    """The route as `ip -o route show table all` prints it."""
    words = [] if route.type == "unicast" else [route.type]
    words.append(route.dst.brief)
    hops = [
        [*(["via", str(hop.gateway)] if hop.gateway else []), *(["dev", hop.dev] if hop.dev else [])]
        for hop in route.nexthops
    ]
    words += hops[0] if len(hops) == 1 else []
    words += ["table", route.table] if route.table != "main" else []
    words += ["proto", route.protocol] if route.protocol != "boot" else []
    words += ["scope", route.scope] if route.scope != "global" else []
    words += ["src", str(route.prefsrc)] if route.prefsrc else []
    words += ["metric", str(route.metric)] if route.metric is not None else []
    words += [flag for hop in route.nexthops for flag in hop.flags]
    for hop, out in zip(route.nexthops, hops if len(hops) > 1 else [], strict=False):
        words += ["nexthop", *out, "weight", str(hop.weight)]
    return " ".join([*words, *(["pref", route.pref] if route.pref else [])])


def settled(read: Callable[[], list[str]], wanted: list[str]) -> list[str]:
    """What is read once it is as wanted, or at the end of the time that links may take to come up or to go down."""
    end = time.monotonic() + SETTLING_SECONDS
    while (found := read()) != wanted and time.monotonic() < end:
        pass
    return found


@pytest.fixture(params=[*labs.names(), "unusual"])
def raised(request: pytest.FixtureRequest) -> Iterator[Raised]:
    lab = labs.read(UNUSUAL) if request.param == "unusual" else labs.load(request.param)
    with ExitStack() as stack:
        yield Raised(lab, world(lab), stack)


def test_the_kernel_agrees_with_a_lab(raised: Raised) -> None:
    """Tables in the kernel's own order (but for IPv6's fe80:: entries, which come as links settle), rules, switches."""
    for node in raised.wanted.nodes:
        wanted = [printed(each) for each in node.routes if each.family == 4]
        assert settled(lambda: raised.routes(node.name, 4), wanted) == wanted, node.name  # noqa: B023
        wanted = sorted(printed(each) for each in node.routes if each.family == 6)
        assert settled(lambda: sorted(raised.routes(node.name, 6)), wanted) == wanted, node.name  # noqa: B023
        space = raised.spaces[node.name]
        rules = [space.run("ip", f"-{family}", "rule").stdout.splitlines() for family in (4, 6)]
        priorities = [int(line.partition(":")[0]) for lines in rules for line in lines]
        assert priorities == [each.priority for each in node.rules], node.name
        paths = ["/proc/sys/" + name.translate({46: 47, 47: 46}) for name, _ in node.sysctls]
        values = space.run("cat", *paths).stdout.split()
        assert dict(zip([name for name, _ in node.sysctls], map(int, values), strict=True)) == dict(node.sysctls)
        main, _, local = space.run("cat", "/proc/net/fib_trie").stdout.partition("Local:\n")
        assert node.merged == (main.removeprefix("Main:\n") == local), node.name


@pytest.mark.parametrize("raised", labs.names(), indirect=True)
def test_the_kernel_agrees_with_the_story(raised: Raised) -> None:
    """Who answers a ping as the lab comes up, and who does once its solution was typed."""
    for expectations, before in ((raised.lab.expectations, ()), (raised.lab.goals, raised.lab.solution)):
        for node, command in before:
            raised.command(node, command.argv)
        for each in expectations:
            if each.reachable is not None:
                assert raised.answers(each) == each.reachable, each
