"""Probes as values, their commands, and readers held against real recordings, hostile lines and a flood."""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.core.addresses import parse_address
from tui.core.commands.reading import changes_nothing
from tui.core.probes import Capture, Ping, ProbeError, TcpConnect, Traceroute
from tui.core.probes.dialects import QUESTION, Dialect, Tools, argv, read_tools
from tui.core.probes.meanings import Meaning, marked, meaning
from tui.core.probes.reading import read, reader
from tui.core.probes.results import KEPT, Connection, Fault, Reply, Silence, TraceHop, Unread

RECORDINGS = Path(__file__).parent / "recordings" / "probes"
WILD = Path(__file__).parent.parent.parent / "shared" / "oracle" / "wild"
V4, V6 = parse_address("10.4.0.2"), parse_address("fd04::2")


def recorded(kind: str) -> list[Path]:
    return sorted((RECORDINGS / kind).glob("*.txt"))


def open_recording(path: Path) -> tuple[dict[str, str], dict, list[str]]:
    """The header by its words, the expectation, and what the tool printed."""
    lines = path.read_text().splitlines()
    head = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))
    return head, json.loads(head["expect"]), [line for line in lines if not line.startswith("# ")]


def name(path: Path) -> str:
    return path.stem


# --- real recordings ---


@pytest.mark.parametrize("path", recorded("ping"), ids=name)
def test_a_recorded_ping_is_read(path: Path) -> None:
    head, expected, lines = open_recording(path)
    result = read(Ping(V6 if "_6_" in path.stem else V4), lines, code=int(head["code"]))
    assert (result.sent, result.received, result.duplicates) == tuple(
        expected[key] for key in ("sent", "received", "duplicates")
    )
    assert len(result.replies) == expected["replies"]
    assert sorted({each.ttl for each in result.replies}) == expected["ttls"]
    assert [each.rtt for each in result.replies if each.rtt is not None] == expected["times"]
    assert sorted({f"{each.sender or 'here'}: {each.text}" for each in result.faults}) == expected["errors"]
    assert result.faulty == expected["count"]
    assert result.unread == ()
    assert all(meaning(each) is not Meaning.OTHER for each in result.faults)


@pytest.mark.parametrize("path", recorded("ping"), ids=name)
def test_the_requests_of_every_ping_are_counted_from_one(path: Path) -> None:
    _, expected, lines = open_recording(path)
    result = read(Ping(V4), lines)
    if result.replies:
        assert result.replies[0].seq == 1
        assert max(each.seq for each in result.replies) <= expected["sent"]
    assert all(each.seq is None or 1 <= each.seq <= expected["sent"] for each in result.faults)


@pytest.mark.parametrize("path", recorded("traceroute"), ids=name)
def test_a_recorded_traceroute_is_read(path: Path) -> None:
    head, expected, lines = open_recording(path)
    target = parse_address(head["command"].split()[-1])
    result = read(Traceroute(target), lines, code=int(head["code"]))
    hops = [
        [each.ttl, [str(one) for one in each.addresses], len(each.answers), each.silent, sorted(each.marks)]
        for each in result.hops
    ]
    assert hops == expected["hops"]
    assert result.reached == expected["reached"]
    assert [each.text for each in result.faults] == ([expected["error"]] if expected["error"] else [])
    assert result.unread == ()
    assert all(marked(mark) is not Meaning.OTHER for each in result.hops for mark in each.marks)


@pytest.mark.parametrize("path", recorded("connect"), ids=name)
def test_a_recorded_connect_is_read(path: Path) -> None:
    head, expected, lines = open_recording(path)
    result = read(TcpConnect(V4, 80), lines, code=int(head["code"]))
    assert result.state == expected["state"]


