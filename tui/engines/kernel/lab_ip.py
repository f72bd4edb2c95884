"""`ip` and `sysctl` where this machine has neither: changes made and questions answered through netlink."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.core.commands import CommandError, meaning
from tui.core.query import Query, QueryError, parse_query
from tui.core.steps import Decision
from tui.engines.base import Run
from tui.engines.kernel.lab_channel import Channel
from tui.engines.kernel.lab_making import apply
from tui.engines.kernel.lab_runs import search_path
from tui.engines.netlink.asking import Answer, ask
from tui.engines.sim import Printed

if TYPE_CHECKING:
    from tui.engines.kernel import KernelLab

TOOLS = ("ip", "sysctl", "route", "netstat")
"""The programs that can be done without."""

_FLAGS = ("-4", "-6", "-j", "-json", "-d", "-details")


def without_ip(lab: KernelLab, channel: Channel, node: str, argv: Sequence[str]) -> Run | None:
    """The command done through netlink; None where the program is there, or is none of TOOLS, or is not understood."""
    if argv[0] not in TOOLS or shutil.which(argv[0], path=search_path()) is not None:
        return None
    try:
        change = meaning(argv)
    except CommandError as error:
        return Printed(argv, (f"Error: {error}",), 1)
    if change is not None:
        refused = apply(channel, node, change, lab.indexes(node))
        return Printed(argv, () if refused is None else (refused,), 0 if refused is None else 2)
    return _got(lab, node, argv) or _shown(lab, node, argv)


def _shown(lab: KernelLab, node: str, argv: Sequence[str]) -> Run | None:
    """A listing, printed from what netlink reads."""
    from tui.engines.sim.answers import answer  # late: printing is seldom needed

    found = lab.snapshot().node(node)
    printed = answer(found, argv) if found is not None else None
    return None if printed is None else Printed(argv, *printed)


def _got(lab: KernelLab, node: str, argv: Sequence[str]) -> Run | None:
    """`ip route get`, asked of the kernel."""
    words = [word for word in argv[1:] if word not in _FLAGS]
    if argv[0] != "ip" or len(words) < 3 or not ("route".startswith(words[0]) and words[1] == "get"):
        return None
    try:
        query = parse_query(" ".join(words[2:]))
    except QueryError as error:
        return Printed(argv, (f"Error: {error}",), 1)
    window = lab.window(node)
    try:
        found = ask(window, query)
        merged = window.tables().merged
    finally:
        window.close()
    if found.errno == "ENODEV":
        return Printed(argv, (found.message,), 1)
    if found.errno is not None:
        return Printed(argv, (f"RTNETLINK answers: {found.message}",), 2)
    lines = _got_lines(query, found, merged, "-j" in argv or "-json" in argv)
    return Printed(argv, lines, 0)


def _got_lines(query: Query, found: Answer, merged: bool | None, as_json: bool) -> Sequence[str]:
    from tui.engines.sim.got import got_json, got_lines  # late, as above

    table = found.table or "main"
    decision = Decision(found.type, found.route, found.dev, found.gateway, found.prefsrc, table)
    if as_json:
        return (json.dumps([got_json(query, decision, bool(merged))], separators=(",", ":")),)
    return got_lines(query, decision, bool(merged))
