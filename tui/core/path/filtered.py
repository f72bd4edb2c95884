"""What the filters of one node said of a packet, and what is known of it from then on."""

from __future__ import annotations

from dataclasses import dataclass

from tui.core.firewall.flight import Connection, Flight
from tui.core.path.hops import Packet


@dataclass(frozen=True, slots=True)
class Passage:
    """A packet on its way: what it carries, the entries of connection tracking that it left on nodes behind it, and how
    the filters of the node where it is know it (None: they were not asked yet).
    """

    packet: Packet
    tracked: tuple[Connection, ...] = ()
    flight: Flight | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a packet passes: True, False, or None where nobody can say. `rule` decides, `reason` is a sentence.

    `model` tells that a model decided, not the rules. `answer` is what a REJECT sends, as iptables names it. `after` is
    the packet behind the filters, None where they leave it as it is.
    """

    passes: bool | None
    rule: str = ""
    reason: str = ""
    model: bool = False
    answer: str = ""
    after: Passage | None = None


PASSES = Verdict(True)
