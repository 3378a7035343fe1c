"""Every planted bug can be planted: the text that it changes stands in the sources, else it would prove nothing."""

from pathlib import Path

import pytest

from simtest.planted import PLANTED, Planted

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("bug", PLANTED, ids=[bug.name for bug in PLANTED])
def test_its_text_is_there(bug: Planted) -> None:
    for where, old, new in ((bug.path, bug.old, bug.new), *bug.more):
        text = (ROOT / where).read_text()
        assert old in text, f"{where} does not hold {old!r}"
        assert old != new


def test_names_are_told_apart() -> None:
    assert len({bug.name for bug in PLANTED}) == len(PLANTED) >= 50
