"""A short-lived container that shares another's network, for commands that the other cannot run itself."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tui.engines.base import EngineError, clean
from tui.engines.docker import exec as docker_exec
from tui.engines.docker.lab_bodies import LABEL as LAB
from tui.engines.docker.world import HOST

if TYPE_CHECKING:
    import docker

IMAGE = "ROUTETUI_HELPER_IMAGE"
"""The variable that names the image to use: one that is there, with an `ip`. It is never pulled."""
LABEL = "routetui.beside"
"""What such a container is found and removed by."""
KNOWN = ("alpine", "busybox", "nicolaka/netshoot")
"""Images that are known to have an `ip`."""
SECONDS = 30
_TRIED = 8


def image(api: docker.APIClient, program: str) -> str | None:
    """An image on the engine with an `ip` in it, or None; nothing is pulled. Raises EngineError.

    That which the variable names; else that of a container in which `ip` can be started; else a well-known one.
    """
    if named := os.environ.get(IMAGE):
        if not there(api, named):
            raise EngineError(
                f"The image {clean(named)} that {IMAGE} names is not on this engine: {program} pull it first."
            )
        return clean(named)
    return _running(api) or next((each for each in KNOWN if there(api, each)), None)


def there(api: docker.APIClient, name: str) -> bool:
    """Whether an image is on the engine."""
    from docker.errors import APIError

    try:
        api.inspect_image(name)  # type: ignore[no-untyped-call]  # the SDK's stubs miss it
    except APIError:
        return False
    return True


def _running(api: docker.APIClient) -> str | None:
    """The image of a running container that has an `ip`, those of labs first: at most a few are asked."""
    listed = sorted(api.containers(), key=lambda each: LAB not in (each.get("Labels") or {}))
    found: dict[str, str] = {}
    for each in listed:
        found.setdefault(str(each.get("ImageID")), str(each.get("Id")))
    for identity, container in list(found.items())[:_TRIED]:
        if _has_ip(api, container):
            return next(str(each["Image"]) for each in listed if str(each.get("ImageID")) == identity)
    return None


def _has_ip(api: docker.APIClient, container: str) -> bool:
    from docker.errors import APIError
    from requests import RequestException

    try:
        made = docker_exec.create(api, container, ("ip", "-V"))
        said = b"".join(piece for _, piece in docker_exec.stream(api, made, SECONDS)).decode(errors="replace")
        code = api.exec_inspect(made)["ExitCode"]
    except (APIError, RequestException):
        return False
    return code not in (None, docker_exec.NOT_FOUND, docker_exec.NOT_EXECUTABLE) and not docker_exec.missing_program(
        said
    )


def question(place: str, name: str, writes: bool) -> str:
    """What a person is asked before such a container is started."""
    whose = f"shares the network of {place}" if place != HOST else "uses the network of the engine's host"
    more = " and a /proc/sys that can be written (--privileged, where the engine has no less)" if writes else ""
    return (
        f"What is left for {place} is a container of {name} that {whose}, with NET_ADMIN{more}. "
        "Start it for this command, and remove it then?"
    )


def run(api: docker.APIClient, container: str, name: str, argv: Sequence[str], writes: bool) -> tuple[int, str]:
    """Run a command in a container of image `name` that shares the network of `container` ("": the host's).

    Its exit code and what it printed; the container is gone then. `writes` gives it a /proc/sys that can be written.
    Raises EngineError where the engine does not start it.
    """
    _sweep(api)
    body = _body(container, name, argv)
    if not writes:
        return _run(api, body)
    # Less than --privileged: what covers /proc/sys is left out, and no capability or device is added.
    less = {"ReadonlyPaths": [], "MaskedPaths": [], "SecurityOpt": ["apparmor=unconfined"]}
    code, said = _run(api, body | {"HostConfig": body["HostConfig"] | less})
    if code != 0 and "Read-only file system" in said:
        return _run(api, body | {"HostConfig": body["HostConfig"] | {"Privileged": True}})
    return code, said


def _body(container: str, name: str, argv: Sequence[str]) -> dict[str, Any]:
    return {
        "Image": name,
        "Entrypoint": [argv[0]],
        "Cmd": list(argv[1:]),
        "User": "0",
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": {LABEL: container or HOST},
        "HostConfig": {"NetworkMode": f"container:{container}" if container else "host", "CapAdd": ["NET_ADMIN"]},
    }


def _run(api: docker.APIClient, body: Mapping[str, Any]) -> tuple[int, str]:
    from docker.errors import APIError

    made = ""
    try:
        made = str(api.create_container_from_config(body)["Id"])  # type: ignore[no-untyped-call]
        api.start(made)
        code = int(api.wait(made, timeout=SECONDS)["StatusCode"])
        return code, api.logs(made, stdout=True, stderr=True).decode(errors="replace")
    except APIError as error:
        said = " ".join(clean(str(error.explanation or error)).split()).rstrip(".")
        raise EngineError(f"A container of {body['Image']} beside it does not start: {said}.") from None
    finally:
        with contextlib.suppress(APIError):
            if made:
                api.remove_container(made, v=True, force=True)


def _sweep(api: docker.APIClient) -> None:
    """Take away what an earlier run that was killed has left."""
    from docker.errors import APIError

    for each in api.containers(all=True, filters={"label": LABEL, "status": ["exited", "created", "dead"]}):
        with contextlib.suppress(APIError):
            api.remove_container(each["Id"], v=True)


def without(listed: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The containers that the engine lists, but for those of our own that are about to vanish."""
    return [each for each in listed if LABEL not in (each.get("Labels") or {})]
