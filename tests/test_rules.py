"""Policy rules read from text and JSON, old and new, and written again."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from texts import NAMES, lines_with_something, needs_wild, prefixes, states, wild

from tui.core.addresses import parse_prefix
from tui.core.reading.prompts import is_prompt
from tui.core.reading.rule_words import L3MDEV
from tui.core.reading.rules import ip_rule_json, ip_rule_line, read_rules
from tui.core.world import Rule, default_rules


def test_text_and_json_of_every_recorded_state_are_one_and_are_written_as_printed() -> None:
    for state in states():
        text, objects = read_rules(state["rules_text"]), read_rules(json.dumps(state["rules_json"]))
        assert text == objects
        assert (text.unread, text.family) == ((), state["family"])
        assert not any(rule.words for rule in text.rules)
        printed = [line.rstrip() for line in lines_with_something(state["rules_text"])]
        assert [ip_rule_line(rule) for rule in text.rules] == printed
        assert [ip_rule_json(rule) for rule in text.rules] == state["rules_json"]


@needs_wild
@pytest.mark.parametrize(("text", "count"), wild("ip-rule"))
def test_the_wild_is_read_to_the_last_rule(text: str, count: int) -> None:
    reading = read_rules(text)
    assert (len(reading.rules), reading.unread) == (count, ())


@pytest.mark.parametrize("family", [4, 6])
def test_the_rules_of_a_fresh_namespace_are_known_by_their_family(family: int) -> None:
    text = "\n".join(map(ip_rule_line, default_rules(family)))
    assert read_rules(text).rules == default_rules(family)


def selector(words: str) -> Rule:
    """The rule that a line of these words is, with nothing left over."""
    reading = read_rules(f"100:\t{words}")
    assert reading.unread == ()
    (rule,) = reading.rules
    assert rule.words == ()
    return rule


LINES: list[tuple[str, dict[str, object]]] = [
    ("from all lookup 100", {"table": "100", "src": None}),
    ("from 10.0.0.1 lookup 255", {"table": "local", "src": parse_prefix("10.0.0.1/32")}),
    ("from all to fc00::/8 lookup 200", {"dst": parse_prefix("fc00::/8"), "family": 6}),
    ("from 0/8 lookup 5", {"src": parse_prefix("0.0.0.0/8")}),
    ("not from all fwmark 0x2/0x3 lookup 5", {"invert": True, "mark": 2, "mask": 3}),
    ("from all fwmark 0x10 lookup 5", {"mark": 16, "mask": 0xFFFFFFFF}),
    ("from all fwmark 0/0x1 lookup 5", {"mark": 0, "mask": 1}),
    ("from all iif e9 [detached] lookup 5", {"iif": "e9", "iif_detached": True, "oif_detached": False}),
    ("from all iif lo oif e9 [detached] lookup 5", {"iif": "lo", "oif": "e9", "oif_detached": True}),
    ("from all iif from lookup 5", {"iif": "from"}),
    ("from all tos 0x08 lookup 5", {"tos": 8}),
    ("from all dsfield AF11 lookup 5", {"tos": 0x28}),
    ("from all dscp 10 lookup 5", {"tos": 40}),
    ("from all dscp EF lookup 5", {"tos": 0xB8}),
    ("from all ipproto tcp dport 80 lookup 5", {"ipproto": 6, "dport": (80, 80)}),
    ("from all ipproto 89 sport 100-200 lookup 5", {"ipproto": 89, "sport": (100, 200)}),
    ("from all ipproto ipv6-icmp lookup 5", {"ipproto": 58}),
    ("from all uidrange 0-1000 lookup 5", {"uidrange": (0, 1000)}),
    ("from all lookup main suppress_prefixlength 0", {"table": "main", "suppress_prefixlength": 0}),
    ("from all goto 300", {"action": "goto", "target": 300, "unresolved": False}),
    ("from all goto 300 [unresolved]", {"action": "goto", "target": 300, "unresolved": True}),
    ("from all goto none", {"action": "goto", "target": None}),
    ("from all nop", {"action": "nop"}),
    ("from all unreachable", {"action": "unreachable"}),
    ("from 10.0.0.0/8 prohibit proto static", {"action": "prohibit", "protocol": "static"}),
    ("from all 6", {"action": "blackhole"}),
    ("from all lookup main proto kernel", {"protocol": None}),
    ("from all lookup main proto 186", {"protocol": "bgp"}),
    (f"from all lookup {L3MDEV}", {"table": L3MDEV, "action": "table"}),
    ("from all realms 3/5 lookup 5", {"attributes": ("realms 3/5",)}),
    ("from 1.2.3.4 lookup main map-to 5.6.7.8", {"attributes": ("map-to 5.6.7.8",), "table": "main"}),
]


@pytest.mark.parametrize(("words", "expected"), LINES, ids=[words for words, _ in LINES])
def test_selector(words: str, expected: dict[str, object]) -> None:
    rule = selector(words)
    assert {name: getattr(rule, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("from all lookup main suppress_ifgroup default", ("suppress_ifgroup", "default")),
        ("from all sport 100/0xff lookup 5", ("sport", "100/0xff")),
        ("from all shiny lookup 5", ("shiny",)),
        ("from all tun_id 5 lookup 5", ("tun_id", "5")),
        ("from all fwmark nothing lookup 5", ("fwmark", "nothing")),
        ("from all tos 0x08 tos 0x10 lookup 5", ("tos", "0x10")),
    ],
)
def test_what_may_decide_and_is_not_understood_is_kept(words: str, kept: tuple[str, ...]) -> None:
    (rule,) = read_rules(f"100:\t{words}").rules
    assert rule.words == kept


def test_json_of_newer_shapes() -> None:
    text = json.dumps(
        [
            {
                "priority": 1,
                "not": None,
                "src": "10.0.0.0",
                "srclen": 8,
                "oif": "e9",
                "oif_detached": None,
                "table": "5",
            },
            {"priority": 2, "src": "all", "uid_start": 0, "uid_end": 9, "dport_start": 1, "dport_end": 2, "table": "5"},
            {"priority": 3, "src": "all", "l3mdev": None, "flow_from": "3", "flow_to": "5", "protocol": "kernel"},
            {"priority": 4, "src": "all", "suppress_ifgroup": "x", "shine": {"a": 1}, "action": "to_tbl", "table": "7"},
            {"no": "priority"},
        ]
    )
    reading = read_rules(text)
    first, second, third, fourth = reading.rules
    assert (first.invert, first.oif_detached, str(first.src)) == (True, True, "10.0.0.0/8")
    assert (second.uidrange, second.dport) == ((0, 9), (1, 2))
    assert (third.table, third.attributes, third.protocol) == (L3MDEV, ("realms 3/5",), None)
    assert (fourth.words, fourth.table) == (("suppress_ifgroup", "x", "shine", '{"a": 1}', "action", "to_tbl"), "7")
    assert reading.unread == ('{"no": "priority"}',)


@pytest.mark.parametrize(
    "text", ["100: nonsense", "rule 5", "99999999999: from all lookup 5", "[1]", "[{]", "from all"]
)
def test_what_is_no_rule_is_unread(text: str) -> None:
    reading = read_rules(text)
    assert (reading.rules, len(reading.unread)) == ((), 1)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    family = draw(st.sampled_from((4, 6)))
    ports = st.none() | st.tuples(st.integers(0, 99), st.integers(100, 65535)) | st.just((53, 53))
    mark = draw(st.none() | st.integers(0, 0xFFFFFFFF))
    iif, oif = draw(st.none() | NAMES), draw(st.none() | NAMES)
    action = draw(st.sampled_from(("table", "table", "unreachable", "prohibit", "blackhole", "nop", "goto")))
    return Rule(
        draw(st.integers(0, 0xFFFFFFFF)),
        family,
        action,
        draw(st.sampled_from(("main", "local", "100", "docker"))) if action == "table" else "main",
        draw(st.none() | prefixes(family)),
        draw(st.none() | prefixes(family)),
        iif,
        oif,
        mark,
        draw(st.integers(0, 0xFFFFFFFF)) if mark is not None else 0xFFFFFFFF,
        draw(st.integers(0, 255)),
        draw(st.none() | st.integers(0, 255)),
        draw(ports),
        draw(ports),
        draw(st.none() | st.just((0, 4294967295))),
        draw(st.booleans()),
        draw(st.none() | st.integers(0, 128)) if action == "table" else None,
        draw(st.integers(0, 0xFFFFFFFF)) if action == "goto" else None,
        draw(st.booleans()) if action == "goto" else False,
        draw(st.booleans()) if iif else False,
        draw(st.booleans()) if oif else False,
        draw(st.sampled_from((None, "static", "186x"))),
        tuple(draw(st.lists(st.just("realms 5"), max_size=1))),
        tuple(draw(st.lists(st.sampled_from(("shiny", "7x")), max_size=2))),
    )


def _as_json(rule: Rule) -> str:
    return json.dumps([ip_rule_json(rule)])


@pytest.mark.parametrize("write", [ip_rule_line, _as_json])
@given(rule=rules())
def test_a_written_rule_reads_back_equal(write: Callable[[Rule], str], rule: Rule) -> None:
    if write is _as_json and (rule.words or rule.attributes):
        return
    reading = read_rules(write(rule), rule.family)
    assert (reading.rules, reading.unread) == ((rule,), ())


@given(st.lists(st.text(max_size=60) | st.sampled_from(("5:\tfrom all lookup main", "6: not from all x", ""))))
def test_every_line_of_junk_is_a_rule_or_unread(lines: list[str]) -> None:
    for line in lines:
        if line.isprintable() or "\t" in line:
            reading = read_rules(line)
            if not line.lstrip().startswith(("[", "{")) and "\n" not in line and line.replace("\t", "").isprintable():
                told = bool(reading.rules or reading.unread or is_prompt(line))
                assert bool(line.strip()) == told
