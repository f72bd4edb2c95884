"""Labs opened from the screen: on the kernel, else simulated; or on the Docker Engine that is looked at."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from tui.cli.arguments import UsageError
from tui.cli.choose import Choice, lab_on_kernel, lab_simulated
from tui.engines.base import EngineError

if TYPE_CHECKING:
    from tui.cli.lab.places import OnDocker, OnKernel  # what reads labs is needed only once one is opened


class KernelLabs:
    """Labs on this machine's kernel; where the system forbids them, in the simulator."""

    where = "on the kernel"

    def up(self) -> Mapping[str, tuple[str, ...]]:
        """Those that stay."""
        return dict.fromkeys(self._place().running(), ("kernel",))

    def open(self, name: str) -> Choice:
        """Attach to it where it is up, else bring it up for as long as routetui runs."""
        try:
            return lab_on_kernel(name)
        except EngineError as error:
            return Choice(lab_simulated(name), simulated=True, note=f"It is simulated: {error}", lab=name)

    def down(self, name: str) -> None:
        """End its holder."""
        with _mistakes():
            self._place().down(name, lambda _: None)

    def _place(self) -> OnKernel:
        from tui.cli.lab.places import OnKernel

        return OnKernel()


class SimulatedLabs:
    """Labs in memory, where nothing else was asked for."""

    where = "in the simulator"

    def up(self) -> Mapping[str, tuple[str, ...]]:
        """None stays."""
        return {}

    def open(self, name: str) -> Choice:
        """A new one."""
        return Choice(lab_simulated(name), simulated=True, lab=name)

    def down(self, name: str) -> None:
        """There is nothing to end."""


class DockerLabs:
    """Labs beside what else is on the engine: the same engine shows them, and they stay until taken down."""

    where = "on Docker"

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options

    def up(self) -> Mapping[str, tuple[str, ...]]:
        """Those that carry the label."""
        return dict.fromkeys(self._place().running(), ("Docker",))

    def open(self, name: str) -> None:
        """Bring it up, unless it is."""
        from tui.cli.lab.files import find_lab

        place = self._place()
        with _mistakes():
            if name not in place.running():
                place.up(find_lab(name), lambda _: None)

    def down(self, name: str) -> None:
        """Remove what carries its label."""
        with _mistakes():
            self._place().down(name, lambda _: None)

    def _place(self) -> OnDocker:
        from tui.cli.lab.places import OnDocker

        return OnDocker(self._options)


@contextlib.contextmanager
def _mistakes() -> Iterator[None]:
    """A lab that cannot be brought up or ended as asked is said on the screen as all else that an engine refuses."""
    try:
        yield
    except UsageError as error:
        raise EngineError(str(error)) from None
