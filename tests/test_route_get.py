"""What `ip route get` answers, as text of old and new iproute2 and BusyBox, as JSON, and as refusals."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import cases, needs_wild, wild

from tui.core.addresses import parse_address
from tui.core.reading.route_get import Answer, read_answer, read_answers


def test_every_recorded_answer_reads_the_same_from_text_and_json() -> None:
    count = 0
    for case in cases():
        for query in case["queries"]:
            count += 1
            if "error" in query:
                assert read_answer(query["error"]).errno is not None, query["error"]
                continue
            text, objects = read_answers(query["text"]), read_answers(json.dumps([query["answer"]]))
            assert text.unread == objects.unread == ()
            (answer,) = text.answers
            assert replace(answer, route=None) == replace(objects.answers[0], route=None)
            given_ = query["answer"]
            assert (answer.type, answer.dev, answer.table) == (
                given_.get("type", "unicast"), given_["dev"], given_.get("table"),
            )  # fmt: skip
            assert answer.dst == parse_address(query["dst"])
            assert (answer.metric, answer.iif, answer.mark) == (
                given_.get("metric"), given_.get("iif"), given_.get("mark", 0),
            )  # fmt: skip
            assert list(answer.cache) == given_.get("cache", [])
            assert str(answer.prefsrc) == str(given_.get("prefsrc"))
            via = given_.get("gateway") or given_.get("via", {}).get("host")
            assert str(answer.gateway) == str(via)
            assert answer.words == ()
    assert count == 6000


def test_every_recorded_match_is_a_route_of_its_state() -> None:
    for case in cases()[:20]:
        for query in case["queries"]:
            if "fibmatch" in query:
                (answer,) = read_answers(json.dumps(query["fibmatch"])).answers
                assert answer.route is not None
                assert parse_address(query["dst"]) in answer.route.dst


ANSWERS: list[tuple[str, dict[str, object]]] = [
    (
        "8.8.8.8 via 192.168.122.1 dev eth1 src 192.168.122.68 uid 1000 \n    cache ",
        {
            "gateway": parse_address("192.168.122.1"),
            "dev": "eth1",
            "prefsrc": parse_address("192.168.122.68"),
            "cache": (),
        },
    ),
    ("30.1.1.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0 \\    cache ", {"dev": "e0", "table": None}),
    (
        "local 0.0.0.0 dev lo table local src 127.0.0.1 uid 0 \n    cache <local> ",
        {"type": "local", "cache": ("local",)},
    ),
    (
        "broadcast 10.0.0.255 from 10.0.0.9 dev lo table local mark 0x17 \n    cache <local,brd> iif e0 ",
        {"iif": "e0", "mark": 23, "src": parse_address("10.0.0.9"), "cache": ("local", "brd")},
    ),
    ("1.2.3.4 via 10.0.0.2 dev e0 \n    cache <redirected> expires 299sec ", {"cache": ("redirected",)}),
    (
        "192.0.2.14 dev eth0  src 192.0.2.15 \n    cache  users 1 age 3sec mtu 1500 advmss 1460 hoplimit 64",
        {"dev": "eth0", "words": ()},
    ),
    (
        "3002::5 from :: via fd00::2 dev e0 src fd00::1 metric 1024 pref medium",
        {"src": parse_address("::"), "metric": 1024},
    ),
    ("70.1.1.1 via 10.211.1.4 dev eth0  src 10.211.1.2", {"gateway": parse_address("10.211.1.4")}),
    ("32.0.0.1 via inet6 fd00::9 dev e0 src 10.0.0.1 uid 0", {"gateway": parse_address("fd00::9")}),
    ("RTNETLINK answers: Network is unreachable", {"errno": "ENETUNREACH", "error": "Network is unreachable"}),
    ("ip: RTNETLINK answers: No route to host", {"errno": "EHOSTUNREACH"}),
    ("RTNETLINK answers: Permission denied", {"errno": "EACCES"}),
    ("RTNETLINK answers: Invalid argument", {"errno": "EINVAL"}),
    ("RTNETLINK answers: Invalid cross-device link", {"errno": "EXDEV"}),
    ("RTNETLINK answers: Something quite new", {"errno": None, "error": "Something quite new"}),
    ('Cannot find device "nope"', {"errno": "ENODEV"}),
    ("ip: can't find device 'nope'", {"errno": "ENODEV"}),
    ('Error: any valid prefix is expected rather than "x".', {"errno": None}),
    ("what?", {"error": "what?", "errno": None}),
    ("", {"error": "Nothing was printed."}),
]


@pytest.mark.parametrize(("text", "expected"), ANSWERS, ids=[text.split("\n")[0] for text, _ in ANSWERS])
def test_answer(text: str, expected: dict[str, object]) -> None:
    answer = read_answer(text)
    assert {name: getattr(answer, name) for name in expected} == expected


def test_a_match_of_a_multipath_route_has_its_next_hops() -> None:
    answer = read_answer(
        "31.0.0.0/8 \n\tnexthop via 10.0.0.2 dev e0 weight 3 \n\tnexthop via 10.0.0.9 dev e1 weight 1 "
    )
    assert answer.route is not None
    assert (str(answer.route.dst), [hop.weight for hop in answer.route.nexthops]) == ("31.0.0.0/8", [3, 1])


def test_answers_and_refusals_keep_their_order() -> None:
    text = "1.1.1.1 dev a\nRTNETLINK answers: Network is unreachable\nodd\n2.2.2.2 dev b\n    cache"
    reading = read_answers(text)
    assert [each.dev or each.errno for each in reading.answers] == ["a", "ENETUNREACH", "b"]
    assert reading.unread == ("odd",)


@needs_wild
@pytest.mark.parametrize(("text", "count"), wild("ip-route-get", "busybox-ip-route-get"))
def test_the_wild_is_read_to_the_last_answer(text: str, count: int) -> None:
    reading = read_answers(text)
    assert (len(reading.answers), reading.unread) == (count, ())


@given(st.text(max_size=200))
def test_no_junk_raises(text: str) -> None:
    assert isinstance(read_answer(text), Answer)
