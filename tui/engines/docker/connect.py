"""The connection to a Docker Engine (unix, tcp, TLS, ssh): its clients, its process, and what is said when it fails."""

from __future__ import annotations

import contextlib
import errno
import grp
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tui.engines.base import EngineError, clean
from tui.engines.docker.endpoint import Endpoint, brief
from tui.engines.docker.listing import Listing, is_podman
from tui.engines.docker.ssh import Tunnel

if TYPE_CHECKING:
    import docker

TIMEOUT = 10
"""Seconds that the engine has for one answer."""
ENGINES = ("dockerd", "docker", "podman", "rootlesskit")
"""Names of processes that answer on an engine's socket themselves."""


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
        self.listing = Listing(self.version)
        self.podman = is_podman(self.version)

    def _greet(self) -> dict[str, Any]:
        self._knock()
        from docker.errors import DockerException

        try:
            with self.client() as api:
                version: dict[str, Any] = api.version(api_version=False)
            self._api_version = str(version["ApiVersion"])
            self.open().close()  # refuses a version that is too old
        except (DockerException, KeyError, TypeError) as error:
            raise self.lost(error) from None
        return version

    def _knock(self) -> None:
        """Connect once without the SDK, whose errors hide the reason; learn who is at the other end."""
        if self._url.startswith("unix:") and self._tunnel is None:
            self._peer = peer_of(self._url.removeprefix("unix://"))
        elif self._tunnel is None and "npipe:" not in self._url:
            _knock_tcp(self._url)

    @property
    def program(self) -> str:
        """The command by which people use this engine: `docker` or `podman`."""
        return "podman" if self.podman else "docker"

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
        if isinstance(error, ValueError | KeyError | TypeError):
            return EngineError(f"What answers at {where} is no Docker Engine: check -H, DOCKER_HOST or the context.")
        reason = brief(error)
        if "HTTP request to an HTTPS server" in reason or "CERTIFICATE" in reason.upper() or "SSL" in reason:
            return EngineError(
                f"The engine at {where} and this side do not agree on TLS ({reason}): set DOCKER_TLS_VERIFY=1 and "
                "DOCKER_CERT_PATH, or choose its context."
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
            f"No engine listens at {clean(url)} ({brief(error)}): start it with -H there, or name another address."
        ) from None
