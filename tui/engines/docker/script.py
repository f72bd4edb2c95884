"""The one command that shows a container's tables by whatever it has: `ip -j`, `ip`, BusyBox, or /proc alone."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

from tui.core.sysctls import ALL_NAMES, DEVICE_DEFAULTS, GLOBAL_DEFAULTS

SECONDS = 9
"""How long each of its commands may take, where the container has `timeout`."""

_SCRIPT = """
token=$1
limit=
timeout {seconds} true 2>/dev/null && limit='timeout {seconds}'
ask() {{ echo "$token $1"; shift; $limit "$@" 2>/dev/null; code=$?; echo; echo "$token = $code"; }}
show() {{
    [ -r "$2" ] || return
    echo "$token $1"
    if command -v cat >/dev/null 2>&1; then cat "$2"; else while IFS= read -r line; do echo "$line"; done <"$2"; fi
    echo; echo "$token = 0"
}}
case "$($limit ip -j addr 2>/dev/null)" in
"["*)
    ask addresses.json ip -j -d addr
    ask routes4.json ip -j -4 route show table all
    ask routes6.json ip -j -6 route show table all
    ask rules4.json ip -j -4 rule
    ask rules6.json ip -j -6 rule
    ;;
*)
    if command -v ip >/dev/null 2>&1; then
        ask addresses.text ip addr
        ask routes4.text ip -4 route show table all
        ask routes6.text ip -6 route show table all
        ask rules4.text ip -4 rule
        ask rules6.text ip -6 rule
    fi
    for file in route if_inet6 dev; do show "$file" "/proc/net/$file"; done
    ;;
esac
for file in fib_trie ipv6_route; do show "$file" "/proc/net/$file"; done
show status /proc/self/status
files=
list() {{ [ -r "$1" ] && files="$files $1"; }}
for name in {globals}; do list "/proc/sys/$name"; done
{loops}
set -f
ask sysctls sh -c 'for file; do echo "$file"; done; cat "$@"' sh $files
echo "$token end"
"""
_LOOP = """for device in /proc/sys/net/ipv{family}/conf/*; do
    case $device in */default) continue ;; */all) names='{common}' ;; *) names='{names}' ;; esac
    for name in $names; do list "$device/$name"; done
done"""

_NUMBER = re.compile(r"-?\d{1,10}")


def script() -> str:
    """The script, for `sh -c SCRIPT sh TOKEN`; POSIX, and it needs nothing but the shell itself."""
    loops = (
        _LOOP.format(family=family, common=" ".join(ALL_NAMES[family]), names=" ".join(DEVICE_DEFAULTS[family]))
        for family in (4, 6)
    )
    return _SCRIPT.format(
        seconds=SECONDS,
        globals=" ".join(name.replace(".", "/") for name in GLOBAL_DEFAULTS),
        loops="\n".join(loops),
    )


def new_token() -> str:
    """A word that no output holds by chance: it marks where each part begins and ends."""
    return f"--{secrets.token_hex(8)}"


@dataclass(slots=True)
class Printed:
    """What a container printed: the text of each part that ended well; whether the script reached its end."""

    parts: dict[str, str] = field(default_factory=dict)
    complete: bool = False


def split(output: str, token: str) -> Printed:
    """Take the script's output apart. A part whose command failed, or that was cut off, is left out."""
    printed = Printed()
    name, lines = "", []
    for line in output.split("\n"):
        if not line.startswith(token):
            lines.append(line)
            continue
        words = line.split()[1:]
        if words == ["end"]:
            printed.complete = True
        elif words[:1] == ["="]:
            if words[1:] == ["0"] and name:
                printed.parts[name] = "\n".join(lines)
            name = ""
        else:
            name = " ".join(words)
        lines = []
    return printed


def sysctls(text: str) -> tuple[tuple[str, int], ...] | None:
    """The part `sysctls`, paths and then their numbers, as Node.sysctls has them; None where they do not match up."""
    lines = text.split()
    paths, numbers = lines[: len(lines) // 2], lines[len(lines) // 2 :]
    if not all(path.startswith("/proc/sys/") for path in paths) or not all(map(_NUMBER.fullmatch, numbers)):
        return None
    names = (path.removeprefix("/proc/sys/").split("/") for path in paths)
    return tuple(
        sorted(
            (".".join(part.replace(".", "/") for part in name), int(number))
            for name, number in zip(names, numbers, strict=False)
        )
    )


ALONE: tuple[tuple[str, tuple[str, ...]], ...] = (
    *((name, ("cat", f"/proc/net/{name}")) for name in ("route", "if_inet6", "dev", "fib_trie", "ipv6_route")),
    ("status", ("cat", "/proc/self/status")),
    ("addresses.json", ("ip", "-j", "-d", "addr")),
    *((f"routes{family}.json", ("ip", "-j", f"-{family}", "route", "show", "table", "all")) for family in (4, 6)),
    *((f"rules{family}.json", ("ip", "-j", f"-{family}", "rule")) for family in (4, 6)),
)
"""The commands that show the same parts one by one, where there is no shell."""
