"""Reaching an engine: sockets, hosts, contexts, TLS, ssh, other users; and one sentence for whatever is in the way."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from listening import Listener, named
from private_engine import PrivateEngine
from private_engine.lab import Lab

from tui.core import saved
from tui.core.world import TOPICS
from tui.engines.base import EngineError
from tui.engines.docker.engine import DockerEngine, connect

NOBODY = "65534"


@pytest.fixture(autouse=True)
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No docker settings but those that a test makes, in $DOCKER_CONFIG."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("DOCKER_CONFIG", str(home / "docker"))
    (home / "docker").mkdir()
    (home / "docker" / "config.json").write_text("{}")
    return home


@pytest.fixture
def reach() -> Iterator[Callable[..., DockerEngine]]:
    """Connects as the command line would, and closes the engine after the test."""
    with contextlib.ExitStack() as closing:

        def open_engine(host: str | None = None, context: str | None = None) -> DockerEngine:
            engine = connect(host, context)
            closing.callback(engine.close)
            return engine

        yield open_engine


def refused(host: str | None = None, context: str | None = None) -> str:
    """What connecting says; the test fails where it does not refuse."""
    with pytest.raises(EngineError) as caught:
        connect(host, context)
    said = str(caught.value)
    assert "\n" not in said
    assert said.endswith(".")
    return said


def make_context(home: Path, name: str, host: str) -> None:
    """A docker context as `docker context create` writes it."""
    import hashlib

    folder = home / "docker" / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    folder.mkdir(parents=True)
    endpoint = {"Host": host, "SkipTLSVerify": False}
    (folder / "meta.json").write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": endpoint}}))


def test_a_context_by_name_by_variable_and_by_setting(
    docker_engine_url: str, empty_home: Path, monkeypatch: pytest.MonkeyPatch, reach: Callable[..., DockerEngine]
) -> None:
    make_context(empty_home, "classroom", docker_engine_url)
    make_context(empty_home, "elsewhere", "unix:///nowhere/docker.sock")
    assert reach(context="classroom").label.startswith("docker://classroom ")
    (empty_home / "docker" / "config.json").write_text(json.dumps({"currentContext": "classroom"}))
    assert reach().label.startswith("docker://classroom ")
    monkeypatch.setenv("DOCKER_CONTEXT", "elsewhere")
    assert "/nowhere/docker.sock" in refused()
    monkeypatch.setenv("DOCKER_HOST", docker_engine_url)  # goes before any context, as in docker's own client
    assert reach().label.startswith("docker://local ")
    assert "/nowhere/docker.sock" in refused(context="elsewhere")
    assert reach(context="classroom").label.startswith("docker://classroom ")


def test_an_unknown_context_names_the_near_ones(empty_home: Path) -> None:
    make_context(empty_home, "classroom", "unix:///nowhere/docker.sock")
    make_context(empty_home, "xyz", "unix:///nowhere/docker.sock")
    assert refused(context="clasroom") == "There is no docker context 'clasroom': choose classroom."
    assert "xyz" in refused(context="\x1b[31m__")
    assert "\x1b" not in refused(context="\x1b[31m__")


def test_a_context_that_cannot_be_read(empty_home: Path) -> None:
    make_context(empty_home, "broken", "unix:///nowhere/docker.sock")
    (meta,) = (empty_home / "docker" / "contexts" / "meta").glob("*/meta.json")
    meta.write_text("{")
    assert refused(context="broken").startswith("The docker context 'broken' cannot be read: ")


def test_a_broken_configuration_is_that_of_nobody(
    empty_home: Path, docker_engine_url: str, reach: Callable[..., DockerEngine]
) -> None:
    (empty_home / "docker" / "config.json").write_text("{")
    assert reach(docker_engine_url).snapshot().nodes


def test_host_and_context_together_are_refused() -> None:
    assert refused("unix:///a", "b") == "Name a host or a context, not both."


@pytest.mark.parametrize(
    "host", ["nonsense://x", "tcp://", "unix://", "tcp://127.0.0.1:port", "ftp://a:1", "tcp://[::1"]
)
def test_what_is_no_address_of_an_engine(host: str) -> None:
    assert re.search(r"is no engine's address|No engine listens|No Docker Engine listens", refused(host))


def test_no_socket_there(tmp_path: Path) -> None:
    said = refused(f"unix://{tmp_path}/docker.sock")
    assert said == (
        f"No Docker Engine listens at {tmp_path}/docker.sock: start it (sudo systemctl start docker), "
        "or name another with -H or --context."
    )


def test_a_socket_that_nobody_listens_at(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "s"))
    assert "the Docker daemon is not running; start it" in refused(f"unix://{tmp_path}/s")


def test_something_else_that_answers() -> None:
    with answering(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello") as port:
        assert refused(f"tcp://127.0.0.1:{port}").startswith(
            f"What answers at tcp://127.0.0.1:{port} is no Docker Engine"
        )


def test_an_engine_that_wants_tls() -> None:
    """The reply is that of Go's server, and so of dockerd's, to whoever speaks plainly to its TLS port."""
    reply = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
    with answering(reply) as port:
        assert refused(f"tcp://127.0.0.1:{port}") == (
            f"The engine at tcp://127.0.0.1:{port} and this side do not agree on TLS (Client sent an HTTP request to "
            "an HTTPS server): set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or choose its context."
        )


def test_an_engine_of_long_ago() -> None:
    body = b'{"Version": "1.9.1", "ApiVersion": "1.21"}'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    with answering(head + body) as port:
        assert refused(f"tcp://127.0.0.1:{port}").endswith(
            "is too old for routetui: update it to Docker 1.13 or newer."
        )


def test_a_port_that_nobody_listens_at() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert refused(f"tcp://127.0.0.1:{port}").startswith(
        f"No engine listens at tcp://127.0.0.1:{port} (Connection refused)"
    )


def test_a_machine_that_has_no_name_here() -> None:
    assert "No machine is called 'no-such-machine.invalid'" in refused("tcp://no-such-machine.invalid:2375")


@contextlib.contextmanager
def answering(reply: bytes) -> Iterator[int]:
    """A server on loopback that gives one reply to whatever it is asked; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        if connection.recv(65536):
                            connection.sendall(reply)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


