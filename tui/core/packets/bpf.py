"""A filter as a program of classic BPF, which the kernel runs on every frame before anybody is told of it.

The instructions are those of linux/filter.h. Offsets count from the network header (SKF_NET_OFF) and the protocol is
the kernel's own (SKF_AD_PROTOCOL), so that one program serves Ethernet, tunnels and captures on all interfaces alike.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from tui.core.packets.filter import Both, Either, Filter, In, Is, Not, Port, Term

_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE = 0x20, 0x28, 0x30
_LOAD_HALF_AT_X, _HEADER_TO_X = 0x48, 0xB1
_JUMP, _EQUAL, _ANY_BIT, _AND, _RETURN = 0x05, 0x15, 0x45, 0x54, 0x06
_NET, _PROTOCOL = 0xFFF00000, 0xFFFFF000
_IP, _ARP, _IP6 = 0x0800, 0x0806, 0x86DD
_ICMP, _TCP, _UDP, _ICMP6 = 1, 6, 17, 58
LONGEST = 4096
"""BPF_MAXINSNS."""


class TooLong(ValueError):
    """A filter that needs more instructions than the kernel takes."""


@dataclass(slots=True)
class _Test:
    """One instruction, whose jumps are to labels: to `yes` where the comparison holds, else to `no`."""

    code: int
    value: int
    yes: int = -1
    no: int = -1


class _Program:
    """Instructions and labels in the order in which they stand."""

    def __init__(self) -> None:
        self.parts: list[_Test | int] = []
        self.labels = 0

    def label(self) -> int:
        """A new label, to be set with `here`."""
        self.labels += 1
        return self.labels

    def here(self, label: int) -> None:
        """The label is the place of what follows."""
        self.parts.append(label)

    def load(self, code: int, value: int) -> None:
        """An instruction without a jump."""
        self.parts.append(_Test(code, value & 0xFFFFFFFF))

    def test(self, value: int, yes: int, no: int, code: int = _EQUAL) -> None:
        """Go to `yes` or `no`."""
        self.parts.append(_Test(code, value, yes, no))


def program(wanted: Filter) -> bytes:
    """The program, eight bytes an instruction in this machine's order; empty for a filter that is. Raises TooLong."""
    if wanted.term is None:
        return b""
    made = _Program()
    take, leave = made.label(), made.label()
    _term(made, wanted.term, take, leave)
    made.here(take)
    made.load(_RETURN, 0x40000)
    made.here(leave)
    made.load(_RETURN, 0)
    return _assembled(made)


def _term(to: _Program, term: Term, yes: int, no: int) -> None:
    match term:
        case Not(part):
            _term(to, part, no, yes)
        case Both(left, right):
            middle = to.label()
            _term(to, left, middle, no)
            to.here(middle)
            _term(to, right, yes, no)
        case Either(left, right):
            middle = to.label()
            _term(to, left, yes, middle)
            to.here(middle)
            _term(to, right, yes, no)
        case Is(protocol):
            _IS[protocol](to, yes, no)
        case In():
            _address(to, term, yes, no)
        case Port():
            _port(to, term, yes, no)


def _ether(to: _Program, kind: int, yes: int, no: int) -> None:
    to.load(_LOAD_HALF, _PROTOCOL)
    to.test(kind, yes, no)


def _ip_protocol(*numbers: tuple[int, int]) -> Callable[[_Program, int, int], None]:
    """A test for IP protocols: pairs of an EtherType and the protocol's number there."""

    def made(to: _Program, yes: int, no: int) -> None:
        for place, (kind, number) in enumerate(numbers):
            ip, other = to.label(), to.label() if place + 1 < len(numbers) else no
            _ether(to, kind, ip, other)
            to.here(ip)
            to.load(_LOAD_BYTE, _NET + (9 if kind == _IP else 6))
            to.test(number, yes, other)
            if other != no:
                to.here(other)

    return made


_IS: dict[str, Callable[[_Program, int, int], None]] = {
    "ip": lambda to, yes, no: _ether(to, _IP, yes, no),
    "ip6": lambda to, yes, no: _ether(to, _IP6, yes, no),
    "arp": lambda to, yes, no: _ether(to, _ARP, yes, no),
    "icmp": _ip_protocol((_IP, _ICMP)),
    "icmp6": _ip_protocol((_IP6, _ICMP6)),
    "tcp": _ip_protocol((_IP, _TCP), (_IP6, _TCP)),
    "udp": _ip_protocol((_IP, _UDP), (_IP6, _UDP)),
}


