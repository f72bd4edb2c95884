"""Printed tables, part by part, as a node: by the readers of the core, with what each form cannot tell."""

from __future__ import annotations

from collections.abc import Mapping

from tui.core.world import Node


def from_commands(parts: Mapping[str, str]) -> Node:
    """What commands in a container printed."""
    raise NotImplementedError


def from_proc(files: Mapping[str, str]) -> Node:
    """What the files of /proc/PID/net hold."""
    raise NotImplementedError
