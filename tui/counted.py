"""Which rules of packet filters dropped packets while a probe ran: their counters before and after, as evidence."""

from __future__ import annotations

from tui.core.firewall.evidence import Rise, rose
from tui.core.firewall.values import Ruleset
from tui.core.world import World
from tui.engines.base import Counts, Engine, EngineError


class Counters:
    """The counters of every node that is known to have rules, read when this is made; `drops` reads them again."""

    def __init__(self, engine: Engine, world: World) -> None:
        self._engine = engine
        self._nodes = [each.name for each in world.nodes if each.filters is not None and any(each.filters.rules())]
        self._before = {name: self._read(name) for name in self._nodes}

    def _read(self, node: str) -> Ruleset | None:
        """None where the engine counts nothing there, or it cannot be read now: then there is no evidence."""
        if not isinstance(self._engine, Counts):
            return None
        try:
            return self._engine.filters(node)
        except EngineError:
            return None

    def drops(self) -> tuple[tuple[str, Rise], ...]:
        """The rules that dropped or rejected packets since, each with its node; other traffic is counted too."""
        found = []
        for node in self._nodes:
            before = self._before[node]
            after = self._read(node) if before is not None else None
            if before is not None and after is not None:
                found += [(node, each) for each in rose(before, after) if each.drops]
        return tuple(found)


def phrase(node: str, rise: Rise) -> str:
    """`host dropped 2 packets meanwhile: INPUT -s 172.19.0.2/32 -j DROP`."""
    return f"{node} dropped {rise.packets} packet{'s' if rise.packets > 1 else ''} meanwhile: {rise.text}"