def test_every_kind_of_recording_is_there() -> None:
    stems = {each.stem for kind in ("ping", "traceroute", "connect") for each in recorded(kind)}
    for tool in ("iputils", "busybox", "inetutils"):
        assert {f"{tool}_{family}_replies" for family in (4, 6)} <= stems
    for tool in ("debian_4", "debian_6", "busybox_4", "busybox_6", "inetutils_4"):
        assert {f"{tool}_{what}" for what in ("reached", "silence", "nobody_router")} <= stems


@pytest.mark.skipif(not WILD.is_dir(), reason="needs the texts of other people, which are not part of the project")
def test_texts_from_the_wild_are_read() -> None:
    index = [line.split("\t") for line in (WILD / "index.tsv").read_text().splitlines()]
    told = {row[0]: int(row[3]) for row in index if row[1] in ("ping", "traceroute")}
    assert len(told) >= 20
    for file, count in told.items():
        probe = Ping(V4) if file.startswith("ping") else Traceroute(V4)
        result = read(probe, (WILD / file).read_text().splitlines())
        assert len(result.replies if isinstance(probe, Ping) else result.hops) == count, file


# --- as it happens ---


def test_each_line_is_told_when_it_comes() -> None:
    reading = reader(Ping(V4))
    assert reading.feed("PING 10.4.0.2 (10.4.0.2) 56(84) bytes of data.") == ()
    assert reading.feed("64 bytes from 10.4.0.2: icmp_seq=1 ttl=62 time=2.00 ms") == (Reply(1, 2.0, 62, V4),)
    assert reading.feed("no answer yet for icmp_seq=2") == (Silence(2),)
    gone = Fault("Destination Host Unreachable", parse_address("10.1.0.1"), 3)
    assert reading.feed("From 10.1.0.1 icmp_seq=3 Destination Host Unreachable") == (gone,)
    assert reading.feed("64 bytes from 10.4.0.2: icmp_seq=4 ttl=62 time=5.00 ms") == (Reply(4, 5.0, 62, V4),)
    assert reading.feed("64 bytes from 10.4.0.2: icmp_seq=4 ttl=62 time=9.00 ms (DUP!)")[0].duplicate
    result = reading.result()
    assert (result.sent, result.received, result.duplicates, result.faulty, result.ended) == (4, 2, 1, 1, False)
    assert result.loss == 0.5
    assert result.times is not None
    assert (result.times.minimum, result.times.maximum, result.times.median) == (2, 5, 3.5)
    assert (result.times.average, result.times.jitter) == (3.5, 3)


def test_a_hop_that_goes_on_in_the_next_line_is_one() -> None:
    reading = reader(Traceroute(V4))
    reading.feed(" 6  [AS0] 10.1.0.1 (10.1.0.1)  42.790 ms  46.352 ms")
    (hop,) = reading.feed("    [AS0] 10.1.0.2 (10.1.0.2)  41.479 ms")
    assert isinstance(hop, TraceHop)
    assert [(str(each.address), each.rtt) for each in hop.answers] == [
        ("10.1.0.1", 42.79),
        ("10.1.0.1", 46.352),
        ("10.1.0.2", 41.479),
    ]


def test_a_redirect_is_told_and_is_no_failure() -> None:
    result = read(Ping(V4), ["From 10.1.0.1: icmp_seq=1 Redirect Host(New nexthop: 10.1.0.3)"])
    assert (result.faulty, len(result.faults)) == (0, 1)
    assert result.faults[0].is_redirect


# --- what nobody understands ---

GARBLED = [
    "64 bytes from 10.4.0.2: icmp_seq=99999999999999999999 ttl=62 time=1 ms",
    "64 bytes from : icmp_seq=1 ttl=62 time=1 ms",
    "64 bytes from not an address: icmp_seq=1 ttl=62 time=1.0 ms",
    "64 bytes from 10.4.0.999: icmp_seq=1 ttl=62 time=1.0 ms",
    "From nobody icmp_seq=1 Destination Host Unreachable",
    "999  10.0.0.1  1.0 ms",
    "[bold]hello[/foo]",
    "²  10.0.0.1  1.0 ms",
    "x" * 100_000,
]


