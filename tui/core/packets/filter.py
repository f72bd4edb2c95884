"""Capture filters: the everyday part of pcap-filter(7), read with the place of a mistake, and asked about a frame.

    [src|dst] host ADDRESS   [src|dst] net PREFIX   [tcp|udp] [src|dst] port N   icmp icmp6 tcp udp arp ip ip6
    and or not ( )           a bare address is a host; the name of a container stands for its addresses

As in tcpdump `and` and `or` bind alike, from left to right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tui.core.addresses import Address, AddressError, Prefix, parse_address, parse_prefix
from tui.core.packets import Arp, Frame, Ports

PROTOCOLS = ("icmp", "icmp6", "tcp", "udp", "arp", "ip", "ip6")
_KINDS = ("host", "net", "port")
_ENDS = ("src", "dst")
_WORD = re.compile(r"\(|\)|!|&&|\|\||[^\s()!&|]+")
_SAME = {"&&": "and", "||": "or", "!": "not"}


class FilterError(ValueError):
    """A filter that cannot be read: str() is one sentence; `at` is the place in the text, `length` how much of it."""

    def __init__(self, sentence: str, at: int, length: int = 1) -> None:
        super().__init__(sentence)
        self.at = at
        self.length = length


@dataclass(frozen=True, slots=True)
class Is:
    """The protocol is one of PROTOCOLS."""

    protocol: str


@dataclass(frozen=True, slots=True)
class In:
    """An address lies in a prefix: that of the `end` src or dst, "" for either. ARP counts with the addresses asked."""

    prefix: Prefix
    end: str = ""


@dataclass(frozen=True, slots=True)
class Port:
    """A port of TCP or UDP (`protocol` "" for both), of the `end` src or dst, "" for either."""

    number: int
    end: str = ""
    protocol: str = ""


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: Term


@dataclass(frozen=True, slots=True)
class Both:
    """Both parts hold."""

    left: Term
    right: Term


@dataclass(frozen=True, slots=True)
class Either:
    """One of them holds, or both."""

    left: Term
    right: Term


Term = Is | In | Port | Not | Both | Either


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that was read; `term` None lets everything pass. str() is pcap-filter(7) that tcpdump takes."""

    term: Term | None = None

    def __str__(self) -> str:
        return "" if self.term is None else written(self.term)

    def passes(self, frame: Frame) -> bool:
        """Whether a frame is wanted."""
        return self.term is None or _holds(self.term, frame)


ALL = Filter()


def parse(text: str, names: Mapping[str, Sequence[Address]] | None = None) -> Filter:
    """Read a filter; `names` are words that stand for addresses. Raises FilterError."""
    words = [(_SAME.get(each[0], each[0]), each.start()) for each in _WORD.finditer(text)]
    _no_rest(text)
    if not words:
        return ALL
    reader = _Reader(words, len(text), dict(names or {}))
    term = reader.expression()
    reader.end()
    return Filter(term)


def _no_rest(text: str) -> None:
    """Refuse characters that are part of no word: a single & or |."""
    rest = _WORD.sub(lambda each: " " * len(each[0]), text)
    if rest.strip():
        at = len(rest) - len(rest.lstrip())
        raise FilterError(f"{text[at]!r} is no part of a filter: write and, or, not.", at)


