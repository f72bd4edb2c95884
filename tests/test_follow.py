"""One packet followed over every interface: on the kernel, on the private engine, in the simulator, and by hand."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from namespaces import at_rest, has_own_routes
from private_engine import images
from private_engine.lab import Lab as DockerLab
from private_engine.lab import two_bridges
from processes import AT_ONCE
from test_kernel import WHY_NO_LAB, until
from test_prober import prober_processes

from tui import labs
from tui.cli import run as routetui
from tui.core.addresses import parse_address
from tui.core.follow import Asked, Flight, Follow, Kind
from tui.core.follow.as_json import follow_json
from tui.core.follow.as_text import follow_lines
from tui.core.follow.lining import line_up
from tui.core.labs.layout import world as promised
from tui.core.packets import Echo, Frame
from tui.core.path import path
from tui.core.path.hops import Outcome
from tui.core.query import QueryError
from tui.core.world import World
from tui.engines import kernel
from tui.engines.base import Engine, EngineError
from tui.engines.capture_follow import Following, follow
from tui.engines.docker.engine import DockerEngine, connect
from tui.engines.kernel import KernelLab
from tui.engines.sim import Simulator
from tui.engines.sim.wire import frames

needs_lab = pytest.mark.skipif(WHY_NO_LAB is not None and not os.environ.get("CI"), reason=WHY_NO_LAB or "")
A, R, B = "centos-net1", "centos-router", "centos-net2"
THERE = f"{A} ip route add 172.20.0.0/16 via 172.19.0.3"
BACK = f"{B} ip route add 172.19.0.0/16 via 172.20.0.3"


@pytest.fixture
def lab() -> Iterator[KernelLab]:
    engine = kernel.start(labs.load("two-bridges"))
    yield engine
    engine.close()


def do(engine: Engine, *commands: str) -> None:
    for command in commands:
        node, *argv = command.split()
        run = engine.run(node, argv)
        said = list(run)
        assert run.code == 0, said


def places(flight: Flight, ports: bool = False) -> list[str]:
    """Where it was seen: `node dev direction ttl`."""
    return [
        f"{each.node} {each.dev} {each.direction} {each.ttl}"
        for each in flight.sightings
        if each.seen and (ports or not each.port)
    ]


# --- on the kernel ---------------------------------------------------------------------------------------------------


@needs_lab
def test_a_ping_that_works_is_seen_everywhere_in_order(lab: KernelLab) -> None:
    do(lab, THERE, BACK)
    found = follow(lab, lab.snapshot(), A, B, 2)
    assert (found.reached, found.agrees, found.one_clock, found.simulated) == (True, True, True, False)
    assert [(each.seq, each.kind) for each in found.packets] == [
        (1, Kind.REQUEST),
        (1, Kind.REPLY),
        (2, Kind.REQUEST),
        (2, Kind.REPLY),
    ]
    for flight in found.packets:
        near, far, eth_in, eth_out = (A, B, "eth0", "eth1") if flight.kind is Kind.REQUEST else (B, A, "eth1", "eth0")
        assert places(flight) == [
            f"{near} eth0 out 64",
            f"{R} {eth_in} in 64",
            f"{R} {eth_out} out 63",
            f"{far} eth0 in 63",
        ]
        assert all(each.seen and each.expected for each in flight.sightings)
        assert [each.node for each in flight.sightings if each.port] == ["host"] * 4
        times = [each.time for each in flight.sightings]
        assert times == sorted(times)
        changed = {each.node: each.changed for each in flight.sightings if each.direction == "out" and not each.port}
        assert changed == {near: (), R: ("src_mac", "dst_mac", "ttl")}


DEATHS = {
    # name: (what is done first, from, to, packet, where it ends, how)
    "isolation on the host": ((), A, B, Kind.REQUEST, "host", Outcome.FILTERED),
    "no return route but to the host": ((THERE,), A, B, Kind.REPLY, "host", Outcome.FILTERED),
    "no return route": ((THERE, f"{B} ip route del default"), A, B, Kind.REPLY, B, Outcome.NO_ROUTE),
    "no route": ((f"{A} ip route del default",), A, "172.20.0.2", Kind.REQUEST, A, Outcome.NO_ROUTE),
    "forwarding off": (
        (THERE, BACK, f"{R} sysctl -w net.ipv4.ip_forward=0"),
        A,
        B,
        Kind.REQUEST,
        R,
        Outcome.NOT_FORWARDING,
    ),
    "rp_filter": (
        (
            THERE,
            f"{B} ip route del default",
            f"{B} sysctl -w net.ipv4.conf.eth0.rp_filter=1",
        ),
        *(A, B, Kind.REQUEST, B, Outcome.REVERSE_PATH),
    ),
    "a gateway that nobody owns": (
        (f"{A} ip route add 172.20.0.0/16 via 172.19.0.99",),
        *(A, B, Kind.REQUEST, A, Outcome.NEXT_HOP_SILENT),
    ),
    "a neighbour that the router does not find": (
        (THERE, BACK),
        *(A, "172.20.0.77", Kind.REQUEST, R, Outcome.NEXT_HOP_SILENT),
    ),
    "blackhole at home": (
        (f"{A} ip route add blackhole 172.20.0.0/16",),
        *(A, "172.20.0.2", Kind.REQUEST, A, Outcome.REFUSED_BY_ROUTE),
    ),
    "blackhole on the way": (
        (THERE, BACK, f"{R} ip route add blackhole 172.20.0.2/32"),
        *(A, B, Kind.REQUEST, R, Outcome.REFUSED_BY_ROUTE),
    ),
    "a loop": (
        (
            f"{A} ip route add 172.30.0.0/16 via 172.19.0.3",
            f"{R} ip route add 172.30.0.0/16 via 172.20.0.2",
            f"{B} ip route add 172.30.0.0/16 via 172.20.0.3",
            f"{B} sysctl -w net.ipv4.ip_forward=1",
            BACK,
        ),
        *(A, "172.30.0.1", Kind.REQUEST, B, Outcome.TTL_EXCEEDED),
    ),
}


@needs_lab
@pytest.mark.parametrize("name", DEATHS)
def test_the_place_and_the_cause_of_death(lab: KernelLab, name: str) -> None:
    done, src, dst, kind, node, outcome = DEATHS[name]
    do(lab, *done)
    found = follow(lab, lab.snapshot(), src, dst)
    lost = found.lost
    assert lost is not None
    assert (lost.kind, lost.died_at, lost.outcome) == (kind, node, outcome), lost.reason
    assert (found.reached, found.agrees, found.notes) == (False, True, ())
    assert all(each.seen for flight in found.packets for each in flight.sightings if each.expected)
    assert node in found.verdict
    text = "\n".join(follow_lines(found))
    assert f"ends on {node}: {outcome}" in text
    json.dumps(follow_json(found))


@needs_lab
def test_the_router_tells_of_a_loop_and_its_word_is_seen_on_its_way(lab: KernelLab) -> None:
    done, src, dst, *_ = DEATHS["a loop"]
    do(lab, *done)
    found = follow(lab, lab.snapshot(), src, dst)
    request, error = found.packets
    assert (error.kind, error.arrived, error.reason) == (Kind.ERROR, True, f"{B} tells the sender: time exceeded")
    assert places(error)[0] == f"{B} eth0 out 64"
    seen = [each.ttl for each in request.sightings if not each.port and each.direction == "out"]
    assert seen == list(range(64, 0, -1))


@needs_lab
def test_questions_that_nobody_answers_are_counted(lab: KernelLab) -> None:
    do(lab, f"{A} ip route add 172.20.0.0/16 via 172.19.0.99")
    found = follow(lab, lab.snapshot(), A, B)
    assert found.lost is not None
    assert "nobody on net1 answers for 172.19.0.99 (asked 3 times by ARP)" in found.lost.reason


@needs_lab
@pytest.mark.parametrize(
    ("command", "suspect"),
    [
        (f"{R} ip route add blackhole 172.20.0.2/32", "a rule of centos-router in FORWARD"),
        (f"{R} sysctl -w net.ipv4.ip_forward=0", "a rule of centos-router in FORWARD"),
    ],
)
def test_what_was_not_predicted_is_named_by_the_last_place_seen(lab: KernelLab, command: str, suspect: str) -> None:
    """The World was read before something changed: the packet is lost where nobody expected it."""
    do(lab, THERE, BACK)
    before = lab.snapshot()
    do(lab, command)
    found = follow(lab, before, A, B)
    lost = found.lost
    assert lost is not None
    assert (found.agrees, lost.died_at, lost.outcome, lost.kind) == (False, R, None, Kind.REQUEST)
    assert places(lost)[-1] == f"{R} eth0 in 64"
    assert any(each.startswith(suspect) for each in lost.suspects)
    assert any("predicted, not seen" in line for line in follow_lines(found))


@needs_lab
def test_a_way_that_nobody_expected_is_shown_as_it_was_seen(lab: KernelLab) -> None:
    do(lab, THERE)
    before = lab.snapshot()
    do(lab, BACK)
    found = follow(lab, before, A, B)
    assert (found.reached, found.agrees) == (True, False)
    reply = found.packets[-1]
    assert places(reply) == [f"{B} eth0 out 64", f"{R} eth1 in 64", f"{R} eth0 out 63", f"{A} eth0 in 63"]
    assert [each.expected for each in reply.sightings if each.seen and not each.port] == [True, False, False, False]


@needs_lab
def test_a_follow_that_is_closed_ends_and_leaves_nothing(lab: KernelLab) -> None:
    do(lab, f"{A} ip route add 172.20.0.0/16 via 172.19.0.99")
    before = prober_processes()
    following = Following(lab, lab.snapshot(), A, B, 5)
    results: list[Follow] = []
    thread = threading.Thread(target=lambda: results.append(following.run()))
    thread.start()
    until(lambda: len(prober_processes() - before) >= 3)
    started = time.monotonic()
    following.close()
    thread.join()
    assert time.monotonic() - started < AT_ONCE
    until(lambda: prober_processes() <= before)


@needs_lab
def test_what_is_not_known_is_a_sentence(lab: KernelLab) -> None:
    with pytest.raises(QueryError):
        follow(lab, lab.snapshot(), A, "nobody")


@needs_lab
def test_ipv6_is_followed_too(lab: KernelLab) -> None:
    do(
        lab,
        *(f"{node} sysctl -w net.ipv6.conf.eth0.disable_ipv6=0" for node in (A, R, B)),
        f"{R} sysctl -w net.ipv6.conf.eth1.disable_ipv6=0",
        f"{R} sysctl -w net.ipv6.conf.all.forwarding=1",
        f"{A} ip -6 addr add fd00:19::2/64 dev eth0 nodad",
        f"{R} ip -6 addr add fd00:19::3/64 dev eth0 nodad",
        f"{R} ip -6 addr add fd00:20::3/64 dev eth1 nodad",
        f"{B} ip -6 addr add fd00:20::2/64 dev eth0 nodad",
        f"{A} ip -6 route add fd00:20::/64 via fd00:19::3",
        f"{B} ip -6 route add fd00:19::/64 via fd00:20::3",
    )
    at_rest(lambda: lab.snapshot().nodes, lambda nodes: all(map(has_own_routes, nodes)), pause=0.05)
    found = follow(lab, lab.snapshot(), A, "fd00:20::2")
    assert (found.reached, found.agrees) == (True, True)
    assert [each.ttl for each in found.packets[0].sightings if not each.port] == [64, 64, 63, 63]
    silent = follow(lab, lab.snapshot(), A, "fd00:19::99")
    assert silent.lost is not None
    assert (silent.lost.died_at, silent.lost.outcome) == (A, Outcome.NEXT_HOP_SILENT)
    assert "(asked 3 times by neighbour discovery)" in silent.lost.reason


# --- on Docker -------------------------------------------------------------------------------------------------------


@pytest.fixture
def lab_on_docker(docker_engine_url: str) -> Iterator[DockerLab]:
    made = DockerLab(docker_engine_url)
    try:
        made.network("followed1", "172.25.0.0/16")
        made.network("followed2", "172.26.0.0/16")
        made.container("near", {"followed1": "172.25.0.2"})
        made.container("far", {"followed2": "172.26.0.2"}, image=images.BARE)
        made.container(
            "between", {"followed1": "172.25.0.3", "followed2": "172.26.0.3"}, sysctls={"net.ipv4.ip_forward": "1"}
        )
        yield made
    finally:
        made.close()


@pytest.mark.parametrize(
    ("routes", "died", "kind"),
    [
        ("", "host", Kind.REQUEST),
        ("there", "host", Kind.REPLY),
        ("there back", "", None),
    ],
)
def test_on_docker_it_ends_at_the_host_until_both_routes_are_there(
    lab_on_docker: DockerLab, routes: str, died: str, kind: Kind | None
) -> None:
    if "there" in routes:
        lab_on_docker.enter("near", "ip", "route", "add", "172.26.0.0/16", "via", "172.25.0.3")
    if "back" in routes:
        lab_on_docker.enter("far", "ip", "route", "add", "172.25.0.0/16", "via", "172.26.0.3")
    engine = connect(lab_on_docker.url)
    try:
        found = follow(engine, engine.snapshot(), "near", "far")
    finally:
        engine.close()
    assert (found.one_clock, found.notes) == (True, ())
    assert found.reached is (kind is None)
    if kind is not None:
        assert found.lost is not None
        assert (found.lost.kind, found.lost.died_at) == (kind, died)
    else:
        ttls = [each.ttl for each in found.packets[0].sightings if not each.port]
        assert ttls == [64, 64, 63, 63]


@pytest.mark.parametrize("name", [each for each in DEATHS if each != "isolation on the host"])
def test_on_docker_the_place_and_the_cause_of_death(lab_of_docker: DockerLab, name: str) -> None:
    """As on the kernel's lab. Isolation on the host is in the test before: each engine has its own rules for it."""
    done, src, dst, kind, node, outcome = DEATHS[name]
    for command in done:
        lab_of_docker.enter(*command.split())
    engine = connect(lab_of_docker.url)
    try:
        found = follow(engine, engine.snapshot(), src, dst)
    finally:
        engine.close()
    lost = found.lost
    assert lost is not None
    assert (lost.kind, lost.died_at, lost.outcome) == (kind, node, outcome), lost.reason
    assert (found.reached, found.agrees, found.one_clock, found.notes) == (False, True, True, ())
    assert f"ends on {node}: {outcome}" in "\n".join(follow_lines(found))


