"""`routetui route add|del` and --read-only: what would come of it, what is done, how to undo it, and every mistake."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from test_kernel import WHY_NO_LAB
from test_lab_cli import Person, _person

from tui import cli
from tui.cli.arguments import parse
from tui.cli.choose import choose
from tui.cli.completion import candidates
from tui.engines.base import ReadOnly
from tui.engines.read_only import ReadOnlyEngine

needs_lab = pytest.mark.skipif(WHY_NO_LAB is not None and not os.environ.get("CI"), reason=WHY_NO_LAB or "")
A, B, ROUTER = "centos-net1", "centos-net2", "centos-router"


@dataclass
class Said:
    code: int
    out: str
    err: str


Ask = Callable[[str], Said]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Give routetui a line to do, in the simulator's two bridges unless it says where."""
    for name in ("ROUTETUI_LAB", "ROUTETUI_ENGINE", "ROUTETUI_READ_ONLY"):
        monkeypatch.delenv(name, raising=False)

    def run(line: str) -> Said:
        words = shlex.split(line)
        code = cli.run(words if "--engine" in words or "--open" in words else ["--engine", "sim", *words])
        found = capsys.readouterr()
        return Said(code, found.out, found.err)

    return run


@pytest.fixture
def me(tmp_path: Path) -> Iterator[Person]:
    yield from _person(tmp_path, ())


def words(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


# --- what would come of it ---


def test_a_dry_run_shows_command_table_lookup_path_and_undo(ask: Ask) -> None:
    said = ask(f"route add {A} 172.20.0.0/16 via 172.19.0.3 --dry-run")
    assert said.code == 0
    lines = [" ".join(each) for each in words(said.out)]
    assert lines[0] == f"{A}: ip route add 172.20.0.0/16 via 172.19.0.3"
    assert "classic route add -net 172.20.0.0 netmask 255.255.0.0 gw 172.19.0.3" in lines
    assert "table + 172.20.0.0/16 via 172.19.0.3 dev eth0" in lines
    assert any(each.startswith("now 172.20.0.2 matches only the default route") for each in lines)
    assert any(each.startswith("then 172.20.0.2 matches 172.20.0.0/16") for each in lines)
    assert f"path {A} to 172.20.0.2, now: gets lost at host" in lines
    assert "then: arrives; the reply has no way back" in lines
    assert lines[-1] == f"undo {A}: ip route del 172.20.0.0/16 via 172.19.0.3 dev eth0"
    assert "nothing is done" in said.err


def test_a_dry_run_in_json(ask: Ask) -> None:
    said = ask(f"route add {A} 172.20.0.0/16 via 172.19.0.3 metric 5 table 100 --dry-run --json")
    found = json.loads(said.out)
    command = f"{A}", "ip route add 172.20.0.0/16 via 172.19.0.3 table 100 metric 5"
    assert (found["done"], found["dry_run"]) == (False, True)
    assert [(each["node"], each["command"]) for each in found["commands"]] == [command]
    assert found["undo"][0]["command"].startswith("ip route del 172.20.0.0/16")
    (change,) = found["changes"]
    assert (change["node"], change["table"], change["family"], change["change"]) == (A, "100", 4, "added")
    assert (change["route"]["dst"], change["route"]["gateway"], change["route"]["metric"]) == (
        "172.20.0.0/16",
        "172.19.0.3",
        5,
    )
    assert found["lookup"]["before"]["decision"] == found["lookup"]["after"]["decision"]  # no rule leads to table 100
    assert found["path"]["before"]["works"] is found["path"]["after"]["works"] is False


def test_a_route_that_goes_is_shown_so(ask: Ask) -> None:
    said = ask(f"route del {A} default --dry-run")
    lines = [" ".join(each) for each in words(said.out)]
    assert lines[0] == f"{A}: ip route del default via 172.19.0.1 dev eth0"
    assert "table - default via 172.19.0.1 dev eth0" in lines
    assert any("is not sent" in each for each in lines)
    assert lines[-1] == f"undo {A}: ip route add default via 172.19.0.1 dev eth0"


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (f"add {A} net2 via {ROUTER}", "ip route add 172.20.0.0/16 via 172.19.0.3 dev eth0"),
        (f"add {A} {B} via {ROUTER}", "ip route add 172.20.0.0/16 via 172.19.0.3 dev eth0"),
        (f"add {A} via {ROUTER} 10.9.0.0/16", "ip route add 10.9.0.0/16 via 172.19.0.3 dev eth0"),
        (f"add {A} 10.9.0.0/16 dev eth0", "ip route add 10.9.0.0/16 dev eth0"),
        (f"add {A} unreachable 10.9.0.0/16", "ip route add unreachable 10.9.0.0/16"),
        (f"add {A} 10.9.0.0/16 blackhole metric 7", "ip route add blackhole 10.9.0.0/16 metric 7"),
        (f"add {A} 10.9.0.7 via 172.19.0.3", "ip route add 10.9.0.7/32 via 172.19.0.3"),
        (f"add {A} 10.9.0.0/16 via 10.1.1.1 onlink dev eth0", "ip route add 10.9.0.0/16 via 10.1.1.1 dev eth0 onlink"),
        (f"add host 10.9.0.0/16 via {ROUTER}", "ip route add 10.9.0.0/16 via 172.20.0.3 dev br-net2"),
        (f"del {A} default via 172.19.0.1", "ip route del default via 172.19.0.1 dev eth0"),
        (f"del {A} default via host dev eth0 metric 0 table 254", "ip route del default via 172.19.0.1 dev eth0"),
    ],
)
def test_the_words_of_a_route_and_the_command_that_they_are(ask: Ask, line: str, command: str) -> None:
    said = ask(f"route {line} --dry-run --json")
    assert said.code == 0, said.err
    (found,) = json.loads(said.out)["commands"]
    assert found["command"] == command


