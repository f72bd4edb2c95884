"""Which commands only look: they change no route, switch, file or link, however they are abbreviated."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tui.core.probes.dialects import only_connects

Words = Sequence[str]

_LOOKS = ("show", "sho", "sh", "list", "lis", "li", "lst", "ls", "get")
"""What `ip OBJECT` and `bridge OBJECT` may be told. Of shorter forms those that fit one alone: `ip link s` sets."""

_OBJECTS = (
    *("address", "addrlabel", "maddress", "route", "rule", "neighbor", "neighbour", "ntable", "link", "tunnel"),
    *("tuntap", "token", "tcpmetrics", "tcp_metrics", "monitor", "mroute", "mrule", "netns", "netconf", "vrf"),
    *("nexthop", "stats", "fdb", "mdb", "vlan", "help"),
)
_WITH_VALUE = ("-f", "-family", "-n", "-netns", "-l", "-loops", "-rc", "-rcvbuf")
_BATCH = ("-b", "-ba", "-bat", "-batc", "-batch", "-force")


def changes_nothing(argv: Words) -> bool:
    """Whether the command is known to change nothing where it runs. A program that is not known may change anything.

    Probes (ping, traceroute) send packets, which is no change. The rules are those of each program's man page.
    """
    if not argv:
        return False
    if only_connects(argv):
        return True
    program, words = argv[0].rpartition("/")[2], argv[1:]
    if program == "busybox":
        return changes_nothing(words)
    judge = _PROGRAMS.get(program)
    return judge is not None and judge(words)


def _anything(_: Words) -> bool:
    return True


def _ip(words: Words) -> bool:
    """ip-link(8) and its like: `ip [OPTIONS] OBJECT [COMMAND]`; without a command they list."""
    rest = list(words)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option.replace("--", "-") in _BATCH:
            return False
        if option in _WITH_VALUE and rest:
            rest.pop(0)
    if not rest:
        return True
    if not any(each.startswith(rest[0]) for each in _OBJECTS):
        return False
    return len(rest) == 1 or rest[0] in ("monitor", "help") or rest[1] in (*_LOOKS, "help")


def _only(*options: str, words: int = 0) -> Callable[[Words], bool]:
    """These options, and so many words at most that are none."""

    def judge(given: Words) -> bool:
        plain = [each for each in given if not each.startswith("-")]
        return len(plain) <= words and all(each in options for each in given if each.startswith("-"))

    return judge


def _without(letters: str, *options: str) -> Callable[[Words], bool]:
    """No short option of these letters, alone or among others, and none of the long ones, abbreviated or not."""

    def harmless(word: str) -> bool:
        if word.startswith("--"):
            name = word.partition("=")[0]
            return not any(each.startswith(name) for each in options)
        return not (word.startswith("-") and set(word) & set(letters))

    return lambda given: all(map(harmless, given))


def _sysctl(words: Words) -> bool:
    """sysctl(8): a name with = is set, with and without -w."""
    options = ("-n", "-e", "-N", "-a", "-A", "-X", "-b", "--values", "--names", "--all", "--ignore")
    return not any("=" in each for each in words) and _only(*options, words=len(words))(words)


def _tcpdump(words: Words) -> bool:
    """tcpdump(8): packets may be written to standard output (-w -), not to a file, and no program is run for one."""
    ends = " ".join(words).replace(" -w - ", " ").removesuffix(" -w -").removeprefix("-w - ").split(" ")
    return _without("wz", "--postrotate-command")(ends)


def _iptables(words: Words) -> bool:
    """iptables(8): -L and -S list; -Z among them sets counters to zero."""
    return bool({"-L", "-S", "--list", "--list-rules", "-nL", "-vnL", "-nvL"} & set(words)) and all(
        each in _LISTING or not each.startswith("-") for each in words
    )


_LISTING = (
    *("-L", "-S", "-n", "-v", "-x", "-t", "-w", "-nL", "-vnL", "-nvL", "-nv", "-vn"),
    *("--list", "--list-rules", "--numeric", "--verbose", "--exact", "--table", "--wait", "--line-numbers"),
)


def _nft(words: Words) -> bool:
    """nft(8): only `list`."""
    plain = [each for each in words if not each.startswith("-")]
    return plain[:1] == ["list"] and not {";", "-f", "--file"} & set(words) and not any(";" in each for each in words)


_PROGRAMS: dict[str, Callable[[Words], bool]] = {
    "ip": _ip,
    "bridge": _ip,
    "sysctl": _sysctl,
    "tcpdump": _tcpdump,
    "ss": _without("KD", "--kill", "--diag"),
    "route": _only("-n", "-e", "-ee", "-ne", "-en", "-nee", "-v", "-4", "-6"),
    "arp": _only("-a", "-n", "-an", "-na", "-e", "-v", words=1),
    "ifconfig": _only("-a", "-s", "-v", words=1),
    "hostname": _only("-I", "-i", "-f", "-s", "-d", "-A"),
    **dict.fromkeys(("iptables", "ip6tables"), _iptables),
    **dict.fromkeys(("iptables-save", "ip6tables-save"), _only("-c", "--counters")),
    "nft": _nft,
    **dict.fromkeys(
        (
            *("ping", "ping6", "traceroute", "traceroute6", "tracepath", "tracepath6", "mtr", "netstat"),
            *("cat", "head", "tail", "grep", "ls", "uname", "id", "true", "getent", "nslookup"),
        ),
        _anything,
    ),
}
