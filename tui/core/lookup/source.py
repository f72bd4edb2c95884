"""Which source address a node writes into a packet when nobody gave one (IPv4: inet_select_addr; IPv6: RFC 6724)."""

from __future__ import annotations

from tui.core.addresses import Address
from tui.core.lookup.fib import SCOPES, Fib
from tui.core.world import Interface, InterfaceAddress


def _scope(text: str) -> int:
    if text in SCOPES:
        return SCOPES[text]
    return int(text) if text.isdigit() else 0


def select4(fib: Fib, dev: str | None, near: int, scope: str) -> int:
    """inet_select_addr (net/ipv4/devinet.c): the address of `dev` for destinations of `scope`; 0 where there is none.

    The first non-secondary address whose scope is wide enough, preferring one whose subnet holds `near` (a gateway);
    else the first such address of any device, link scope excluded.
    """
    wanted = _scope(scope)
    link = fib.links.get(dev or "")
    if link is not None:
        first = 0
        # Loopback addresses count as scope link where route_localnet lets them out.
        widest = SCOPES["link"] if fib.either(4, link.name, "route_localnet") else SCOPES["host"]
        for each in _primary(link):
            if min(_scope(each.scope), widest) > wanted:
                continue
            if not near or each.prefix.covers(Address(4, near)):
                return each.address.value
            first = first or each.address.value
        if first:
            return first
    for other in fib.links.values():
        for each in _primary(other):
            if _scope(each.scope) != SCOPES["link"] and _scope(each.scope) <= wanted:
                return each.address.value
    return 0


def _primary(link: Interface) -> list[InterfaceAddress]:
    """IPv4 addresses that are not secondary. A device that is down keeps its addresses, so they count."""
    return [each for each in link.addresses if each.address.version == 4 and "secondary" not in each.flags]


# The policy table of RFC 6724 section 2.1 as the kernel has it (net/ipv6/addrlabel.c): prefix, length, label.
_LABELS = (
    (0x1, 128, 0),
    (0xFFFF << 32, 96, 4),
    (0, 96, 3),
    (0x20010000 << 96, 32, 6),
    (0x20010010 << 96, 28, 7),
    (0x3FFE << 112, 16, 12),
    (0x2002 << 112, 16, 2),
    (0xFEC0 << 112, 10, 11),
    (0xFC00 << 112, 7, 5),
)


def _label(value: int) -> int:
    best, answer = -1, 1
    for prefix, length, label in _LABELS:
        if length > best and value >> (128 - length) == prefix >> (128 - length):
            best, answer = length, label
    return answer


def _scope6(value: int) -> int:
    """The scope of an address as RFC 6724 section 3.1 compares it: multicast by its own field, else by range."""
    if value >> 120 == 0xFF:
        return value >> 112 & 0xF
    if value == 1 or value >> 118 == 0x3FA:
        return 2
    if value == 0:
        return 0
    return 5 if value >> 118 == 0x3FB else 14


def select6(fib: Fib, dev: str | None, dst: int) -> Address | None:
    """ipv6_dev_get_saddr (net/ipv6/addrconf.c): the best source for `dst` leaving by `dev`, by RFC 6724 section 5."""
    scope = _scope6(dst)
    strict = dst >> 120 == 0xFF or scope <= 2
    best: tuple[tuple[int, ...], Address] | None = None
    for link in fib.links.values():
        if strict and link.name != dev:
            continue
        for each in link.addresses:
            if each.address.version != 6 or not _candidate(each):
                continue
            score = _score(each, link.name, dev, dst, scope)
            if best is None or score > best[0]:
                best = score, each.address
    return best[1] if best else None


def _candidate(each: InterfaceAddress) -> bool:
    """Whether an address may be a source: duplicate detection has passed it. Its device may be down."""
    return "dadfailed" not in each.flags and ("tentative" not in each.flags or "optimistic" in each.flags)


def _score(each: InterfaceAddress, name: str, dev: str | None, dst: int, wanted: int) -> tuple[int, ...]:
    """Larger is better, rule by rule: same, scope, not deprecated, outgoing device, label, not temporary, prefix."""
    value = each.address.value
    scope = _scope6(value)
    # Rule 2: a scope at least as wide as the destination's, and then as narrow as possible.
    fit = -scope if scope >= wanted else scope - 128
    common = 128 - (value ^ dst).bit_length()
    return (
        int(value == dst),
        fit,
        int("deprecated" not in each.flags),
        int(name == dev),
        int(_label(value) == _label(dst)),
        0 if "temporary" in each.flags else 1,
        min(common, each.length),
    )