@pytest.mark.parametrize("probe", [Ping(V4), Traceroute(V4), TcpConnect(V4, 80)], ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("line", GARBLED, ids=range(len(GARBLED)))
def test_a_line_that_nobody_understands_is_kept(probe, line: str) -> None:
    result = read(probe, [line])
    assert result.lost_lines == 1
    assert result.unread[0][:40] == line[:40]
    assert len(result.unread[0]) < 1000


@pytest.mark.parametrize("dialect", [None, Dialect.OWN], ids=str)
@pytest.mark.parametrize("probe", [Ping(V4), Traceroute(V4), TcpConnect(V4, 80)], ids=lambda each: type(each).__name__)
@given(st.lists(st.text(alphabet=st.sampled_from(' 0123456789.:*!()[]{}",=msbytefrom icmp_seq ttl\\e'), max_size=60)))
def test_no_text_breaks_a_reader(probe, dialect, lines: list[str]) -> None:
    reading = reader(probe, dialect)
    kept = 0
    for line in lines:
        kept += sum(isinstance(event, Unread) for event in reading.feed(line))
    reading.end(1)
    assert reading.result().lost_lines == kept


@pytest.mark.parametrize(
    ("probe", "line"),
    [
        (Ping(V4), "64 bytes from 10.4.0.2: icmp_seq={} ttl=62 time=0.096 ms"),
        (Ping(V4), "From 10.2.0.2 icmp_seq={} Destination Host Unreachable"),
        (Ping(V4), "what is this, number {}?"),
        (Traceroute(V4), " 1  10.1.0.1  0.{} ms * 10.2.0.1  0.1 ms !H"),
        (Traceroute(V4), "what is this, number {}?"),
    ],
)
def test_a_flood_takes_bounded_time_and_memory(probe, line: str) -> None:
    lines = [line.format(number) for number in range(1, 20_001)]
    reading = reader(probe)
    tracemalloc.start()
    try:
        for each in lines[:2000]:
            reading.feed(each)
        early = tracemalloc.get_traced_memory()[0]
        for each in lines[2000:8000]:
            reading.feed(each)
        assert tracemalloc.get_traced_memory()[0] - early < 300_000
    finally:
        tracemalloc.stop()
    began = time.process_time()
    result = read(probe, lines)
    assert time.process_time() - began < 4
    if isinstance(probe, Ping):
        assert result.received + result.faulty + result.lost_lines == 20_000
        assert len(result.replies) + len(result.faults) + len(result.unread) == KEPT


# --- bounds and commands ---

OUT_OF_BOUNDS = {
    "count": [{"count": 0}, {"count": 10_001}],
    "interval": [{"interval": 0.1}, {"interval": float("nan")}, {"interval": 61}],
    "size": [{"size": -1}, {"size": 65_508}],
    "ttl": [{"ttl": 0}, {"ttl": 256}],
    "device": [{"dev": "-f"}, {"dev": "a b"}, {"dev": "x" * 16}],
    "families": [{"source": V6}],
}


@pytest.mark.parametrize(
    ("word", "fields"), [(word, each) for word, many in OUT_OF_BOUNDS.items() for each in many], ids=str
)
def test_a_ping_out_of_bounds_is_refused_with_a_sentence(word: str, fields: dict) -> None:
    with pytest.raises(ProbeError, match=rf"{word}.*\.$"):
        Ping(V4, **fields)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Traceroute(V4, "sctp"),
        lambda: Traceroute(V4, max_hops=0),
        lambda: Traceroute(V4, queries=11),
        lambda: Traceroute(V4, "icmp", port=80),
        lambda: TcpConnect(V4, 0),
        lambda: TcpConnect(V4, 80, wait=0),
        lambda: Ping(parse_address("0.0.0.0")),
        lambda: Ping(parse_address("fe80::1")),
        lambda: Capture("eth 0"),
        lambda: Capture(filter="icmp\nand more"),
        lambda: Capture(count=0),
        lambda: Capture(seconds=0),
    ],
)
def test_other_probes_out_of_bounds_are_refused(make) -> None:
    with pytest.raises(ProbeError, match=r"\.$"):
        make()


