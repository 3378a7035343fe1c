"""The engine against a faulty venue and a real ledger, driven at random (`engine_machine`)."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.core.engine_machine import Trading
from tests.core.engine_walk import walk


@pytest.mark.slow
def test_the_engine_keeps_its_promises_whatever_happens() -> None:
    run_state_machine_as_test(
        Trading,
        settings=settings(
            max_examples=25, stateful_step_count=40, deadline=None,
            suppress_health_check=list(HealthCheck), derandomize=False,
        ),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(24))
def test_a_long_walk_through_faults(seed: int) -> None:
    run = walk(seed, 250)
    assert run.venue.trades >= 4, "a walk that trades nothing proves nothing"
