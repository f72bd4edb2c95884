"""Changes made to a lab that is up: routes and switches in its nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.core.changes import Change, place, placed
from tui.core.commands import CommandError, meaning
from tui.core.world import World
from tui.engines.base import EngineError, Making
from tui.engines.kernel.lab_channel import Channel
from tui.engines.kernel.lab_making import apply
from tui.engines.kernel.namespaces import IN_NAMESPACE
from tui.engines.sim import Printed

if TYPE_CHECKING:
    from tui.engines.kernel import KernelLab

REFUSED = 2
"""The code of `ip` where the kernel refuses."""


def make(lab: KernelLab, channel: Channel, change: Change, world: World) -> Making:
    """One change that is not Several."""
    ((node, argv), *_) = placed(change, world)
    if place(change) is None or node is None:
        raise EngineError("A kernel lab cannot do that yet.")
    try:
        wanted = meaning(argv)
    except CommandError as error:
        raise EngineError(str(error)) from None
    if wanted is None:
        raise EngineError(f"{' '.join(argv)!r} changes nothing.")
    refused = apply(channel, lab.place(node), wanted, lab.indexes(node))
    return Printed(argv, () if refused is None else (refused,), 0 if refused is None else REFUSED, IN_NAMESPACE)
