"""Labs as text or JSON: the list of them, and one with its story, its networks and nodes, and what to expect."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from tui import labs
from tui.cli.lab.files import Found
from tui.cli.listings import network_json, node_json, print_networks
from tui.cli.output import flat, print_columns, print_json, strong
from tui.core.labs import Command, Expectation, Service

WIDTH = 100


def print_labs(up: Mapping[str, Sequence[str]], as_json: bool) -> None:
    """The built-in labs, then others that are up; `up` has the engines on which each lab is."""
    titles = {name: labs.load(name).title for name in labs.names()}
    names = [*titles, *sorted(set(up) - set(titles))]
    if as_json:
        print_json(
            [
                {"name": each, "title": titles.get(each), "built_in": each in titles, "up": list(up.get(each, ()))}
                for each in names
            ]
        )
        return
    print_columns(
        ("NAME", "UP ON", "TITLE"),
        [(each, ", ".join(up.get(each, ())) or "-", titles.get(each, "(from a file)")) for each in names],
    )


def print_lab(found: Found, solution: bool, as_json: bool) -> None:
    """One lab; with `solution` also the commands that solve it."""
    if as_json:
        print_json(lab_json(found))
        return
    lab = found.lab
    print(strong(f"{lab.name}: {lab.title}" if lab.title else lab.name))
    _paragraphs(lab.text)
    _heading("Networks")
    print_networks(found.world, as_json=False)
    _heading("Nodes")
    print_columns(
        ("NAME", "DEVICES", "SETS", "ROUTES AND RULES OF ITS OWN"),
        [(each.name, _devices(each), _switches(each), _hooks(each)) for each in lab.services],
    )
    _list("Try", lab.steps)
    _list("Expect", [sentence(each) for each in lab.expectations])
    if solution:
        _list("Solution", [f"on {node}: {shlex.join(command.argv)}" for node, command in lab.solution])
        _list("Then expect", [sentence(each) for each in lab.goals])


def _heading(text: str) -> None:
    print()
    print(strong(text))


def _paragraphs(text: str) -> None:
    for paragraph in filter(str.strip, text.split("\n\n")):
        print()
        print(textwrap.fill(" ".join(paragraph.split()), WIDTH))


def _list(heading: str, items: Sequence[str]) -> None:
    if items:
        _heading(heading)
    for item in items:
        print(textwrap.fill(flat(item), WIDTH, initial_indent="  - ", subsequent_indent="    "))


def _devices(service: Service) -> str:
    if service.shares is not None:
        return f"those of {service.shares}"
    links = (
        f"{link.dev} {link.network} {' '.join(str(own.address) for own in link.addresses)}".rstrip()
        for link in service.attachments
    )
    return ", ".join(links) or "-"


def _switches(service: Service) -> str:
    """The switches that are on; a lab has them off where it says nothing."""
    return ", ".join(f"{name.removeprefix('net.')}={value}" for name, value in service.sysctls if value) or "-"


def _hooks(service: Service) -> str:
    return "; ".join(shlex.join(each.argv) for each in service.hooks) or "-"


def sentence(each: Expectation) -> str:
    """An expectation in words."""
    words = {True: ["gets an answer"], False: ["gets no answer"], None: []}[each.reachable]
    if each.outcome is not None and not (each.reachable and each.outcome == "DELIVERED"):
        words.append(each.outcome)
    if each.via is not None:
        words.append(f"via {', '.join(each.via)}" if each.via else "directly")
    if each.route:
        words.append(f"by the route {' '.join(f'{word} {value}' for word, value in each.route)}")
    return f"{each.src} to {each.dst}: {', '.join(words)}"


def lab_json(found: Found) -> dict[str, Any]:
    """A lab for `lab show --json`; networks and nodes are as in `networks --json` and `nodes --json`."""
    lab = found.lab
    return {
        "name": lab.name,
        "title": lab.title,
        "text": lab.text,
        "file": found.file or None,
        "networks": [network_json(each, found.world) for each in found.world.networks],
        "nodes": [node_json(each) for each in found.world.nodes],
        "steps": list(lab.steps),
        "expect": [_expectation(each) for each in lab.expectations],
        "solution": [_command(node, command) for node, command in lab.solution],
        "goal": [_expectation(each) for each in lab.goals],
        "notes": list(lab.notes),
    }


def _command(node: str, command: Command) -> dict[str, str]:
    return {"on": node, "run": shlex.join(command.argv)}


def _expectation(each: Expectation) -> dict[str, Any]:
    return {
        "from": each.src,
        "to": each.dst,
        "reachable": each.reachable,
        "outcome": each.outcome,
        "via": None if each.via is None else list(each.via),
        "route": dict(each.route),
    }