@pytest.fixture
def lab_of_docker(docker_engine_url: str) -> Iterator[DockerLab]:
    made = DockerLab(docker_engine_url)
    try:
        two_bridges(made)
        yield made
    finally:
        made.close()


class Elsewhere:
    """An engine without a way into its nodes' networks: as Docker is for an ordinary user, and on another machine."""

    def __init__(self, engine: DockerEngine) -> None:
        self.label, self.snapshot, self.watch = engine.label, engine.snapshot, engine.watch
        self.run, self.stream, self.change, self.close = engine.run, engine.stream, engine.change, engine.close


def test_where_no_network_can_be_entered_the_containers_own_tools_do(docker_engine_url: str) -> None:
    made = DockerLab(docker_engine_url)
    try:
        made.network("tooled", "172.28.0.0/16")
        made.container("first", {"tooled": "172.28.0.2"})
        made.container("second", {"tooled": "172.28.0.3"})
        made.container("bare", {"tooled": "172.28.0.4"}, image=images.BARE)
        engine = Elsewhere(connect(docker_engine_url))
        found = follow(engine, engine.snapshot(), "first", "second")
        assert (found.reached, found.one_clock) == (True, False)
        assert all(each.seen or not each.watched for flight in found.packets for each in flight.sightings)
        assert len([each for each in found.packets[0].sightings if each.seen]) == 2
        assert any("host" in each for each in found.notes)
        found = follow(engine, engine.snapshot(), "first", "bare")
        assert any("bare" in each and "no tcpdump" in each for each in found.notes)
        assert [each.watched for each in found.packets[0].sightings if not each.port] == [True, False]
        assert found.reached
        with pytest.raises(EngineError, match="bare has no ping"):
            follow(engine, engine.snapshot(), "bare", "first")
        engine.close()
    finally:
        made.close()