class Relay:
    """A port on loopback that leads to the engine's socket: an engine on another machine, as far as can be told."""

    def __init__(self, url: str, context: ssl.SSLContext | None = None) -> None:
        self._path = url.removeprefix("unix://")
        self._context = context
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                with contextlib.suppress(OSError):
                    self._join(self._context.wrap_socket(near, server_side=True) if self._context else near)

    def _join(self, near: socket.socket) -> None:
        far = socket.socket(socket.AF_UNIX)
        far.connect(self._path)
        self._open += [near, far]
        for one, other in ((near, far), (far, near)):
            thread = threading.Thread(target=self._copy, args=(one, other), daemon=True)
            self._threads.append(thread)
            thread.start()

    @staticmethod
    def _copy(one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._threads[0].join()
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for each in self._open:
            each.close()


def is_all_there(engine: DockerEngine) -> None:
    """Everything works on an engine whose processes are out of reach: tables, watch, commands."""
    watch = engine.watch()
    world = engine.snapshot()
    node = named(world, "centos-net1")
    assert (node.source, node.problem) == ("ip -j", None)
    host = named(world, "host")
    assert host.missing == tuple(topic for topic in TOPICS if topic != "addresses")
    assert "another machine, or behind a relay" in (host.problem or "")
    assert "172.19.0.1" in [str(own.address) for each in host.interfaces for own in each.addresses]
    listener = Listener(watch)
    run = engine.run("centos-net1", ["ping", "-c", "1", "172.19.0.1"])
    assert any("1 received" in line for line in run)
    assert listener.next() is None
    with pytest.raises(EngineError, match="it is another machine"):
        engine.run("host", ["ip", "route"])
    long = engine.run("centos-net1", ["ping", "172.19.0.1"])
    assert next(iter(long)).startswith("PING")
    long.close()
    assert long.code
    engine.close()
    while listener.next() is not Listener.END:
        pass


def test_tcp(two_bridges: Lab, reach: Callable[..., DockerEngine]) -> None:
    relay = Relay(two_bridges.url)
    try:
        engine = reach(f"tcp://127.0.0.1:{relay.port}")
        assert engine.label.startswith(f"docker://127.0.0.1:{relay.port} ")
        is_all_there(engine)
    finally:
        relay.close()


OPENSSL = """
req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca-key.pem -out ca.pem
req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server-key.pem -out server.csr
x509 -req -days 2 -in server.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -extfile names -out server-cert.pem
req -newkey rsa:2048 -nodes -subj /CN=client -keyout key.pem -out client.csr
x509 -req -days 2 -in client.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -out cert.pem
"""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA, a server's certificate for 127.0.0.1 and a client's, under the names that docker wants."""
    folder = tmp_path_factory.mktemp("certificates")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for line in OPENSSL.strip().splitlines():
        subprocess.run(["openssl", *line.split()], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def tls(two_bridges: Lab, certificates: Path) -> Iterator[Relay]:
    """The engine behind TLS that asks for a client's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server-cert.pem", certificates / "server-key.pem")
    context.load_verify_locations(certificates / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    relay = Relay(two_bridges.url, context)
    yield relay
    relay.close()


def test_tls(
    tls: Relay, certificates: Path, monkeypatch: pytest.MonkeyPatch, reach: Callable[..., DockerEngine]
) -> None:
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(certificates))
    is_all_there(reach(f"tcp://127.0.0.1:{tls.port}"))


def test_tls_in_a_context(tls: Relay, certificates: Path, empty_home: Path, reach: Callable[..., DockerEngine]) -> None:
    make_context(empty_home, "safe", f"tcp://127.0.0.1:{tls.port}")
    (meta,) = (empty_home / "docker" / "contexts" / "meta").glob("*")
    folder = empty_home / "docker" / "contexts" / "tls" / meta.name / "docker"
    folder.mkdir(parents=True)
    for name in ("ca.pem", "cert.pem", "key.pem"):
        shutil.copy(certificates / name, folder / name)
    is_all_there(reach(context="safe"))


def test_tls_with_the_wrong_certificates(tls: Relay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path / "none"))
    assert "cannot be used" in refused(f"tcp://127.0.0.1:{tls.port}")
    monkeypatch.delenv("DOCKER_TLS_VERIFY")
    monkeypatch.delenv("DOCKER_CERT_PATH")
    assert "does not answer" in refused(f"tcp://127.0.0.1:{tls.port}")


