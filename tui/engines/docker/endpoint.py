"""Which Docker Engine is meant: a host, a context, the environment, or the socket where one usually is."""

from __future__ import annotations

import contextlib
import difflib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tui.engines.base import EngineError, clean

DEFAULT_SOCKET = "/var/run/docker.sock"


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
            f"TLS is asked for (DOCKER_TLS_VERIFY, DOCKER_CERT_PATH) but cannot be used: {brief(error)}."
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
        raise EngineError(f"The docker context {clean(name)!r} cannot be read: {brief(error)}.") from None
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


def brief(error: BaseException) -> str:
    """The innermost reason of an SDK's nested exception, on one line."""
    inner: BaseException = error
    while not getattr(inner, "explanation", None):  # what the engine itself says
        below = inner.__cause__ or inner.__context__ or _argument(inner)
        if below is None:
            break
        inner = below
    said = getattr(inner, "explanation", None) or getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
    return clean(" ".join(str(said).split())).rstrip(".")


def _argument(error: BaseException) -> BaseException | None:
    return next((each for each in error.args if isinstance(each, BaseException)), None)
