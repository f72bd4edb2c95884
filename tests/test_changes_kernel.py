"""Changes on the real kernel: what apply says becomes of a World is what becomes of it, and undone is as before."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from namespaces import WHY_NOT, Space
from random_changes import DEVICES, some_change
from random_rebuilding import rebuilding, settings
from test_kernel import as_promised

from tui import labs
from tui.core.changes import Change, ChangeRefused, DeleteRoute, SetSysctl, Several, apply, command, placed
from tui.core.changes.attaching import without_device
from tui.core.changes.inverse import inverse
from tui.core.commands import meaning
from tui.core.commands.route_command import route_words
from tui.core.world import Node, Route, World
from tui.engines import kernel
from tui.engines.kernel import KernelLab
from tui.engines.making import flat
from tui.engines.netlink import Namespace, open_namespaces
from tui.engines.netlink.doing import do

pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")
CHANGES = int(os.environ.get("ROUTETUI_RANDOM_CHANGES", "1000"))
"""How many random changes are made inside of one namespace, and undone."""
BY_PROGRAM = 0.3
"""How many of them by iproute2 and sysctl; the others are done by netlink, as an engine does, in the same words."""
REBUILDINGS = int(os.environ.get("ROUTETUI_RANDOM_REBUILDINGS", "250"))
"""How many are made to a lab as a whole, of every kind."""


class Box:
    """A namespace with a few devices, read through netlink."""

    def __init__(self, space: Space, window: Namespace) -> None:
        self.space, self._window = space, window

    def world(self) -> World:
        """What its kernel has."""
        node = self._window.tables().onto(Node("box"))
        assert not node.missing
        return World(nodes=(node,))

    def settle(self) -> None:
        """Wait until the kernel has made its own entry for each address, which it does beside the command."""
        end = time.monotonic() + 5
        while time.monotonic() < end:
            node = self.world().nodes[0]
            own = {each.dst.address for each in node.routes if each.type == "local"}
            if all(each.address in own for _, each in node.addresses()):
                return
        raise AssertionError("the kernel does not come to rest")

    def make(self, change: Change, world: World, by_program: bool = True) -> str:
        """Run the change's commands, or do by netlink what they mean; what was printed against it."""
        printed = ""
        for node, argv in placed(change, world):
            assert node == "box"
            printed = printed or (self.run(argv) if by_program else self.do(argv))
        return printed

    def run(self, argv: Sequence[str]) -> str:
        """Run iproute2 or sysctl."""
        done = self.space.run(*argv)
        printed = done.stderr.strip().split("\n")[0]
        assert bool(done.returncode) == bool(printed), (argv, printed)
        return printed

    def do(self, argv: Sequence[str]) -> str:
        """As an engine does it."""
        wanted = meaning(argv)
        assert wanted is not None, argv
        return do(self.space.pid, wanted) or ""


@pytest.fixture
def box() -> Iterator[Box]:
    with Space() as space:
        # Without duplicate address detection every address counts at once.
        for scope in ("all", "default"):
            space.write(f"net.ipv6.conf.{scope}.accept_dad", 0)
        for words in DEVICES:
            space.ip(words)
        (window,) = open_namespaces([space.pid])
        made = Box(space, window)
        made.settle()
        yield made
        window.close()


def predicted(change: Change, world: World) -> tuple[World, str | None]:
    """The World after it, and the kernel's words against it: None where routetui itself does not allow it."""
    try:
        return apply(change, world), ""
    except ChangeRefused as refused:
        return world, refused.words or None


