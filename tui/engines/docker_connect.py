"""Which Docker Engine is meant, how it is reached (unix, tcp, TLS, ssh, contexts), and what is wrong when it is not."""

from __future__ import annotations

import contextlib
import difflib
import errno
import grp
import json
import os
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tui.engines.base import EngineError, clean
from tui.engines.docker_ssh import Tunnel

if TYPE_CHECKING:
    import docker

TIMEOUT = 10
"""Seconds that the engine has for one answer."""
DEFAULT_SOCKET = "/var/run/docker.sock"
ENGINES = ("dockerd", "docker", "podman", "rootlesskit")
"""Names of processes that answer on an engine's socket themselves."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an engine is: `url` as DOCKER_HOST has it, `name` for the title, `tls` what the SDK wants for it."""

    url: str
    name: str
    tls: Any = False


def find(host: str | None, context: str | None, environment: Mapping[str, str] = os.environ) -> Endpoint:
    """The endpoint that is meant, in the order of docker's own client.

    A host given, a context given, DOCKER_HOST, DOCKER_CONTEXT, the current context, else the default socket.
    Raises EngineError for what cannot be meant.
    """
    if host and context:
        raise EngineError("Name a host or a context, not both.")
    if not host and not context:
        host = environment.get("DOCKER_HOST")
    if host:
        return _from_host(host, environment)
    name = context or environment.get("DOCKER_CONTEXT") or _current_context()
    return _default(environment) if name == "default" else _from_context(name)


def _current_context() -> str:
    from docker.context.config import get_current_context_name

    return str(get_current_context_name())


def _default(environment: Mapping[str, str]) -> Endpoint:
    """The first socket that is there, of those where Docker and Podman put theirs."""
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    places = [DEFAULT_SOCKET]
    places += [f"{runtime}/docker.sock", f"{runtime}/podman/podman.sock"] if runtime else []
    places += [str(Path.home() / ".docker/run/docker.sock"), "/run/podman/podman.sock"]
    # The default is named also where nothing is there, and tried where it cannot be looked at.
    path = next((place for place in places if _exists(place)), DEFAULT_SOCKET)
    return Endpoint(f"unix://{path}", "local")


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:
        return True


def _from_host(host: str, environment: Mapping[str, str]) -> Endpoint:
    from docker import errors, utils

    url = f"unix://{host}" if host.startswith("/") else host
    settings = {key: value for key, value in environment.items() if key.startswith("DOCKER_")} | {"DOCKER_HOST": url}
    try:
        found = utils.kwargs_from_env(environment=settings)
        utils.parse_host(url, tls=bool(found.get("tls")))
        if url == "unix://":
            raise ValueError
    except errors.TLSParameterError as error:
        raise EngineError(
            f"TLS is asked for (DOCKER_TLS_VERIFY, DOCKER_CERT_PATH) but cannot be used: {_brief(error)}."
        ) from None
    except (errors.DockerException, ValueError):
        raise EngineError(
            f"{clean(host)!r} is no engine's address: write unix:///var/run/docker.sock, tcp://HOST:2375 or ssh://HOST."
        ) from None
    # The SDK turns tcp:// into https:// where TLS is on.
    address = str(found.get("base_url") or url)
    name = "local" if address.startswith("unix:") else clean(urlsplit(address).netloc or address)
    return Endpoint(address, name, found.get("tls") or False)


def _from_context(name: str) -> Endpoint:
    from docker.context import ContextAPI

    try:
        found = ContextAPI.get_context(name)
    except Exception as error:  # the SDK raises just that for a file that it cannot read
        raise EngineError(f"The docker context {clean(name)!r} cannot be read: {_brief(error)}.") from None
    if found is None:
        known = _context_names()
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known[:5]
        raise EngineError(
            f"There is no docker context {clean(name)!r}: choose {clean(' or '.join(near))}.", "docker context ls"
        )
    return Endpoint(str(found.Host or f"unix://{DEFAULT_SOCKET}"), clean(name), found.TLSConfig or False)


