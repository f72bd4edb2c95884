"""Whether the conditions of a rule fit a packet: yes, no, or nobody can say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

from tui.core.addresses import Address, AddressError, parse_address, parse_prefix
from tui.core.firewall.flight import ICMP_PROTOCOLS, Flight, Kinds
from tui.core.firewall.values import FilterRule, Match, Table

Fits = bool | None


def rule_fits(rule: FilterRule, flight: Flight, table: Table, kinds: Kinds) -> Fits:
    """All conditions together: no where one is surely no, None where one is not known."""
    fits: Fits = True
    for match in rule.matches:
        if match.key in _OF_ENTRY and flight.connection is None:
            one = _without_entry(rule, table)
        else:
            one = match_fits(match, flight, table, kinds)
        if one is False:
            return False
        if one is None:
            fits = None
    return fits


_OF_ENTRY = ("ctstatus", "ctdir", "ctsrc", "ctdst")


def _without_entry(rule: FilterRule, table: Table) -> Fits:
    """What is asked of an entry of connection tracking is never so where there is none, negated or not; xt_conntrack
    then looks at the state alone, if that is asked for beside it.
    """
    stated = table.origin != "nft" and any(each.key == "ctstate" for each in rule.matches)
    return None if stated else False


def match_fits(match: Match, flight: Flight, table: Table, kinds: Kinds) -> Fits:
    """One condition: any of its values, or none of them where it is negated."""
    fits = any_fits(match.key, match.values, flight, table, kinds)
    return fits if fits is None else fits is not match.negated


def any_fits(key: str, values: Iterable[str], flight: Flight, table: Table, kinds: Kinds) -> Fits:
    """Whether any of the values (a set's elements for @NAME) fits."""
    if key in ("srctype", "dsttype") and flight.version == 6 and table.origin != "nft":
        return _addrtype6(set(values), flight.ends.src if key == "srctype" else flight.ends.dst, kinds)
    fits: Fits = False
    for value in values:
        one = _named(key, value[1:], flight, table, kinds) if value.startswith("@") else fits_one(
            key, value, flight, kinds
        )  # fmt: skip
        if one:
            return True
        fits = None if one is None else fits
    return fits


def _named(key: str, name: str, flight: Flight, table: Table, kinds: Kinds) -> Fits:
    elements = table.elements(name)
    return None if elements is None else any_fits(key, elements, flight, table, kinds)


def fits_one(key: str, value: str, flight: Flight, kinds: Kinds) -> Fits:
    """One value; several keys joined by " . " take as many values."""
    keys, parts = key.split(" . "), value.split(" . ")
    if len(keys) > 1:
        if len(keys) != len(parts):
            return None
        found = [fits_one(one, part, flight, kinds) for one, part in zip(keys, parts, strict=True)]
        return False if False in found else None if None in found else True
    if key in ("srctype", "dsttype"):
        kind = kinds(flight.ends.src if key == "srctype" else flight.ends.dst)
        return None if kind is None else kind == value
    test = _TESTS.get(key)
    if test is None:
        return None
    try:
        return test(flight, value)
    except (ValueError, AddressError):
        return None


def _addrtype6(wanted: set[str], address: Address, kinds: Kinds) -> Fits:
    """iptables' addrtype in IPv6 (match_type6 in xt_addrtype.c): unicast is what is no multicast, also where it is
    local, and is asked for together with what the tables say, not instead of it.
    """
    kind = kinds(address)
    plain = {"multicast"} if address.is_multicast else {"unspec"} if address.value == 0 else {"unicast"}
    if not wanted & {"multicast", "unicast", "unspec"} <= plain:
        return False
    looked = wanted & {"local", "anycast", "unreachable"}
    if not looked or kind is None:
        return None if looked else True
    return ("unreachable" if kind in ("blackhole", "prohibit") else kind) in looked


def _address(of: Callable[[Flight], Address | None]) -> Callable[[Flight, str], Fits]:
    def test(flight: Flight, value: str) -> Fits:
        address = of(flight)
        return None if address is None else _covers(value, address)

    return test


@lru_cache(maxsize=8192)
def _covers(value: str, address: Address) -> bool:
    if "-" in value:
        low, high = map(parse_address, value.split("-"))
        return low.version == address.version and low.value <= address.value <= high.value
    return parse_prefix(value, address.version).network.covers(address)


def _device(of: Callable[[Flight], str | None]) -> Callable[[Flight, str], Fits]:
    def test(flight: Flight, value: str) -> Fits:
        name = of(flight)
        if name is None:
            return None
        return name.startswith(value[:-1]) if value.endswith("*") else name == value

    return test


def _number(of: Callable[[Flight], int | None]) -> Callable[[Flight, str], Fits]:
    def test(flight: Flight, value: str) -> Fits:
        number = of(flight)
        low, dash, high = value.partition("-")
        if number is None:
            return True if value in ("0-65535", "0-255") else None
        return int(low) <= number <= int(high if dash else low)

    return test


def _ports(of: Callable[[Flight], int | None]) -> Callable[[Flight, str], Fits]:
    number = _number(of)

    def test(flight: Flight, value: str) -> Fits:
        return False if flight.proto in ICMP_PROTOCOLS else number(flight, value)

    return test


_SOURCE_PORT = _ports(lambda flight: flight.ends.sport)
_TARGET_PORT = _ports(lambda flight: flight.ends.dport)


def _either_port(flight: Flight, value: str) -> Fits:
    found = (_SOURCE_PORT(flight, value), _TARGET_PORT(flight, value))
    return True if True in found else None if None in found else False


def _state(flight: Flight, value: str) -> Fits:
    if value in ("dnat", "snat"):
        return _status(flight, value)
    return flight.state == value


def _status(flight: Flight, value: str) -> Fits:
    if flight.connection is None:
        return False
    if value in ("dnat", "snat"):
        return value in flight.connection.status
    if value in ("seen-reply", "seen_reply"):
        return flight.direction == "reply" or flight.state == "established"
    if value == "assured":
        return False  # TCP's third packet makes it so, or a UDP that goes on for longer (nf_conntrack_tcp_packet)
    return not flight.fresh if value == "confirmed" else None


def _direction(flight: Flight, value: str) -> Fits:
    return None if flight.connection is None else flight.direction == value


def _mark(flight: Flight, value: str) -> Fits:
    if flight.mark is None:
        return None
    number, _, mask = value.partition("/")
    return flight.mark & int(mask or "0xffffffff", 0) == int(number, 0)


def _icmp(flight: Flight, value: str) -> Fits:
    """TYPE or TYPE/CODE, or a range of types."""
    kind, slash, code = value.partition("/")
    if flight.proto not in ICMP_PROTOCOLS:
        return False
    if flight.icmp is None:
        return True if value == "0-255" else None
    low, dash, high = kind.partition("-")
    return int(low) <= flight.icmp[0] <= int(high if dash else low) and (not slash or flight.icmp[1] == int(code))


_FLAGS = {"request": {"syn"}, "reply": {"syn", "ack"}}
_ALL = {"fin", "syn", "rst", "psh", "ack", "urg"}


def _tcp_flags(flight: Flight, value: str) -> Fits:
    """MASK SET: of the flags in the mask, those of the set are there. A connection's first two packets are known."""
    flags = _FLAGS.get(flight.answer)
    if flight.proto != 6 or flags is None:
        return None if flight.proto == 6 else False
    mask, wanted = (set(each.split(",")) for each in value.split(" "))
    return flags & (_ALL if "all" in mask else mask) == (set() if "none" in wanted else wanted)


def _bridged(flight: Flight, _: str) -> Fits:
    """physdev knows the ports only of what a bridge passes on, or brought in (br_netfilter)."""
    return flight.bridged


def _packet_type(flight: Flight, value: str) -> Fits:
    """For whom the frame was that it came in by; the node's own packets have yet to be in one."""
    came = flight.iif != "" and (flight.oif in ("", None) or flight.bridged)
    many = flight.ends.dst.is_multicast and came
    return value == "multicast" if many else value in ("unicast", "host")


_TESTS: dict[str, Callable[[Flight, str], Fits]] = {
    "src": _address(lambda flight: flight.ends.src),
    "dst": _address(lambda flight: flight.ends.dst),
    "ctsrc": _address(lambda flight: flight.connection.original.src if flight.connection else None),
    "ctdst": _address(lambda flight: flight.connection.original.dst if flight.connection else None),
    "iif": _device(lambda flight: flight.iif),
    "oif": _device(lambda flight: flight.oif),
    "physin": _device(lambda flight: flight.physin),
    "physout": _device(lambda flight: flight.physout),
    "proto": _number(lambda flight: flight.proto),
    "version": lambda flight, value: str(flight.version) == value,
    "sport": _SOURCE_PORT,
    "dport": _TARGET_PORT,
    "port": _either_port,
    "icmp": _icmp,
    "icmp-type": _icmp,
    "icmp6-type": _icmp,
    "icmp-code": _number(lambda flight: flight.icmp[1] if flight.icmp else None),
    "icmp6-code": _number(lambda flight: flight.icmp[1] if flight.icmp else None),
    "tcpflags": _tcp_flags,
    "ctstate": _state,
    "ctstatus": _status,
    "ctdir": _direction,
    "mark": _mark,
    "bridged": _bridged,
    "pkttype": _packet_type,
    "ttl": _number(lambda flight: flight.ttl),
    "fragment": lambda _flight, _value: False,
}
"""How each key is looked at; whatever is not here nobody can say."""
