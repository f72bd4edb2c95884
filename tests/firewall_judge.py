"""Random packet filters in namespaces of a test's own, with real packets: what the kernel did is held to what was said.

Three namespaces in a row: a - r - b, r forwards. Rules go into r (and sometimes into b); the probes are echo requests
and datagrams with known ports, from a and from r. What counts is whether the reply came, or the datagram.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace

from namespaces import Space
from two_bridges import default, interface, node

from tui.core.firewall.iptables import read_save
from tui.core.firewall.nft import read_ruleset
from tui.core.firewall.values import Ruleset
from tui.core.world import Network, Node, World

A, RA, RB, B = "10.71.0.2", "10.71.0.1", "10.72.0.1", "10.72.0.2"
PORTS = (53, 80, 4000)


@dataclass(frozen=True, slots=True)
class Probe:
    """`src` is a or r; `port` None is an echo request, else a datagram to that port, from port 5000."""

    src: str
    dst: str
    port: int | None = None


PROBES = (
    Probe("a", B),
    Probe("a", RB),
    Probe("a", RA),
    Probe("r", B),
    Probe("r", A),
    *(Probe("a", B, port) for port in PORTS),
    *(Probe("a", RA, port) for port in PORTS),
    *(Probe("r", B, port) for port in PORTS),
)


class Row:
    """The three namespaces; `close` takes them down."""

    def __init__(self) -> None:
        self.spaces = {name: Space() for name in "arb"}
        for left, right, one, other in (("a", "r", A, RA), ("r", "b", RB, B)):
            ends = ("a0", "ra") if left == "a" else ("rb", "b0")
            self.spaces[left].ip(f"link add {ends[0]} type veth peer name {ends[1]} netns {self.spaces[right].pid}")
            for space, dev, address in ((left, ends[0], one), (right, ends[1], other)):
                self.spaces[space].ip(f"address add {address}/24 dev {dev}")
                self.spaces[space].ip(f"link set {dev} up")
        self.spaces["a"].ip(f"route add default via {RA}")
        self.spaces["b"].ip(f"route add default via {RB}")
        self.spaces["r"].write("net.ipv4.ip_forward", 1)
        self._ears = [_ear(self.spaces[name]) for name in "rb"]

    def close(self) -> None:
        for ear in self._ears:
            ear.communicate("\n", timeout=20)
        for space in self.spaces.values():
            space.close()

    def ruleset(self, name: str) -> Ruleset:
        """What the namespace's own programs say that it has, with counters."""
        space = self.spaces[name]
        tables, unread = read_save(space.run("iptables-save", "-c").stdout, "ip")
        native = [
            each for each in read_ruleset(space.run("nft", "-j", "list", "ruleset").stdout) if each.family == "inet"
        ]
        return Ruleset((*tables, *native), unread)

    def load(self, name: str, iptables: str, nft: str = "") -> None:
        """Put these rules into a namespace, in place of all that it has."""
        space = self.spaces[name]
        for program, text in ((("nft", "-f", "-"), f"flush ruleset\n{nft}"), (("iptables-restore",), iptables)):
            done = space.run(*program, text=text)
            assert done.returncode == 0, (text, done.stderr)

    def reached(self, first: int) -> dict[Probe, bool]:
        """Whether each probe was answered: all at once, with ids and source ports from `first` on, never used yet."""
        found: dict[Probe, bool] = {}
        for name in "ar":
            own = [(each, first + number) for number, each in enumerate(PROBES) if each.src == name]
            asked = json.dumps([(each.dst, each.port, number) for each, number in own])
            done = self.spaces[name].run("python3", "-c", SEND, text=asked)
            assert done.returncode == 0, done.stderr
            found |= dict(zip((each for each, _ in own), json.loads(done.stdout), strict=True))
        return found


ECHO = """
import select, socket, sys
links = []
for port in (53, 80, 4000, 8053):
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
    link.bind(("", port))
    links.append(link)
print("ready", flush=True)
while True:
    ready = select.select([sys.stdin, *links], [], [])[0]
    if sys.stdin in ready:
        break
    for link in ready:
        # The answer comes from the address that was asked: struct in_pktinfo has it last, and sends from its second.
        data, control, _, sender = link.recvmsg(100, 100)
        info = bytes(4) + control[0][2][8:12] + bytes(4)
        try:
            link.sendmsg([data], [(socket.IPPROTO_IP, 8, info)], 0, sender)
        except OSError:
            pass
"""
"""Answers datagrams until its input has something."""

