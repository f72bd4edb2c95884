"""Random machines: devices, addresses, switches, routes and rules of one network namespace, and questions to it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tui.core.addresses import WIDTH, Address, Prefix, parse_address, parse_prefix
from tui.core.query import Query

TABLES = ("main", "main", "main", "main", "100", "200", "300", "default")
METRICS = ("", "", "", "metric 10", "metric 20", "metric 100", "metric 2000", "metric 1024")
SWITCHES = {
    4: ("forwarding", "rp_filter", "ignore_routes_with_linkdown", "accept_local", "route_localnet", "src_valid_mark"),
    6: ("forwarding", "ignore_routes_with_linkdown"),
}


@dataclass(frozen=True)
class Plan:
    """What is to be done to make a machine: lines for `ip -batch`, and switches (name, value) to write between."""

    family: int
    links: tuple[str, ...]
    switches: tuple[tuple[str, int], ...]
    late: tuple[str, ...]
    tables: tuple[str, ...]
    devices: tuple[str, ...]
    own: tuple[Address, ...]
    pool: tuple[Prefix, ...]


def plan(rng: random.Random, family: int, commands: int = 0) -> Plan:
    """A machine with one to three devices, some down or without a carrier; with so many commands for its tables."""
    devices = tuple(f"e{number}" for number in range(rng.randint(1, 3)))
    pool = tuple(_pool(rng, family))
    own: list[Address] = []
    links, late = [], []
    for dev in devices:
        state = rng.choices(("up", "no carrier", "down", "lost"), (8, 1, 1, 1))[0]
        links.append(f"link add {dev} type veth peer name {dev}p")
        links += [f"link set {dev}p up"] if state in ("up", "lost") else []
        links += [f"link set {dev} up"] if state != "down" else []
        late += [f"link set {dev}p down"] if state == "lost" else []
        for _ in range(rng.choice((0, 1, 1, 2, 3))):
            address, words = _address(rng, family, pool, own)
            own.append(address)
            links.append(f"address add {words} dev {dev}")
    switches = _switches(rng, family, devices)
    made = _Words(rng, family, devices, pool, tuple(own))
    tables = [made.route() for _ in range(rng.randint(3, 40))]
    if rng.random() < 0.55:
        tables += [made.rule() for _ in range(rng.randint(1, 6))]
    rng.shuffle(tables)
    if commands:
        tables = [made.command() for _ in range(commands)]
    return Plan(family, tuple(links), switches, tuple(late), tuple(tables), devices, tuple(own), pool)


def _pool(rng: random.Random, family: int) -> Iterator[Prefix]:
    """A few nested prefixes, which addresses, routes and questions are drawn from."""
    starts = (
        ("10.0.0.0/8", "30.0.0.0/8", "100.64.0.0/10", "0.0.0.0/1") if family == 4 else ("fd00::/16", "2001:db8::/32")
    )
    for text in starts:
        start = parse_prefix(text)
        for _ in range(4):
            length = rng.randint(start.length, WIDTH[family] - 1)
            value = start.value | rng.getrandbits(WIDTH[family] - start.length)
            inner = Prefix(family, value, length).network
            yield inner
            if length < WIDTH[family] - 3:
                yield Prefix(family, inner.value | rng.getrandbits(WIDTH[family] - length), length + 2).network


def _address(rng: random.Random, family: int, pool: tuple[Prefix, ...], own: list[Address]) -> tuple[Address, str]:
    base = rng.choice(pool)
    address = rng.choice(own) if own and rng.random() < 0.05 else inside(rng, base)
    if address.value >> (WIDTH[family] - 8) in (0, 127, 224, 255) or address.is_unspecified:
        address = parse_address("10.9.9.9" if family == 4 else "fd00:9::9")
    length = rng.choice((8, 16, 20, 24, 24, 24, 30, 31, 32) if family == 4 else (32, 48, 64, 64, 64, 126, 127, 128))
    extra = ""
    if family == 4:
        extra = rng.choice((" brd +", " brd +", "", " scope link", " noprefixroute"))
    else:
        extra = " nodad" + rng.choice(("", "", "", " noprefixroute"))
    return address, f"{address}/{length}{extra}"


def _switches(rng: random.Random, family: int, devices: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    found = []
    for name in SWITCHES[family]:
        for scope in ("all", *devices):
            if rng.random() < (0.6 if name == "forwarding" else 0.2):
                if family == 6 and scope == "all" and name == "ignore_routes_with_linkdown":
                    continue
                value = rng.randrange(3) if name == "rp_filter" else rng.randrange(2)
                found.append((f"net.ipv{family}.conf.{scope}.{name}", value))
    return tuple(found)


def inside(rng: random.Random, prefix: Prefix) -> Address:
    """An address of a prefix: its ends more often than the rest."""
    width = WIDTH[prefix.version] - prefix.length
    last = (1 << width) - 1
    offset = rng.choice((0, 1, 2, last, rng.getrandbits(width) if width else 0, rng.randint(0, min(last, 40))))
    return Address(prefix.version, prefix.value | min(offset, last))


class _Words:
    """Draws routes and rules in the words of ip-route(8) and ip-rule(8), for `ip -batch`."""

    def __init__(
        self,
        rng: random.Random,
        family: int,
        devices: tuple[str, ...],
        pool: tuple[Prefix, ...],
        own: tuple[Address, ...],
    ) -> None:
        self.rng, self.family, self.devices, self.pool, self.own = rng, family, devices, pool, own
        self._shapes: dict[tuple[str, str, str], str] = {}
        self._shared: dict[tuple[str, str, str], str] = {}
        self._asked: list[str] = []
        self._kinds = (10, 3, 4, 3, 1)

    def route(self) -> str:
        """One `route add|append|prepend|replace`; the kernel refuses some."""
        rng = self.rng
        verb = rng.choices(("add", "append", "prepend", "replace"), (6, 3, 2 if self.family == 4 else 0, 1))[0]
        dst, table, metric = self._prefix(), rng.choice(TABLES), rng.choice(METRICS)
        if table == "default" and self.family == 6:
            table = "main"
        common = [f"table {table}" if table != "main" else "", metric]
        if self.family == 4 and rng.random() < 0.2:
            common.append(f"tos {rng.choice(('0x04', '0x08', '0x10', '0x1c'))}")
        kind, way = self._way(dst, table, metric)
        return " ".join(["route", verb, kind, dst, *(each for each in (*common, way) if each)]).replace("  ", " ")

    def command(self) -> str:
        """Any command: also one that takes something away, or that names what is not there."""
        if self.family == 4:
            # Two routes by the same gateway are two things where one was added while it was the node's own.
            self._kinds = (10, 3, 4, 3, 0)
        drawn = self.rng.random()
        if drawn < 0.08:
            return self.rule()
        words = self.route().split()
        if drawn < 0.2:
            words[1] = self.rng.choice(("del", "change", "replace"))
        if drawn < 0.14 and self._asked:
            words = self.rng.choice(self._asked).split()
            words[1] = self.rng.choice(("del", "add", "replace", "append"))
        if self.family == 6 and words[1] == "del" and "nexthop" in words:
            words[1] = "add"  # of several legs, those that are there go, and the answer is about one that is not
        self._asked.append(" ".join(words))
        return self._asked[-1]

    def _prefix(self) -> str:
        rng = self.rng
        drawn = rng.random()
        if drawn < 0.12:
            return "default"
        base = rng.choice(self.pool)
        if drawn < 0.25:
            return str(Prefix(self.family, inside(rng, base).value, WIDTH[self.family]))
        length = max(1, min(base.length + rng.choice((-4, -1, 0, 0, 1, 3)), WIDTH[self.family]))
        return str(Prefix(self.family, base.value, length).network)

    def _way(self, dst: str, table: str, metric: str) -> tuple[str, str]:
        """The type and the next hops. In IPv6 all routes of a prefix and metric are of one shape.

        Where routes with and without a gateway share them, the kernel's own listing leaves some out.
        """
        key = (dst, table, metric or "metric 1024")
        rng = self.rng
        shape = rng.choices(("via", "dev", "reject", "multipath", "local"), self._kinds)[0]
        if self.family == 6:
            shape = self._shapes.setdefault(key, shape)
        if shape == "reject":
            return rng.choice(("unreachable", "prohibit", "blackhole", "throw")), ""
        if shape == "local":
            return "local", f"dev {rng.choice(self.devices)}"
        if shape == "dev":
            scope = rng.choice(("", "", " scope link")) if self.family == 4 else ""
            return "", f"dev {rng.choice(self.devices)}{self._source()}{scope}"
        if shape == "via":
            return "", f"{self._hop()}{self._extras(key)}"
        legs = " ".join(f"nexthop {self._hop()} weight {rng.choice((1, 1, 2, 5))}" for _ in range(rng.randint(2, 3)))
        return "", f"{self._extras(key)} {legs}"

    def _extras(self, key: tuple[str, str, str]) -> str:
        """Source and preference. In IPv6 each leg has its own, and a listing shows those of the first alone."""
        if self.family == 4:
            return self._source()
        return self._shared.setdefault(key, self._source() + self.rng.choice(("", "", " pref high", " pref low")))

    def _source(self) -> str:
        return f" src {self.rng.choice(self.own)}" if self.own and self.rng.random() < 0.12 else ""

    def _hop(self) -> str:
        rng = self.rng
        if self.own and rng.random() < 0.75:
            near = rng.choice(self.own)
            gateway = Address(self.family, near.value ^ rng.choice((1, 2, 3, 5)))
        else:
            gateway = inside(rng, rng.choice(self.pool))
        dev = f" dev {rng.choice(self.devices)}" if rng.random() < 0.6 else ""
        if self.family == 6 and rng.random() < 0.3:
            gateway, dev = parse_address(f"fe80::{rng.randint(0x10, 0x20):x}"), f" dev {rng.choice(self.devices)}"
        onlink = " onlink" if dev and rng.random() < 0.15 else ""
        return f"via {gateway}{dev}{onlink}"

    def rule(self) -> str:
        """One `rule add`."""
        rng = self.rng
        selectors = []
        for drawn, make in (
            (0.3, lambda: f"from {self._selected()}"),
            (0.3, lambda: f"to {self._selected()}"),
            (0.15, lambda: f"iif {rng.choice((*self.devices, 'lo', 'gone'))}"),
            (0.1, lambda: f"oif {rng.choice(self.devices)}"),
            (0.2, lambda: f"fwmark {rng.choice(('1', '2/0x3', '0x10/0xf0', '7'))}"),
            (0.1, lambda: f"ipproto {rng.choice(('tcp', 'udp', 'icmp' if self.family == 4 else 'ipv6-icmp'))}"),
            (0.1, lambda: f"dport {rng.choice(('53', '80', '1-1024'))}"),
            (0.1, lambda: f"tos {rng.choice(('0x04', '0x08', '0x10'))}"),
        ):
            if rng.random() < drawn:
                selectors.append(make())
        inverted = "not " if selectors and rng.random() < 0.15 else ""
        priority = rng.randint(1, 32765)
        action = rng.choices(
            ("lookup 100", "lookup 200", "lookup main suppress_prefixlength 0", "lookup 300 suppress_prefixlength 16",
             "unreachable", "prohibit", "blackhole", f"goto {rng.choice((32766, 32000))}", "nop"),
            (5, 4, 2, 1, 1, 1, 1, 1, 1),
        )[0]  # fmt: skip
        return f"rule add pref {priority} {inverted}{' '.join(selectors)} {action}".replace("  ", " ")

    def _selected(self) -> str:
        if self.own and self.rng.random() < 0.4:
            return str(self.rng.choice(self.own))
        return str(self.rng.choice(self.pool))


def question(rng: random.Random, machine: Plan) -> Query:
    """One lookup: for what is made here, and for what comes in."""
    family = machine.family
    dst = _target(rng, machine)
    src = iif = oif = None
    drawn = rng.random()
    if drawn < 0.3:
        iif = rng.choice(machine.devices)
        src = rng.choice(machine.own) if machine.own and rng.random() < 0.1 else _target(rng, machine)
    elif drawn < 0.5 and machine.own:
        src = rng.choice(machine.own) if rng.random() < 0.85 else _target(rng, machine)
    if family == 6 and dst.value >> 120 == 0xFF:
        iif = None  # what comes in for a group is asked of multicast routing (ip6mr_get_route), not of these tables
    if iif is None and rng.random() < 0.25:
        oif = rng.choice(machine.devices)
    proto = rng.choice((None, None, None, 6, 17, 1 if family == 4 else 58))
    ports = proto in (6, 17) and rng.random() < 0.6
    return Query(
        dst, src, iif, oif,
        mark=rng.choice((0, 0, 0, 1, 2, 7, 0x10, 23)),
        tos=rng.choice((0, 0, 0, 4, 8, 0x10, 0x1C)) if family == 4 else 0,
        ipproto=proto,
        sport=1000 if ports else None,
        dport=rng.choice((53, 80, 2000)) if ports else None,
    )  # fmt: skip


_SPECIAL = {
    4: tuple(
        map(
            parse_address, ("127.0.0.1", "127.9.9.9", "0.0.0.0", "0.0.0.9", "255.255.255.255", "224.0.0.5", "240.0.0.1")
        )
    ),
    6: tuple(map(parse_address, ("::1", "::", "fe80::11", "ff02::1", "2002::1", "::9"))),
}


def _target(rng: random.Random, machine: Plan) -> Address:
    drawn = rng.random()
    if drawn < 0.04:
        return rng.choice(_SPECIAL[machine.family])
    if drawn < 0.3 and machine.own:
        near = rng.choice(machine.own)
        return Address(machine.family, near.value ^ rng.choice((0, 1, 2, 3, 255, 256)))
    return inside(rng, rng.choice(machine.pool))