def test_random_changes_are_predicted_and_their_undos_end_where_they_began(box: Box) -> None:
    seed = int(os.environ.get("ROUTETUI_RANDOM_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"ROUTETUI_RANDOM_SEED={seed} ROUTETUI_RANDOM_CHANGES={CHANGES}")
    rng = random.Random(seed)
    first = world = box.world()
    undos: list[tuple[Change, World]] = []
    made = refused = lost = 0
    for _ in range(CHANGES):
        change = some_change(rng, world.nodes[0])
        after, words = predicted(change, world)
        if words is None:
            continue
        back: Change = Several(())
        try:
            back = inverse(change, world) if words == "" else back
        except ChangeRefused:
            lost += 1  # a gateway that is on-link no more: the kernel would not take that route again
            continue
        printed = box.make(change, world, by_program=rng.random() < BY_PROGRAM)
        assert printed == words, (seed, command(change, world))
        assert_same(box.world(), after, (seed, command(change, world)))
        if words:
            refused += 1
            continue
        made += 1
        undos.append((back, world))
        world = after
        if rng.random() < 0.04 or len(undos) > 60:
            world = undone(box, undos, world, seed)
    world = undone(box, undos, world, seed)
    assert_same(box.world(), first, seed)
    assert made > CHANGES * 0.3
    assert refused > CHANGES * 0.1
    assert lost < CHANGES * 0.05


def test_what_goes_with_a_device_is_what_the_kernel_lets_go(box: Box) -> None:
    """Disconnect takes a container's device away: routes by it, with it as one leg, and from its addresses."""
    rng = random.Random(7)
    world = box.world()
    for _ in range(120):
        change = some_change(rng, world.nodes[0])
        after, words = predicted(change, world)
        if words == "" and not isinstance(change, DeleteRoute | SetSysctl):
            assert not box.make(change, world)
            world = after
    box.space.ip("rule add iif e1 lookup 100")
    world = box.world()
    before = world.nodes[0]
    assert sum(any(hop.dev == "e1" for hop in each.nexthops) for each in before.routes) > 10
    told = before
    for name in ("p1", "e1"):
        link = told.interface(name)
        assert link is not None
        told = without_device(told, link)
    box.space.ip("link del e1")
    assert_same(box.world(), World(nodes=(told,)), "e1 is gone")


def undone(box: Box, undos: list[tuple[Change, World]], world: World, seed: int) -> World:
    """Take everything back, last first; each step must be where it was before."""
    while undos:
        change, before = undos.pop()
        words = [argv for _, argv in placed(change, world)]
        assert not box.make(change, world, by_program=len(undos) % 4 == 0), (seed, words)
        assert_same(apply(change, world), before, (seed, words, "in the model"))
        assert_same(box.world(), before, (seed, words))
        world = before
    return world


def shown(parts: list[object]) -> list[object]:
    """Routes as a command would have them, with the flags of their next hops."""
    return [
        (" ".join(route_words(each)), [hop.flags for hop in each.nexthops]) if isinstance(each, Route) else each
        for each in parts
    ]


def settled(node: Node) -> Node:
    """The node with the anycast entries of one prefix by device: a switch of one device puts that device's last."""
    order = {each.name: index for index, each in enumerate(node.interfaces)}
    places = [index for index, each in enumerate(node.routes) if each.type == "anycast"]
    ordered = sorted((node.routes[index] for index in places), key=lambda each: (each.dst, order[each.dev or ""]))
    routes = list(node.routes)
    for index, route in zip(places, ordered, strict=True):
        routes[index] = route
    return replace(node, routes=tuple(routes))


def assert_same(real: World, told: World, why: object) -> None:
    """Two Worlds of one node are equal; where not, what sets them apart is shown."""
    one, other = settled(real.nodes[0]), settled(told.nodes[0])
    for name in ("interfaces", "routes", "rules", "sysctls", "merged"):
        has, says = getattr(one, name), getattr(other, name)
        if has == says:
            continue
        if isinstance(has, tuple):
            only = [each for each in has if each not in says], [each for each in says if each not in has]
            assert only == ([], []), (why, name, f"kernel only {shown(only[0])}, model only {shown(only[1])}")
            assert has == says, (why, name, "order")
        assert has == says, (why, name)


# --- a lab as a whole ---


EVERY_KIND = {"Connect", "Disconnect", "CreateNetwork", "RemoveNetwork", "StartNode", "RemoveNode", "refused"}
"""What is to have been tried at least once, in more changes than usual where chance has left one of them out."""


def test_random_rebuildings_of_a_lab_are_predicted_and_undone() -> None:
    """Networks, nodes and links that come and go, with routes and switches among them: exactly as core tells it."""
    seed = int(os.environ.get("ROUTETUI_RANDOM_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"ROUTETUI_RANDOM_SEED={seed} ROUTETUI_RANDOM_REBUILDINGS={REBUILDINGS}")
    rng = random.Random(seed)
    lab = kernel.start(labs.load("two-bridges"))
    try:
        first = world = lab.snapshot()
        undos: list[tuple[Change, World]] = []
        kinds: dict[str, int] = {}
        for number in range(10 * REBUILDINGS):
            if number >= REBUILDINGS and set(kinds) > EVERY_KIND:
                break
            change = rebuilding(rng, world) if rng.random() < 0.6 else next(settings(rng, rng.choice(world.nodes)))
            done = made_or_refused(lab, change, world, seed)
            if done is None:
                kinds["refused"] = kinds.get("refused", 0) + 1
                world = lab.snapshot()  # what was taken back of Several leaves a bridge with an fe80:: address
                continue
            undos.append((done, world))
            world = lab.snapshot()
            kinds |= {type(each).__name__: kinds.get(type(each).__name__, 0) + 1 for each in flat(change)}
            if rng.random() < 0.05 or len(undos) > 25:
                world = rebuilt(lab, undos, world, seed)
        rebuilt(lab, undos, world, seed)
        assert_alike(lab.snapshot(), first, (seed, "undone"), exactly=False)
    finally:
        lab.close()
    assert set(kinds) > EVERY_KIND


def made_or_refused(lab: KernelLab, change: Change, world: World, seed: int) -> Change | None:
    """Make it: what takes it back. None where it was refused, as core foretold it, and changed nothing."""
    try:
        after, back = apply(change, world), inverse(change, world)
    except ChangeRefused as refused:
        making = lab.change(change, world)
        if making.argv and (refused.words or isinstance(change, Several)):
            lines = list(making)
            assert making.code not in (None, 0), (seed, change, str(refused))
            assert lines, (seed, change)
            assert_alike(lab.snapshot(), world, (seed, change, "refused"), exactly=False)
        return None
    making = lab.change(change, world)
    lines = list(making)
    assert (making.code, lines) == (0, []), (seed, change, lines)
    assert_alike(lab.snapshot(), after, (seed, change))
    return back


def rebuilt(lab: KernelLab, undos: list[tuple[Change, World]], world: World, seed: int) -> World:
    """Take everything back, last first."""
    while undos:
        back, before = undos.pop()
        making = lab.change(back, world)
        lines = list(making)
        assert (making.code, lines) == (0, []), (seed, back, lines)
        world = lab.snapshot()
        assert_alike(world, before, (seed, back, "back"), exactly=False)
    return world


def assert_alike(real: World, told: World, why: object, exactly: bool = True) -> None:
    """Two Worlds of a lab are equal. Not `exactly`: but for what a device that comes again, or a bridge that once had a
    port, has anew: its index, its place in the list, its fe80:: address.
    """
    assert real.networks == told.networks, why
    assert [each.name for each in real.nodes] == [each.name for each in told.nodes], why
    for one, other in zip(real.nodes, told.nodes, strict=True):
        have, want = (settled(as_promised(each)) for each in (one, other))
        if not exactly:
            have, want = lasting(have), lasting(want)
        for name in ("interfaces", "routes", "rules", "sysctls", "merged", "image"):
            has, says = getattr(have, name), getattr(want, name)
            if has != says and isinstance(has, tuple):
                only = [each for each in has if each not in says], [each for each in says if each not in has]
                assert only == ([], []), (why, one.name, name, f"kernel only {shown(only[0])}, core {shown(only[1])}")
            assert has == says, (why, one.name, name)


def lasting(node: Node) -> Node:
    """The node without what a device has anew when it comes again."""
    links = (
        replace(
            each,
            index=0,
            addresses=tuple(one for one in each.addresses if node.kind != "host" or not one.address.is_link_local),
        )
        for each in node.interfaces
    )
    return replace(
        node,
        interfaces=tuple(sorted(links, key=lambda each: each.name)),
        routes=tuple(sorted((each for each in node.routes if not _fe80(each)), key=str)),
    )


def _fe80(route: Route) -> bool:
    first = route.dst.first
    return route.family == 6 and (first.is_link_local or first.is_multicast or route.type == "anycast")