def _address(to: _Program, term: In, yes: int, no: int) -> None:
    """An address of the IP header, or in IPv4 of an ARP message (sender at 14, target at 24)."""
    places = {_IP: (12, 16), _ARP: (14, 24)} if term.prefix.version == 4 else {_IP6: (8, 24)}
    last = list(places)[-1]
    for kind, (src, dst) in places.items():
        here, other = to.label(), no if kind == last else to.label()
        _ether(to, kind, here, other)
        to.here(here)
        ends = [src] if term.end == "src" else [dst] if term.end == "dst" else [src, dst]
        for offset in ends:
            after = other if offset == ends[-1] else to.label()
            _within(to, term, offset, yes, after)
            if after != other:
                to.here(after)
        if other != no:
            to.here(other)


def _within(to: _Program, term: In, offset: int, yes: int, no: int) -> None:
    """The address at that offset lies in the prefix: compared word by word, the last one under the mask."""
    width = 32 if term.prefix.version == 4 else 128
    left, value = term.prefix.length, term.prefix.value
    if left == 0:
        to.parts.append(_Test(_JUMP, 0, yes))
        return
    for word in range((left + 31) // 32):
        bits = min(32, left - 32 * word)
        mask = (1 << 32) - (1 << (32 - bits))
        more = left > 32 * (word + 1)
        after = to.label() if more else yes
        to.load(_LOAD_WORD, _NET + offset + 4 * word)
        if bits < 32:
            to.load(_AND, mask)
        to.test(value >> (width - 32 * (word + 1)) & mask, after, no)
        if more:
            to.here(after)


def _port(to: _Program, term: Port, yes: int, no: int) -> None:
    """A port of TCP or UDP in the first fragment; in IPv6 without extension headers, as tcpdump has it."""
    offsets = [0] if term.end == "src" else [2] if term.end == "dst" else [0, 2]
    four, six, other = to.label(), to.label(), to.label()
    _ether(to, _IP, four, other)
    to.here(other)
    to.test(_IP6, six, no)
    for label, kind in ((four, _IP), (six, _IP6)):
        to.here(label)
        ports = to.label()
        _has_ports(to, kind, term.protocol, ports, no)
        to.here(ports)
        if kind == _IP:
            whole = to.label()
            to.load(_LOAD_HALF, _NET + 6)
            to.test(0x1FFF, no, whole, _ANY_BIT)
            to.here(whole)
            to.load(_HEADER_TO_X, _NET)
        for offset in offsets:
            after = no if offset == offsets[-1] else to.label()
            to.load(_LOAD_HALF_AT_X if kind == _IP else _LOAD_HALF, _NET + offset + (0 if kind == _IP else 40))
            to.test(term.number, yes, after)
            if after != no:
                to.here(after)


def _has_ports(to: _Program, kind: int, protocol: str, yes: int, no: int) -> None:
    to.load(_LOAD_BYTE, _NET + (9 if kind == _IP else 6))
    numbers = [{"tcp": _TCP, "udp": _UDP}[protocol]] if protocol else [_TCP, _UDP]
    for number in numbers:
        after = no if number == numbers[-1] else to.label()
        to.test(number, yes, after)
        if after != no:
            to.here(after)


def _assembled(made: _Program) -> bytes:
    """Labels become distances. A comparison reaches 255 instructions: both of its ways go by a long jump after it."""
    lines: list[_Test] = []
    places: dict[int, int] = {}
    for part in made.parts:
        if isinstance(part, int):
            places[part] = len(lines)
        elif part.no >= 0:
            lines += [_Test(part.code, part.value, 0, 1), _Test(_JUMP, 0, part.yes), _Test(_JUMP, 0, part.no)]
        else:
            lines.append(part)
    if len(lines) > LONGEST:
        raise TooLong("The filter is too long for the kernel: leave some of it out.")
    found = b""
    for at, each in enumerate(lines):
        if each.code == _JUMP:
            found += struct.pack("=HBBI", _JUMP, 0, 0, places[each.yes] - at - 1)
        else:
            found += struct.pack("=HBBI", each.code, max(each.yes, 0), max(each.no, 0), each.value)
    return found