# --- mistakes ---


@pytest.mark.parametrize(
    ("line", "tells"),
    [
        (f"add {A} 172.20.0.0/16 via 10.1.2.3", "10.1.2.3 is not on-link.*Nexthop has invalid gateway"),
        (f"add {A} 172.20.0.7/16 via 172.19.0.3", "The prefix is 172.20.0.0/16, without host bits.*Invalid prefix"),
        (f"add {A} default via 172.19.0.3", "already a route to default.*File exists"),
        (f"add {A} 10.9.0.0/16 dev eth7", "eth7"),
        (f"add {A} net3 via 172.19.0.3", "'net3': did you mean net"),
        (f"add {A} net2", "needs a next hop.*172.19.0.3"),
        (f"add {A} net2 via", "'via' needs a value"),
        (f"add {A} net2 via {B}", f"{B} is no neighbour of {A}.*172.19.0.3"),
        (f"add {A} net2 via 172.19.0.3 via 172.19.0.4", "'via' stands there twice"),
        (f"add {A} net2 gw 172.19.0.3", "'gw' is no word of a route here"),
        (f"add {A} fd00::/64 via 172.19.0.3", "172.19.0.3 is an IPv4 address, and fd00::/64 needs an IPv6 gateway"),
        (f"add {A} fd00::/64 via fd00::3", f"fd00::3 is not on-link for {A}: it has no IPv6 subnet"),
        (f"add {A} net2 via 172.19.0.3 metric many", "'many' is no metric"),
        (f"add {A} net2 via 172.19.0.3 table red", "'red' is no table"),
        (f"add {A} net1 via 172.19.0.3", ""),
        (f"add {A} {A} via 172.19.0.3", f"{A} is the node itself"),
        (f"add {A} via 172.19.0.3", "Write where to"),
        ("add centos-nett1 net2 via 172.19.0.3", "did you mean centos-net1"),
        (f"del {A} 10.9.0.0/16", "no such route in table main: it has none to 10.9.0.0/16"),
        (f"del {A} default via 172.19.0.9", "no such route.*to default it has via 172.19.0.1"),
        (f"del {A} default via nobody", "nobody"),
        (f"del {A} default table 100", "no such route in table 100"),
        (f"add {A}", "ROUTE.*--help"),
        ("", "add.del"),
        (f"add {A} net2 via \x1b[31m", "via"),
    ],
)
def test_a_mistake_is_a_sentence_and_code_2(ask: Ask, line: str, tells: str) -> None:
    for dry in ("", " --dry-run"):
        said = ask(f"route {line}{dry}")
        assert said.code == 2, said
        assert said.out == ""
        assert said.err.startswith("routetui: ")
        assert "\x1b" not in said.err
        assert said.err.count("\n") == 1
        assert re.search(tells, said.err.replace("\n", " ")), said.err


