"""Labs on a real Docker Engine: up as their file says, found by their label, removed by it, and nothing else is."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from private_engine import images
from private_engine.lab import Lab as Bench

from tui import labs
from tui.core.labs.layout import world
from tui.core.world import Node, Route, World
from tui.engines.base import EngineError
from tui.engines.docker import lab as docker_lab
from tui.engines.docker.connect import Connection
from tui.engines.docker.endpoint import find
from tui.engines.docker.engine import connect
from tui.engines.docker.lab import LABEL, LabRefused, NoSuchLab

ROOT = Path(__file__).parent.parent
Said = subprocess.CompletedProcess[str]


@pytest.fixture
def connection(docker_engine_url: str) -> Iterator[Connection]:
    """The private engine; what a test left up goes down with it."""
    made = Connection(find(docker_engine_url, None))
    yield made
    for name in docker_lab.running(made):
        docker_lab.down(made, name)
    made.close()


def seen(connection: Connection) -> World:
    engine = connect(connection.endpoint.url)
    try:
        return engine.snapshot()
    finally:
        engine.close()


def addresses(node: Node) -> dict[tuple[str, str | None, str], set[str]]:
    """The addresses of each device and network, but ::1, which engines take away where IPv6 is off, and fe80::."""
    return {
        (each.name, each.network, each.mac if each.network else ""): {
            f"{own.address}/{own.length}" for own in each.addresses if own.scope != "link"
        }
        for each in node.interfaces
        if each.kind != "loopback"
    }


def bridges(node: Node) -> set[tuple[str, str | None, frozenset[str]]]:
    """The same for the host, whose bridges draw their MAC addresses at random."""
    return {(name, network, frozenset(own)) for (name, network, _), own in addresses(node).items()}


def routes(node: Node) -> list[Route]:
    """The tables as the kernel lists them, without local and what IPv6 itself makes."""
    return [each for each in node.routes if each.table != "local" and not each.dst.first.is_link_local]


@pytest.mark.parametrize("name", labs.names())
def test_the_same_file_is_the_same_world_as_on_the_kernel(connection: Connection, name: str) -> None:
    lab = labs.load(name)
    docker_lab.up(connection, lab, images.FULL)
    found, promised = seen(connection), world(lab)
    for network in promised.networks:
        real = found.network(network.name)
        assert real is not None
        assert (real.subnets, real.bridge, real.internal) == (network.subnets, network.bridge, network.internal)
    for node in promised.nodes:
        real = found.node(node.name)
        assert real is not None and real.problem is None
        if node.kind == "host":
            assert bridges(node) <= bridges(real)
            continue
        assert addresses(real) == addresses(node)
        assert routes(real) == routes(node)
        assert real.rules == node.rules
        for switch in ("net.ipv4.ip_forward", "net.ipv4.conf.all.rp_filter", "net.ipv6.conf.all.forwarding"):
            assert real.sysctl(switch) == node.sysctl(switch), switch


TWO = """
name: small
networks:
  near: {ipam: {config: [{subnet: 10.61.1.0/24}]}}
  far: {internal: true, ipam: {config: [{subnet: 10.61.2.0/24}]}, driver_opts: {com.docker.network.driver.mtu: "1400"}}
services:
  aa:
    command: sleep infinity
    networks: {near: {ipv4_address: 10.61.1.9, mac_address: "02:00:00:00:00:09"}, far: {priority: 5}}
  bb:
    command: ["sh", "-c", "ip route add 10.99.0.0/16 via 10.61.2.77; exec sleep infinity"]
    cap_add: [NET_ADMIN]
    networks: [near, far]
    post_start:
      - {command: "sysctl -w net.ipv4.conf.eth0.rp_filter=2"}
      - {command: sh -c "ip route add 10.98.0.0/16 via 10.7.7.7 || true"}
  cc: {network_mode: "service:aa"}
  dd: {network_mode: none}
