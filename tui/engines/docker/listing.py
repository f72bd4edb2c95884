"""The engine's two lists, containers and networks, in Docker's form; of Podman what its own lists know and Docker's
lack: the bridges' devices, whether they are isolated, and whose network a container uses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tui.engines.docker.podman import OWN

if TYPE_CHECKING:
    import docker

Listed = Mapping[str, Any]


def is_podman(version: Listed) -> bool:
    """Whether that answer to GET /version is Podman's."""
    return any("podman" in str(each.get("Name")).lower() for each in version.get("Components") or ())


class Listing:
    """Asks one engine, from any thread. `version` is its answer to GET /version."""

    def __init__(self, version: Listed) -> None:
        self._podman = is_podman(version)
        self._modes: dict[str, str] = {}

    def containers(self, api: docker.APIClient) -> list[Listed]:
        """All containers, each with its network mode: Podman does not list it, so each is asked once."""
        from docker.errors import APIError

        try:
            listed: list[Listed] = api.containers(all=True)
        except APIError:
            if not self._podman:
                raise
            listed = _one_by_one(api)
        return [self._with_mode(api, each) for each in listed]

    def _with_mode(self, api: docker.APIClient, each: Listed) -> Listed:
        from docker.errors import APIError

        if not self._podman or (each.get("HostConfig") or {}).get("NetworkMode"):
            return each
        identity = str(each.get("Id"))
        if identity not in self._modes:
            try:
                found: dict[str, Any] = api.inspect_container(identity)
            except APIError:  # it is gone, and the next list is without it
                return each
            self._modes[identity] = str((found.get("HostConfig") or {}).get("NetworkMode") or "")
        return {**each, "HostConfig": {"NetworkMode": self._modes[identity]}}

    def networks(self, api: docker.APIClient, label: str = "") -> list[Listed]:
        """All networks, or those with that label.

        Podman 4.3 forgets that a network is isolated as soon as it lists or shows it in Docker's form: networks that
        nobody uses yet would then not be isolated. So its own list is asked for.
        """
        filters = {"label": [label]} if label else {}
        if self._podman:
            with api.get(f"{api.base_url}{OWN}/networks/json", params={"filters": json.dumps(filters)}) as answer:
                found = answer.json() if answer.ok else None
            if isinstance(found, list) and all(isinstance(each, dict) and each.get("id") for each in found):
                return [_in_dockers_form(each) for each in found]
        listed: list[Listed] = api.networks(filters=filters)
        return listed

    def network_labels(self, api: docker.APIClient, identity: str) -> dict[str, str]:
        """The labels of a network; none where it is gone."""
        found = next((each for each in self.networks(api) if each.get("Id") == identity), {})
        return dict(found.get("Labels") or {})


def _one_by_one(api: docker.APIClient) -> list[Listed]:
    """The same list made of one answer for each container.

    Podman 4.3 lists none where one of them is on a network by its records only, as after a join that failed; that one
    is then told without its networks.
    """
    from docker.errors import APIError

    listed: list[Listed] = []
    with api.get(f"{api.base_url}{OWN}/containers/json", params={"all": "true"}) as answer:
        answer.raise_for_status()
        known = answer.json()
    for each in known:
        try:
            found: dict[str, Any] = api.inspect_container(each["Id"])
        except APIError:
            found = {}
        names = [f"/{name}" for name in each.get("Names") or ()]
        told: Listed = {key: found[key] for key in ("NetworkSettings", "HostConfig") if key in found}
        listed.append({**each, "Names": names, **told})
    return listed


def _in_dockers_form(each: Listed) -> Listed:
    pools: Sequence[Listed] = each.get("subnets") or ()
    return {
        "Name": each.get("name"),
        "Id": each["id"],
        "Driver": each.get("driver"),
        "Scope": "local",
        "Internal": each.get("internal"),
        "EnableIPv6": each.get("ipv6_enabled"),
        "IPAM": {"Config": [{"Subnet": pool.get("subnet"), "Gateway": pool.get("gateway")} for pool in pools]},
        "Options": each.get("options"),
        "Labels": each.get("labels"),
        "network_interface": each.get("network_interface"),
    }
