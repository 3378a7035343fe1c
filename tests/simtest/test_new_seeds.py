"""Seeds that no earlier version of the program has seen: each change draws its own, and draws them again alike."""

import os
import time

import pytest

from simtest.judged_run import by_seed
from simtest.long_runs import digest

MINUTES = 10.0


def first_seed() -> int:
    """Drawn from the sources, so that a verdict on them can be had again."""
    return int(digest()[:8], 16) % 2_000_000 * 1000


@pytest.mark.simulation
@pytest.mark.timeout(600)
def test_new_seeds() -> None:
    """They hold, for PROOF_SECONDS and at least PROOF_SEEDS of them (CI: 12 seeds)."""
    seconds, least = float(os.environ.get("PROOF_SECONDS", "30")), int(os.environ.get("PROOF_SEEDS", "3"))
    first, began_s, number = first_seed(), time.monotonic(), 0
    while number < least or time.monotonic() - began_s < seconds:
        seed = first + number
        breaches = by_seed(seed, MINUTES, None)["breaches"]
        again = f"./coin simulate --seed {seed} --seeds 1 --minutes {MINUTES:g} --shrink"
        assert not breaches, f"seed {seed}: {breaches}; again, and smaller: {again}"
        number += 1