"""
SMALL = labs.read(TWO)


def everything(bench: Bench) -> set[str]:
    """The names of all containers and networks on the engine."""
    containers = {each["Names"][0] for each in bench.api.containers(all=True)}
    return containers | {each["Name"] for each in bench.api.networks()}


def test_a_lab_of_ones_own(connection: Connection, lab: Bench) -> None:
    """Order of attachment, options, routes of the start command, shared and absent networks, switches in hooks."""
    docker_lab.up(connection, SMALL, images.FULL)
    found = seen(connection)
    a, b, c, d = (found.node(name) for name in ("aa", "bb", "cc", "dd"))
    assert a is not None and b is not None and c is not None and d is not None
    devices = {each.name: (each.network, each.mtu) for each in a.interfaces}
    assert (devices["eth0"], devices["eth1"]) == (("far", 1400), ("near", 1500))
    own = {str(each.address) for interface, each in b.addresses() if interface.network}
    assert own == {
        "10.61.2.3",
        "10.61.1.2",
    }  # which is eth0 is the engine's choice before 28.1: its command comes first
    assert {str(route.dst) for route in b.routes if route.table == "main"} >= {"10.99.0.0/16"}
    assert (c.shares, [each.name for each in d.interfaces]) == ("aa", ["lo"])
    assert b.sysctl("net.ipv4.conf.eth0.rp_filter") == 2
    assert found.network("far") and found.network("far").internal  # type: ignore[union-attr]
    marks = lab.api.inspect_container("aa")["Config"]["Labels"]
    assert (marks["com.docker.compose.project"], marks["com.docker.compose.service"]) == ("small", "aa")
    assert lab.api.inspect_network("near")["Labels"]["com.docker.compose.network"] == "near"
    assert docker_lab.running(connection) == ["small"]


def test_down_removes_what_carries_the_label_and_nothing_else(connection: Connection, lab: Bench) -> None:
    lab.container("bystander", labels={"com.docker.compose.project": "small", LABEL: "smaller"})
    lab.network("untouched", "10.62.0.0/24")
    before = everything(lab)
    told: list[str] = []
    docker_lab.up(connection, SMALL, images.FULL, told.append)
    assert told[:3] == [
        "network far 10.61.2.0/24",
        "network near 10.61.1.0/24",
        "container aa far 10.61.2.2, near 10.61.1.9",
    ]
    docker_lab.down(connection, "small")
    assert everything(lab) == before
    with pytest.raises(NoSuchLab, match="no lab named small up") as error:
        docker_lab.down(connection, "small")
    assert error.value.hint == "Up are: smaller"
    docker_lab.down(connection, "smaller")
    assert everything(lab) == before - {"/bystander"}


def test_a_network_that_somebody_else_uses_stays_and_the_rest_goes(connection: Connection, lab: Bench) -> None:
    before = everything(lab)
    docker_lab.up(connection, SMALL, images.FULL)
    guest = lab.container("guest", {"near": None})
    with pytest.raises(EngineError, match=r"The network near stays: .*active endpoints"):
        docker_lab.down(connection, "small")
    assert everything(lab) == before | {"near", "/guest"}
    lab.remove(guest)
    docker_lab.down(connection, "small")
    assert everything(lab) == before


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda bench: bench.container("bb"), "already a container named bb"),
        (lambda bench: bench.network("near", "10.63.0.0/24"), "already a network named near"),
        (lambda bench: bench.network("other", "10.61.0.0/16"), r"10.61.2.0/24 of far is taken by the network other"),
        (lambda bench: bench.container("xx", labels={LABEL: "small"}), "The lab small is already up"),
    ],
    ids=["container", "network", "subnet", "lab"],
)
def test_what_is_taken_is_said_before_anything_is_made(
    connection: Connection, lab: Bench, make: Callable[[Bench], str], sentence: str
) -> None:
    make(lab)
    before = everything(lab)
    told: list[str] = []
    with pytest.raises(LabRefused, match=sentence):
        docker_lab.up(connection, SMALL, images.FULL, told.append)
    assert (everything(lab), told) == (before, [])


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("  cc: {network", "  cc: {command: no-such-program, network", r"refuses container cc: .*no-such-program"),
        ("  cc: {network", "  cc: {command: sh -c 'exit 7', network", r"The container cc ended at once \(code 7\)"),
        ("eth0.rp_filter=2", "eth9.rp_filter=2", r"line 15: .*on bb is refused: No such file"),
        ("10.7.7.7 || true", "10.7.7.7", "is refused: Error: Nexthop has invalid gateway"),
        ("internal: true", "driver_opts: {parent: nosuch9}, driver: macvlan", "refuses"),
    ],
    ids=["no program", "ends", "sysctl", "gateway", "network"],
)
def test_a_failure_half_way_is_rolled_back(
    connection: Connection, lab: Bench, old: str, new: str, sentence: str
) -> None:
    before = everything(lab)
    text = TWO.replace(old, new).replace(', driver_opts: {com.docker.network.driver.mtu: "1400"}', "")
    assert text.count(new) == 1
    with pytest.raises(EngineError, match=sentence):
        docker_lab.up(connection, labs.read(text), images.FULL)
    assert everything(lab) == before


def test_an_image_that_cannot_be_had_offers_the_kernel(
    connection: Connection, lab: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(lab)
    told: list[str] = []
    monkeypatch.setenv(docker_lab.IMAGE, "registry.invalid/nothing:here")
    with pytest.raises(EngineError, match=r"registry\.invalid/nothing:here cannot be pulled: ") as error:
        docker_lab.up(connection, SMALL, say=told.append)
    assert "--engine kernel" in error.value.hint
    assert told == ["the image registry.invalid/nothing:here is not on this engine: pulling it"]
    monkeypatch.delenv(docker_lab.IMAGE)
    with pytest.raises(EngineError, match="The service aa names no image"):
        docker_lab.up(connection, SMALL)
    with pytest.raises(EngineError, match="there is no ip in its image"):
        docker_lab.up(connection, labs.load("three-in-a-row"), images.BARE)
    assert everything(lab) == before


def test_an_external_network_is_used_and_left(connection: Connection, lab: Bench) -> None:
    text = "networks: {shared: {external: true}}\nservices: {aa: {command: sleep infinity, networks: [shared]}}"
    with pytest.raises(LabRefused, match="shared is external to the lab, and not there"):
        docker_lab.up(connection, labs.read(text), images.FULL)
    lab.network("shared", "10.64.0.0/24")
    before = everything(lab)
    docker_lab.up(connection, labs.read(text), images.FULL)
    assert [str(each.address) for each in seen(connection).node("aa").interfaces[1].addresses] == ["10.64.0.2"]  # type: ignore[union-attr]
    docker_lab.down(connection, "lab")
    assert everything(lab) == before


# --- the command line ------------------------------------------------------------------------------------------------

PROGRAM = (sys.executable, "-W", "error", "-m", "tui")


@pytest.fixture
def asks(connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    """Runs `routetui lab` on the private engine, with the tests' own image."""
    monkeypatch.setenv("ROUTETUI_LAB_IMAGE", images.FULL)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", connection.endpoint.url)

    def ask(*argv: str) -> Said:
        said = subprocess.run((*PROGRAM, "lab", *argv), capture_output=True, text=True, cwd=ROOT, check=False)
        assert "Traceback" not in said.stderr, said.stderr
        return said

    return ask


