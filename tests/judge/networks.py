"""Random networks of nodes: a lab as a Compose file, and for each node commands that set it up, some of them faults."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

CALM = """
for f in /proc/sys/net/ipv4/conf/*/accept_redirects /proc/sys/net/ipv4/conf/*/send_redirects \
/proc/sys/net/ipv6/conf/*/accept_redirects /proc/sys/net/ipv4/icmp_ratelimit /proc/sys/net/ipv6/icmp/ratelimit; do
echo 0 > $f; done
for f in /proc/sys/net/ipv4/neigh/*/retrans_time_ms /proc/sys/net/ipv6/neigh/*/retrans_time_ms; do echo 200 > $f; done
for f in /proc/sys/net/ipv4/neigh/*/proxy_delay; do echo 10 > $f; done
"""
"""No redirects, which change the way between two pings; errors are not rationed; silence is told soon, and who answers
for another does so in time, though after the one who is asked for."""


@dataclass
class Node:
    """A node: its networks by number, its addresses, and the commands for it."""

    name: str
    networks: list[int]
    number: int
    forwards: bool
    commands: list[str] = field(default_factory=list)

    def address(self, network: int, family: int) -> str:
        """Its address on one of its networks."""
        return form(network, self.number, family)


@dataclass
class Plan:
    """Nodes on networks, of one family."""

    family: int
    count: int
    nodes: list[Node]

    def addresses(self) -> list[str]:
        """Every node's addresses."""
        return [each.address(network, self.family) for each in self.nodes for network in each.networks]


def form(network: int, host: int, family: int) -> str:
    """A host's address on a network."""
    return f"10.77.{network}.{host}" if family == 4 else f"fd77:{network}::{host:x}"


def plan(rng: random.Random, family: int) -> Plan:
    """Three to eight nodes on two to four networks."""
    count = rng.randint(2, 4)
    nodes = []
    for number in range(rng.randint(3, 8)):
        networks = rng.sample(range(count), rng.randint(1, min(3, count)))
        nodes.append(Node(f"n{number}", networks, number + 2, rng.random() < 0.75))
    made = Plan(family, count, nodes)
    for node in nodes:
        # Addresses first: a gateway that becomes the node's own later is used still, which no listing shows.
        node.commands += _switches(rng, made, node)
        node.commands += _routes(rng, made, node)
        node.commands += _rules(rng, made, node)
        if rng.random() < 0.05:
            node.commands.append(f"ip link set eth{rng.randrange(len(node.networks))} down")
    return made


def compose(made: Plan) -> str:
    """The Compose file."""
    lines = ["name: judged", "networks:"]
    for number in range(made.count):
        subnets = f"{{subnet: 10.77.{number}.0/24}}"
        subnets += f", {{subnet: 'fd77:{number}::/64'}}" if made.family == 6 else ""
        six = ", enable_ipv6: true" if made.family == 6 else ""
        lines.append(f"  net{number}: {{name: net{number}{six}, ipam: {{config: [{subnets}]}}}}")
    lines.append("services:")
    for node in made.nodes:
        lines += [f"  {node.name}:", f"    container_name: {node.name}", "    networks:"]
        for network in node.networks:
            own = f"ipv4_address: {form(network, node.number, 4)}"
            own += f", ipv6_address: '{form(network, node.number, 6)}'" if made.family == 6 else ""
            lines.append(f"      net{network}: {{{own}}}")
        on = int(node.forwards)
        lines.append(f"    sysctls: {{net.ipv4.ip_forward: {on}, net.ipv6.conf.all.forwarding: {on}}}")
    return "\n".join(lines) + "\n"


