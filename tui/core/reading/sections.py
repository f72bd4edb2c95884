"""What a command line shows, by its words: routes of which family and table, rules, addresses, sysctls, or nothing.

`ip` takes its objects and verbs abbreviated, as ip(8) does: `ip r`, `ip -6 ro sh ta all`, `ip a s dev eth0`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

KNOWN = frozenset(
    """ip route netstat ifconfig sysctl cat grep head less more docker podman sudo doas busybox nsenter ssh env time
    command kubectl docker-compose podman-compose nerdctl lxc incus exit logout""".split()  # noqa: SIM905
)
"""Commands that show what a transcript is read for, or run one that does."""

FOREIGN = frozenset(
    """ls ping ping6 traceroute traceroute6 tracepath mtr curl wget arp arping hostname uname id whoami pwd cd echo date
    ps ss iptables ip6tables iptables-save nft tcpdump dig nslookup host vi vim nano apt apt-get yum dnf apk systemctl
    journalctl dmesg clear history export sleep kill top free df mount lsmod modprobe bridge brctl ethtool tc conntrack
    nmap telnet nc ncat su make git vtysh show man which find touch rm cp mv mkdir chmod chown resolvectl nmcli watch
    printf set unset source exec lsns iperf iperf3 wg ovs-vsctl birdc""".split()  # noqa: SIM905
)
"""Commands whose output has nothing to do with tables, and is skipped."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a command prints. `kind`: routes, rules, links, sysctls, get, foreign (nothing of use), unknown, or shell.

    `node` and `place` name where it ran, when the command says so (`docker exec NODE`: container; `ip netns exec NODE`:
    namespace). `family` is 4 or 6 where it was asked for. `table` is what routes belong to that name none; `every`
    means `table all`, `whole` that nothing was filtered out. `dev` is a device that the listing omits. `topics` are
    what links told: addresses, links. `names` are the sysctls that `cat` or `sysctl -n` printed bare.
    """

    kind: str
    node: str | None = None
    place: str = ""
    family: int | None = None
    table: str = "main"
    every: bool = False
    whole: bool = True
    dev: str | None = None
    topics: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


UNKNOWN, FOREIGN_OUTPUT = Shown("unknown"), Shown("foreign")


def shown_by(words: Sequence[str]) -> Shown:
    """What a command line, split into words, shows, looking through wrappers such as `sudo` and `docker exec NAME`."""
    if not words:
        return FOREIGN_OUTPUT
    name, rest = words[0].rpartition("/")[2], list(words[1:])
    reader = _COMMANDS.get(name)
    if reader is not None:
        return reader(rest)
    if "=" in name and rest:  # VARIABLE=value command
        return shown_by(rest)
    return FOREIGN_OUTPUT if name in FOREIGN else UNKNOWN


def _through(words: list[str]) -> Shown:
    """sudo, env, time, busybox: their options, then the command."""
    while words and (words[0].startswith("-") or "=" in words[0]):
        words = words[2:] if words[0] in ("-u", "-g") else words[1:]
    return shown_by(words)


_EXEC_VALUES = ("-u", "--user", "-e", "--env", "-w", "--workdir", "--env-file", "--index", "-n", "-c", "--namespace")


def _engine(words: list[str]) -> Shown:
    """docker, podman, docker compose, kubectl, lxc: `... exec [options] NAME [--] command`."""
    words = [word for word in words if word not in ("compose", "container")]
    if not words or words[0] != "exec":
        return FOREIGN_OUTPUT
    return _inside(words[1:], "container")


def _ssh(words: list[str]) -> Shown:
    """`ssh [user@]HOST command`."""
    return _inside(words, "machine")


def _nsenter(words: list[str]) -> Shown:
    """`nsenter -t PID -n command`, `nsenter --net=/run/netns/NAME command`."""
    name = next((word.rpartition("/")[2] for word in words if "netns/" in word), None)
    at = next((index for index, word in enumerate(words) if word.rpartition("/")[2] in KNOWN), len(words))
    shown = shown_by(words[at:])
    return replace(shown, node=name, place="namespace") if name and shown.node is None else shown


def _inside(words: list[str], place: str) -> Shown:
    while words and words[0].startswith("-"):
        words = words[2:] if words[0] in _EXEC_VALUES else words[1:]
    if not words:
        return FOREIGN_OUTPUT
    name, rest = words[0].rpartition("@")[2].removeprefix("pod/"), words[1:]
    if rest[:1] == ["--"]:
        rest = rest[1:]
    shown = shown_by(rest) if rest else Shown("shell")
    return shown if shown.node is not None else replace(shown, node=name, place=place)


def _shell(words: list[str]) -> Shown:
    """`sh -c "ip route"`, or a shell to type into."""
    for option, value in pairwise(words):
        if option.endswith("c") and option.startswith("-"):
            parts = value.replace("&&", ";").split(";")
            return shown_by(parts[0].split()) if len(parts) == 1 else UNKNOWN
    return Shown("shell")


_FAMILIES = {"inet": 4, "inet6": 6, "4": 4, "6": 6}
_OPTION_VALUES = ("-rc", "-rcvbuf", "-l", "-loops", "-b", "-batch")


def _ip(words: list[str]) -> Shown:
    family: int | None = None
    node: str | None = None
    while words and words[0].startswith("-"):
        option = "-" + words[0].lstrip("-")
        if option in ("-4", "-6"):
            family = int(option[1])
        elif option in ("-f", "-family"):
            family = _FAMILIES.get("".join(words[1:2]))
            words = words[1:]
        elif option in ("-n", "-net", "-netns"):
            node = "".join(words[1:2])
            words = words[1:]
        elif option in _OPTION_VALUES:
            words = words[1:]
        words = words[1:]
    if not words:
        return FOREIGN_OUTPUT
    thing, rest = words[0], words[1:]
    if _short(thing, "netns", 3) and rest[:1] and _short(rest[0], "exec"):
        return _inside(rest[1:], "namespace")
    read = next((read for name, read in _OBJECTS if _short(thing, name)), None)
    shown = read(rest, family) if read is not None else FOREIGN_OUTPUT
    return replace(shown, node=node, place="namespace") if node else shown


def _short(word: str, whole: str, least: int = 1) -> bool:
    return len(word) >= least and whole.startswith(word)


def _verb(words: list[str]) -> list[str] | None:
    """The words after show or list; None where the verb changes something, and nothing is shown."""
    if not words:
        return []
    if any(_short(words[0], verb) for verb in ("show", "list", "lst")) or words[0] == "ls":
        return words[1:]
    return None


def _ip_route(words: list[str], family: int | None) -> Shown:
    if words and _short(words[0], "get"):
        return Shown("get")
    rest = _verb(words)
    if rest is None:
        return FOREIGN_OUTPUT
    shown = Shown("routes", family=family)
    at = 0
    while at < len(rest):
        word, value = rest[at], "".join(rest[at + 1 : at + 2])
        if word == "cache":
            return FOREIGN_OUTPUT
        if _short(word, "table", 1) and value:
            every = value in ("all", "0", "unspec")
            shown = replace(shown, every=every, table="main" if every else value)
        elif word in ("dev", "oif", "iif") and value:
            shown = replace(shown, dev=value if word != "iif" else None, whole=False)
        else:
            shown = replace(shown, whole=False)
        at += 2
    return shown


def _ip_rule(words: list[str], family: int | None) -> Shown:
    rest = _verb(words)
    return FOREIGN_OUTPUT if rest is None else Shown("rules", family=family, whole=not rest)


def _ip_address(words: list[str], family: int | None) -> Shown:
    rest = _verb(words)
    if rest is None:
        return FOREIGN_OUTPUT
    whole = not rest
    topics = ("addresses", "links") if family is None else ("addresses",)
    return Shown("links", family=family, whole=whole, topics=topics if whole else ())


def _ip_link(words: list[str], family: int | None) -> Shown:
    rest = _verb(words)
    if rest is None:
        return FOREIGN_OUTPUT
    return Shown("links", family=family, whole=not rest, topics=() if rest else ("links",))


_OBJECTS = (("address", _ip_address), ("route", _ip_route), ("rule", _ip_rule), ("link", _ip_link))
"""In the order in which `ip` tries them, so that `ip r` is route."""


def _route(words: list[str]) -> Shown:
    """`route -n`, `route -A inet6`, `netstat -rn`; `route add` shows nothing."""
    if any(word in ("add", "del", "delete", "flush") for word in words):
        return FOREIGN_OUTPUT
    six = any(word in ("-6", "--inet6", "inet6", "-6n") for word in words)
    return Shown("routes", family=6 if six else 4)


def _netstat(words: list[str]) -> Shown:
    flags = "".join(word.lstrip("-") for word in words if word.startswith("-") and not word.startswith("--"))
    return _route(words) if "r" in flags or "--route" in words else FOREIGN_OUTPUT


def _ifconfig(words: list[str]) -> Shown:
    names = [word for word in words if not word.startswith("-")]
    if len(names) > 1:
        return FOREIGN_OUTPUT
    return Shown("links", whole=not names, topics=() if names else ("addresses", "links"))


def _sysctl(words: list[str]) -> Shown:
    names = tuple(word.partition("=")[0] for word in words if not word.startswith("-"))
    bare = any(word.startswith("-") and "n" in word and not word.startswith("--") for word in words)
    return Shown("sysctls", names=names if bare else ())


_PROC = {"route": Shown("routes", family=4), "ipv6_route": Shown("routes", family=6)}
_PROC |= {"fib_trie": Shown("routes", family=4, whole=False), "if_inet6": Shown("links", whole=False)}


def _files(words: list[str]) -> Shown:
    """`cat /proc/net/route`, `cat /proc/sys/net/...`, `grep . /proc/sys/...`."""
    paths = [word for word in words if word.startswith("/proc/")]
    if paths and all(path.startswith("/proc/sys/") for path in paths):
        return Shown("sysctls", names=tuple(path for path in paths if "*" not in path))
    if len(paths) == 1 and "/net/" in paths[0]:
        return _PROC.get(paths[0].rpartition("/")[2], FOREIGN_OUTPUT)
    return UNKNOWN if paths else FOREIGN_OUTPUT


_COMMANDS: dict[str, Callable[[list[str]], Shown]] = {
    "ip": _ip,
    "route": _route,
    "netstat": _netstat,
    "ifconfig": _ifconfig,
    "sysctl": _sysctl,
    "nsenter": _nsenter,
    "ssh": _ssh,
    **dict.fromkeys(("cat", "grep", "head", "less", "more"), _files),
    **dict.fromkeys(("sudo", "doas", "env", "time", "command", "busybox"), _through),
    **dict.fromkeys(("sh", "bash", "ash", "dash", "zsh"), _shell),
    **dict.fromkeys(
        ("docker", "podman", "kubectl", "docker-compose", "podman-compose", "nerdctl", "lxc", "incus"), _engine
    ),
    **dict.fromkeys(("exit", "logout"), lambda _words: Shown("shell", place="end")),
}
