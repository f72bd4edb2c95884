"""The kernel as judge: random machines and networks made for real, and every answer of core held against theirs.

Each run draws a seed and prints it with the counts; the same in the environment repeats it, and larger counts go on for
longer: ROUTETUI_JUDGE_SEED, ROUTETUI_JUDGE_QUERIES, ROUTETUI_JUDGE_VERDICTS, ROUTETUI_JUDGE_PAIRS. A difference that is
ever found becomes a line of tests/worlds/judged.jsonl, which tests/test_judged.py reads.
"""

from __future__ import annotations

import os
import random


def seed() -> int:
    """The run's seed: the environment's, else a new one."""
    return int(os.environ.get("ROUTETUI_JUDGE_SEED") or random.SystemRandom().randrange(1 << 32))


def count(name: str, usual: int) -> int:
    """How many of something: the environment's number, else the usual one."""
    return int(os.environ.get(f"ROUTETUI_JUDGE_{name}") or usual)