def _routes(rng: random.Random, made: Plan, node: Node) -> Iterator[str]:
    """A default route by another node, and routes to the other networks; some lead nowhere."""
    ip, family = f"ip -{made.family} route", made.family
    length = 24 if family == 4 else 64
    if rng.random() < 0.6:
        yield f"{ip} replace default via {_gateway(rng, made, node)}"
    for network in range(made.count):
        if network in node.networks or rng.random() < 0.25:
            continue
        near = rng.choice(made.addresses())
        prefix = (
            f"{form(network, 0, family)}/{length}" if rng.random() < 0.8 else form(network, rng.randint(2, 7), family)
        )
        drawn = rng.random()
        if drawn < 0.7:
            yield f"{ip} add {prefix} via {_gateway(rng, made, node)}"
        elif drawn < 0.8:
            legs = " ".join(f"nexthop via {_gateway(rng, made, node)}" for _ in range(2))
            yield f"{ip} add {prefix} {legs}"
        elif drawn < 0.88:
            yield f"{ip} add {rng.choice(('unreachable', 'prohibit', 'blackhole', 'throw'))} {prefix}"
        elif drawn < 0.94:
            yield f"{ip} add {prefix} dev eth{rng.randrange(len(node.networks))}"
        else:
            yield f"{ip} add {prefix} via {near} dev eth{rng.randrange(len(node.networks))} onlink"
    if rng.random() < 0.15:
        yield f"{ip} add {rng.choice(made.addresses())} via {_gateway(rng, made, node)}"


def _gateway(rng: random.Random, made: Plan, node: Node) -> str:
    """A neighbour, mostly one on several networks; sometimes nobody."""
    near = [(other, network) for other in made.nodes for network in other.networks if other is not node
            and network in node.networks]  # fmt: skip
    routers = [each for each in near if len(each[0].networks) > 1 and each[0].forwards]
    pool = routers if routers and rng.random() < 0.8 else near
    if not pool or rng.random() < 0.06:
        return form(rng.choice(node.networks), 77, made.family)
    other, network = rng.choice(pool)
    return other.address(network, made.family)


def _rules(rng: random.Random, made: Plan, node: Node) -> Iterator[str]:
    if rng.random() < 0.12:
        address, network = rng.choice(made.addresses()), rng.randrange(made.count)
        length = 24 if made.family == 4 else 64
        selector = rng.choice(
            (f"from {address}", f"to {address}", "iif eth0", "iif lo", f"from {form(network, 0, made.family)}/{length}")
        )
        action = rng.choice(("lookup 100", "lookup 100", "unreachable", "prohibit", "blackhole"))
        yield f"ip -{made.family} rule add pref {rng.randint(1, 32000)} {selector} {action}"
        yield f"ip -{made.family} route add default via {_gateway(rng, made, node)} table 100"


def _switches(rng: random.Random, made: Plan, node: Node) -> Iterator[str]:
    """Faults: switches, addresses with a wrong mask or that another has."""
    devices = [f"eth{number}" for number in range(len(node.networks))]
    dev, family = rng.choice(devices), made.family
    number = int(dev[3:])
    if family == 4:
        faults = (("rp_filter", 0.15, (1, 2)), ("arp_ignore", 0.08, (1, 2)), ("proxy_arp", 0.12, (1,)))
        for name, chance, values in (*faults, ("accept_local", 0.05, (1,))):
            if rng.random() < chance:
                where = rng.choice(("all", dev))
                yield f"echo {rng.choice(values)} > /proc/sys/net/ipv4/conf/{where}/{name}"
        if rng.random() < 0.08:
            yield f"echo 0 > /proc/sys/net/ipv4/conf/{dev}/forwarding"
        if rng.random() < 0.1:
            yield "echo 1 > /proc/sys/net/ipv4/icmp_errors_use_inbound_ifaddr"
    nodad = " nodad" if family == 6 else ""
    if rng.random() < 0.08:
        own, wide = node.address(sorted(node.networks)[number], family), 8 if family == 4 else 16
        yield f"ip addr del {own}/{24 if family == 4 else 64} dev {dev}; ip addr add {own}/{wide} dev {dev}{nodad}"
    if rng.random() < 0.06:
        yield f"ip addr add {rng.choice(made.addresses())}/{24 if family == 4 else 64} dev {dev}{nodad}"
