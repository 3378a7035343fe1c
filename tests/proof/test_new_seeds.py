"""Seeds that nobody has seen."""

import os
import time

import pytest

from proof.work import by_seed

MINUTES = 10.0


@pytest.mark.simulation
def test_new_seeds() -> None:
    """They hold, for PROOF_SECONDS and at least PROOF_SEEDS of them (CI: 120 s, 50)."""
    seconds, least = float(os.environ.get("PROOF_SECONDS", "30")), int(os.environ.get("PROOF_SEEDS", "3"))
    first, began_s, number = int(time.time()) * 1000 % 2_000_000_000, time.monotonic(), 0
    while number < least or time.monotonic() - began_s < seconds:
        seed = first + number
        breaches = by_seed(seed, MINUTES, None)["breaches"]
        again = f"./coin simulate --seed {seed} --seeds 1 --minutes {MINUTES:g} --shrink"
        assert not breaches, f"seed {seed}: {breaches}; again, and smaller: {again}"
        number += 1
