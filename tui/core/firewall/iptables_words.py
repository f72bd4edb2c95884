"""The words of one rule of iptables (iptables(8), iptables-extensions(8)) as matches and acts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from tui.core.firewall.values import UNKNOWN, Act, Match
from tui.core.query import PROTOCOLS

_HARMLESS = (
    "LOG", "NFLOG", "ULOG", "TRACE", "TCPMSS", "CHECKSUM", "CLASSIFY", "DSCP", "TOS", "AUDIT", "SECMARK",
    "CONNSECMARK", "RATEEST", "IDLETIMER", "LED", "SET", "ECN", "TEE", "TCPOPTSTRIP",
)  # fmt: skip
"""Targets that neither end a packet's way nor change where it goes."""

_MODULES = (
    "tcp", "udp", "udplite", "sctp", "dccp", "icmp", "icmp6", "icmpv6", "comment", "conntrack", "state",
    "multiport", "mark", "connmark", "addrtype", "physdev", "set", "iprange", "pkttype", "ttl", "hl", "limit",
    "hashlimit", "statistic", "recent", "owner", "mac", "length", "string",
)  # fmt: skip
"""Matches that always have options, by which they are known or not: `-m NAME` itself says nothing more."""

_NUMBERS = PROTOCOLS | {"esp": 50, "ah": 51, "gre": 47, "igmp": 2, "icmpv6": 58, "udplite": 136, "ospf": 89, "ipip": 4}

ICMP_TYPES = {
    "echo-reply": "0", "pong": "0", "destination-unreachable": "3", "network-unreachable": "3/0",
    "host-unreachable": "3/1", "protocol-unreachable": "3/2", "port-unreachable": "3/3", "fragmentation-needed": "3/4",
    "source-quench": "4", "redirect": "5", "echo-request": "8", "ping": "8", "router-advertisement": "9",
    "router-solicitation": "10", "time-exceeded": "11", "ttl-exceeded": "11", "parameter-problem": "12",
}  # fmt: skip
ICMP6_TYPES = {
    "destination-unreachable": "1", "no-route": "1/0", "address-unreachable": "1/3", "port-unreachable": "1/4",
    "packet-too-big": "2", "time-exceeded": "3", "ttl-exceeded": "3", "parameter-problem": "4", "echo-request": "128",
    "ping": "128", "echo-reply": "129", "pong": "129", "router-solicitation": "133", "router-advertisement": "134",
    "neighbour-solicitation": "135", "neighbor-solicitation": "135", "neighbour-advertisement": "136",
    "neighbor-advertisement": "136",
}  # fmt: skip


def protocol(text: str) -> str:
    """A protocol's number in digits, from its name or number; "0-255" for all."""
    if text in ("all", "0"):
        return "0-255"
    return str(_NUMBERS[text]) if text in _NUMBERS else text


def _device(text: str) -> str:
    return f"{text[:-1]}*" if text.endswith("+") else text


def _ranges(text: str) -> str:
    """A range as written, 10:20 with its ends left out meaning the first and the last."""
    low, colon, high = text.partition(":")
    return f"{low or 0}-{high or 65535}" if colon else text


_SIMPLE: dict[str, tuple[str, Callable[[str], str]]] = {
    "-s": ("src", str), "--source": ("src", str), "-d": ("dst", str), "--destination": ("dst", str),
    "-i": ("iif", _device), "-o": ("oif", _device), "-p": ("proto", protocol),
    "--sport": ("sport", _ranges), "--dport": ("dport", _ranges),
    "--icmp-type": ("icmp", lambda text: "0-255" if text == "any" else ICMP_TYPES.get(text, text)),
    "--icmpv6-type": ("icmp", lambda text: ICMP6_TYPES.get(text, text)),
    "--physdev-in": ("physin", _device), "--physdev-out": ("physout", _device),
    "--src-range": ("src", str), "--dst-range": ("dst", str),
    "--ctdir": ("ctdir", str.lower), "--pkt-type": ("pkttype", str.lower),
    "--ctorigsrc": ("ctsrc", str), "--ctorigdst": ("ctdst", str), "--ctproto": ("proto", protocol),
    "--ttl-eq": ("ttl", str), "--hl-eq": ("ttl", str),
    "--ttl-gt": ("ttl", lambda text: f"{int(text) + 1}-255"), "--hl-gt": ("ttl", lambda text: f"{int(text) + 1}-255"),
    "--ttl-lt": ("ttl", lambda text: f"0-{int(text) - 1}"), "--hl-lt": ("ttl", lambda text: f"0-{int(text) - 1}"),
}  # fmt: skip
"""Options with one word, which is one value."""

_LISTS: dict[str, tuple[str, Callable[[str], str]]] = {
    "--sports": ("sport", _ranges), "--source-ports": ("sport", _ranges), "--dports": ("dport", _ranges),
    "--destination-ports": ("dport", _ranges), "--ports": ("port", _ranges), "--ctstate": ("ctstate", str.lower),
    "--state": ("ctstate", str.lower), "--ctstatus": ("ctstatus", str.lower), "--src-type": ("srctype", str.lower),
    "--dst-type": ("dsttype", str.lower),
}  # fmt: skip
"""Options with one word that is a list with commas: any of it fits."""

