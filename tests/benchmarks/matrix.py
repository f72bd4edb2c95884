"""Who reaches whom, by classes, against the same walked pair by pair, in one run.

    python tests/benchmarks/matrix.py [CONTAINERS ...]

Prints milliseconds and the ratio pair by pair / by classes for 200 and 500 containers on 10 networks (forward and
back). Pair by pair is timed on a sample of the pairs, and every cell of the sample must be equal.
"""

import random
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from many_containers import many

from tui.core.matrix import Matrix, cell_of
from tui.core.path import path
from tui.core.path.links_between import Links

SAMPLE = 2_000


def main() -> None:
    """Print one line a size."""
    for containers in map(int, sys.argv[1:] or ("200", "500")):
        world = many(containers, 10)
        rounds = []
        for _ in range(5):
            start = time.perf_counter()
            matrix = Matrix(world)
            rounds.append(time.perf_counter() - start)
        start = time.perf_counter()
        cells = sum(len(row) for _, row in matrix.rows())
        read = time.perf_counter() - start
        rng = random.Random(containers)
        pairs = [(rng.choice(matrix.names), rng.choice(matrix.names)) for _ in range(SAMPLE)]
        links = Links(world)
        for name in matrix.names:
            links.fib(name)
        start = time.perf_counter()
        walked = [cell_of(path(links, src, dst), src, dst) for src, dst in pairs]
        slow = (time.perf_counter() - start) / SAMPLE * cells
        assert walked == [matrix.cell(src, dst) for src, dst in pairs], "the cells differ"
        quick = statistics.median(rounds)
        print(
            f"{containers:>5} containers, {cells:>8,} cells  by classes {quick * 1e3:7.1f} ms ({matrix.walks} walks) "
            f"+ {read * 1e3:5.1f} ms to read  pair by pair {slow * 1e3:9,.0f} ms  ratio {slow / (quick + read):7.0f}"
        )


if __name__ == "__main__":
    main()
