"""A namespace's packet filters, read by the programs of this machine that know them; unchanged ones are not read again.

iptables has two kinds, over nf_tables and the older one (legacy), which a machine may use side by side: each is read by
its own program. What else there is in nf_tables is read by `nft`. Asking whether anything changed needs no program.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tui.core.firewall.iptables import HOOKS, read_save
from tui.core.firewall.nft import read_ruleset
from tui.core.firewall.values import Ruleset, Table
from tui.engines.base import Run
from tui.engines.netlink.filter_tables import Ask, generation, tables

SECONDS = 2.0
"""What a program may take before it is ended, and its tables count as unread."""

_SAVE = {"ip": "iptables", "ip6": "ip6tables"}

Start = Callable[[Sequence[str]], Run]
"""Starts a command of this machine in the namespace."""


PERHAPS = "perhaps"
_NAMES = ("ip_tables_names", "ip6_tables_names")


def legacy_here() -> str:
    """PERHAPS where this machine's kernel has the older iptables at all: then every namespace may use it."""
    return PERHAPS if Path("/proc/net", _NAMES[0]).exists() else ""


def legacy_in(folder: Path) -> str:
    """The names of the older iptables' tables, from the files of a folder such as /proc/PID/net; "" for none."""
    found = ""
    for name in _NAMES:
        with contextlib.suppress(OSError):
            found += (folder / name).read_text()
    return found


class FilterReader:
    """Reads one namespace."""

    def __init__(
        self, ask: Ask, start: Start, legacy: Callable[[], str], made: Callable[[], Table] | None = None
    ) -> None:
        """`legacy` gives the names of the older kind's tables there, "" for none. PERHAPS says that they are not known:
        then they are looked for when a reading is to be fresh.

        `made` gives a table that routetui itself made there: it is known where there is no `nft` to read it.
        """
        self._ask, self._start, self._legacy, self._made = ask, start, legacy, made
        self._last: tuple[tuple[int, str], Ruleset] | None = None

    def read(self, *, counters: bool = False, fresh: bool = False, programs: bool = True) -> Ruleset | None:
        """The filters now; None where they may not be read, or where that would need `programs` that are not allowed.

        `counters` reads them anew, with what they count.
        """
        try:
            state = (generation(self._ask), self._legacy())
            # The older kind has no generation: where it is in use, it is read each time.
            older = bool(state[1]) and (state[1] != PERHAPS or fresh or counters)
            if self._last is not None and self._last[0] == state and not counters and not older:
                return self._last[1]
            there = tables(self._ask)
        except OSError:
            return None
        if (there or older) and not programs:
            return None
        found = self._rules(there, older, counters)
        if not counters:
            self._last = (state, found)
        return found

    def _rules(self, there: frozenset[tuple[str, str]], legacy: bool, counters: bool) -> Ruleset:
        read: list[Table] = []
        unread: list[str] = []
        families = [family for family in _SAVE if any(each[0] == family and each[1] in HOOKS for each in there)]
        for family in families:
            self._save(family, "nft", counters, read, unread)
        for family in _SAVE if legacy else ():
            self._save(family, "legacy", counters, read, unread)
        known = {(each.family, each.name) for each in read if each.origin == "iptables"}
        if there - known:
            read += self._by_nft(there - known, unread)
        return Ruleset(tuple(read) if counters else tuple(map(_uncounted, read)), tuple(unread))

    def _save(self, family: str, kind: str, counters: bool, read: list[Table], unread: list[str]) -> None:
        """One family of one kind of iptables, onto what was read."""
        for program in (f"{_SAVE[family]}-{kind}-save", f"{_SAVE[family]}-save"):
            if shutil.which(program) is None:
                continue
            text = self._output([program, *(["-c"] if counters else [])])
            first = text.partition("\n")[0] if text else ""
            if text is None or (program.endswith("s-save") and ("nf_tables" in first) is not (kind == "nft")):
                continue
            found, lines = read_save(text, family, "iptables" if kind == "nft" else "iptables-legacy")
            read += found
            unread += [f"{program} printed what was not understood: {line}" for line in lines]
            return
        if kind == "legacy":
            unread.append(f"the tables of {_SAVE[family]} ({kind}) were not read: there is no program for them here")

    def _by_nft(self, wanted: frozenset[tuple[str, str]], unread: list[str]) -> list[Table]:
        text = self._output(["nft", "-j", "list", "ruleset"], "") if shutil.which("nft") else None
        if text is None and self._made is not None:
            own = self._made()
            if wanted == {(own.family, own.name)}:
                return [own]
        names = ", ".join(" ".join(each) for each in sorted(wanted))
        try:
            found = read_ruleset(text[text.index("{") :]) if text is not None else None
        except ValueError:
            found = None
        if found is None:
            unread.append(f"the nf_tables table {names} was not read: that needs the program nft")
            return []
        return [each for each in found if (each.family, each.name) in wanted]

    def _output(self, argv: Sequence[str], between: str = "\n") -> str | None:
        """What a program prints, None where it fails or takes too long; a very long line may come in pieces."""
        run = self._start(argv)
        bell = threading.Timer(SECONDS, run.close)
        bell.daemon = True
        bell.start()
        try:
            text = between.join(run)
        finally:
            bell.cancel()
            run.close()
        return text if run.code == 0 else None


def _uncounted(table: Table) -> Table:
    chains = tuple(
        replace(chain, rules=tuple(replace(rule, packets=None) for rule in chain.rules)) for chain in table.chains
    )
    return replace(table, chains=chains)