# --- done ---


def test_in_the_simulator_it_is_done_and_gone(ask: Ask) -> None:
    said = ask(f"route add {A} net2 via {ROUTER}")
    assert said.code == 0
    lines = [" ".join(each) for each in words(said.out)]
    assert lines == [
        f"{A}: ip route add 172.20.0.0/16 via 172.19.0.3 dev eth0",
        "done in the simulator",
        f"undo {A}: ip route del 172.20.0.0/16 via 172.19.0.3 dev eth0",
    ]
    assert "gone again" in said.err


@needs_lab
def test_the_walk_through_by_route_add_in_a_lab_that_stays(me: Person) -> None:
    """Both routes added, a third refused, both deleted again: seen by another routetui each time."""
    assert me.asks("lab", "up", "two-bridges").returncode == 0

    def gets(*argv: str) -> Any:
        return me.gets("--lab", "two-bridges", *argv)

    try:
        before = gets("routes", A)
        made = gets("route", "add", A, "net2", "via", ROUTER)
        assert made["done"]
        assert made["how"] == "in its namespace, by netlink"
        assert made["said"] == []
        assert gets("route", "add", B, "net1", "via", ROUTER)["done"]
        assert gets("lookup", A, B)["decision"]["gateway"] == "172.19.0.3"
        again = me.asks("--lab", "two-bridges", "route", "add", A, "net2", "via", ROUTER)
        assert (again.returncode, again.stdout) == (2, "")
        assert "File exists" in again.stderr
        assert gets("route", "del", A, "net2")["done"]
        assert gets("routes", A) == before
        guarded = me.asks("--lab", "two-bridges", "--read-only", "route", "del", B, "net1")
        assert guarded.returncode == 2
        assert "read-only" in guarded.stderr
        assert me.asks("lab", "down", "two-bridges", ROUTETUI_READ_ONLY="1").returncode == 2
        assert [each["dst"] for each in gets("routes", B)] == ["default", "172.19.0.0/16", "172.20.0.0/16"]
    finally:
        me.asks("lab", "down", "two-bridges")


# --- read-only ---


def test_read_only_makes_nothing_but_shows_all(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    line = f"route add {A} net2 via {ROUTER}"
    for said in (ask(f"--read-only {line}"), ask(f"{line} --read-only")):
        assert (said.code, said.out) == (2, "")
        assert "read-only" in said.err
    monkeypatch.setenv("ROUTETUI_READ_ONLY", "1")
    assert ask(line).code == 2
    assert ask(f"{line} --dry-run").code == 0
    assert ask(f"routes {A}").code == 0
    for verb in ("up two-bridges", "down two-bridges"):
        said = ask(f"lab {verb}")
        assert (said.code, said.out) == (2, "")
        assert "read-only" in said.err
    assert ask("lab exec two-bridges -- true").code == 2
    assert ask("lab show two-bridges").code == 0
    monkeypatch.setenv("ROUTETUI_READ_ONLY", "0")
    assert ask(line).code == 0


def test_the_screen_gets_an_engine_that_is_read_only() -> None:
    engine = choose(parse(["--engine", "sim", "--read-only"]), fall_back=True).engine
    assert isinstance(engine, ReadOnlyEngine)
    with pytest.raises(ReadOnly):
        engine.run(A, ("ip", "route", "del", "default"))
    engine.close()


# --- completion ---


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("route ", ["add", "del"]),
        (f"route add {A} ", ["net2", "net1", B, "default"]),
        (f"route add {A} net2 v", ["via"]),
        (f"route add {A} net2 via ", ["172.19.0.3"]),
        (f"route add {A} net2 via 172.19.0.3 dev e", ["eth0"]),
        (f"route add {A} net2 via 172.19.0.3 table m", ["main"]),
        (f"route add {A} --dry", ["--dry-run"]),
    ],
)
def test_the_shell_completes_the_words_of_a_route(line: str, offered: list[str]) -> None:
    assert candidates(["--engine", "sim", *line.split(" ")]) == offered
