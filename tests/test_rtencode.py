"""Messages that we write against commands that `ip` runs: the same words must do the same, or be refused the same."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest
from namespaces import WHY_NOT, Space
from test_netlink import DEVICES, random_route, random_rule

from tui.core.addresses import parse_prefix
from tui.core.commands import meaning
from tui.core.labs import RouteCommand, RuleCommand
from tui.core.world import Route
from tui.engines import netlink
from tui.engines.netlink import encode as rtencode
from tui.engines.netlink import sockets as nlsocket

pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")


@pytest.fixture
def pair() -> Iterator[tuple[Space, Space]]:
    """Two namespaces alike: one for `ip`, one for our messages."""
    with Space() as theirs, Space() as ours:
        for each in (theirs, ours):
            for command in DEVICES:
                each.ip(command)
        yield theirs, ours


def send(window: netlink.Namespace, argv: list[str]) -> str:
    """Do what a command means; "", or what iproute2 would print."""
    meant = meaning(argv)
    indexes = {each.interface.name: each.interface.index for each in window.links()}
    assert isinstance(meant, RouteCommand | RuleCommand)
    try:
        made = rtencode.route(meant, indexes) if isinstance(meant, RouteCommand) else rtencode.rule(meant)
    except rtencode.CannotEncode as error:
        return str(error)
    window.link.send(made)
    ((_, flags, _, body),) = nlsocket.messages(nlsocket.receive(window.link))
    error = nlsocket.failure(flags, body)
    return "" if error is None else nlsocket.refusal(error)


def again(rng: random.Random, done: list[str], family: int) -> str:
    """A new route, or an old one deleted, changed or replaced."""
    if not done or rng.random() < 0.7:
        return random_route(rng, family, objects=False)
    words = rng.choice(done).split()
    return " ".join([words[0], rng.choice(("del", "del", "change", "replace")), *words[2:]])


def commanded(routes: tuple[Route, ...]) -> list[Route]:
    """The routes without those that the kernel makes for each link when it comes up, in its own time."""
    return [
        route
        for route in routes
        if route.family == 4 or not (route.dst.address.is_link_local or route.dst.address.is_multicast)
    ]


@pytest.mark.parametrize("seed", range(6))
def test_random_route_commands_do_what_ip_does(
    pair: tuple[Space, Space], seed: int, request: pytest.FixtureRequest
) -> None:
    theirs, ours = pair
    rng = random.Random(1000 + seed)
    (window,) = netlink.open_namespaces([ours.pid])
    request.addfinalizer(window.close)
    worked = refused = 0
    for family in (4, 6):
        done: list[str] = []
        for _ in range(60):
            command = again(rng, done, family)
            done.append(command)
            argv = ["ip", f"-{family}", *command.split()]
            told = theirs.run(*argv)
            said = send(window, argv)
            assert said == told.stderr.strip(), command
            worked, refused = worked + (not said), refused + bool(said)
    assert commanded(window.tables().routes) == commanded(netlink.read(theirs.pid).routes)
    assert worked > 30
    assert refused > 10


@pytest.mark.parametrize("seed", range(3))
def test_random_rule_commands_do_what_ip_does(
    pair: tuple[Space, Space], seed: int, request: pytest.FixtureRequest
) -> None:
    theirs, ours = pair
    rng = random.Random(2000 + seed)
    (window,) = netlink.open_namespaces([ours.pid])
    request.addfinalizer(window.close)
    done: list[str] = []
    for family in (4, 6):
        for _ in range(40):
            command = random_rule(rng, family) if rng.random() < 0.8 or not done else rng.choice(done)
            command = re.sub(r" protocol \S+", "", command)  # a lab's hook cannot say it
            done.append(command)
            argv = ["ip", f"-{family}", *command.split()]
            assert send(window, argv) == theirs.run(*argv).stderr.strip(), command
            if rng.random() < 0.3:
                argv[3] = "del"
                assert send(window, argv) == theirs.run(*argv).stderr.strip(), command
        done = []
    found = window.tables().rules
    assert found == netlink.read(theirs.pid).rules
    assert len(found) > 30


def test_what_no_message_can_be_made_of_is_a_sentence() -> None:
    odd = Route(parse_prefix("9.0.0.0/8"), attributes=("encap seg6 mode encap segs 1 [ 2001:db8::1 ]",))
    with pytest.raises(rtencode.CannotEncode, match="encap seg6"):
        rtencode.route(RouteCommand("add", odd), {})
