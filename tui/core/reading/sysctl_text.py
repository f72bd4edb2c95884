"""Sysctls as they are printed: `sysctl -a`, `sysctl NAME`, and the files below /proc/sys with their values."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tui.core.reading import SysctlReading, lines_of
from tui.core.reading.prompts import is_prompt

_ROOT = "/proc/sys/"
_LINE = re.compile(r"^\s*((?:/proc/sys/)?[a-z][\w.:@/-]*[./][\w.:@/*-]+)\s*(?:=|:)\s*(.*?)\s*$")
_NUMBER = re.compile(r"^-?\d{1,10}$")
_AREAS = ("net", "kernel", "vm", "fs", "dev", "user", "debug", "abi", "crypto", "sunrpc", "xen", "fscache")


def is_sysctl(line: str) -> bool:
    """Whether a line is `net.ipv4.ip_forward = 1`, with dots or slashes, or `/proc/sys/net/ipv4/ip_forward:1`."""
    match = _LINE.match(line)
    return bool(match) and bool(match and re.split(r"[./]", sysctl_name(match[1]))[0] in _AREAS)


def sysctl_name(text: str) -> str:
    """The dotted name that `sysctl` prints: a path is turned round, so that a dot in a device name becomes a slash.

    `/proc/sys/net/ipv4/conf/eth0.5/rp_filter` and `net/ipv4/conf/eth0.5/rp_filter` are
    `net.ipv4.conf.eth0/5.rp_filter` (sysctl(8), "variable").
    """
    text = text.removeprefix(_ROOT)
    first = re.search(r"[./]", text)
    return text.translate({ord("."): "/", ord("/"): "."}) if first and first[0] == "/" else text


def read_sysctls(text: str, names: Iterable[str] = ()) -> SysctlReading:
    """Read lines of `sysctl`, of `grep . FILES`, or bare values in the order of `names` (paths given to `cat`).

    Sysctls outside net.*, and those that are no single number, are understood and left out.
    """
    found: dict[str, int] = {}
    unread: list[str] = []
    waiting = [sysctl_name(name) for name in names]
    for line in lines_of(text):
        match = _LINE.match(line)
        if match and is_sysctl(line):
            name, value = sysctl_name(match[1]), match[2]
        elif waiting and line.strip() and not is_prompt(line):
            name, value = waiting.pop(0), line.strip()
            unread += [line] if value.startswith("cat: ") else []
        else:
            unread += [line] if line.strip() and not is_prompt(line) else []
            continue
        if name.startswith("net.") and _NUMBER.match(value):
            found[name] = int(value)
    return SysctlReading(tuple(sorted(found.items())), tuple(unread))
