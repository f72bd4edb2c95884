"""The command that starts the own prober; nothing of it is run in this process."""

from __future__ import annotations

import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("__main__.py")


def prober(tool: str, **options: object) -> tuple[str, ...]:
    """Python on the prober's file, TOOL, and KEY=VALUE words; options that are None or "" are left out."""
    words = [f"{key}={value}" for key, value in options.items() if value not in (None, "")]
    return (sys.executable, "-I", "-S", str(PROGRAM), tool, *words)
