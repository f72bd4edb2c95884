"""`routetui lab` as people and scripts use it: on the kernel, by root and by an ordinary user; and what goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from test_kernel import INSIDE, ROOT, UNPRIVILEGED, WHY_NO_LAB, lab_processes, needs_root, traces, until

from tui import labs

pytestmark = pytest.mark.skipif(WHY_NO_LAB is not None and not os.environ.get("CI"), reason=WHY_NO_LAB or "")
PROGRAM = (sys.executable, "-W", "error", "-m", "tui")
USERS = [pytest.param((), id="this user"), pytest.param(UNPRIVILEGED, marks=needs_root, id="an ordinary user")]


class Person:
    """Somebody at a shell, whose running labs are in a folder of the test's own."""

    def __init__(self, folder: Path, as_user: Sequence[str] = ()) -> None:
        self.folder, self._as_user = folder, as_user
        folder.mkdir()
        if as_user:
            os.chown(folder, 65534, 65534)
        gone = {key: value for key, value in os.environ.items() if not key.startswith(("DOCKER_", "ROUTETUI_"))}
        self.environment = {
            **gone,
            "XDG_RUNTIME_DIR": str(folder),
            "DOCKER_HOST": "unix:///nowhere/docker.sock",
            "PYTHONPATH": str(ROOT),
        }

    def command(self, *argv: str) -> tuple[str, ...]:
        return (*self._as_user, *PROGRAM, *argv)

    def start(self, *argv: str, **more: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*argv), cwd=ROOT, env=self.environment, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, **more,
        )  # fmt: skip

    def asks(self, *argv: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        said = subprocess.run(
            self.command(*argv), cwd=ROOT, env={**self.environment, **variables}, text=True, capture_output=True,
            input=stdin, timeout=60, check=False,
        )  # fmt: skip
        assert "Traceback" not in said.stderr, said.stderr
        return said

    def gets(self, *argv: str, **variables: str) -> Any:
        said = self.asks(*argv, "--json", **variables)
        assert said.returncode == 0, said.stderr
        return json.loads(said.stdout)

    def left(self) -> list[Path]:
        """The files that its labs left."""
        return list((self.folder / "routetui").iterdir()) if (self.folder / "routetui").exists() else []


@pytest.fixture(params=USERS)
def person(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Person]:
    yield from _person(tmp_path, request.param)


@pytest.fixture
def me(tmp_path: Path) -> Iterator[Person]:
    yield from _person(tmp_path, ())


def _person(tmp_path: Path, as_user: Sequence[str]) -> Iterator[Person]:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    before = traces()
    made = Person(tmp_path / "run", as_user)
    yield made
    for each in made.gets("lab", "list"):
        if each["up"]:
            made.asks("lab", "down", each["name"])
    until(lambda: traces() == before and not made.left())


# --- list and show ---------------------------------------------------------------------------------------------------


def test_the_list_has_every_built_in_lab_with_its_title(me: Person) -> None:
    found = me.gets("lab", "list")
    assert [each["name"] for each in found] == list(labs.names())
    assert all(each["title"] and each["built_in"] and each["up"] == [] for each in found)
    printed = me.asks("lab", "list").stdout.splitlines()
    assert printed[0].split() == ["NAME", "UP", "ON", "TITLE"]
    assert printed[1].split("  ")[0] == "two-bridges"


@pytest.mark.parametrize("name", labs.names())
def test_every_lab_can_be_shown(me: Person, name: str) -> None:
    lab = labs.load(name)
    text = me.asks("lab", "show", name, "--solution")
    assert (text.returncode, text.stderr) == (0, "")
    for word in (lab.title, *(each.name for each in lab.services), *(each.name for each in lab.networks)):
        assert word in text.stdout
    found = me.gets("lab", "show", name)
    assert {each["name"] for each in found["nodes"]} == {"host", *(each.name for each in lab.services)}
    assert (len(found["steps"]), len(found["expect"])) == (len(lab.steps), len(lab.expectations))


def test_a_solution_is_told_only_when_asked_for(me: Person) -> None:
    solved = "ip route add 172.20.0.0/16 via 172.19.0.3"
    assert solved not in me.asks("lab", "show", "two-bridges").stdout
    assert solved in me.asks("lab", "show", "two-bridges", "--solution").stdout


# --- up, use, down ---------------------------------------------------------------------------------------------------


def test_up_list_look_and_down(person: Person) -> None:
    up = person.asks("lab", "up", "two-bridges")
    assert (up.returncode, up.stdout) == (
        0,
        "two-bridges is up on this machine's kernel: centos-net1, centos-net2, centos-router\n",
    )
    assert up.stderr.startswith("two-bridges: 2 networks and 3 nodes")
    assert person.gets("lab", "list")[0]["up"] == ["kernel"]
    for where in (("--lab", "two-bridges"), ("--engine", "kernel")):
        found = person.gets("nodes", *where)
        assert [each["name"] for each in found] == ["centos-net1", "centos-net2", "centos-router", "host"]
        assert {each["source"] for each in found} == {"netlink"}
    assert person.gets("nodes", ROUTETUI_LAB="two-bridges") == found
    down = person.asks("lab", "down", "two-bridges")
    assert (down.returncode, down.stdout, down.stderr) == (0, "two-bridges is down\n", "")
    assert not person.left()


def test_what_is_changed_stays_changed_until_down(me: Person) -> None:
    """--lab looks at the lab that is up, not at a fresh one."""
    me.asks("lab", "up", "two-bridges")
    add = "from tui.engines.kernel import kept\nrun = kept.attach('two-bridges').run('centos-net1', {!r}.split())\n"
    add += "raise SystemExit(list(run) or run.code)"
    route = add.format("ip route add 9.0.0.0/8 via 172.19.0.3")
    subprocess.run((sys.executable, "-c", route), env=me.environment, check=True)
    for _ in range(2):
        assert "9.0.0.0/8" in [each["dst"] for each in me.gets("routes", "centos-net1", "--lab", "two-bridges")]
    me.asks("lab", "down", "two-bridges")
    assert "9.0.0.0/8" not in [each["dst"] for each in me.gets("routes", "centos-net1", "--lab", "two-bridges")]


def test_a_name_that_is_taken_and_one_that_is_not_there(me: Person) -> None:
    assert me.asks("lab", "up", "two-bridges").returncode == 0
    again = me.asks("lab", "up", "two-bridges")
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr == (
        "routetui: The lab two-bridges is already up on this machine's kernel: "
        "end it with routetui lab down two-bridges.\n"
    )
    missing = me.asks("lab", "down", "three-in-a-row")
    assert missing.returncode == 2
    assert missing.stderr.endswith("'three-in-a-row' up on this machine's kernel: there is two-bridges.\n")


def test_several_labs_up_and_none_named(me: Person) -> None:
    for name in ("two-bridges", "ipv6"):
        me.asks("lab", "up", name)
    said = me.asks("nodes", "--engine", "kernel")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == "routetui: Several labs are up (ipv6, two-bridges): choose one with --lab NAME.\n"
    assert [each["name"] for each in me.gets("nodes", "--lab", "ipv6")] == ["alice", "bob", "router", "host"]
    assert me.gets("lab", "down", "ipv6") == {"name": "ipv6", "engine": "kernel"}
    assert len(me.gets("nodes", "--engine", "kernel")) == 4


FILE = """
name: Mine and Yours
services:
  a: {networks: [lan]}
  b: {networks: [lan], post_start: [{command: ip route add 9.0.0.0/8 via 10.3.0.2}]}
networks: {lan: {ipam: {config: [{subnet: 10.3.0.0/24}]}}}
"""


def test_a_file_is_a_lab_too(me: Person, tmp_path: Path) -> None:
    file = tmp_path / "my lab.yaml"
    file.write_text(FILE)
    assert me.gets("lab", "up", str(file))["name"] == "mineandyours"
    assert {"name": "mineandyours", "title": None, "built_in": False, "up": ["kernel"]} in me.gets("lab", "list")
    assert me.asks("lab", "down", str(file)).stdout == "mineandyours is down\n"
    assert me.asks("lab", "show", "-", stdin=FILE).stdout.startswith("mineandyours\n")


def test_in_the_simulator_nothing_is_started(me: Person) -> None:
    before = lab_processes()
    said = me.asks("lab", "up", "two-bridges", "--engine", "sim")
    assert said.returncode == 0
    assert "172.19.0.0/16" in said.stdout and "centos-router" in said.stdout
    assert said.stderr == "note: nothing is started: this is the world that the lab would be\n"
    assert [each["name"] for each in me.gets("lab", "up", "ipv6", "--engine", "sim")["networks"]] == ["left", "right"]
    assert lab_processes() == before


# --- exec ------------------------------------------------------------------------------------------------------------

INNER = " ".join(PROGRAM)


def test_exec_runs_a_command_that_sees_the_lab_and_gives_its_code(person: Person) -> None:
    before = lab_processes()
    script = f"{INNER} lookup alice 10.77.3.2 --json; echo $ROUTETUI_LAB; exit 7"
    said = person.asks("lab", "exec", "three-in-a-row", "--", "sh", "-c", script)
    answer, _, name = said.stdout.strip().rpartition("\n")
    assert json.loads(answer)["decision"]["gateway"] == "10.77.1.3"
    assert name.startswith("three-in-a-row.")
    assert said.returncode == 7
    assert lab_processes() == before and not person.left()


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (("true",), 0, ""),
        (("sh", "-c", "kill -9 $$"), 137, ""),
        (("no-such-command",), 127, "There is no command 'no-such-command'"),
        (("/etc/passwd",), 126, "/etc/passwd cannot be run"),
        (("sh", "-c", "echo $ROUTETUI_ENGINE >&2"), 0, "kernel"),
    ],
)
def test_the_exit_code_is_the_commands(me: Person, command: tuple[str, ...], code: int, said: str) -> None:
    done = me.asks("lab", "exec", "two-bridges", "--", *command)
    assert done.returncode == code
    assert said in done.stderr


