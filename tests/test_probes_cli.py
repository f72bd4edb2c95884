"""routetui ping, traceroute and connect as people use them, in the simulator: lines, JSON, codes and mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tui.cli import run
from tui.cli.completion import candidates

SIM = ("--engine", "sim")


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No lab of the environment, no colour."""
    for name in ("ROUTETUI_LAB", "ROUTETUI_ENGINE", "ROUTETUI_READ_ONLY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")


LINES = [
    ("ping centos-net1 centos-router -c 2", 0, ["centos-net1 asks 172.19.0.3, centos-router (eth0)", "ping -n -O -c 2",
     "in the simulator", "    2      0.000 ms  ttl 64", "2 sent, 2 answered, 0% lost", "verdict  Agrees"]),
    ("ping centos-net1 centos-net2 -c 2", 1, ["1     no answer", "2 sent, 0 answered, 100% lost", "Silence:"]),
    ("ping centos-net1 10.9.9.9 -c 2", 1, ["from 172.19.0.1: Destination Net Unreachable", "The host (br-net1) has"]),
    ("ping centos-net1 centos-router -t 7 -s 100 -I eth0 -I 172.19.0.2 -c 1", 0, ["-s 100 -t 7 -I eth0 -I 172.19.0.2"]),
    ("traceroute centos-net1 centos-net2", 1, ["    1  172.19.0.1, the host (br-net1)  0.000", "    2  * * *",
     "5 silent hops", "Nobody answered for this ttl", "Agrees"]),
    ("traceroute centos-net1 centos-router --icmp -q 1 -m 3", 0, ["traceroute -I -n -m 3 -q 1", "Agrees"]),
    ("connect centos-net1 centos-router 80", 1, ["Refused: 172.19.0.3 is reached", "no table tells"]),
    ("connect centos-net1 centos-net2 80", 1, ["No answer in time", "Agrees: silence is predicted"]),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code", "said"), LINES, ids=[each[0] for each in LINES])
def test_a_probe_in_lines(capsys: pytest.CaptureFixture[str], words: str, code: int, said: list[str]) -> None:
    assert run([*SIM, *words.split()]) == code
    out, err = capsys.readouterr()
    assert err == ""
    for each in said:
        assert each in out, out


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        ("ping centos-net1 centos-router -c 2", 0, "ping"),
        ("ping centos-net1 centos-net2 -c 2", 1, "ping"),
        ("traceroute centos-net1 centos-net2", 1, "traceroute"),
        ("connect centos-net1 centos-net2 443", 1, "connect"),
    ],
)
def test_a_probe_as_json(capsys: pytest.CaptureFixture[str], words: str, code: int, kind: str) -> None:
    assert run([*words.split(), *SIM, "--json"]) == code
    told = json.loads(capsys.readouterr().out)
    assert told["probe"]["kind"] == kind
    assert told["node"] == "centos-net1"
    assert told["result"]["reached"] is (code == 0)
    assert told["verdict"]["agrees"] is True
    assert told["verdict"]["predicted"]
    assert told["how"] == "in the simulator"
    assert told["command"][0] in ("ping", "traceroute", "nc")


NODES = "centos-net1 centos-net2"

MISTAKES = [
    ("ping centos-net1 nobody", "Nothing here is named 'nobody'"),
    ("ping nobody centos-net1", "There is no node named 'nobody'"),
    ("ping centos-net1 centos-net2 -c 0", "The count must be from 1 to 10000"),
    ("ping centos-net1 centos-net2 -c many", "invalid int value"),
    ("ping centos-net1 centos-net2 -i 0", "The interval must be from 0.2"),
    ("ping centos-net1 centos-net2 -i nan", "The interval must be from 0.2"),
    ("ping centos-net1 centos-net2 -t 256", "The ttl must be from 1 to 255"),
    ("ping centos-net1 centos-net2 -s 70000", "The size must be from 0 to 65507"),
    ("ping centos-net1 centos-net2 -I eth7", "centos-net1 has no such device (it has lo, eth0)"),
    ("ping centos-net1 centos-net2 -I fd00::1", "two families"),
    ("ping centos-net1 centos-net2 -6", "has no IPv6 address"),
    ("ping centos-net1 centos-net2 extra", "nrecognized arguments: extra"),
    ("ping centos-net1 0.0.0.0", "no particular machine"),
    ("ping centos-net1 fe80::1", "say which device"),
    ("ping centos-net1", "required: DST"),
    ("traceroute centos-net1 centos-net2 --icmp --tcp", "not allowed with"),
    ("traceroute centos-net1 centos-net2 --icmp -p 80", "ICMP has no ports"),
    ("traceroute centos-net1 centos-net2 -m 0", "The number of hops"),
    ("connect centos-net1 centos-net2 0", "The port must be from 1 to 65535"),
    ("connect centos-net1 centos-net2 http", "invalid int value"),
]


@pytest.mark.parametrize(("words", "sentence"), MISTAKES, ids=[each[0] for each in MISTAKES])
def test_a_mistake_is_one_sentence(capsys: pytest.CaptureFixture[str], words: str, sentence: str) -> None:
    assert run([*SIM, *words.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("routetui: ")
    assert sentence in err
    assert "Traceback" not in err


@pytest.mark.parametrize("source", ["192.0.2.9", "172.20.0.2"])
def test_a_source_that_is_not_its_own_is_the_probes_mistake_and_tells_nothing_of_the_way(
    capsys: pytest.CaptureFixture[str], source: str
) -> None:
    """One that nobody has, and one that another node has: bind(2) refuses both."""
    for words in (f"ping {NODES} -c 1", f"traceroute {NODES}", f"connect {NODES} 80"):
        assert run([*SIM, *words.split(), "-I", source]) == 3
        out, err = capsys.readouterr()
        assert err == ""
        assert "centos-net1 does not have the source address that was asked for" in out
        assert "The probe itself could not be made" in out


def test_a_filter_may_stand_behind_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*SIM, "capture", "centos-net1", "eth0", "--seconds", "0.5", "not", "arp"]) == 1
    assert "no packet was seen" in capsys.readouterr().err
    assert run([*SIM, "capture", "centos-net1", "--seconds", "0.5", "frob", "7"]) == 2
    assert "'frob' is no interface" in capsys.readouterr().err


def test_a_node_that_does_not_run_cannot_send(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    assert run([*SIM, "save", str(file)]) == 0
    world = json.loads(file.read_text())
    next(each for each in world["nodes"] if each["name"] == "centos-net1")["state"] = "exited"
    file.write_text(json.dumps(world))
    capsys.readouterr()
    assert run(["--open", str(file), "ping", "centos-net1", "centos-router"]) == 3
    assert "centos-net1 is exited" in capsys.readouterr().err


def test_a_read_only_engine_may_probe(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ("ping centos-net1 centos-router -c 1", "traceroute centos-net1 centos-router"):
        assert run([*SIM, "--read-only", *words.split()]) == 0
    assert run([*SIM, "--read-only", "connect", "centos-net1", "centos-router", "80"]) == 1
    assert "read-only" not in capsys.readouterr().err


def test_completion_knows_the_probes() -> None:
    assert {"ping", "traceroute", "connect"} <= set(candidates([""]))
    assert candidates([*SIM, "ping", "centos-net1", "centos-r"]) == ["centos-router"]
    assert "--interval" in candidates(["ping", "--"])
    assert "eth0" in candidates([*SIM, "ping", "centos-net1", "-I", ""])
