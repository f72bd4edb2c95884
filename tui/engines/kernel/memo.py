"""What a lab's holder remembers of the lab, so that whoever attaches later knows its nodes and networks."""

from __future__ import annotations

import json

from tui.core import saved
from tui.engines.base import EngineError
from tui.engines.kernel.lab_making import Made


def written(made: Made) -> bytes:
    """The memo, as JSON."""
    fields = {"isolation": made.isolation, "notes": made.notes, "carriers": made.carriers}
    return json.dumps({**fields, "world": saved.dump(made.world)}).encode()


def read(memo: bytes) -> Made:
    """What `written` wrote; EngineError for a lab that is not yet ready, or that another version made."""
    try:
        value = json.loads(memo)
        world = saved.loads(json.dumps(value["world"]))
        return Made(world, value["isolation"], list(value["notes"]), dict(value["carriers"]))
    except (ValueError, KeyError, TypeError, saved.SavedError):
        raise EngineError("This lab is not ready, or was made by another version of routetui.") from None