def test_two_may_run_at_once_and_beside_one_that_is_up(me: Person) -> None:
    me.asks("lab", "up", "two-bridges")
    name = f"{INNER} lab exec two-bridges -- sh -c 'echo $ROUTETUI_LAB'"
    said = me.asks("lab", "exec", "two-bridges", "--", "sh", "-c", f"echo $ROUTETUI_LAB; {name}")
    outer, inner = said.stdout.split()
    assert said.returncode == 0
    assert len({"two-bridges", outer, inner}) == 3
    assert me.gets("lab", "list")[0]["up"] == ["kernel"]


WAITS = ("lab", "exec", "two-bridges", "--", "sh", "-c", "echo ready; exec sleep 4323")


def sleepers() -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdecimal() and b"sleep\x004323" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_however_exec_ends_nothing_is_left(person: Person, number: signal.Signals) -> None:
    before = traces()
    with person.start(*WAITS) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        assert lab_processes() > before[0]  # type: ignore[operator]
        program.send_signal(number)
        program.wait()
    assert program.returncode == (-9 if number == signal.SIGKILL else 128 + number)
    until(lambda: traces() == before and not sleepers() and not person.left())


def test_ctrl_c_in_the_terminal_reaches_the_command_once(me: Person) -> None:
    """It goes to the whole group: the command may handle it, and the lab is still there while it does."""
    script = f"trap 'echo heard; {INNER} nodes --json | head -c1; exit 3' INT; echo ready; while :; do sleep 0.05; done"
    main, terminal = os.openpty()
    with subprocess.Popen(
        ("setsid", "-c", *me.command("lab", "exec", "two-bridges", "--", "sh", "-c", script)),
        cwd=ROOT, env=me.environment, stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as program:  # fmt: skip
        os.close(terminal)
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        os.write(main, b"\x03")
        assert program.stdout.read() == "heard\n["
    os.close(main)
    assert program.returncode == 3


def test_exec_in_the_simulator_names_the_file(me: Person, tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(FILE)
    said = me.asks("lab", "exec", str(file), "--engine", "sim", "--", "sh", "-c", f"{INNER} nodes --json")
    assert [each["name"] for each in json.loads(said.stdout)] == ["a", "b", "host"]


def test_a_lab_that_is_no_longer_there_is_not_replaced_by_another(me: Person) -> None:
    said = me.asks("nodes", ROUTETUI_LAB="two-bridges.1")
    assert (said.returncode, said.stdout) == (3, "")
    assert "There is no lab named two-bridges.1 up" in said.stderr


# --- mistakes --------------------------------------------------------------------------------------------------------

MISTAKES = [
    (["lab"], "COMMAND"),
    (["lab", "up"], "NAME|FILE"),
    (["lab", "up", "two-bridge"], "did you mean two-bridges?"),
    (["lab", "up", "zzz"], "`routetui lab list` shows those there are"),
    (["lab", "up", "./none.yaml"], "none.yaml cannot be read: No such file"),
    (["lab", "show", "pyproject.toml"], "is no Compose file"),
    (["lab", "show", "/"], "is a directory"),
    (["lab", "up", "a\x1b[31m\u202eb"], "There is no lab named 'ab'"),
    (["lab", "down", "../../etc/passwd"], "passwd"),
    (["lab", "down", "\x1b]0;x\x07evil"], "There is no lab named 'evil' up"),
    (["lab", "down", "two-bridges"], "There is no lab named 'two-bridges' up on this machine's kernel: none is."),
    (["lab", "down", "two-bridges", "--engine", "sim"], "simulated lab is never up"),
    (["lab", "exec", "two-bridges"], "Write the command after --"),
    (["lab", "exec", "two-bridges", "--"], "Write the command after --"),
    (["lab", "exec", "two-bridges", "true"], "true"),
    (["lab", "exec", "-", "--", "true"], "Standard input is the command's"),
    (["--lab", "x", "lab", "list"], "--lab has no part in `routetui lab`"),
    (["--open", "x", "lab", "up", "two-bridges"], "--open has no part in `routetui lab`"),
    (["lab", "up", "two-bridges", "--image", "x"], "add --engine docker"),
    (["nodes", "--lab", "ipv6", "--engine", "docker"], "--lab names a lab on the kernel or in the simulator"),
    (["nodes", "--lab", "ipv6", "--netns", "x"], "--netns looks at namespaces, --lab at a lab: give one."),
    (["nodes", "--netns", "x", "--engine", "sim"], "--netns looks at this machine's namespaces"),
    (["nodes", "--lab", "nope"], "There is no lab named 'nope'"),
    (["nodes", "--lab", ""], "--lab needs a value"),
]


@pytest.mark.parametrize(("argv", "sentence"), MISTAKES, ids=lambda each: " ".join(each)[:40] if each else "")
def test_a_mistake_is_one_sentence_and_nothing_is_made(me: Person, argv: list[str], sentence: str) -> None:
    before = lab_processes()
    said = me.asks(*argv)
    assert (said.returncode, said.stdout) == (2, "")
    assert sentence in said.stderr
    assert said.stderr.startswith("routetui: ") and said.stderr.count("\n") == 1
    assert not {"\x1b", "\u202e", "\x07"} & set(said.stderr)
    assert lab_processes() == before


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (FILE.replace("via 10.3.0.2", "via 192.0.2.1"), "line 5: 'ip route add 9.0.0.0/8 via 192.0.2.1' on b"),
        (FILE.replace("[lan]}", "[wan]}"), "there is no network 'wan'"),
        (FILE.replace("Mine and Yours", "x" * 60), "is too long"),
        ("services: [", "line 1"),
        (FILE.replace("{networks: [lan]}", "{networks: [lan], image: \"\x1b[2J\"}"), "line"),
    ],
    ids=["refused", "no network", "long name", "no YAML", "escape"],
)  # fmt: skip
@pytest.mark.parametrize("how", ["up", "exec"])
def test_a_file_that_cannot_be_a_lab(me: Person, tmp_path: Path, text: str, sentence: str, how: str) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(text)
    said = me.asks("lab", how, str(file), *(("--", "echo", "ran") if how == "exec" else ()))
    if sentence == "line":  # cleaned, and so harmless
        assert "\x1b" not in said.stdout + said.stderr
        return
    assert (said.returncode, said.stdout) == (2, "")
    assert sentence in said.stderr