COMMANDS = [
    (Ping(V4, 3, 0.5), Dialect.IPUTILS, "ping -n -O -c 3 -i 0.5 -W 2 10.4.0.2"),
    (Ping(V4, 3, 1, 100, 3, "eth0"), Dialect.IPUTILS, "ping -n -O -c 3 -W 2 -s 100 -t 3 -I eth0 10.4.0.2"),
    (Ping(V4, 3), Dialect.BUSYBOX, "ping -c 3 -W 2 10.4.0.2"),
    (Ping(V4, 3, ttl=9), Dialect.INETUTILS, "ping -n -c 3 -W 2 --ttl 9 10.4.0.2"),
    (Ping(V6, 3, ttl=9), Dialect.INETUTILS, "ping6 -n -c 3 --hoplimit 9 fd04::2"),
    (Ping(parse_address("fe80::1"), 1, dev="eth0"), Dialect.BUSYBOX, "ping -c 1 -W 2 -I eth0 fe80::1%eth0"),
    (Traceroute(V4), Dialect.TRACEROUTE, "traceroute -n -m 16 -q 3 -w 1 10.4.0.2"),
    (Traceroute(V6, "tcp", port=443), Dialect.TRACEROUTE, "traceroute -T -n -m 16 -q 3 -w 1 -p 443 fd04::2"),
    (Traceroute(V6), Dialect.BUSYBOX, "traceroute -n -m 16 -q 3 -w 1 fd04::2"),
    (Traceroute(V4, "icmp"), Dialect.INETUTILS, "traceroute -I -m 16 -q 3 -w 1 10.4.0.2"),
    (TcpConnect(V4, 80), Dialect.OPENBSD_NC, "nc -n -z -v -w 3 10.4.0.2 80"),
    (TcpConnect(V4, 80, 0.5), Dialect.BUSYBOX, "nc -w 1 10.4.0.2 80 -e true"),
    (TcpConnect(V6, 80), Dialect.BASH, "timeout 3 bash -c exec 3<>/dev/tcp/fd04::2/80"),
]


@pytest.mark.parametrize(("probe", "dialect", "command"), COMMANDS, ids=[each[2] for each in COMMANDS])
def test_the_command_of_each_tool(probe, dialect: Dialect, command: str) -> None:
    words = argv(probe, dialect)
    assert " ".join(words) == command
    assert changes_nothing(words)


@pytest.mark.parametrize(
    "words",
    [
        ("nc", "-w", "2", "10.4.0.2", "80", "-e", "sh"),
        ("nc", "-l", "-p", "80"),
        ("nc", "-w", "2", "-e", "80", "-e", "true"),
        ("timeout", "3", "bash", "-c", "exec 3<>/dev/tcp/10.4.0.2/80; rm x"),
        ("sh", "-c", "ip link del eth0"),
    ],
)
def test_what_only_looks_like_a_probe_is_not_taken_for_one(words: tuple[str, ...]) -> None:
    assert not changes_nothing(words)


CANNOT = [
    (Ping(V6, ttl=3), Dialect.BUSYBOX),
    (Ping(V4, dev="eth0", source=V4), Dialect.BUSYBOX),
    (Ping(V4, dev="eth0"), Dialect.INETUTILS),
    (Ping(V6, interval=0.5), Dialect.INETUTILS),
    (Traceroute(V4, "tcp"), Dialect.BUSYBOX),
    (Traceroute(V6), Dialect.INETUTILS),
    (Traceroute(V4, dev="eth0"), Dialect.INETUTILS),
    (TcpConnect(V4, 80, dev="eth0"), Dialect.OPENBSD_NC),
    (TcpConnect(V6, 80), Dialect.TRADITIONAL_NC),
    (TcpConnect(V4, 80, source=V4), Dialect.BASH),
    (TcpConnect(V4, 80), Dialect.IPUTILS),
]


