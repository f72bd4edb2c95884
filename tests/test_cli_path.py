"""path, matrix and check on the command line: what they print, their JSON, and their exit codes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from many_containers import many
from test_cli import Ask, bare
from two_bridges import two_bridges

from tui import labs
from tui.core.labs import Expectation
from tui.core.labs.checks import Checked, checked, words
from tui.core.labs.layout import world as laid_out
from tui.core.saved import dumps
from tui.core.world import Network, World

__all__ = ["bare"]  # the fixture that runs the command line in this process

LAB = ("--engine", "sim", "--lab")


def file(tmp_path: Path, world: World) -> str:
    path = tmp_path / "world.json"
    path.write_text(dumps(world), "utf-8")
    return str(path)


# --- path ---


def test_a_path_that_works_is_told_both_ways(bare: Ask) -> None:
    said = bare("path", "centos-net1", "centos-router", *LAB, "two-bridges")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        "there  centos-net1 ─eth0─[net1]─▶ centos-router ✓ DELIVERED",
        "back   centos-router ─eth0─[net1]─▶ centos-net1 ✓ DELIVERED",
        "sees   64 bytes from 172.19.0.3: ttl=64",
        "so     works: the request arrives and the reply comes back",
    ]


def test_a_path_that_fails_ends_with_1_and_says_what_mends_it(bare: Ask) -> None:
    said = bare("path", "client", "server", *LAB, "missing-return-route")
    assert said.code == 1
    lines = said.out.splitlines()
    assert lines[0] == "there  client ─eth0─[clients]─▶ router ─eth1─[servers]─▶ server ✓ DELIVERED"
    assert lines[1].startswith("back   server ─eth0─[servers]─▶ host ✗ FILTERED")
    assert "mends  1. server: ip route add 10.77.1.0/24 via 10.77.2.3 dev eth0" in lines
    assert any(line.startswith("mends  2. docker network connect clients server") for line in lines)
    assert any("(server is then on clients too" in line for line in lines)


def test_the_json_of_a_path_has_the_keys_of_the_contract(bare: Ask) -> None:
    said = bare("path", "centos-net1", "172.20.0.2", *LAB, "two-bridges", "--json")
    assert said.code == 1
    answer = said.json
    assert answer["forward"]["outcome"] == "FILTERED" and answer["back"] is None
    assert tuple(answer["forward"]["hops"][0][key] for key in ("node", "in", "out", "via")) == (
        "centos-net1", None, "eth0", "172.19.0.1"
    )  # fmt: skip
    assert answer["verdict"].startswith("the request gets lost at the host")
    assert answer["fixes"] == [
        "centos-net1: ip route add 172.20.0.0/16 via 172.19.0.3 dev eth0",
        "centos-net2: ip route add 172.19.0.0/16 via 172.20.0.3 dev eth0",
    ]
    best = answer["mends"][0]
    assert best["commands"][0] == {"node": "centos-net1", "argv": answer["fixes"][0].split(": ")[1].split()}
    assert answer["mends"][1]["commands"][0]["node"] is None and answer["mends"][1]["tradeoff"]


def test_a_path_that_nobody_knows_ends_with_3(bare: Ask, tmp_path: Path) -> None:
    world = two_bridges("elsewhere")
    nodes = (
        replace(each, missing=("routes4",), problem="centos-router was not asked.", routes=())
        if each.name == "centos-router"
        else each
        for each in world.nodes
    )
    said = bare("path", "centos-router", "centos-net2", "--open", file(tmp_path, replace(world, nodes=tuple(nodes))))
    assert said.code == 3
    assert "? UNKNOWN" in said.out
    assert "centos-router was not asked." in said.err


def test_ends_are_names_ids_or_addresses_and_anything_else_is_a_mistake(bare: Ask, tmp_path: Path) -> None:
    world = two_bridges()
    nodes = (replace(each, id=f"{place}abc{each.name}") for place, each in enumerate(world.nodes))
    path = file(tmp_path, replace(world, nodes=tuple(nodes)))
    assert bare("path", "172.19.0.2", "172.19.0.3", "--open", path).code == 0
    assert bare("path", "0abc", "2abc", "--open", path).code == 0
    for src, dst, sentence in (
        ("nobody", "centos-net1", "'nobody'"),
        ("centos-net3", "centos-net1", "did you mean"),
        ("10.9.9.9", "centos-net1", "No node here has the address 10.9.9.9"),
        ("172.19.0.2", "fd00:19::2", "of two families"),
        ("", "centos-net1", "is no end of a path"),
    ):
        said = bare("path", src, dst, "--open", path)
        assert (said.code, said.out) == (2, ""), (src, dst)
        assert sentence in said.err and said.err.count("\n") == 1


# --- matrix ---


def test_the_matrix_is_a_table_with_its_legend_and_reasons(bare: Ask) -> None:
    said = bare("matrix", *LAB, "missing-return-route")
    assert said.code == 0
    assert said.out.splitlines()[:8] == [
        "         1 2 3 4",
        "1 client · ✓ ↦ ✓",
        "2 router ✓ · ✓ ✓",
        "3 server ✗ ✓ · ✓",
        "4 host   ✓ ✓ ✓ ·",
        "",
        "✓ yes   ✗ no   ↦ one way only: the answer is lost   · itself",
        "",
    ]
    reasons = said.out.splitlines()[8:]
    assert [line.split(":")[0] for line in reasons] == ["↦ client → server", "✗ server → client"]


def test_many_nodes_are_shown_in_groups_unless_all_are_asked_for(bare: Ask, tmp_path: Path) -> None:
    path = file(tmp_path, many(60, 3))
    grouped = bare("matrix", "--open", path).out.splitlines()
    assert grouped[1] == "1 c0000 and 19 like it ✓ ✗ ✗ ✓ ✓"
    assert any(line.startswith("✗ c0000 → c0001 (and 399 more alike): ") for line in grouped)
    every = bare("matrix", "--open", path, "--all").out.splitlines()
    assert len(every[0].split()) == 62 and every[2].startswith(" 2 c0001 ")
    assert {len(line) for line in every[:63]} == {len(every[0])}


def test_pairs_can_be_listed_by_what_they_are(bare: Ask) -> None:
    said = bare("matrix", *LAB, "missing-return-route", "--only", "one-way", "--only", "unknown")
    assert said.out.startswith("↦ client → server: the request arrives; the reply gets lost at the host")
    assert said.out.count("\n") == 1
    assert bare("matrix", *LAB, "missing-return-route", "--only", "maybe").code == 2


def test_the_json_of_a_matrix_has_every_pair_with_its_reason(bare: Ask) -> None:
    answer = bare("matrix", *LAB, "missing-return-route", "--json").json
    assert answer["nodes"] == ["client", "router", "server", "host"]
    assert len(answer["cells"]) == 12
    cells = {(each["src"], each["dst"]): each for each in answer["cells"]}
    assert cells["client", "server"] | {"reason": ""} == {
        "src": "client", "dst": "server", "state": "one way", "outcome": "DELIVERED", "back": "FILTERED",
        "node": "host", "reason": "",
    }  # fmt: skip
    assert cells["router", "server"]["reason"] is None


def test_a_world_without_nodes_has_an_empty_matrix(bare: Ask, tmp_path: Path) -> None:
    path = file(tmp_path, World("sim", (Network("net1"),)))
    assert bare("matrix", "--open", path).out == "there are no nodes\n"
    assert bare("matrix", "--open", path, "--json").json == {"nodes": [], "cells": []}


# --- check ---


def test_a_lab_holds_as_it_comes_up_and_its_goals_do_not(bare: Ask) -> None:
    said = bare("check", "missing-return-route", "--engine", "sim")
    assert said.code == 0
    assert said.out.splitlines() == [
        "✓ client does not reach server, DELIVERED, via router",
        "✓ server does not reach 10.77.1.2, by dst default gateway 10.77.2.1 dev eth0",
        "2 of 2 hold (lab missing-return-route)",
    ]
    said = bare("check", "missing-return-route", "--engine", "sim", "--goal")
    assert said.code == 1
    assert said.out.startswith(
        "✗ client reaches server, DELIVERED, via router: the request arrives; the reply gets lost"
    )


@pytest.mark.parametrize("name", labs.names())
def test_every_lab_s_expectations_hold_on_the_command_line(bare: Ask, name: str) -> None:
    answer = bare("check", name, "--engine", "sim", "--json")
    assert answer.code == 0
    assert answer.json["holds"] is True and answer.json["lab"] == name
    assert all(each["holds"] and each["why"] is None and each["observed"] is None for each in answer.json["checks"])


COMPOSE = """\
services:
  web: {image: x, container_name: web, networks: [front]}
  db: {image: x, container_name: db, networks: [back]}
