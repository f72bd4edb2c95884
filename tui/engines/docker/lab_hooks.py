"""What happens in a lab's container once it runs on Docker: its hooks, and the sysctls of its interfaces."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tui.core.labs import Command, Service, SysctlCommand
from tui.engines.base import EngineError, clean
from tui.engines.docker import exec as docker_exec
from tui.engines.docker.connect import Connection
from tui.engines.docker.exec import Lines
from tui.engines.docker.near import write_switch

if TYPE_CHECKING:
    import docker

SECONDS = 30.0
"""How long a hook may be silent."""


def process_of(api: docker.APIClient, connection: Connection, container: str) -> int | None:
    """The container's first process, where this program may enter its network: on this machine, as root."""
    if connection.peer is None or os.geteuid() != 0:
        return None
    state: dict[str, Any] = api.inspect_container(container)["State"]
    return int(state["Pid"]) or None


def run(api: docker.APIClient, container: str, service: Service, command: Command, pid: int | None) -> None:
    """Run a hook as `docker exec` would; raises EngineError where it fails and may not."""
    meaning = command.meaning
    if isinstance(meaning, SysctlCommand) and pid is not None:
        if (refused := write_switch(pid, meaning.name, meaning.value)) and not command.may_fail:
            raise _refused(service, command, refused)
        return
    code, said = _exec(api, container, command)
    if code == 0 or command.may_fail:
        return
    if isinstance(meaning, SysctlCommand):
        said = f"{said}; in a container write it under sysctls"
    if program := docker_exec.missing_program(said):
        said = f"there is no {program} in its image: choose another with --image"
    raise _refused(service, command, said or f"it ended with code {code}")


def _refused(service: Service, command: Command, why: str) -> EngineError:
    line = f"line {command.line}: " if command.line else ""
    return EngineError(f"{line}{' '.join(command.argv)!r} on {service.name} is refused: {why.rstrip('.')}.")


def _exec(api: docker.APIClient, container: str, command: Command) -> tuple[int, str]:
    """The exit code and the last line of what it printed."""
    from docker.errors import APIError

    argv, user = list(command.argv), "0" if command.user == "root" else command.user  # an image may name no users
    if isinstance(command.meaning, SysctlCommand) and ">" in argv:  # `echo 1 > /proc/...`, taken out of a shell's list
        argv = ["sh", "-c", " ".join(argv)]
    lines = Lines()
    try:
        made = api.exec_create(container, argv, privileged=command.privileged, user=user)["Id"]
        found = [line for _, piece in docker_exec.stream(api, made, SECONDS) for line in lines.feed(piece)]
        code = api.exec_inspect(made)["ExitCode"]
    except APIError as error:
        said = str(error.explanation or error)
        return docker_exec.NOT_EXECUTABLE, clean(said)
    said = next((line for line in reversed([*found, *lines.end()]) if line.strip()), "")
    return (code if code is not None else docker_exec.NOT_EXECUTABLE), clean(said).strip()


def set_sysctls(service: Service, pid: int | None) -> None:
    """Set the sysctls that the file gives interfaces; raises EngineError where they cannot be set from here."""
    for link in service.attachments:
        for name, value in link.sysctls:
            if pid is None:
                raise EngineError(
                    f"The sysctl {name} of {service.name} can be set only from the engine's own machine, as root.",
                    "Or bring the lab up on the kernel: --engine kernel",
                )
            if refused := write_switch(pid, name, value):
                raise EngineError(f"The sysctl {name} of {service.name} cannot be set: {refused}.")
