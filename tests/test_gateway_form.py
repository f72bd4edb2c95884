"""The form for a route, by its keys: what it shows before anything is done, what it refuses, offers and returns."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from test_app import NARROW, WIDE, ask, key_of, press, screen, settle, simulated
from textual.pilot import Pilot

from tui import labs
from tui.core.addresses import parse_address, parse_prefix
from tui.core.changes import (
    AddRoute,
    Connect,
    DeleteRoute,
    ReplaceRoute,
    Several,
    StartNode,
    apply,
    command,
    forwarding,
)
from tui.core.changes.deed import Deed
from tui.core.changes.preview import preview
from tui.core.changes.written import Written, change, targets
from tui.core.commands import parse_route
from tui.core.labs.layout import world as build
from tui.core.world import Network, NextHop, Subnet, World
from tui.panels.formfield import FormField
from tui.panels.gateway import GatewayForm

TWO = build(labs.load("two-bridges"))
KEYS = {",": "comma", "_": "underscore", "]": "right_square_bracket"}


@asynccontextmanager
async def form(
    world: World = TWO, node: str = "centos-net1", size: tuple[int, int] = WIDE, **options: object
) -> AsyncIterator[tuple[Pilot[None], list[Deed | None]]]:
    """The app with the form over it, and what it was left with."""
    app = simulated(world, node=node)
    left: list[Deed | None] = []
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        app.push_screen(GatewayForm(world, node, **options), left.append)  # type: ignore[arg-type]
        await settle(pilot)
        yield pilot, left


async def write(pilot: Pilot[None], text: str, field: str = "") -> None:
    """Type into a field in place of what it holds, or where the cursor is."""
    if field:
        pilot.app.screen.query_one(f"#{field}").focus()
        await press(pilot, "end", "shift+home", "delete")
    await press(pilot, *(KEYS.get(each, key_of(each)) for each in text))


def value(pilot: Pilot[None], field: str) -> str:
    return pilot.app.screen.query_one(f"#{field}", FormField).value


def commands(deed: Deed, world: World = TWO) -> list[str]:
    return [shlex.join(words) for words in command(deed.change, world)]


def rows(pilot: Pilot[None]) -> list[str]:
    """What stands in the window of the form, row by row."""
    area = pilot.app.screen.query_one(".form").region
    shown = screen(pilot.app).splitlines()[area.y : area.bottom]  # type: ignore[arg-type]
    return [each[area.x : area.right].strip("│") for each in shown]


def lines(pilot: Pilot[None]) -> str:
    """The same as one line."""
    return " ".join(" ".join(rows(pilot)).split())


# --- what is shown before anything is done --------------------------------------------------------------------------


async def test_three_keys_after_the_name_of_a_network_are_enough():
    async with form() as (pilot, left):
        await write(pilot, "net2")
        await press(pilot, "enter", "enter")
        (deed,) = left
        assert deed.way == "apply"
        assert deed.prefer == "172.20.0.2"
        assert commands(deed) == ["ip route add 172.20.0.0/16 via 172.19.0.3 dev eth0"]
        assert pilot.app.world is TWO, "the form itself does nothing"


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_everything_is_on_the_screen_before_it_is_done(size):
    async with form(size=size) as (pilot, _):
        await write(pilot, "net2")
        shown = lines(pilot)
        for each in (
            "172.20.0.0/16, net2",
            "centos-router: on-link, forwards, is on net2",
            "not offered: 172.19.0.1 on-link, but the host keeps net1 and net2",
            "+ 172.20.0.0/16 172.19.0.3 eth0 to net2, through centos-router",
            "172.20.0.2 matches 172.20.0.0/16, so centos-net1 hands the packet to 172.19.0.3 (centos-router) on eth0",
            "there centos-net1 ─eth0─[net1]─▶ centos-router ─eth1─[net2]─▶ centos-net2 ✓ arrives",
            "back centos-net2 ─eth0─[net2]─▶ host ✗ FILTERED",
            "does ip route add 172.20.0.0/16 via 172.19.0.3 dev eth0",
            "or route add -net 172.20.0.0 netmask 255.255.0.0 gw 172.19.0.3 dev eth0",
            "undo ip route del 172.20.0.0/16 via 172.19.0.3 dev eth0",
            "[ ] ^b the rest too, so that it works: Add a route on centos-net2: 172.19.0.0/16 via 172.20.0.3 by eth0.",
            "w what-if t try 60 s a apply",
        ):
            assert each in shown, each


async def test_the_way_back_is_added_with_one_key_more():
    async with form() as (pilot, left):
        await write(pilot, "net2")
        assert "now it gets lost at the host; then ✗ it arrives; the reply has no way back" in lines(pilot)
        await press(pilot, "ctrl+b")
        shown = lines(pilot)
        assert "[x] ^b" in shown
        assert "then ✓ it arrives, and the reply comes back" in shown
        assert "✓ comes back" in shown
        await press(pilot, "enter", "b", "b", "enter")
        (deed,) = left
        assert isinstance(deed.change, Several)
        assert commands(deed) == [
            "ip route add 172.20.0.0/16 via 172.19.0.3 dev eth0",
            "ip route add 172.19.0.0/16 via 172.20.0.3 dev eth0",
        ]


async def test_a_router_that_does_not_forward_is_offered_last_and_switched_on_with_the_rest():
    world = apply(forwarding("centos-router", False), TWO)
    async with form(world) as (pilot, left):
        await write(pilot, "net2")
        assert "does not forward yet" in lines(pilot)
        await press(pilot, "ctrl+b", "enter", "enter")
        assert commands(left[0], world)[-1] == "sysctl -w net.ipv4.ip_forward=1"


async def test_an_empty_form_says_what_can_be_written():
    async with form() as (pilot, left):
        shown = lines(pilot)
        assert "net2 172.20.0.0/16 net2, a network" in shown
        assert "centos-net2 172.20.0.0/16 net2, where centos-net2 is" in shown
        assert "✗" not in shown, "nothing is wrong before something is typed"
        await press(pilot, "a")
        assert not left, "there is nothing to apply"


# --- completing and choosing ----------------------------------------------------------------------------------------


async def test_tab_completes_a_name_and_then_goes_on():
    async with form() as (pilot, _):
        await write(pilot, "centos-n")
        assert "tab: centos-net2" in lines(pilot)
        assert "✗" not in lines(pilot), "half a name is no mistake yet"
        await press(pilot, "tab")
        assert value(pilot, "to") == "centos-net2"
        await press(pilot, "tab")
        assert pilot.app.focused.id == "via"


async def test_arrows_go_through_what_is_offered():
    router = StartNode("second", links=(Connect("second", "net1"), Connect("second", "net2")))
    world = apply(router, TWO)
    second = next(
        each.address for _, each in world.node("second").addresses() if str(each.address).startswith("172.19")
    )
    async with form(world) as (pilot, left):
        await press(pilot, "down")
        assert value(pilot, "to") == "net2"
        assert f"{second} second (does not forward yet)" in lines(pilot)
        await press(pilot, "tab", "down")
        assert value(pilot, "via") == str(second)
        await press(pilot, "down")
        assert value(pilot, "via") == "172.19.0.3", "round and round"
        await press(pilot, "up", "enter", "enter")
        assert commands(left[0], world) == [f"ip route add 172.20.0.0/16 via {second} dev eth0"]


async def test_what_was_chosen_by_hand_is_not_written_over():
    async with form() as (pilot, _):
        await write(pilot, "net2")
        await write(pilot, "172.19.0.77", "via")
        await write(pilot, "172.30.0.0/16", "to")
        assert value(pilot, "via") == "172.19.0.77"


async def test_a_withheld_gateway_can_be_written_and_its_effect_is_shown():
    async with form() as (pilot, _):
        await write(pilot, "net2")
        await write(pilot, "host", "via")
        shown = lines(pilot)
        assert "host: on-link, but the host keeps net1 and net2 apart" in shown
        assert "does ip route add 172.20.0.0/16 via 172.19.0.1 dev eth0" in shown
        assert "as before: ✗ it gets lost at the host" in shown


# --- mistakes -------------------------------------------------------------------------------------------------------

MISTAKES = {
    # what is written: (field, sentence, what enter makes of the field)
    "not on-link": (
        Written("net2", "172.18.0.3"),
        "via",
        "172.18.0.3 is not on-link for centos-net1: a gateway must lie in 172.19.0.0/16 (eth0). "
        "The kernel says: Error: Nexthop has invalid gateway.",
        "172.19.0.3",
    ),
    "host bits": (
        Written("172.20.0.1/16"),
        "to",
        "The prefix is 172.20.0.0/16, without host bits. "
        "The kernel says: Error: Invalid prefix for given prefix length.",
        "172.20.0.0/16",
    ),
    "unknown name": (Written("nett2"), "to", "Nothing here is named 'nett2': did you mean net2?", "net2"),
    "no length": (Written("172.20.0.0/33"), "to", "the length after / is 0 to 32", "172.20.0.0/33"),
    "a neighbour": (
        Written("centos-router"),
        "to",
        "centos-router is on net1 too: it is reached without",
        "centos-router",
    ),
    "no neighbour": (Written("net2", "centos-net2"), "via", "centos-net2 is no neighbour of centos-net1", "172.19.0.3"),
    "no device": (Written("net2", dev="eth7"), "dev", 'Cannot find device "eth7"', ""),
    "no metric": (Written("net2", metric="low"), "metric", "'low' is no metric: write a number from 0", "low"),
    "no table": (Written("net2", table="blue"), "table", "'blue' is no table: write main, or a number", "main"),
}


@pytest.mark.parametrize("name", MISTAKES)
async def test_a_mistake_is_told_and_enter_takes_what_is_offered_against_it(name):
    written, field, sentence, mended = MISTAKES[name]
    async with form() as (pilot, left):
        for each in ("to", "via", "dev", "metric", "table"):
            if getattr(written, each) not in ("", "main"):
                await write(pilot, getattr(written, each), each)
        pilot.app.screen.query_one("#metric" if field != "metric" else "#to").focus()
        await settle(pilot)
        assert sentence in lines(pilot)
        await press(pilot, "enter")
        assert value(pilot, field) == mended
        assert not left


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_kernels_reason_stands_right_under_the_field(size):
    async with form(size=size) as (pilot, _):
        await write(pilot, "net2")
        await write(pilot, "172.18.0.3", "via")
        shown = rows(pilot)
        row = next(number for number, each in enumerate(shown) if each.strip().startswith("via "))
        below = " ".join(" ".join(shown[row + 1 : row + 4]).split())
        assert "✗ 172.18.0.3 is not on-link for centos-net1: a gateway must lie in 172.19.0.0/16 (eth0)." in below
        assert "The kernel says: Error: Nexthop has invalid gateway." in below
        assert "⏎ takes 172.19.0.3" in below
        await press(pilot, "enter")
        assert "✗ 172.18.0.3" not in screen(pilot.app)
        assert value(pilot, "via") == "172.19.0.3"


async def test_what_is_there_already_is_replaced_when_enter_says_so():
    async with form() as (pilot, left):
        await write(pilot, "default")
        await write(pilot, "172.19.0.3", "via")
        shown = lines(pilot)
        assert "There is already a route to default with that metric: replace it, or give another metric." in shown
        assert "⏎ replaces it (via 172.19.0.1 now)" in shown
        await press(pilot, "enter")
        assert "~ default 172.19.0.3 eth0 was 172.19.0.1 eth0" in lines(pilot)
        await press(pilot, "enter", "enter")
        assert commands(left[0]) == ["ip route replace default via 172.19.0.3 dev eth0"]


async def test_nothing_that_is_typed_ends_the_app():
    async with form() as (pilot, left):
        await write(pilot, "[/x] [@click=app.quit]", "to")
        await write(pilot, "[bold] ,,", "via")
        await press(pilot, "enter", "tab", "enter")
        assert not left
        assert "to [/x] [@click=app.quit] ✗ '[' is no address" in lines(pilot)


async def test_a_world_with_hostile_names_is_drawn():
    nets = tuple(replace(each, name="[/bold]") if each.name == "net2" else each for each in TWO.networks)
    nodes = tuple(
        replace(
            each,
            interfaces=tuple(
                replace(link, network="[/bold]") if link.network == "net2" else link for link in each.interfaces
            ),
        )
        for each in TWO.nodes
    )
    async with form(replace(TWO, networks=nets, nodes=nodes)) as (pilot, left):
        await press(pilot, "down")
        assert "172.20.0.0/16, [/bold]" in lines(pilot)
        await press(pilot, "enter", "enter")
        assert len(left) == 1


# --- the ways to do it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "way", "seconds"),
    [
        (("w",), "what-if", 60),
        (("t",), "try", 60),
        (("plus", "t"), "try", 90),
        (("minus", "minus", "minus", "left", "enter"), "try", 10),
        (("a",), "apply", 60),
        (("left", "left", "enter"), "what-if", 60),
    ],
)
async def test_the_three_ways_have_a_letter_and_a_button(keys, way, seconds):
    async with form() as (pilot, left):
        await write(pilot, "net2")
        await press(pilot, "enter", *keys)
        (deed,) = left
        assert deed.way == way
        assert way != "try" or deed.seconds == seconds


async def test_read_only_leaves_what_if():
    async with form(read_only=True) as (pilot, left):
        await write(pilot, "net2")
        await press(pilot, "enter", "a", "t")
        assert not left
        await press(pilot, "enter")
        assert [each.way for each in left] == ["what-if"]


async def test_escape_goes_back_to_the_fields_and_then_out():
    async with form() as (pilot, left):
        await write(pilot, "net2")
        await press(pilot, "enter", "escape")
        assert pilot.app.focused.id == "to"
        assert not left
        await press(pilot, "escape")
        assert left == [None]


# --- where it begins ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "begins"),
    [
        ("172.20.0.2", "172.20.0.0/16"),
        ("centos-net2", "172.20.0.0/16"),
        ("172.19.0.3", ""),
        ("8.8.8.8", "8.8.8.8"),
        ("nonsense", ""),
    ],
)
async def test_it_begins_with_where_the_lookup_wanted_to_go(asked, begins):
    async with form(destination=asked) as (pilot, _):
        assert value(pilot, "to") == begins


async def test_without_a_default_route_it_begins_with_one():
    first = TWO.node("centos-net1").routes[0]
    world = apply(DeleteRoute("centos-net1", first), TWO)
    async with form(world, destination="8.8.8.8") as (pilot, _):
        assert value(pilot, "to") == "default"
        assert value(pilot, "via") == "172.19.0.1", "the host is the way out"


async def test_the_lookups_own_destination_is_looked_up_again():
    async with form(destination="172.20.0.3") as (pilot, left):
        assert "172.20.0.3 matches 172.20.0.0/16" in lines(pilot)
        await press(pilot, "enter", "enter")
        assert left[0].prefer == "172.20.0.3"


async def test_ipv6_names_stand_for_ipv6_subnets():
    world = build(labs.load("ipv6"))
    async with form(world, "alice", family=6) as (pilot, left):
        await press(pilot, "down")
        assert "Just this route is there already. The kernel says: RTNETLINK answers: File exists" in lines(pilot)
        await write(pilot, "fd77:0:0:9::/64", "to")
        await press(pilot, "enter", "enter")
        assert commands(left[0], world) == ["ip -6 route add fd77:0:0:9::/64 via fd77:0:0:1::1 dev eth0"]


# --- a route that is there ------------------------------------------------------------------------------------------


async def test_a_route_is_changed_in_its_place():
    first = TWO.node("centos-net1").routes[0]
    async with form(route=first) as (pilot, left):
        assert "Change the route to the default on centos-net1" in lines(pilot)
        assert (value(pilot, "to"), value(pilot, "via"), value(pilot, "dev")) == ("default", "172.19.0.1", "eth0")
        await write(pilot, "172.19.0.3", "via")
        await press(pilot, "enter", "enter")
        assert left[0].change == ReplaceRoute("centos-net1", replace(first, nexthops=(hop("172.19.0.3"),)))


async def test_another_metric_is_another_route_and_the_old_one_goes():
    first = TWO.node("centos-net1").routes[0]
    async with form(route=first) as (pilot, left):
        await write(pilot, "50", "metric")
        await press(pilot, "enter", "enter")
        assert commands(left[0]) == [
            "ip route add default via 172.19.0.1 dev eth0 metric 50",
            "ip route del default via 172.19.0.1 dev eth0",
        ]


def hop(gateway: str, dev: str | None = "eth0") -> NextHop:
    return NextHop(dev, parse_address(gateway))


# --- the whole way, with the app's own key --------------------------------------------------------------------------


async def test_from_a_lookup_to_a_route_that_is_made():
    app = simulated(TWO, node="centos-net1")
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await settle(pilot)
        await ask(pilot, "172.20.0.2")
        await press(pilot, "g", "enter", "enter")
        made = [each for each in app.world.node("centos-net1").routes if each.dst == parse_prefix("172.20.0.0/16")]
        assert [each.nexthops for each in made] == [(hop("172.19.0.3"),)]


# --- the fields without a screen ------------------------------------------------------------------------------------


def route(text: str):
    return parse_route(text.split())


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (Written("net2", "centos-router"), "172.20.0.0/16 via 172.19.0.3 dev eth0"),
        (Written("net2", "172.19.0.3"), "172.20.0.0/16 via 172.19.0.3"),
        (Written("10.9.0.0/16", dev="eth0"), "10.9.0.0/16 dev eth0"),
        (Written("10.9.0.0/16", "172.19.0.3, 172.19.0.9"), "10.9.0.0/16 nexthop via 172.19.0.3 nexthop via 172.19.0.9"),
        (Written("10.9.0.0/16", "10.1.1.1 onlink", "eth0"), "10.9.0.0/16 via 10.1.1.1 dev eth0 onlink"),
        (Written("10.9.0.0/16", "blackhole"), "blackhole 10.9.0.0/16"),
        (Written("10.9.9.9", "unreachable", metric="7"), "unreachable 10.9.9.9 metric 7"),
        (Written("default", "172.19.0.3", table="100"), "default via 172.19.0.3 table 100"),
        (Written("net2", "172.19.0.3", table="254"), "172.20.0.0/16 via 172.19.0.3"),
        (Written("172.20.0.0/255.255.0.0", "172.19.0.3"), "172.20.0.0/16 via 172.19.0.3"),
    ],
)
def test_what_is_written_comes_to_the_route_that_the_command_would_make(written, text):
    assert change(written, TWO, "centos-net1") == AddRoute("centos-net1", route(text))
    assert change(replace(written, replaces=True), TWO, "centos-net1") == ReplaceRoute("centos-net1", route(text))


def test_a_route_of_several_next_hops_keeps_them_when_only_its_metric_changes():
    several = route("10.9.0.0/16 nexthop via 172.19.0.3 weight 3 nexthop via 172.19.0.9")
    world = apply(AddRoute("centos-net1", several), TWO)
    held = next(each for each in world.node("centos-net1").routes if each.dst == several.dst)
    from tui.core.changes.written import written

    found = change(replace(written(held), metric="5"), world, "centos-net1", 4, held)
    assert found.changes[0].route.nexthops == held.nexthops
    assert not preview(found, world).refused


def test_a_rival_that_is_not_the_first_is_changed_itself():
    """`ip route replace` would take the first one of the same metric."""
    first, second = route("10.9.0.0/16 via 172.19.0.3 dev eth0"), route("10.9.0.0/16 via 172.19.0.9 dev eth0")
    world = apply(Several((AddRoute("centos-net1", first), AddRoute("centos-net1", second, "append"))), TWO)
    found = change(Written("10.9.0.0/16", "172.19.0.8", "eth0"), world, "centos-net1", 4, second)
    after = preview(found, world).after
    rivals = [each.gateway for each in after.node("centos-net1").routes if each.dst == first.dst]
    assert list(map(str, rivals)) == ["172.19.0.3", "172.19.0.8"]


def test_networks_come_first_and_a_network_without_a_subnet_is_left_out():
    bare = Network("bare")
    other = Network("zz", subnets=(Subnet(parse_prefix("10.5.0.0/16")),))
    world = replace(TWO, networks=(bare, *TWO.networks, other))
    names = [each.name for each in targets(world, "centos-net1")]
    assert names[:2] == ["net2", "zz"], "those that the node is not on come first"
    assert "bare" not in names
    assert names.index("net1") > names.index("zz")
