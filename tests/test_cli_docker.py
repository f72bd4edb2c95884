"""The command line on a live Docker Engine: its tables, and its lookups held against each container's own kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from private_engine.lab import TWO_BRIDGES, Lab

ROOT = Path(__file__).parent.parent
ERRNO = {"Network is unreachable": "ENETUNREACH", "No route to host": "EHOSTUNREACH"}


def routetui(*argv: str, stdin: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("DOCKER_")}
    return subprocess.run(
        [sys.executable, "-m", "tui", *argv], input=stdin, capture_output=True, text=True, timeout=120, check=False,
        cwd=ROOT, env={**clean, **environment, "PYTHONWARNINGS": "error"},
    )  # fmt: skip


def answer(*argv: str, url: str, code: int = 0) -> Any:
    said = routetui(*argv, "--json", "-H", url)
    assert said.returncode == code, said.stderr
    return json.loads(said.stdout)


def test_who_is_there(two_bridges: Lab) -> None:
    found = {each["name"]: each for each in answer("nodes", url=two_bridges.url)}
    assert set(TWO_BRIDGES) <= set(found)
    router = found["centos-router"]
    assert router["forwarding"] is True and router["problem"] is None
    assert {each["network"] for each in router["networks"]} == {"net1", "net2"}
    networks = {each["name"]: each for each in answer("networks", url=two_bridges.url)}
    assert networks["net1"]["subnets"] == [{"subnet": "172.19.0.0/16", "gateway": "172.19.0.1"}]
    assert {"centos-net1", "centos-router"} <= {each["name"] for each in networks["net1"]["containers"]}


@pytest.mark.parametrize("name", TWO_BRIDGES)
def test_the_tables_are_those_that_ip_prints_in_the_container(two_bridges: Lab, name: str) -> None:
    ours = answer("routes", name, "-4", url=two_bridges.url)
    theirs = json.loads(two_bridges.enter(name, "ip", "-j", "-4", "route"))
    assert ours == theirs


def test_the_engine_is_found_by_the_environment_too(two_bridges: Lab) -> None:
    said = routetui("nodes", DOCKER_HOST=two_bridges.url)
    assert said.returncode == 0 and "centos-router" in said.stdout


DESTINATIONS = (
    "172.19.0.1", "172.19.0.2", "172.19.0.3", "172.20.0.2", "172.20.0.3", "172.19.255.255", "172.20.255.255",
    "172.19.77.77", "8.8.8.8", "127.0.0.1", "0.0.0.0",
)  # fmt: skip


@pytest.mark.parametrize("name", TWO_BRIDGES)
def test_lookups_agree_with_the_containers_own_kernel(two_bridges: Lab, name: str) -> None:
    said = routetui("lookup", name, "-", "-H", two_bridges.url, stdin="\n".join(DESTINATIONS) + "\n")
    assert said.returncode == 0, said.stderr
    for line in said.stdout.splitlines():
        ours = json.loads(line)
        code, printed = two_bridges.execute(name, "ip", "-j", "route", "get", ours["dst"])
        if code:
            assert ours["decision"]["errno"] == ERRNO[printed.strip().removeprefix("RTNETLINK answers: ")]
            continue
        theirs = json.loads(printed)[0]
        found = ours["decision"]
        assert {key: found[key] for key in ("dev", "gateway", "prefsrc")} == {
            key: theirs.get(key) for key in ("dev", "gateway", "prefsrc")
        }, ours["dst"]
        assert found["type"] == theirs.get("type", "unicast")


def test_what_is_saved_answers_the_same(two_bridges: Lab, tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    assert routetui("save", str(path), "-H", two_bridges.url).returncode == 0
    live = routetui("lookup", "centos-net1", "centos-net2", "--json", "-H", two_bridges.url)
    kept = routetui("lookup", "centos-net1", "centos-net2", "--json", "--open", str(path))
    assert json.loads(live.stdout) == json.loads(kept.stdout)
    assert "(the host)" in json.loads(kept.stdout)["decision"]["sentence"]


def test_a_stopped_container_is_told_as_one(lab: Lab) -> None:
    lab.container("asleep", start=False)
    said = routetui("routes", "asleep", "-H", lab.url)
    assert (said.returncode, said.stdout) == (3, "")
    assert said.stderr.startswith("note: ") and "asleep" in said.stderr


def test_an_engine_that_is_not_there() -> None:
    said = routetui("nodes", "-H", "unix:///nowhere.sock")
    assert (said.returncode, said.stdout) == (3, "")
    assert said.stderr.startswith("routetui: ") and "/nowhere.sock" in said.stderr


def test_completion_knows_the_containers(two_bridges: Lab) -> None:
    said = routetui("_complete", "bash", "-H", two_bridges.url, "routes", "centos-")
    assert set(TWO_BRIDGES) <= set(said.stdout.split())