FAKE_SSH = """#!{python}
import json, os, socket, sys, threading
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
if "-O" in sys.argv:
    sys.exit(0)
if sys.argv[-3:] != ["docker", "system", "dial-stdio"] or "BatchMode=yes" not in sys.argv:
    sys.exit("what is that?")
far = socket.socket(socket.AF_UNIX)
far.connect({path!r})
def up():
    while data := os.read(0, 65536):
        far.sendall(data)
    far.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := far.recv(65536):
    os.write(1, data)
"""


def test_ssh(
    two_bridges: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reach: Callable[..., DockerEngine]
) -> None:
    """The tunnel, with a stand-in for the ssh program that connects its input and output to the engine at once."""
    log = tmp_path / "log"
    script = tmp_path / "bin" / "ssh"
    script.parent.mkdir()
    script.write_text(
        FAKE_SSH.format(python=sys.executable, log=str(log), path=two_bridges.url.removeprefix("unix://"))
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    before = set(Path("/tmp").glob("routetui-ssh-*"))
    engine = reach("ssh://student@far.example:2222")
    assert engine.label.startswith("docker://student@far.example:2222 ")
    is_all_there(engine)
    commands = [json.loads(line) for line in log.read_text().splitlines()]
    assert all(each[each.index("-p") : each.index("-p") + 2] == ["-p", "2222"] for each in commands)
    assert all("student@far.example" in each for each in commands)
    assert commands[-1][-4:] == ["-O", "exit", "--", "student@far.example"]
    assert set(Path("/tmp").glob("routetui-ssh-*")) == before


def test_ssh_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    before = set(Path("/tmp").glob("routetui-ssh-*"))
    said = refused(f"ssh://127.0.0.1:{port}")
    assert said == (
        f"The engine at 127.0.0.1:{port} cannot be reached through ssh: ssh: connect to host 127.0.0.1 port {port}: "
        "Connection refused."
    )
    assert set(Path("/tmp").glob("routetui-ssh-*")) == before
    assert "names no machine" in refused("ssh://-oProxyCommand=true")
    monkeypatch.setenv("PATH", "/nowhere")
    assert refused("ssh://somewhere").startswith("ssh is not installed here")


SNAPSHOT = """
import sys
from tui.core import saved
from tui.engines.docker.engine import connect
from tui.engines.base import EngineError
try:
    print(saved.dumps(connect(sys.argv[1], rungs=sys.argv[2].split(",")).snapshot()))
except EngineError as error:
    sys.exit(str(error))
"""


def as_nobody(url: str, *groups: int, rungs: str = "netlink,exec,proc") -> subprocess.CompletedProcess[str]:
    """Connect and take a snapshot as a user without rights, in these groups.

    One right is left: to read every file, since the tests and their Python may lie in root's own folders.
    """
    member = ["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]
    rights = ["--inh-caps", "-all,+dac_read_search", "--ambient-caps", "+dac_read_search"]
    user = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, *member, *rights]
    return subprocess.run(
        [*user, sys.executable, "-W", "error", "-c", SNAPSHOT, url, rungs],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent.parent,
    )


def test_permission_denied_names_the_way_in(private_engine: PrivateEngine) -> None:
    done = as_nobody(private_engine.url)
    assert done.returncode == 1
    said = done.stderr.strip().splitlines()
    group = Path(private_engine.url.removeprefix("unix://")).group()
    name = "docker" if group == "root" else group
    assert said == [
        f"Permission denied at {private_engine.url.removeprefix('unix://')}: run routetui with sudo, or join the group "
        f"{name} (sudo usermod -aG {name} $USER, then log in again)."
    ]


@pytest.mark.parametrize(
    ("rungs", "source"), [("netlink,exec,proc", "ip -j"), ("netlink,proc", "/proc of this machine")]
)
def test_an_ordinary_user_in_the_right_group_sees_it_all(two_bridges: Lab, rungs: str, source: str) -> None:
    group = Path(two_bridges.url.removeprefix("unix://")).stat().st_gid
    done = as_nobody(two_bridges.url, group, rungs=rungs)
    assert done.returncode == 0, done.stderr
    world = saved.loads(done.stdout)
    node = named(world, "centos-net1")
    assert node.source == source
    assert any(route.is_default and str(route.gateway) == "172.19.0.1" for route in node.routes)
    host = named(world, "host")
    assert host.source == "/proc of this machine"
    assert {"net1", "net2"} <= {each.network for each in host.interfaces}
    assert host.problem