networks:
  front: {name: front, ipam: {config: [{subnet: 10.5.0.0/24}]}}
  back: {name: back, ipam: {config: [{subnet: 10.6.0.0/24}]}}
"""
EXPECT = "x-routetui: {expect: [{from: web, to: db, reachable: true}, {from: web, to: db, outcome: FILTERED}]}\n"


def test_a_compose_file_is_checked_in_place_and_each_line_has_its_reason(bare: Ask, tmp_path: Path) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text(COMPOSE + EXPECT)
    said = bare("check", str(path), "--engine", "sim", "--json")
    assert said.code == 1
    first, second = said.json["checks"]
    assert first["holds"] is False and "isolation" in first["why"]
    assert second["holds"] is True and second["outcome"] == "FILTERED"


def test_a_file_that_expects_nothing_is_a_mistake(bare: Ask, tmp_path: Path) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text(COMPOSE)
    said = bare("check", str(path), "--engine", "sim")
    assert said.code == 2 and "expects nothing" in said.err
    path.write_text(COMPOSE + EXPECT)
    said = bare("check", str(path), "--engine", "sim", "--goal")
    assert said.code == 2 and "ask without --goal" in said.err
    assert bare("check", str(path)).code == 3  # no engine answers here


def test_a_lab_that_is_not_up_where_one_looks_is_said_to_be_missing(bare: Ask, tmp_path: Path) -> None:
    said = bare("check", "two-bridges", "--open", file(tmp_path, many(3, 2)))
    assert said.code == 1
    assert "there is no centos-net1 and no centos-net2 here" in said.err


def test_what_a_ping_saw_decides_about_being_reached() -> None:
    world = laid_out(labs.load("missing-return-route"))
    reached = Expectation("client", "server", reachable=True)
    via = replace(reached, reachable=False, via=("router",))
    assert checked(world, (reached,))[0].holds is False
    # The kernel says otherwise: then that is so, and the difference is named.
    (seen,) = checked(world, (reached,), lambda _, __: True)
    assert (seen.holds, seen.predicted, seen.observed) == (True, False, True)
    assert seen.why.startswith("predicted otherwise")
    (lost,) = checked(world, (via,), lambda _, __: True)
    assert lost.holds is False and lost.why == "a ping was answered, though that was predicted otherwise"
    assert checked(world, (via,), lambda _, __: False) == (Checked(via, True, "", True, False),)
    assert checked(world, (via,), lambda _, __: None) == checked(world, (via,))


def test_an_expectation_is_a_line_of_words() -> None:
    asked = Expectation("a", "b", None, "NO_ROUTE", (), (("dst", "default"),))
    assert words(asked) == "a to b, NO_ROUTE, directly, by dst default"
