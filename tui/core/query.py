"""What a lookup is asked: the grammar of `ip route get`, read and written."""

from __future__ import annotations

from dataclasses import dataclass

from tui.core.addresses import Address, AddressError, parse_address

PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "ipv6-icmp": 58, "sctp": 132}
"""The names of IP protocols that `ipproto` takes, with their numbers (IANA protocol numbers)."""


class QueryError(ValueError):
    """A query that cannot be read; str() is one sentence that says what to write."""


@dataclass(frozen=True, slots=True)
class Query:
    """One question to a routing table, as ip-route(8) `get` has it.

    `src` is a given source; with `iif` the packet came in there, without it the node itself sends it.
    `tos` is the whole DS field as `ip` writes it; `mark` the firewall mark; `ipproto` a protocol number.
    """

    dst: Address
    src: Address | None = None
    iif: str | None = None
    oif: str | None = None
    mark: int = 0
    tos: int = 0
    ipproto: int | None = None
    sport: int | None = None
    dport: int | None = None

    def words(self) -> tuple[str, ...]:
        """The words after `ip route get` that ask the kernel the same."""
        words = [str(self.dst)]
        for name, value in (("from", self.src), ("iif", self.iif), ("oif", self.oif)):
            if value is not None:
                words += [name, str(value)]
        if self.mark:
            words += ["mark", str(self.mark)]
        if self.tos:
            words += ["tos", f"{self.tos:#x}"]
        names = {number: name for name, number in PROTOCOLS.items()}
        if self.ipproto is not None:
            words += ["ipproto", names.get(self.ipproto, str(self.ipproto))]
        for name, port in (("sport", self.sport), ("dport", self.dport)):
            if port is not None:
                words += [name, str(port)]
        return tuple(words)

    def command(self) -> tuple[str, ...]:
        """The whole command: ("ip", "route", "get", ...), with -6 for IPv6."""
        family = ("-6",) if self.dst.version == 6 else ()
        return ("ip", *family, "route", "get", *self.words())


def parse_query(text: str) -> Query:
    """Read `DST [from S] [iif I] [oif O] [mark N] [tos N] [ipproto P] [sport N] [dport N]`; raises QueryError.

    Leading words of the command itself (`ip route get`, `to`) are allowed, so that a pasted command works.
    """
    words = text.split()
    while words and words[0] in ("ip", "-4", "-6", "route", "get", "to"):
        words.pop(0)
    if not words:
        raise QueryError("A query needs a destination, such as 172.20.0.2.")
    host, _, zone = words[0].partition("%")
    fields: dict[str, Address | str | int] = {"dst": _address(host)}
    if zone:
        fields["oif"] = zone
    rest = iter(words[1:])
    for word in rest:
        field = _FIELDS.get(word)
        if field is None:
            raise QueryError(f"{word!r} is no part of a query: write {', '.join(_FIELDS)} after the destination.")
        value = next(rest, None)
        if value is None:
            raise QueryError(f"{word!r} needs a value after it.")
        name, read = field
        fields[name] = read(value)
    query = Query(**fields)  # type: ignore[arg-type]  # _FIELDS pairs each name with its type
    if query.src is not None and query.src.version != query.dst.version:
        raise QueryError("The source and the destination must be of one family, both IPv4 or both IPv6.")
    return query


def _address(text: str) -> Address:
    try:
        return parse_address(text)
    except AddressError as error:
        raise QueryError(str(error)) from None


def _number(limit: int, what: str):  # type: ignore[no-untyped-def]
    def read(text: str) -> int:
        try:
            value = int(text, 0)
        except ValueError:
            value = -1
        if not 0 <= value <= limit:
            raise QueryError(f"{text!r} is no {what}: write a number from 0 to {limit}.")
        return value

    return read


def _protocol(text: str) -> int:
    return PROTOCOLS[text] if text in PROTOCOLS else int(_number(255, "IP protocol")(text))


def _name(text: str) -> str:
    return text


_FIELDS = {
    "from": ("src", _address),
    "iif": ("iif", _name),
    "oif": ("oif", _name),
    "dev": ("oif", _name),
    "mark": ("mark", _number(0xFFFFFFFF, "mark")),
    "tos": ("tos", _number(255, "tos")),
    "dsfield": ("tos", _number(255, "tos")),
    "ipproto": ("ipproto", _protocol),
    "sport": ("sport", _number(65535, "port")),
    "dport": ("dport", _number(65535, "port")),
}
