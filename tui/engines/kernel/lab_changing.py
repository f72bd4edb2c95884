"""Changes made to a lab that is up: routes and switches in its nodes, and networks, nodes and links themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.core.changes import Change, ChangeRefused, apply, place, placed
from tui.core.commands import CommandError, meaning
from tui.core.world import World
from tui.engines.base import EngineError, Making
from tui.engines.kernel import lab_making
from tui.engines.kernel.lab_rebuilding import Rebuilding
from tui.engines.kernel.namespaces import IN_NAMESPACE
from tui.engines.making import REFUSED
from tui.engines.netlink.sockets import refusal
from tui.engines.sim import Printed

if TYPE_CHECKING:
    from tui.engines.kernel import KernelLab

ON_KERNEL = "on the lab's kernel, by netlink"


def make(lab: KernelLab, change: Change, world: World) -> Making:
    """One change that is not Several: what it came to."""
    (node, argv), *_ = placed(change, world)
    if place(change) is not None:
        refused = _inside(lab, node or "", argv)
        return Printed(argv, () if refused is None else (refused,), 0 if refused is None else REFUSED, IN_NAMESPACE)
    with lab.changing:
        now = lab.snapshot()
        try:
            after = apply(change, now)
        except ChangeRefused as error:
            return Printed(argv, (error.words or str(error),), 1, ON_KERNEL)
        try:
            Rebuilding(lab, now, after).make(change)
        except OSError as error:
            return Printed(argv, (refusal(error),), 1, ON_KERNEL)
    return Printed(argv, (), 0, ON_KERNEL)


def _inside(lab: KernelLab, node: str, argv: tuple[str, ...]) -> str | None:
    """A command in a node's namespace."""
    try:
        wanted = meaning(argv)
    except CommandError as error:
        raise EngineError(str(error)) from None
    if wanted is None:
        raise EngineError(f"{' '.join(argv)!r} changes nothing.")
    return lab_making.apply(lab.channel, lab.place(node), wanted, lab.indexes(node))
