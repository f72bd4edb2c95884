"""Who reaches whom: every node to every other, worked out by classes of nodes that only their addresses set apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tui.core.matrix.classes import classes
from tui.core.matrix.marks import Marks
from tui.core.path import ending_at, path, starting
from tui.core.path.hops import Outcome, Path
from tui.core.path.links_between import Links
from tui.core.query import QueryError
from tui.core.world import Node, World


class State(StrEnum):
    """What a cell says. ONE_WAY: the request arrives, its answer is lost. DEPENDS: some flows work, others do not."""

    YES = "yes"
    NO = "no"
    ONE_WAY = "one way"
    DEPENDS = "depends"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Cell:
    """One node to another: the state, how the request and the reply end (None: there is none), and why, as a sentence.

    `node` is where the trouble is, "" where there is none. All of it is what `tui.core.path.path(src, dst)` says.
    """

    src: str
    dst: str
    state: State
    outcome: Outcome | None
    back: Outcome | None
    node: str
    verdict: str


class Matrix:
    """Every node to every other, and to itself. `names` are the World's nodes in its order."""

    def __init__(self, world: World) -> None:
        """Work it out: one walk for each pair of classes, and one for two nodes of a class."""
        self.world = world
        self.names = tuple(each.name for each in world.nodes)
        self._owner = {each.name: _owner(world, each).name for each in world.nodes}
        self._class = classes(world)
        lost = sorted(set(self._owner.values()) - set(self._class))
        self._class |= {name: -1 - place for place, name in enumerate(lost)}
        members: dict[int, list[str]] = {}
        for name, number in self._class.items():
            members.setdefault(number, []).append(name)
        self._members = members
        self._plain: Links | None = None
        self._marks = Marks(world, (name for found in members.values() for name in found[:2]))
        self._cells = dict(self._walked(Links(self._marks.world)))

    def _walked(self, links: Links) -> Iterator[tuple[tuple[int, int, bool], Cell]]:
        for one, mine in self._members.items():
            yield (one, one, True), self._walk(links, mine[0], mine[0])
            if len(mine) > 1:
                yield (one, one, False), self._walk(links, mine[0], mine[1])
            for other, theirs in self._members.items():
                if one != other:
                    yield (one, other, False), self._walk(links, mine[0], theirs[0])

    def _walk(self, links: Links, src: str, dst: str) -> Cell:
        """The cell of two nodes with marks in its words."""
        try:
            found = path(links, self._marks.of(src), self._marks.of(dst))
        except QueryError as error:
            return Cell(src, dst, State.NO, None, None, "", str(error))
        return cell_of(found, src, dst)

    @property
    def walks(self) -> int:
        """How many paths were followed."""
        return len(self._cells)

    def _key(self, src: str, dst: str) -> tuple[int, int, bool]:
        one, other = self._owner[src], self._owner[dst]
        return self._class[one], self._class[other], one == other

    def state(self, src: str, dst: str) -> State:
        """What the cell says, and no more: a glance for each cell of a large table. Raises KeyError as `cell`."""
        return self._cells[self._key(src, dst)].state

    def cell(self, src: str, dst: str) -> Cell:
        """The cell with its sentence. Raises KeyError for a name that is not in `names`."""
        found = self._cells[self._key(src, dst)]
        if found.outcome is None:
            return Cell(src, dst, found.state, None, None, "", self._why(src, dst))
        pair = self._owner[src], self._owner[dst]
        node, verdict = (self._marks.told(each, (found.src, found.dst), pair) for each in (found.node, found.verdict))
        return Cell(src, dst, found.state, found.outcome, found.back, node, verdict)

    def _why(self, src: str, dst: str) -> str:
        """Why a pair has no path at all."""
        self._plain = links = self._plain or Links(self.world)
        try:
            node, _ = starting(links, src)
            ending_at(links, dst, node, None)
        except QueryError as error:
            return str(error)
        return ""

    def alike(self) -> tuple[tuple[str, ...], ...]:
        """The nodes by classes, in the order of `names`: those of one reach the same, and are reached, alike."""
        found: dict[int, list[str]] = {}
        for name in self.names:
            found.setdefault(self._class[self._owner[name]], []).append(name)
        return tuple(map(tuple, found.values()))

    def rows(self) -> Iterator[tuple[str, tuple[State, ...]]]:
        """Each sender with its states, in the order of `names`."""
        owners = [self._owner[name] for name in self.names]
        numbers = [self._class[name] for name in owners]
        same = {one: self._cells.get((one, one, False)) for one in self._members}
        for src, owner, mine in zip(self.names, owners, numbers, strict=True):
            states = {other: self._cells[mine, other, False].state for other in self._members if other != mine}
            inside, own = same[mine], self._cells[mine, mine, True].state
            if inside is not None:
                states[mine] = inside.state
            yield (
                src,
                tuple(own if name == owner else states[number] for name, number in zip(owners, numbers, strict=True)),
            )

    def groups(self) -> Iterator[tuple[Cell, int]]:
        """Each kind of cell once, by an example, with how many cells are of it; nodes to themselves left out."""
        sharing: dict[str, int] = {}
        for owner in self._owner.values():
            sharing[owner] = sharing.get(owner, 0) + 1
        many = {number: sum(sharing.get(name, 0) for name in found) for number, found in self._members.items()}
        for (one, other, same), found in self._cells.items():
            if same:
                continue
            squares = sum(sharing.get(name, 0) ** 2 for name in self._members[one])
            count = many[one] * many[other] if one != other else many[one] ** 2 - squares
            yield self.cell(found.src, found.dst), count


def _owner(world: World, node: Node) -> Node:
    """The node whose network it uses, itself where that is not known."""
    if node.shares is None:
        return node
    seen, now = {node.name}, world.node(node.shares)
    while now is not None and now.shares is not None and now.name not in seen:
        seen.add(now.name)
        now = world.node(now.shares)
    return now if now is not None and now.shares is None else node


def cell_of(found: Path, src: str, dst: str) -> Cell:
    """A path as a cell of the matrix."""
    trouble = found.trouble
    back = found.back.outcome if found.back is not None else None
    node = trouble.node if trouble is not None else ""
    return Cell(src, dst, state_of(found), found.forward.outcome, back, node, found.verdict)


def state_of(found: Path) -> State:
    """A path's state. A request that arrives on every branch with a reply that never comes back is ONE_WAY."""
    if found.works:
        return State.YES
    answers = {trip.works for trip in found.branches}
    if answers == {False}:
        arrives = all(trip.forward.outcome is Outcome.DELIVERED for trip in found.branches)
        return State.ONE_WAY if arrives else State.NO
    return State.DEPENDS if answers >= {True, False} else State.UNKNOWN


__all__ = ["Cell", "Matrix", "State", "cell_of", "state_of"]