_BARE = {"--physdev-is-in": ("in",), "--physdev-is-out": ("out",), "--physdev-is-bridged": ("in", "out")}


def read_rule(words: Sequence[str], chains: Collection[str]) -> tuple[tuple[Match, ...], tuple[Act, ...]]:
    """The matches and acts of a rule's words; `chains` are the chains of its table. Nothing is left out: what is not
    known becomes a match or an act that is `unknown`.
    """
    found: list[Match] = []
    left, negated, module = list(words), False, ""
    while left:
        word = left.pop(0)
        if word == "!":
            negated = True
            continue
        if word in ("-j", "-g"):
            return tuple(found), _target(word, left, chains)
        if word == "-m":
            module = left.pop(0) if left else ""
            if module not in _MODULES:
                found.append(_unknown("-m", module, *_arguments(left)))
            continue
        found += _option(word, left, negated, module)
        negated = False
    return tuple(found), ()


def _option(word: str, left: list[str], negated: bool, module: str) -> list[Match]:
    """One option with its arguments, which are taken from `left`."""
    if word == "--comment":
        left[:1] = []
        return []
    if word == "-f":
        return [Match("fragment", ("yes",), negated)]
    if word in _BARE:
        return [Match("bridged", (value,), negated) for value in _BARE[word]]
    if word == "--syn":
        return [Match("tcpflags", ("fin,syn,rst,ack syn",), negated)]
    arguments = _arguments(left)
    try:
        match = _known(word, arguments, negated, module)
    except ValueError:
        match = None
    return [match or _unknown(*(("!",) if negated else ()), word, *arguments)]


def _known(word: str, arguments: list[str], negated: bool, module: str) -> Match | None:
    if word == "--mark" and module == "mark" and len(arguments) == 1:
        return Match("mark", (arguments[0],), negated)
    if word == "--tcp-flags" and len(arguments) == 2:
        return Match("tcpflags", (" ".join(arguments).lower(),), negated)
    if word == "--match-set" and len(arguments) == 2:
        return None  # what is in an ipset is listed by another program
    if len(arguments) != 1:
        return None
    if word in _SIMPLE:
        key, read = _SIMPLE[word]
        return Match(key, (read(arguments[0]),), negated)
    if word in _LISTS:
        key, read = _LISTS[word]
        return Match(key, tuple(map(read, arguments[0].split(","))), negated)
    return None


def _arguments(left: list[str]) -> list[str]:
    """Take the words up to the next option."""
    taken: list[str] = []
    while left and left[0] != "!" and not (left[0].startswith("-") and not left[0][1:2].isdigit()):
        taken.append(left.pop(0))
    return taken


def _unknown(*words: str) -> Match:
    return Match(UNKNOWN, (" ".join(words),))


def _target(word: str, rest: Sequence[str], chains: Collection[str]) -> tuple[Act, ...]:
    """What -j NAME or -g NAME and the options after it do."""
    if not rest:
        return (Act(UNKNOWN, (word,)),)
    name, options = rest[0], list(rest[1:])
    if name in chains:
        return (Act("goto" if word == "-g" else "jump", (name,)),)
    if name in ("ACCEPT", "DROP", "RETURN"):
        return (Act(name.lower()),)
    if name in _HARMLESS:
        return (Act("note", (name,)),)
    read = _TARGETS.get(name)
    act = read(options) if read is not None else None
    return (act or Act(UNKNOWN, (f"{word} {' '.join(rest)}",)),)


def _after(options: list[str], *names: str) -> str | None:
    """The word after one of these options, or None."""
    return next((options[i + 1] for i, each in enumerate(options[:-1]) if each in names), None)


def _reject(options: list[str]) -> Act:
    return Act("reject", (_after(options, "--reject-with") or "icmp-port-unreachable",))


def _translate(kind: str, *names: str) -> Callable[[list[str]], Act | None]:
    def read(options: list[str]) -> Act | None:
        to = _after(options, *names)
        return Act(kind, endpoint(to)) if to is not None else None

    return read


def endpoint(text: str) -> tuple[str, str]:
    """ADDRESS:PORT, [ADDRESS]:PORT or one of the two, as the address and the port; what is missing is empty."""
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        return address, port.removeprefix(":")
    if text.count(":") > 1:
        return text, ""
    address, _, port = text.partition(":")
    return address, port


def _mark(options: list[str]) -> Act | None:
    value = _after(options, "--set-xmark", "--set-mark")
    if value is None:
        return Act("remark")
    number, _, mask = value.partition("/")
    return Act("mark", (number, mask or "0xffffffff"))


def _connmark(options: list[str]) -> Act:
    return Act("remark") if "--restore-mark" in options else Act("note", ("CONNMARK",))


def _ct(options: list[str]) -> Act:
    return Act("notrack") if "--notrack" in options else Act("note", ("CT",))


_TARGETS: dict[str, Callable[[list[str]], Act | None]] = {
    "REJECT": _reject,
    "DNAT": _translate("dnat", "--to-destination"),
    "SNAT": _translate("snat", "--to-source"),
    "MASQUERADE": lambda _: Act("masquerade"),
    "REDIRECT": lambda options: Act("redirect", (_after(options, "--to-ports") or "",)),
    "MARK": _mark,
    "CONNMARK": _connmark,
    "CT": _ct,
    "NOTRACK": lambda _: Act("notrack"),
}
