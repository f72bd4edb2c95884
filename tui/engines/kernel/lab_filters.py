"""The packet filters of a lab's nodes, read where they are; the table that keeps its bridges apart is known anyway."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from tui.core.firewall.values import Act, Chain, FilterRule, Match, Ruleset, Table
from tui.engines.base import Run
from tui.engines.filter_reading import FilterReader, legacy_here
from tui.engines.kernel.isolation import FIRST, SECOND, TABLE
from tui.engines.kernel.lab_channel import Channel
from tui.engines.kernel.lab_runs import start_run
from tui.engines.netlink.filter_tables import NETFILTER


class LabFilters:
    """Reads them, node by node."""

    def __init__(self, channel: Channel, bridges: Callable[[], Sequence[str]]) -> None:
        """`bridges` are the host's bridges that are kept apart, as they are now."""
        self._channel = channel
        self._bridges = bridges
        self._readers: dict[str, FilterReader] = {}

    def read(self, node: str, *, counters: bool = False, fresh: bool = False) -> Ruleset | None:
        """The filters of a node now, None where they may not be read; see FilterReader.read."""
        if node not in self._readers:
            self._readers[node] = FilterReader(
                partial(self._ask, node), partial(self._start, node), legacy_here, lambda: isolating(self._bridges())
            )
        return self._readers[node].read(counters=counters, fresh=fresh)

    def forget(self) -> None:
        """Nodes were made or removed: one of the same name may be another."""
        self._readers.clear()

    def _ask(self, node: str, question: bytes) -> bytes:
        return self._channel.ask("send", question, node=node, protocol=NETFILTER)[1]

    def _start(self, node: str, argv: Sequence[str]) -> Run:
        return start_run(self._channel, node, argv)


def isolating(bridges: Sequence[str]) -> Table:
    """The table that tui.engines.kernel.isolation makes, as `nft` would list it."""
    first, second = [], []
    for name in bridges:
        came, stays, goes = Match("iif", (name,)), Match("oif", (name,), True), Match("oif", (name,))
        text = f'iifname "{name}" oifname != "{name}" jump {SECOND}'
        first.append(FilterRule(text, (came, stays), (Act("jump", (SECOND,)),)))
        second.append(FilterRule(f'oifname "{name}" drop', (goes,), (Act("drop"),)))
    chains = (Chain(FIRST, tuple(first), "forward"), Chain(SECOND, tuple(second)))
    return Table("inet", TABLE, chains)