SEND = """
import json, select, socket, struct, sys, time
links = {}
def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
answered = {}
for number, (dst, port, own) in enumerate(json.load(sys.stdin)):
    answered[number] = False
    try:
        if port is None:
            link = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
            ident = own
            head = struct.pack("!BBHHH", 8, 0, 0, ident, 1)
            head = struct.pack("!BBHHH", 8, 0, checksum(head + b"routetui"), ident, 1)
            links[link] = (number, ident)
            link.sendto(head + b"routetui", (dst, 0))
        else:
            link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            links[link] = (number, None)
            link.bind(("", own))
            link.connect((dst, port))
            link.send(b"routetui")
    except OSError:
        pass
end = time.monotonic() + 0.5
while time.monotonic() < end and not all(answered.values()):
    for link in select.select(list(links), [], [], max(0, end - time.monotonic()))[0]:
        number, ident = links[link]
        try:
            data = link.recv(200)
        except OSError:
            links.pop(link)
            continue
        if ident is None:
            answered[number] = True
        elif data[20] == 0 and struct.unpack_from("!H", data, 24)[0] == ident:
            answered[number] = True
print(json.dumps(list(answered.values())))
"""
"""Sends each probe at once, and says half a second later which were answered."""


def _ear(space: Space) -> subprocess.Popen[str]:
    ear = subprocess.Popen(
        ["nsenter", "-t", str(space.pid), "-n", "python3", "-c", ECHO],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert ear.stdout is not None
    assert ear.stdout.readline() == "ready\n"
    return ear


def world(filters: dict[str, Ruleset]) -> World:
    """The row as a World, with these filters."""
    switches = (("net.ipv4.conf.all.rp_filter", 0), ("net.ipv4.ip_forward", 1))
    nodes: tuple[Node, ...] = (
        node("a", interface("a0", "left", f"{A}/24"), routes=(default(RA, "a0"),)),
        node("b", interface("b0", "right", f"{B}/24"), routes=(default(RB, "b0"),)),
        node("r", interface("ra", "left", f"{RA}/24"), interface("rb", "right", f"{RB}/24")),
    )
    made = (replace(each, sysctls=switches, filters=filters.get(each.name, Ruleset())) for each in nodes)
    return World("namespaces", (Network("left"), Network("right")), tuple(made))


# --- random rules ---


def words(random_: random.Random, chain: str) -> Iterator[str]:
    """Conditions of one rule of iptables that a chain may have."""
    devices = ("ra", "rb", "r+", "x0")
    addresses = (A, B, RA, RB, "10.71.0.0/24", "10.72.0.0/16", "0.0.0.0/0", "192.0.2.0/24")
    no = lambda: random_.choice(("", "", "! "))  # noqa: E731
    if random_.random() < 0.5:
        yield f"{no()}-s {random_.choice(addresses)}".replace("! -s 0.0.0.0/0", "-s 0.0.0.0/0")
    if random_.random() < 0.5:
        yield f"{no()}-d {random_.choice(addresses)}".replace("! -d 0.0.0.0/0", "-d 0.0.0.0/0")
    if chain not in ("OUTPUT", "POSTROUTING", "ONE", "TWO") and random_.random() < 0.3:
        yield f"{no()}-i {random_.choice(devices)}"
    if chain in ("FORWARD", "OUTPUT", "POSTROUTING") and random_.random() < 0.3:
        yield f"{no()}-o {random_.choice(devices)}"
    yield from random_.choice((lambda: [], lambda: [_protocol(random_, no)]))()
    if random_.random() < 0.25:
        states = random_.choice(("NEW", "ESTABLISHED", "RELATED,ESTABLISHED", "INVALID", "UNTRACKED", "DNAT", "SNAT"))
        yield f"-m conntrack {no()}--ctstate {states}"
    if random_.random() < 0.15:
        yield f"-m addrtype {no()}--{random_.choice(('src', 'dst'))}-type {random_.choice(('LOCAL', 'UNICAST'))}"
    if random_.random() < 0.15:
        yield f"-m mark {no()}--mark {random_.choice(('0', '7', '0x1/0x1', '0x4/0xf'))}"


def _protocol(random_: random.Random, no: object) -> str:
    assert callable(no)
    port = random_.choice((*PORTS, "50:90", "1024:"))
    return str(
        random_.choice(
            (
                "-p icmp",
                f"-p icmp -m icmp {no()}--icmp-type {random_.choice(('echo-request', 'echo-reply', '3/3'))}",
                "-p udp",
                "! -p udp",
                "-p tcp -m tcp --dport 80",
                f"-p udp -m udp {no()}--dport {port}",
                f"-p udp -m udp {no()}--sport {port}",
                f"-p udp -m multiport {no()}--dports {random_.choice(('53,80', '80,4000:5000', '1:60'))}",
            )
        )
    )


def iptables_rules(random_: random.Random) -> str:
    """A whole `iptables-restore` text."""
    lines = []
    tables = {
        "raw": (("PREROUTING", "OUTPUT"), ("ACCEPT", "DROP", "NOTRACK", "CT --notrack")),
        "mangle": (("PREROUTING", "FORWARD", "POSTROUTING"), ("MARK --set-mark 7", "MARK --set-xmark 0x5/0xf", "DROP",
                                                            "ACCEPT")),
        "nat": (("PREROUTING", "OUTPUT", "POSTROUTING"), ("ACCEPT", "MASQUERADE", f"SNAT --to-source {RB}",
                                                        f"DNAT --to-destination {B}", "REDIRECT --to-ports 8053",
                                                        f"DNAT --to-destination {B}:8053")),
        "filter": (("INPUT", "FORWARD", "OUTPUT"), ("ACCEPT", "ACCEPT", "DROP", "REJECT", "RETURN", "ONE", "TWO",
                                                  "LOG")),
    }  # fmt: skip
    for table, (chains, targets) in tables.items():
        if table != "filter" and random_.random() < 0.5:
            continue
        lines.append(f"*{table}")
        policies = ("ACCEPT", "ACCEPT", "ACCEPT", "ACCEPT", "DROP") if table == "filter" else ("ACCEPT",)
        lines += [f":{chain} {random_.choice(policies)} [0:0]" for chain in chains]
        own = ("ONE", "TWO") if table == "filter" else ()
        lines += [f":{chain} - [0:0]" for chain in own]
        for chain in (*chains, *own):
            for _ in range(random_.randint(0, 3)):
                lines.append(_rule(random_, table, chain, targets))
        lines.append("COMMIT")
    return "\n".join(lines) + "\n"


def _rule(random_: random.Random, table: str, chain: str, targets: tuple[str, ...]) -> str:
    target = random_.choice(targets)
    conditions = list(words(random_, chain))
    if chain == "TWO" or (chain == "ONE" and target == "ONE"):
        target = "RETURN" if target in ("ONE", "TWO") else target
    if table == "nat":
        source = target.startswith(("MASQ", "SNAT"))
        if source != (chain == "POSTROUTING") and target != "ACCEPT":
            target = "MASQUERADE" if chain == "POSTROUTING" else "ACCEPT"
        if ":" in target or target.startswith("REDIRECT"):
            conditions = ["-p udp", *(each for each in conditions if "-p " not in each)]
    how = "-g" if target in ("ONE", "TWO") and random_.random() < 0.3 else "-j"
    return " ".join((f"-A {chain}", *conditions, how, target))


def nft_rules(random_: random.Random) -> str:
    """A table of nf_tables' own, with sets, a verdict map, and chains at other priorities; or none."""
    if random_.random() < 0.5:
        return ""
    rules = (
        f"ip saddr {A} ip daddr {{ {B}, {RB} }} accept",
        "udp dport { 53, 4000-4100 } drop",
        "udp dport != 80 drop",
        "icmp type echo-reply drop",
        'iifname vmap { "ra" : jump inner, "rb" : continue }',
        "meta l4proto vmap { icmp : jump inner, udp : goto inner }",
        "ct state vmap { established : accept, invalid : drop }",
        "ct state new counter",
        "ip saddr . udp dport @pairs drop",
        "ip daddr @some drop",
        'oifname "r*" ip saddr != @some accept',
        "ip protocol icmp ip ttl < 64 drop",
        "meta mark 7 drop",
        "fib daddr type local accept",
        "reject with icmp type admin-prohibited",
    )
    chains = []
    for hook, priority in (("prerouting", -250), ("prerouting", -10), ("input", 5), ("forward", -5), ("forward", 10),
                           ("output", 3), ("postrouting", 50)):  # fmt: skip
        if random_.random() < 0.25:
            own = [each for each in rules if hook not in ("prerouting", "postrouting") or "reject" not in each]
            body = "\n".join(random_.sample(own, random_.randint(1, 3)))
            policy = random_.choice(("accept",) * 7 + ("drop",))
            name = f"c{len(chains)}"
            chains.append(
                f"chain {name} {{\ntype filter hook {hook} priority {priority}; policy {policy};\n{body}\n}}\n"
            )
    inner = "\n".join(random_.sample([each for each in rules if "inner" not in each and "reject" not in each], 2))
    return (
        "table inet judge {\n"
        f"set some {{\ntype ipv4_addr\nflags interval\nelements = {{ {A}, 10.72.0.0/24 }}\n}}\n"
        f"set pairs {{\ntype ipv4_addr . inet_service\nelements = {{ {A} . 53, {RB} . 80 }}\n}}\n"
        f"chain inner {{\n{inner}\n}}\n{''.join(chains)}}}\n"
    )