def _context_names() -> list[str]:
    """The contexts that there are, those that can be read, and the one that is always there."""
    from docker.context.config import get_meta_dir

    names = ["default"]
    for file in sorted(Path(get_meta_dir()).glob("*/meta.json")):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            names.append(str(json.loads(file.read_text())["Name"]))
    return names


class Connection:
    """The API clients of one engine. One client serves one thread at a time; `client` lends one, `open` makes one."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Reach the engine; raises EngineError with one sentence that says what to do."""
        from docker.constants import MINIMUM_DOCKER_API_VERSION

        self.endpoint = endpoint
        self._peer: int | None = None
        self._free: list[docker.APIClient] = []
        self._lock = threading.Lock()
        self._closed = False
        self._tunnel: Tunnel | None = None
        self._url = endpoint.url
        self._api_version = MINIMUM_DOCKER_API_VERSION
        if endpoint.url.startswith("ssh:"):
            self._tunnel = Tunnel(endpoint.url)
            self._url = self._tunnel.url
        try:
            self.version = self._greet()
        except BaseException:
            self.close()
            raise

    def _greet(self) -> dict[str, Any]:
        self._knock()
        with self.client() as api:
            version: dict[str, Any] = api.version(api_version=False)
        try:
            self._api_version = str(version["ApiVersion"])
            self.open().close()  # refuses a version that is too old
        except Exception as error:
            raise self.lost(error) from None
        return version

    def _knock(self) -> None:
        """Connect once without the SDK, whose errors hide the reason; learn who is at the other end."""
        if self._url.startswith("unix:") and self._tunnel is None:
            self._peer = peer_of(self._url.removeprefix("unix://"))
        elif self._tunnel is None and "npipe:" not in self._url:
            _knock_tcp(self._url)

    @property
    def peer(self) -> int | None:
        """The engine's process, for an engine on this machine; None for any other. Asked again when it has ended.

        Raises EngineError when there is none now.
        """
        if self._peer is not None and not Path(f"/proc/{self._peer}").exists():
            self._knock()
        return self._peer

    @contextlib.contextmanager
    def client(self) -> Iterator[docker.APIClient]:
        """A client for this thread while the block runs; raises EngineError when the engine does not answer.

        What the engine itself answers with (docker.errors.APIError) is the caller's.
        """
        from docker.errors import APIError, DockerException
        from requests import RequestException

        self.peer  # noqa: B018  # says so, and better than the SDK could, when the engine has ended
        api: docker.APIClient | None = None
        try:
            with self._lock:
                api = self._free.pop() if self._free else None
            api = api or self.open()
            yield api
        except APIError:
            self._give_back(api)
            raise
        except (RequestException, DockerException, OSError) as error:
            if api is not None:
                api.close()
            raise self.lost(error) from None
        else:
            self._give_back(api)

    def _give_back(self, api: docker.APIClient | None) -> None:
        if api is not None:
            with self._lock:
                if not self._closed:
                    self._free.append(api)
                    return
            api.close()

    def open(self, timeout: int = TIMEOUT) -> docker.APIClient:
        """A new client, which the caller closes."""
        import docker
        from requests.utils import get_environ_proxies

        api = docker.APIClient(base_url=self._url, version=self._api_version, timeout=timeout, tls=self.endpoint.tls)
        if self.endpoint.tls:
            # Left to itself, requests has REQUESTS_CA_BUNDLE take the place of the certificates named for the engine.
            api.proxies.update(get_environ_proxies(self._url))
            api.trust_env = False
        return api

    def lost(self, error: BaseException) -> EngineError:
        """What to say when the engine did not answer as an engine does."""
        from docker.errors import InvalidVersion

        if self._tunnel is not None and (said := self._tunnel.complaint()):
            return EngineError(
                f"The engine at {self.endpoint.name} cannot be reached through ssh: {said}.",
                f"Try it in a terminal: ssh {self._tunnel.target} docker version",
            )
        where = clean(self.endpoint.url)
        if isinstance(error, InvalidVersion):
            return EngineError(f"The engine at {where} is too old for routetui: update it to Docker 1.13 or newer.")
        reason = _brief(error)
        if "HTTP request to an HTTPS server" in reason or "CERTIFICATE" in reason.upper() or "SSL" in reason:
            return EngineError(
                f"The engine at {where} wants other TLS certificates: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or "
                f"choose its context ({reason})."
            )
        return EngineError(f"The engine at {where} does not answer: {reason}.")

    def close(self) -> None:
        """Close the clients that nobody uses now; the others close when they are given back."""
        with self._lock:
            self._closed = True
            free, self._free = self._free, []
        for api in free:
            api.close()
        if self._tunnel is not None:
            self._tunnel.close()


