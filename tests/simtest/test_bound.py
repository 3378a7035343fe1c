"""What seeds without a violation say of all seeds: a share of them, never more than all, never an exponent."""

import re

import pytest

from simtest.cli import bound_text


@pytest.mark.parametrize(
    ("seeds", "percent"), [(1, "95 %"), (2, "78 %"), (3, "63 %"), (20, "14 %"), (299, "1 %"), (25_000, "0.012 %")]
)
def test_the_bound_is_exact(seeds: int, percent: str) -> None:
    assert f"fewer than {percent} of all seeds" in bound_text(seeds)
    share = float(re.findall(r"than ([\d.]+) %", bound_text(seeds))[0]) / 100
    assert (1 - share) ** seeds == pytest.approx(0.05, rel=0.25), "none in so many is one chance in twenty"


def test_no_seeds_say_nothing() -> None:
    assert bound_text(0) == "nothing was run"
