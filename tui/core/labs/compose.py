"""A Compose file's document read as a Lab (the Compose specification; `x-routetui` holds what is ours)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from tui.core.labs import Lab, LabError
from tui.core.labs import compose_keys as keys
from tui.core.labs.compose_addresses import assign as assign_addresses
from tui.core.labs.compose_addresses import start_order
from tui.core.labs.compose_networks import NetworkDraft, default_network, docker0, read_networks
from tui.core.labs.compose_networks import assign as assign_subnets
from tui.core.labs.compose_services import LinkDraft, ServiceDraft, read_services
from tui.core.labs.compose_story import read_story
from tui.core.labs.entries import Entry, Path
from tui.core.labs.interpolation import InterpolationError, interpolate

HOST = "host"
"""The name of the node that owns the bridges; no service may have it."""


def read_lab(
    document: object,
    name: str = "lab",
    env: Mapping[str, str] | None = None,
    lines: Mapping[Path, int] | None = None,
) -> Lab:
    """The lab that a parsed Compose file describes.

    `document` is what a YAML reader made of it: dicts, lists and plain values. `name` is the project's where the file
    has no `name`; `env` are the variables for `${...}`; `lines` maps paths (keys and indexes) to line numbers.
    Containers and networks keep the names that the file gives them, without the project's name before them.
    Raises LabError.
    """
    env, notes = env or {}, list[str]()
    root = Entry(document, (), lines)
    if not isinstance(document, Mapping) or not ("services" in document or "networks" in document):
        raise LabError("this is no Compose file: it has neither services nor networks.")
    root.only(keys.TOP)
    for word, advice in keys.TOP_REFUSED.items():
        if root[word]:
            raise root[word].fail(f"{word!r} is not supported: {advice}")
    root = _interpolated(root, env, notes)
    project = _project(root["name"].text() or name)
    drafts = list(read_networks(root, project, notes))
    services = _linked(root, start_order(read_services(root, env, notes)), drafts, project)
    networks = assign_subnets(drafts, project, notes)
    lab = Lab(
        project,
        networks=tuple(sorted((each.network for each in networks.values()), key=lambda each: each.name)),
        external=tuple(sorted(each.draft.name for each in networks.values() if each.draft.external)),
        services=assign_addresses(services, networks),
    )
    _check_names(root, lab)
    story = read_story(root, frozenset((*(each.name for each in lab.services), HOST)))
    return replace(
        lab,
        title=story.title,
        text=story.text,
        steps=story.steps,
        expectations=story.expectations,
        solution=story.solution,
        goals=story.goals,
        notes=tuple(notes),
    )


def _project(name: str) -> str:
    """The project's name as Compose cuts it: lower case, of letters, digits, '-' and '_'."""
    return re.sub(r"[^a-z0-9_-]", "", name.lower()).lstrip("_-") or "lab"


def _linked(
    root: Entry, services: tuple[ServiceDraft, ...], drafts: list[NetworkDraft], project: str
) -> tuple[ServiceDraft, ...]:
    """The services with every network that they use known; `default` and docker0 are added where they are used."""
    known, result = {each.key for each in drafts}, []
    for service in services:
        links, mode = service.links, service.network_mode
        if not mode and not links:
            links = (LinkDraft("default", service.entry),)
        elif mode in ("bridge", "default"):
            links = (LinkDraft("bridge", service.entry["network_mode"]),)
        elif mode and mode not in ("host", "none") and mode.partition(":")[0] not in ("service", "container"):
            raise service.entry["network_mode"].fail(
                f"{mode!r} is not supported: write host, none, bridge, service:NAME or container:NAME."
            )
        for link in links:
            if link.key not in known and link.key not in ("default", "bridge"):
                raise link.entry.fail(f"there is no network {link.key!r} under networks.")
            if link.key == "bridge" and not mode and link.key not in known:
                raise link.entry.fail("Docker's own bridge is used with network_mode: bridge.")
            if link.key not in known:
                known.add(link.key)
                drafts.append(docker0(root) if link.key == "bridge" else default_network(project, root))
        result.append(replace(service, links=links))
    return tuple(result)


def _check_names(root: Entry, lab: Lab) -> None:
    """Refuse a container's name that another has, and the host's own."""
    seen: dict[str, str] = {HOST: "the host itself"}
    for service in lab.services:
        if service.name in seen:
            place = root["services"][service.key]
            raise place.fail(f"the container's name {service.name!r} is taken by {seen[service.name]}.")
        seen[service.name] = f"service {service.key}"


def _interpolated(root: Entry, env: Mapping[str, str], notes: list[str]) -> Entry:
    """The document with variables replaced in every value but those of x-routetui, where a dollar is a dollar."""

    def walk(entry: Entry) -> object:
        value = entry.value
        if isinstance(value, Mapping):
            return {key: value[key] if str(key).startswith("x-") else walk(entry[key]) for key in value}
        if isinstance(value, list):
            return [walk(each) for each in entry.items()]
        if not isinstance(value, str) or "$" not in value:
            return value
        try:
            return interpolate(value, env, lambda name: unset.append(entry.note(_UNSET.format(name))))
        except InterpolationError as error:
            raise entry.fail(str(error)) from None

    unset: list[str] = []
    document = walk(root)
    notes += dict.fromkeys(unset)
    return Entry(document, (), root.lines)


_UNSET = "the variable {} is not set and counts as empty."