class _Reader:
    """Words, one after the other."""

    def __init__(self, words: list[tuple[str, int]], length: int, names: dict[str, Sequence[Address]]) -> None:
        self.words, self.length, self.names = words, length, names
        self.at = 0

    def peek(self) -> str:
        """The next word, "" at the end."""
        return self.words[self.at][0] if self.at < len(self.words) else ""

    def take(self) -> str:
        """The next word, which is then behind us."""
        word = self.peek()
        self.at += 1
        return word

    def wrong(self, sentence: str, back: int = 0) -> FilterError:
        """The error for the next word, or for one `back`."""
        place = self.at - back
        if place >= len(self.words):
            return FilterError(sentence, self.length)
        word, at = self.words[place]
        return FilterError(sentence, at, len(word))

    def end(self) -> None:
        """Raises FilterError where something is left."""
        if not self.peek():
            return
        if self.peek() == ")":
            raise self.wrong("This ) closes nothing: leave it out, or open ( before it.")
        raise self.wrong(f"Between two conditions stands and or or: write it before {self.peek()!r}.")

    def expression(self) -> Term:
        """Terms joined by and and or, which bind alike."""
        left = self.term()
        while self.peek() in ("and", "or"):
            both = self.take() == "and"
            right = self.term()
            left = Both(left, right) if both else Either(left, right)
        return left

    def term(self) -> Term:
        """A condition, its opposite, or an expression in parentheses."""
        word = self.peek()
        if word == "not":
            self.take()
            return Not(self.term())
        if word == "(":
            self.take()
            inner = self.expression()
            if self.peek() != ")":
                raise self.wrong("A ) is missing here.")
            self.take()
            return inner
        if word in ("", "and", "or", ")"):
            raise self.wrong("A condition is missing here: host, net, port, icmp, tcp, udp or arp.")
        return self.condition()

    def condition(self) -> Term:
        """[PROTOCOL] [src|dst] [host|net|port] VALUE, or a protocol alone."""
        protocol = self.take() if self.peek() in PROTOCOLS else ""
        if protocol and self.peek() not in (*_ENDS, *_KINDS):
            return Is(protocol)
        end = self.take() if self.peek() in _ENDS else ""
        if end and self.peek() in ("and", "or") and self.at + 1 < len(self.words):
            end = self.both_ends(end)
        kind = self.take() if self.peek() in _KINDS else "host"
        value = self.peek()
        if value in ("", "and", "or", ")", "("):
            raise self.wrong(f"{_WANTS[kind]} is missing here.")
        self.take()
        found = self.port(value, end, protocol) if kind == "port" else self.address(value, kind, end)
        return found if kind == "port" or not protocol else Both(Is(protocol), found)

    def both_ends(self, end: str) -> str:
        """`src or dst` is either, as if nothing were said; `src and dst` is not taken."""
        joint, other = self.peek(), self.words[self.at + 1][0]
        if joint == "or" and other in _ENDS and other != end:
            self.at += 2
            return ""
        return end

    def port(self, value: str, end: str, protocol: str) -> Term:
        """A port number."""
        if protocol not in ("", "tcp", "udp"):
            raise self.wrong(f"{protocol} has no ports: only tcp and udp have.", 1)
        if not (value.isascii() and value.isdigit() and len(value) <= 5 and int(value) <= 65535):
            raise self.wrong(f"{value!r} is no port: write a number from 0 to 65535.", 1)
        return Port(int(value), end, protocol)

    def address(self, value: str, kind: str, end: str) -> Term:
        """An address, a name that stands for some, or a prefix."""
        if kind == "host" and value in self.names:
            found: Term | None = None
            for each in self.names[value]:
                one = In(_alone(each), end)
                found = one if found is None else Either(found, one)
            if found is None:
                raise self.wrong(f"{value} has no address.", 1)
            return found
        try:
            if kind == "host":
                return In(_alone(parse_address(value)), end)
            prefix = parse_prefix(value)
        except AddressError as error:
            if value.replace(".", "").replace("/", "").isdigit() or ":" in value:
                raise self.wrong(str(error), 1) from None
            known = "host, net, port, icmp, icmp6, tcp, udp, arp, ip, ip6, src, dst, and, or, not"
            raise self.wrong(f"{value!r} is no address, no name here and no word of a filter: {known}.", 1) from None
        if prefix.has_host_bits:
            raise self.wrong(f"{value} has bits behind its length: write {prefix.network}.", 1)
        return In(prefix, end)


_WANTS = {"host": "An address", "net": "A prefix such as 10.0.0.0/8", "port": "A port number"}


def _alone(address: Address) -> Prefix:
    return Prefix(address.version, address.value, 32 if address.version == 4 else 128)


def written(term: Term) -> str:
    """A term in the words of pcap-filter(7)."""
    match term:
        case Is(protocol):
            return protocol
        case In(prefix, end):
            kind = "host" if prefix.length == (32 if prefix.version == 4 else 128) else "net"
            value = str(prefix.address) if kind == "host" else str(prefix)
            return " ".join(part for part in (end, kind, value) if part)
        case Port(number, end, protocol):
            return " ".join(part for part in (protocol, end, "port", str(number)) if part)
        case Not(part):
            return f"not {_inside(part)}"
        case Both(left, right):
            return f"{_inside(left)} and {_inside(right)}"
        case Either(left, right):
            return f"{_inside(left)} or {_inside(right)}"


def _inside(term: Term) -> str:
    text = written(term)
    return f"({text})" if isinstance(term, Both | Either) else text


def _holds(term: Term, frame: Frame) -> bool:
    match term:
        case Is(protocol):
            return _IS[protocol](frame)
        case In(prefix, end):
            ends = [frame.src] if end == "src" else [frame.dst] if end == "dst" else [frame.src, frame.dst]
            return any(each is not None and prefix.covers(each) for each in ends)
        case Port(number, end, protocol):
            return _on_port(frame, number, end, protocol)
        case Not(part):
            return not _holds(part, frame)
        case Both(left, right):
            return _holds(left, frame) and _holds(right, frame)
        case Either(left, right):
            return _holds(left, frame) or _holds(right, frame)


def _on_port(frame: Frame, number: int, end: str, protocol: str) -> bool:
    if not isinstance(frame.detail, Ports) or (protocol and frame.protocol.lower() != protocol):
        return False
    ports = frame.detail
    found = [ports.sport] if end == "src" else [ports.dport] if end == "dst" else [ports.sport, ports.dport]
    return number in found


_IS: dict[str, Callable[[Frame], bool]] = {
    "icmp": lambda frame: frame.protocol == "ICMP",
    "icmp6": lambda frame: frame.protocol == "ICMPv6",
    "tcp": lambda frame: frame.protocol == "TCP",
    "udp": lambda frame: frame.protocol == "UDP",
    "arp": lambda frame: isinstance(frame.detail, Arp),
    "ip": lambda frame: frame.version == 4,
    "ip6": lambda frame: frame.version == 6,
}
