"""What the commands of a hook mean to routing: ip route, ip rule, ip link, route and sysctl, read from their argv."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from tui.core.addresses import AddressError, Prefix, parse_address, parse_prefix
from tui.core.labs import LinkCommand, Meaning, RouteCommand, RuleCommand, SysctlCommand
from tui.core.names import PROTOCOLS, named
from tui.core.query import PROTOCOLS as IP_PROTOCOLS
from tui.core.reading.route_words import METRICS
from tui.core.world import NextHop, Route, Rule

TABLES = {"255": "local", "254": "main", "253": "default", "0": "all"}
"""The numbers of the tables that iproute2 always knows by name."""

_TYPES = ("unicast", "local", "broadcast", "multicast", "anycast", "unreachable", "prohibit", "blackhole", "throw")
_SCOPES = {"0": "global", "universe": "global", "200": "site", "253": "link", "254": "host", "255": "nowhere"}
_VERBS = ("list", "show", "add", "change", "chg", "replace", "prepend", "append", "delete", "del", "get", "flush")
_READS = ("list", "show", "get", "save")
_LIMIT = 0xFFFFFFFF


class CommandError(ValueError):
    """A command that the tool itself would refuse, or one that a lab cannot follow; str() is one sentence."""


def meaning(argv: Sequence[str]) -> Meaning | None:
    """What the command does to a node's routing; None where it does nothing, or is no command known here.

    Abbreviations are read as iproute2 reads them (`ip r a`). Raises CommandError.
    """
    if not argv:
        return None
    tool, words = argv[0].rpartition("/")[2], list(argv[1:])
    if tool == "busybox" and words:
        return meaning(words)
    reader = _TOOLS.get(tool)
    try:
        return reader(words) if reader else None
    except AddressError as error:
        raise CommandError(str(error)) from None
    except IndexError:
        raise CommandError(f"{' '.join(argv)!r} ends too early: its last word needs a value.") from None


def _ip(words: list[str]) -> Meaning | None:
    family = None
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option in ("-n", "-netns", "-b", "-batch", "-force"):
            raise CommandError(f"a hook runs in its own container, so 'ip {option}' has no meaning there.")
        if option in ("-f", "-family"):
            option = {"inet": "-4", "inet6": "-6"}.get(words.pop(0), option)
        family = {"-4": 4, "-6": 6}.get(option, family)
    kind = _complete(words.pop(0), ("address", "route", "rule", "link")) if words else None
    if kind is None or not words:
        return None
    verb = {"chg": "change", "delete": "del"}.get(found := _complete(words.pop(0), _VERBS) or "", found)
    if verb in _READS:
        return None
    if kind == "link":
        return None if verb else _link(words)
    if kind == "address" or verb in ("", "flush") or (kind == "rule" and verb not in ("add", "del")):
        raise CommandError(
            f"'ip {kind} {verb or '...'}' is not followed in a lab: write what it does in the file itself."
        )
    if kind == "rule":
        return RuleCommand(verb, parse_rule(words, family or 4))
    return RouteCommand(verb, parse_route(words, family, adding=verb != "del"))


def _link(words: list[str]) -> Meaning | None:
    if words and words[0] == "dev":
        words = words[1:]
    if len(words) != 2 or words[1] not in ("up", "down"):
        raise CommandError("of 'ip link' a lab follows only 'ip link set dev NAME up' and 'down'.")
    return LinkCommand(words[0], words[1] == "up")


def parse_route(words: Sequence[str], family: int | None = None, adding: bool = True) -> Route:
    """The route that `ip route add WORDS` asks for (ip-route(8)); raises CommandError, AddressError, IndexError.

    What is not said is filled in as iproute2 does: scope link without a gateway, table local for local routes.
    Without `adding` (a `del`) a type, protocol or scope that is not said stays empty, and matches any.
    """
    rest = list(words)
    kind = rest.pop(0) if rest[0] in _TYPES else "unicast" if adding else ""
    if rest[0] in ("to", "exact"):
        rest.pop(0)
    dst = rest.pop(0)
    version = family or (6 if dst in ("default", "all", "any") and _via_version(rest) == 6 else 4)
    table = "local" if kind in ("local", "broadcast", "anycast") else "main"
    route = Route(parse_prefix(dst, version), kind, table=table, protocol="boot" if adding else "")
    if family and route.family != family:
        raise CommandError(f"{dst!r} is of the other family than 'ip -{family}'.")
    hop, hops, scope = NextHop(), list[NextHop](), None
    while rest:
        word = rest.pop(0)
        if word == "nexthop":
            hops.append(_nexthop(rest))
        elif word in _HOP_WORDS:
            hop = _HOP_WORDS[word](hop, rest)
        elif word == "scope":
            scope = _SCOPES.get(value := rest.pop(0), value)
        else:
            route = _attribute(route, word, rest)
    if hop != NextHop():
        hops.insert(0, hop)
    scope = scope or (default_scope(route, hops) if adding or route.type not in ("", "unicast") else "")
    return replace(route, nexthops=tuple(hops), scope=scope, attributes=tuple(sorted(route.attributes, key=_rank)))


_CARRIED = (*METRICS, "realm")
"""What a route may carry, in the order in which the kernel tells it (RTAX_*, then RTA_FLOW; linux/rtnetlink.h)."""


def _rank(attribute: str) -> int:
    name = attribute.partition(" ")[0]
    return _CARRIED.index(name) if name in _CARRIED else len(_CARRIED)


def _via_version(words: Sequence[str]) -> int:
    """The family of the first gateway that is named without `inet6`, for a destination that has none (`default`)."""
    gateway = next((after for word, after in pairwise(words) if word == "via"), "")
    return 6 if ":" in gateway else 4


def default_scope(route: Route, hops: Sequence[NextHop]) -> str:
    """The scope that iproute2 writes when none is given (iproute_modify in ip/iproute.c); IPv6 has no scopes."""
    if route.family == 6:
        return "global"
    if route.type == "local":
        return "host"
    if route.type in ("broadcast", "multicast", "anycast"):
        return "link"
    return "link" if route.type == "unicast" and len(hops) == 1 and hops[0].gateway is None else "global"


def _nexthop(rest: list[str]) -> NextHop:
    hop = NextHop()
    while rest and rest[0] != "nexthop":
        word = rest.pop(0)
        if word == "weight":
            hop = replace(hop, weight=_number(rest.pop(0), 256))
        elif word in _HOP_WORDS:
            hop = _HOP_WORDS[word](hop, rest)
        else:
            raise CommandError(f"{word!r} is no part of a next hop: write via, dev, weight or onlink.")
    return hop


def _via(hop: NextHop, rest: list[str]) -> NextHop:
    if rest[0] in ("inet", "inet6"):
        rest.pop(0)
    return replace(hop, gateway=parse_address(rest.pop(0)))


_HOP_WORDS: dict[str, Callable[[NextHop, list[str]], NextHop]] = {
    "via": _via,
    "dev": lambda hop, rest: replace(hop, dev=rest.pop(0)),
    "oif": lambda hop, rest: replace(hop, dev=rest.pop(0)),
    "onlink": lambda hop, _: replace(hop, flags=(*hop.flags, "onlink")),
}


def _attribute(route: Route, word: str, rest: list[str]) -> Route:
    if word in ("metric", "priority", "preference"):
        return replace(route, metric=_number(rest.pop(0), _LIMIT) or None)
    if word == "table":
        return replace(route, table=_table(rest.pop(0)))
    if word == "src":
        return replace(route, prefsrc=parse_address(rest.pop(0)))
    if word == "from":
        return replace(route, src=parse_prefix(rest.pop(0), route.family))
    if word in ("proto", "protocol"):
        return replace(route, protocol=named(PROTOCOLS, rest.pop(0)))
    if word in ("tos", "dsfield"):
        return replace(route, tos=_number(rest.pop(0), 255))
    if word == "pref":
        return replace(route, pref=rest.pop(0))
    if word == "expires":
        # Seconds that tick are no part of a World.
        _number(rest.pop(0).removesuffix("sec"), _LIMIT)
        return replace(route, attributes=(*route.attributes, "expires"))
    if word == "nhid":
        return replace(route, nhid=_number(rest.pop(0), _LIMIT))
    if word in _CARRIED:
        value = rest.pop(0)
        value = f"lock {rest.pop(0)}" if value == "lock" else value
        return replace(route, attributes=(*route.attributes, f"{word} {value}"))
    raise CommandError(f"{word!r} is no word of 'ip route' that a lab follows.")


def parse_rule(words: Sequence[str], family: int = 4) -> Rule:
    """The rule that `ip rule add WORDS` asks for (ip-rule(8)), priority -1 where the kernel is to choose it.

    Raises CommandError, AddressError, IndexError.
    """
    rest, rule = list(words), Rule(-1, family)
    while rest:
        word = rest.pop(0)
        if word == "not":
            rule = replace(rule, invert=True)
        elif word in ("unreachable", "prohibit", "blackhole", "nop"):
            rule = replace(rule, action=word)
        elif word in _RULE_WORDS:
            rule = _RULE_WORDS[word](rule, rest.pop(0))
        else:
            raise CommandError(f"{word!r} is no word of 'ip rule' that a lab follows.")
    for prefix in (rule.src, rule.dst):
        if prefix is not None and prefix.version != family:
            raise CommandError(f"{prefix} is of the other family: write 'ip -6 rule' for IPv6 and 'ip rule' for IPv4.")
    return rule


def _selector(text: str, family: int) -> Prefix | None:
    prefix = parse_prefix(text, family)
    return None if prefix.length == 0 else prefix


def _mark(rule: Rule, text: str) -> Rule:
    mark, slash, mask = text.partition("/")
    return replace(rule, mark=_number(mark, _LIMIT), mask=_number(mask, _LIMIT) if slash else _LIMIT)


def _ports(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    return _number(low, 65535), _number(high or low, 65535)


def _uids(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    return _number(low, _LIMIT), _number(high or low, _LIMIT)


_RULE_WORDS: dict[str, Callable[[Rule, str], Rule]] = {
    "from": lambda rule, text: replace(rule, src=_selector(text, rule.family)),
    "to": lambda rule, text: replace(rule, dst=_selector(text, rule.family)),
    "iif": lambda rule, text: replace(rule, iif=text),
    "dev": lambda rule, text: replace(rule, iif=text),
    "oif": lambda rule, text: replace(rule, oif=text),
    "fwmark": _mark,
    "tos": lambda rule, text: replace(rule, tos=_number(text, 255)),
    "dsfield": lambda rule, text: replace(rule, tos=_number(text, 255)),
    "ipproto": lambda rule, text: replace(rule, ipproto=IP_PROTOCOLS.get(text) or _number(text, 255)),
    "sport": lambda rule, text: replace(rule, sport=_ports(text)),
    "dport": lambda rule, text: replace(rule, dport=_ports(text)),
    "uidrange": lambda rule, text: replace(rule, uidrange=_uids(text)),
    "suppress_prefixlength": lambda rule, text: replace(rule, suppress_prefixlength=_number(text, 128)),
    "goto": lambda rule, text: replace(rule, action="goto", target=_number(text, _LIMIT)),
    **dict.fromkeys(("table", "lookup"), lambda rule, text: replace(rule, table=_table(text))),
    **dict.fromkeys(
        ("pref", "priority", "preference", "order"),
        lambda rule, text: replace(rule, priority=_number(text, _LIMIT)),
    ),
}


def _classic(words: list[str]) -> Meaning | None:
    """`route add [-net|-host] TARGET [netmask M] [gw G] [metric N] [dev D] [reject]` (route(8))."""
    words = [word for word in words if word not in ("-n", "-v", "-e", "-ee", "-net", "-host", "-4")]
    if not words or words[0] not in ("add", "del"):
        return None
    verb, target, rest = words[0], words[1], words[2:]
    spoken, kind = list[str](), list[str]()
    while rest:
        word = rest.pop(0)
        if word == "netmask":
            target = f"{target}/{rest.pop(0)}"
        elif word in ("gw", "metric"):
            spoken += ["via" if word == "gw" else "metric", rest.pop(0)]
        elif word == "reject":
            kind = ["unreachable"]
            # rtentry_to_fib_config gives it scope host, which `ip route add unreachable` does not.
            spoken += ["scope", "host"] if verb == "add" else []
        else:
            spoken += ["dev", rest.pop(0) if word == "dev" else word]
    return RouteCommand(verb, parse_route([*kind, target, *spoken], 4, adding=verb == "add"))


def _sysctl(words: list[str]) -> Meaning | None:
    settings = [word for word in words if "=" in word and not word.startswith("-")]
    if not settings:
        return None
    if len(settings) > 1:
        raise CommandError("write one sysctl in each command.")
    name, _, value = settings[0].partition("=")
    return sysctl(name, value)


def _echo(words: list[str]) -> Meaning | None:
    """`echo 1 > /proc/sys/net/ipv4/ip_forward`, as a shell list holds it."""
    if len(words) == 3 and words[1] in (">", ">>") and words[2].startswith("/proc/sys/"):
        return sysctl(words[2].removeprefix("/proc/sys/"), words[0])
    return None


def sysctl(name: str, value: str) -> SysctlCommand | None:
    """A sysctl by its name with dots or slashes; None for one outside of net.* or that is no whole number."""
    name, value = name.strip(), value.strip()
    slash, dot = name.find("/"), name.find(".")
    if slash >= 0 and (dot < 0 or slash < dot):
        name = name.translate(str.maketrans("./", "/."))
    if not name.startswith("net."):
        return None
    return SysctlCommand(name, int(value)) if value.lstrip("-").isdecimal() and len(value) < 12 else None


_TOOLS: dict[str, Callable[[list[str]], Meaning | None]] = {
    "ip": _ip,
    "route": _classic,
    "sysctl": _sysctl,
    "echo": _echo,
}


def _complete(word: str, choices: Sequence[str]) -> str | None:
    """The first choice that begins with the word, as iproute2 reads abbreviations."""
    return next((each for each in choices if word and each.startswith(word)), None)


def _table(text: str) -> str:
    if text in TABLES.values():
        return text
    if not text.isdecimal() or int(text) > _LIMIT:
        raise CommandError(f"the table {text!r} has no number here: write a number from 1 to 4294967295.")
    return TABLES.get(text, text)


def _number(text: str, limit: int) -> int:
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if not 0 <= value <= limit:
        raise CommandError(f"{text!r} is no number from 0 to {limit}.")
    return value