@pytest.mark.parametrize(("probe", "dialect"), CANNOT, ids=str)
def test_what_a_tool_cannot_do_is_said(probe, dialect: Dialect) -> None:
    with pytest.raises(ProbeError):
        argv(probe, dialect)


def test_which_tools_there_are_is_read_from_their_own_words() -> None:
    said = """= ping /usr/bin/ping
ping: invalid option -- 'V'
BusyBox v1.36.1 (2024) multi-call binary.
= traceroute /usr/bin/traceroute
BusyBox v1.36.1 (2024) multi-call binary.
Usage: traceroute [-46FIlnrv] [-f 1ST_TTL]
= nc
= bash /bin/bash
GNU bash, version 5.2.15
= timeout /bin/timeout
Usage: timeout"""
    assert read_tools(said.splitlines()) == Tools(Dialect.BUSYBOX, Dialect.BUSYBOX, Dialect.BASH, True)
    assert read_tools(["There is no sh in web."]) == Tools()
    assert changes_nothing(QUESTION)


@pytest.mark.parametrize("probe", [Ping(V4), Traceroute(V4), TcpConnect(V4, 80)], ids=lambda each: type(each).__name__)
def test_a_node_without_tools_is_refused(probe) -> None:
    with pytest.raises(ProbeError, match="there is no"):
        Tools().fit(probe)


def test_busybox_without_icmp_is_told_apart() -> None:
    with pytest.raises(ProbeError, match="UDP"):
        Tools(traceroute=Dialect.BUSYBOX).fit(Traceroute(V4, "icmp"))
    assert Tools(traceroute=Dialect.BUSYBOX, icmp=True).fit(Traceroute(V4, "icmp")) is Dialect.BUSYBOX


# --- the own prober's words ---


def test_the_own_ping_says_the_same() -> None:
    said = [
        {"event": "start", "dst": "10.4.0.2"},
        {"event": "reply", "from": "10.4.0.2", "seq": 1, "ttl": 63, "ms": 0.2, "duplicate": False},
        {"event": "error", "from": "10.1.0.1", "seq": 2, "says": "host unreachable"},
        {"event": "silent", "seq": 3},
        {"event": "end", "sent": 3, "received": 1},
    ]
    result = read(Ping(V4), [json.dumps(each) for each in said], Dialect.OWN)
    assert (result.sent, result.received, result.faulty, result.replies[0].ttl) == (3, 1, 1, 63)
    assert meaning(result.faults[0]) is Meaning.HOST_UNREACHABLE


def test_the_own_connect_says_the_same() -> None:
    failed = {"event": "failed", "ms": 0.4, "errno": "ECONNREFUSED", "text": "Connection refused"}
    result = read(TcpConnect(V4, 80), [json.dumps(failed)], Dialect.OWN)
    assert (result.state, result.rtt) == (Connection.REFUSED, 0.4)


def test_an_error_is_the_answer_to_its_request_and_a_warning_is_none() -> None:
    """iputils with -O says "no answer yet" also where an error was the answer."""
    found = reader(Ping(parse_address("172.20.0.2")))
    assert [type(each) for each in found.feed("From 172.19.0.3 icmp_seq=1 Time to live exceeded")] == [Fault]
    assert found.feed("no answer yet for icmp_seq=1") == ()
    assert [type(each) for each in found.feed("no answer yet for icmp_seq=2")] == [Silence]
    assert [type(each) for each in found.feed("ping: Warning: source address might be selected on device other")] == [
        Unread
    ]