def test_up_list_and_down(asks: Callable[..., Said], lab: Bench) -> None:
    before = everything(lab)
    up = asks("up", "two-bridges", "--engine", "docker")
    assert (up.returncode, up.stdout) == (0, "two-bridges is up on Docker: centos-net1, centos-net2, centos-router\n")
    assert "network net1 172.19.0.0/16\n" in up.stderr
    assert "container centos-router net1 172.19.0.3, net2 172.20.0.3\n" in up.stderr
    assert json.loads(asks("list", "--json").stdout)[0]["up"] == ["docker"]
    again = asks("up", "two-bridges", "--engine", "docker")
    assert (again.returncode, again.stdout) == (2, "")
    assert "The lab two-bridges is already up there." in again.stderr
    down = asks("down", "two-bridges")
    assert (down.returncode, down.stdout) == (0, "two-bridges is down\n")
    assert everything(lab) == before
    gone = asks("down", "two-bridges", "--engine", "docker")
    assert gone.returncode == 2
    assert gone.stderr == "routetui: There is no lab named 'two-bridges' up on Docker: none is.\n"


def test_what_is_taken_and_what_cannot_be_had(asks: Callable[..., Said], lab: Bench) -> None:
    lab.network("other", "172.19.0.0/24")
    taken = asks("up", "two-bridges", "--engine", "docker")
    assert (taken.returncode, taken.stdout) == (2, "")
    assert "172.19.0.0/16 of net1 is taken by the network other" in taken.stderr
    missing = asks("up", "ipv6", "--engine", "docker", "--image", "registry.invalid/x")
    assert (missing.returncode, missing.stdout) == (3, "")
    assert "routetui: The image registry.invalid/x cannot be pulled: " in missing.stderr
    assert "--engine kernel" in missing.stderr


def test_exec_runs_a_command_that_sees_the_lab(asks: Callable[..., Said], lab: Bench) -> None:
    before = everything(lab)
    inner = f"{' '.join(PROGRAM)} lookup alice bob --json; exit 6"
    said = asks("exec", "three-in-a-row", "--engine", "docker", "--", "sh", "-c", inner)
    assert json.loads(said.stdout)["decision"]["gateway"] == "10.77.1.3"
    assert said.returncode == 6
    assert everything(lab) == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_however_exec_ends_the_lab_is_gone(asks: Callable[..., Said], lab: Bench, number: signal.Signals) -> None:
    before = everything(lab)
    with subprocess.Popen(
        (*PROGRAM, "lab", "exec", "two-bridges", "--engine", "docker", "--", "sh", "-c", "echo ready; exec sleep 1000"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    ) as program:  # fmt: skip
        assert program.stdout is not None and program.stderr is not None
        assert program.stdout.readline() == "ready\n"
        assert everything(lab) > before
        program.send_signal(number)
        program.wait()
        program.stderr.read()  # the guard holds it until it has cleaned up
    assert program.returncode == (-number if number == signal.SIGKILL else 128 + number)
    assert everything(lab) == before


def test_killed_while_it_comes_up_it_is_gone_too(asks: Callable[..., Said], lab: Bench) -> None:
    before = everything(lab)
    with subprocess.Popen(
        (*PROGRAM, "lab", "exec", "two-bridges", "--engine", "docker", "--", "true"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    ) as program:  # fmt: skip
        assert program.stderr is not None
        while not program.stderr.readline().startswith("container centos-net2"):
            assert program.poll() is None
        program.kill()
        program.stderr.read()
    assert everything(lab) == before