def peer_of(path: str) -> int | None:
    """The pid of the engine that listens on a unix socket; None where it is not on this machine. Raises EngineError.

    Where a service manager made the socket, the kernel names that (unix(7), SO_PEERCRED): pid 1 then stands for the
    engine, since they share a network. A relay (ssh, socat) says nothing of where the engine is.
    """
    with socket.socket(socket.AF_UNIX) as knocker:
        knocker.settimeout(TIMEOUT)
        try:
            knocker.connect(path)
        except OSError as error:
            raise _no_socket(path, error) from None
        pid: int = struct.unpack("3i", knocker.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    if pid == 1:
        return 1
    with contextlib.suppress(OSError):
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        if name in ENGINES:
            return pid
        return 1 if name == "systemd" else None
    return None


def _no_socket(path: str, error: OSError) -> EngineError:
    where = clean(path)
    start = "start it (sudo systemctl start docker)"
    if error.errno == errno.EACCES:
        group = _group_of(path)
        return EngineError(
            f"Permission denied at {where}: run routetui with sudo, or join the group {group} "
            f"(sudo usermod -aG {group} $USER, then log in again)."
        )
    if error.errno == errno.ENOENT:
        return EngineError(f"No Docker Engine listens at {where}: {start}, or name another with -H or --context.")
    if error.errno == errno.ECONNREFUSED:
        return EngineError(f"Nothing answers at {where}: the Docker daemon is not running; {start}.")
    return EngineError(f"{where} cannot be used as an engine's socket: {error.strerror or error}.")


def _group_of(path: str) -> str:
    """The group that may use the socket, where it can be told and is not root's."""
    with contextlib.suppress(OSError, KeyError):
        name = grp.getgrgid(Path(path).stat().st_gid).gr_name
        if name != "root":
            return clean(name)
    return "docker"


def _knock_tcp(url: str) -> None:
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    try:
        port = parts.port or (2376 if parts.scheme == "https" else 2375)
        socket.create_connection((host, port), TIMEOUT // 2).close()
    except socket.gaierror:
        raise EngineError(
            f"No machine is called {clean(host)!r}: check the address that -H or DOCKER_HOST names."
        ) from None
    except TimeoutError:
        raise EngineError(f"{clean(host)} does not answer on port {port} within {TIMEOUT // 2} seconds.") from None
    except (OSError, ValueError) as error:
        raise EngineError(
            f"No engine listens at {clean(url)} ({_brief(error)}): start it with -H there, or name another address."
        ) from None


def _brief(error: BaseException) -> str:
    """The innermost reason of an SDK's nested exception, on one line."""
    inner: BaseException = error
    while (below := inner.__cause__ or inner.__context__ or _argument(inner)) is not None:
        inner = below
    said = getattr(inner, "strerror", None) or getattr(inner, "explanation", None) or str(inner) or type(inner).__name__
    return clean(" ".join(str(said).split())).rstrip(".")


def _argument(error: BaseException) -> BaseException | None:
    return next((each for each in error.args if isinstance(each, BaseException)), None)