def test_what_the_engine_refuses_is_rolled_back(me: Person, tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(FILE.replace("ip route add 9.0.0.0/8 via 10.3.0.2", "false"))
    for how in (("up", str(file)), ("exec", str(file), "--", "echo", "ran")):
        said = me.asks("lab", *how)
        assert (said.returncode, said.stdout) == (3, "")
        assert "line 5: 'false' on b is refused: it ended with code 1." in said.stderr
        assert not me.left()


# --- namespaces that are there already -------------------------------------------------------------------------------


@needs_root
def test_named_namespaces_are_looked_at() -> None:
    """In mount and network namespaces of the test's own, so that the machine's are neither seen nor touched."""

    def inside(*argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ("unshare", "-mn", "sh", "-c", INSIDE, "sh", *PROGRAM, *argv),
            capture_output=True, text=True, cwd=ROOT, check=False,
        )  # fmt: skip

    for engine in ((), ("--engine", "kernel")):
        found = json.loads(inside("nodes", "--netns", "rt-h", "--json", *engine).stdout)
        assert [each["name"] for each in found] == ["rt-h1", "rt-h2", "host"]
    assert "10.5.0.0/24" in inside("routes", "rt-h1", "--netns", "rt-").stdout
    nothing = inside("nodes", "--netns", "zz")
    assert (nothing.returncode, nothing.stdout) == (3, "")
    assert "There is no namespace zz*" in nothing.stderr


@needs_root
def test_namespaces_are_for_root(tmp_path: Path) -> None:
    said = Person(tmp_path / "run", UNPRIVILEGED).asks("nodes", "--netns", "x")
    assert (said.returncode, said.stdout) == (3, "")
    assert said.stderr == "routetui: Only root may enter other network namespaces.\n  Start routetui with sudo.\n"


# --- completion ------------------------------------------------------------------------------------------------------


def test_completion_knows_the_labs(me: Person) -> None:
    def offered(*words: str) -> list[str]:
        return me.asks("_complete", "bash", *words).stdout.split()

    assert offered("lab", "") == ["list", "show", "up", "down", "exec"]
    assert offered("lab", "up", "two") == ["two-bridges"]
    assert offered("--lab", "ip") == ["ipv6"]
    assert offered("lab", "down", "") == []
    me.asks("lab", "up", "two-bridges")
    assert offered("lab", "down", "") == ["two-bridges"]
    assert offered("--lab", "two-bridges", "routes", "centos-n") == ["centos-net1", "centos-net2"]
    assert "--image" in offered("lab", "up", "--")
