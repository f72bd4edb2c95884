"""Bridges of a lab kept apart on its host, as Docker does: by nf_tables where the kernel has it, else by routing rules.

Docker's FORWARD chain sends what comes in by one of its bridges and leaves by another to
DOCKER-ISOLATION-STAGE-2, which drops it (docs.docker.com/engine/network/packet-filtering-firewalls). So the host's
own addresses answer from every bridge, a hop limit that ends at the host is still reported, and what would cross is
lost in silence. The messages are those of nfnetlink(7) and linux/netfilter/nf_tables.h: no program is needed.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from tui.core.addresses import Prefix
from tui.core.labs import RouteCommand, RuleCommand
from tui.core.world import NextHop, Route, Rule
from tui.engines.kernel.lab_channel import Channel
from tui.engines.netlink import encode as rtencode
from tui.engines.netlink.sockets import NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REQUEST, attribute, message, nested

Bridge = tuple[str, tuple[Prefix, ...]]
"""The device of a bridge on the host, and the subnets behind it."""

NFT, RULES, OPEN = "nft", "rules", "open"
"""How bridges are kept apart: nf_tables, routing rules, or not at all (there are fewer than two)."""

SINK, SINK_TABLE, FIRST_PRIORITY = "routetui-sink", 7000, 100
"""For RULES: the device that swallows what would cross, the table that leads to it, the first rule's priority."""

_NETFILTER = 12  # NETLINK_NETFILTER
_TABLES = 10  # NFNL_SUBSYS_NFTABLES
_NEWTABLE, _DELTABLE, _NEWCHAIN, _NEWRULE = 0, 2, 3, 6
_BEGIN, _END = 0x10, 0x11
_INET = 1  # NFPROTO_INET
_IIFNAME, _OIFNAME = 6, 7
_EQUAL, _UNEQUAL = 0, 1
_DROP, _JUMP = 0, 0xFFFFFFFD
TABLE, FIRST, SECOND = "routetui", "FORWARD", "ISOLATION"
"""The table of nf_tables, its chain for what is forwarded, and the one that drops."""

_NAMED = attribute(1, b"routetui\0")


def isolate(channel: Channel, host: str, bridges: Sequence[Bridge], allowed: Sequence[str] = (NFT, RULES)) -> str:
    """Keep the bridges apart on the host and return how: NFT, RULES or OPEN. OSError where nothing works."""
    if len(bridges) < 2:
        return OPEN
    refused: OSError | None = None
    for way in allowed:
        try:
            if way == NFT:
                channel.send_batch(host, [_mark(_BEGIN), *_table(bridges), _mark(_END)], _NETFILTER)
            else:
                _make_sink(channel, host, bridges)
                channel.send(host, _rules("add", bridges))
        except OSError as error:
            refused = error
        else:
            return way
    raise refused or OSError("no way to keep the bridges apart")


def isolate_again(channel: Channel, host: str, old: Sequence[Bridge], new: Sequence[Bridge], how: str) -> str:
    """The same for other bridges than before, which were kept apart by `how`. OSError leaves it as it was."""
    if how == OPEN:
        return isolate(channel, host, new)
    if how == NFT:
        # One transaction: between the old table and the new one nothing crosses.
        table = [_new(_NEWTABLE, _NAMED), _new(_DELTABLE, _NAMED), *(_table(new) if len(new) > 1 else ())]
        channel.send_batch(host, [_mark(_BEGIN), *table, _mark(_END)], _NETFILTER)
        return NFT if len(new) > 1 else OPEN
    channel.send(host, _rules("del", old))
    try:
        _make_sink(channel, host, new)
        channel.send(host, _rules("add", new))
    except OSError:
        channel.try_send(host, [*_rules("del", new), *_rules("add", old)])
        raise
    return RULES


# --- nf_tables ---