# --- in the simulator ------------------------------------------------------------------------------------------------


def test_the_simulator_shows_what_it_predicts_and_says_so() -> None:
    world = promised(labs.load("two-bridges"))
    found = follow(Simulator(world), world, A, R)
    assert (found.reached, found.simulated, found.agrees) == (True, True, None)
    assert places(found.packets[0]) == [f"{A} eth0 out 64", f"{R} eth0 in 64"]
    assert {each.time for flight in found.packets for each in flight.sightings} == {None}
    assert any("simulated" in line for line in follow_lines(found))


def test_the_simulator_shows_where_it_would_end() -> None:
    world = promised(labs.load("two-bridges"))
    found = follow(Simulator(world), world, A, B)
    assert found.lost is not None
    assert (found.lost.died_at, found.lost.outcome, found.reached) == ("host", Outcome.FILTERED, False)


def test_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert routetui(["follow", A, B, "--engine", "sim"]) == 1
    assert "ends on host" in capsys.readouterr().out
    assert routetui(["follow", A, R, "--engine", "sim", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["packets"][0]["sightings"][0]["dev"] == "eth0"
    assert routetui(["follow", A, "nobody", "--engine", "sim"]) == 2
    assert routetui(["follow", A, R, "--engine", "sim", "-c", "1000"]) == 2
    assert "from 1 to 20" in capsys.readouterr().err


# --- lined up by hand ------------------------------------------------------------------------------------------------

ASKED = Asked(1, 7, b"01234567")


@pytest.fixture
def straight() -> tuple[World, list[Frame]]:
    """A neighbour asked, and every frame of it."""
    world = promised(labs.load("two-bridges"))
    return world, list(frames(world, path(world, A, R), 1, ASKED, 1_000))


def lined(world: World, seen: Sequence[Frame], watched: Sequence[str] = (A, R, "host"), **more: bool) -> Follow:
    return line_up(world, path(world, A, R), seen, ASKED, watched, **more)


def test_all_frames_are_a_ping_that_works(straight: tuple[World, list[Frame]]) -> None:
    world, seen = straight
    found = lined(world, seen)
    assert (found.reached, found.agrees) == (True, True)


def test_a_frame_that_never_came_in_was_lost_on_the_link(straight: tuple[World, list[Frame]]) -> None:
    world, seen = straight
    found = lined(world, seen[:1])
    assert found.lost is not None
    assert (found.lost.died_at, found.agrees) == (A, False)
    assert f"between {A} and {R} on net1" in found.lost.reason


def test_nothing_at_all_was_not_sent(straight: tuple[World, list[Frame]]) -> None:
    world, _ = straight
    found = lined(world, [])
    assert found.lost is not None
    assert (found.lost.died_at, found.lost.reason) == (A, f"{A} did not send it")


def test_another_ping_is_not_taken_for_this_one(straight: tuple[World, list[Frame]]) -> None:
    world, seen = straight
    others = [
        replace(each, detail=replace(each.detail, token=b"another!")) if isinstance(each.detail, Echo) else each
        for each in seen
    ]
    assert not lined(world, others).reached


def test_addresses_and_identifiers_may_be_translated_on_the_way(straight: tuple[World, list[Frame]]) -> None:
    world, seen = straight
    other = parse_address("172.19.0.9")
    changed = [
        replace(each, src=other, detail=replace(each.detail, id=99))
        if isinstance(each.detail, Echo) and each.node == R and each.direction == "in"
        else each
        for each in seen
    ]
    found = lined(world, changed)
    assert found.reached
    assert found.packets[0].sightings[1].changed == ("src",)


def test_without_a_token_the_identifier_of_the_first_request_tells(straight: tuple[World, list[Frame]]) -> None:
    world, seen = straight
    assert line_up(world, path(world, A, R), seen, Asked(), (A, R)).reached


def test_clocks_that_differ_leave_the_order_to_the_prediction(straight: tuple[World, list[Frame]]) -> None:
    world, seen = straight
    late = [replace(each, time=each.time - 900) if each.node == R else each for each in seen]
    found = lined(world, late, one_clock=False)
    assert places(found.packets[0]) == [f"{A} eth0 out 64", f"{R} eth0 in 64"]
    assert any("a guess" in line for line in follow_lines(found))


def test_where_nobody_could_look_nothing_is_missed(straight: tuple[World, list[Frame]]) -> None:
    world, seen = straight
    found = lined(world, [each for each in seen if each.node == A], (A,))
    assert (found.reached, found.agrees) == (True, True)
    assert [(each.node, each.watched) for each in found.packets[0].sightings] == [(A, True), (R, False)]
    assert any("not watched" in line for line in follow_lines(found))