def _table(bridges: Sequence[Bridge]) -> list[bytes]:
    """Two chains: what comes in by a bridge and leaves by something else is looked at twice, as in Docker's stages."""
    parts = [
        _new(_NEWTABLE, _NAMED),
        _chain(FIRST, nested(4, _number(1, 2), _number(2, 0)), _number(5, 1), rtencode.name(7, "filter")),
        _chain(SECOND),
    ]
    for name, _ in bridges:
        leaves = [*_device(_IIFNAME, _EQUAL, name), *_device(_OIFNAME, _UNEQUAL, name)]
        parts.append(_rule(FIRST, *leaves, _verdict(_JUMP, SECOND)))
        parts.append(_rule(SECOND, *_device(_OIFNAME, _EQUAL, name), _expression("counter"), _verdict(_DROP)))
    return parts


def _new(kind: int, body: bytes) -> bytes:
    flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | (NLM_F_APPEND if kind == _NEWRULE else 0)
    return message(_TABLES << 8 | kind, flags, struct.pack(">BBH", _INET, 0, 0) + body)


def _mark(kind: int) -> bytes:
    """The begin or the end of a transaction."""
    return message(kind, NLM_F_REQUEST, struct.pack(">BBH", 0, 0, _TABLES))


def _number(kind: int, value: int) -> bytes:
    """An attribute of four bytes in network order, as nf_tables has all its numbers."""
    return attribute(kind, struct.pack(">I", value))


def _chain(name: str, *parts: bytes) -> bytes:
    return _new(_NEWCHAIN, rtencode.name(1, TABLE) + rtencode.name(3, name) + b"".join(parts))


def _rule(chain: str, *expressions: bytes) -> bytes:
    return _new(_NEWRULE, rtencode.name(1, TABLE) + rtencode.name(2, chain) + nested(4, *expressions))


def _expression(name: str, *parts: bytes) -> bytes:
    return nested(1, rtencode.name(1, name), nested(2, *parts))


def _device(which: int, comparison: int, name: str) -> tuple[bytes, bytes]:
    """`iifname NAME` or `oifname != NAME`: load it into register 1, compare all its sixteen bytes."""
    value = nested(3, attribute(1, name.encode().ljust(16, b"\0")))
    return (
        _expression("meta", _number(1, 1), _number(2, which)),
        _expression("cmp", _number(1, 1), _number(2, comparison), value),
    )


def _verdict(code: int, chain: str = "") -> bytes:
    """An immediate value in the verdict register, which ends the rule."""
    target = rtencode.name(2, chain) if chain else b""
    return _expression("immediate", _number(1, 0), nested(2, nested(2, _number(1, code), target)))


# --- routing rules ---


def _make_sink(channel: Channel, host: str, bridges: Sequence[Bridge]) -> None:
    """The device that swallows what would cross, and the table that leads to it, where they are not there yet.

    A blackhole would refuse before the hop limit is looked at, and traceroute would show nothing where Docker's host
    answers. The sink is a bridge without ports and without ARP.
    """
    window = channel.window(host)
    try:
        if all(each.interface.name != SINK for each in window.links()):
            channel.send(host, [rtencode.new_bridge(SINK, "02:00:00:00:00:01", 1500, up=True, arp=False)])
        indexes = {each.interface.name: each.interface.index for each in window.links()}
    finally:
        window.close()
    for version in {prefix.version for _, subnets in bridges for prefix in subnets}:
        way = Route(Prefix(version, 0, 0), nexthops=(NextHop(SINK),), table=str(SINK_TABLE), scope="link")
        channel.send(host, [rtencode.route(RouteCommand("replace", way), indexes)])


def _rules(verb: str, bridges: Sequence[Bridge]) -> list[bytes]:
    """A rule for each bridge and each subnet of another: what would cross goes to the sink."""
    pairs = [(name, prefix) for name, _ in bridges for other, subnets in bridges if other != name for prefix in subnets]
    return [
        rtencode.rule(RuleCommand(verb, Rule(priority, prefix.version, table=str(SINK_TABLE), iif=name, dst=prefix)))
        for priority, (name, prefix) in enumerate(pairs, FIRST_PRIORITY)
    ]
