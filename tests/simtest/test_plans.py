"""Plans that once broke something and were kept: `./coin simulate --plan FILE --test NAME` puts them here."""

import json
from pathlib import Path

import pytest

from simtest.judged_run import judged
from simtest.plan import Plan

PLANS = sorted((Path(__file__).parent / "plans").glob("*.json"))


@pytest.mark.parametrize("path", PLANS, ids=[path.stem for path in PLANS])
def test_it_holds_now(path: Path) -> None:
    record = judged(Plan.from_json(json.loads(path.read_text())))
    assert not record["breaches"], record["breaches"]
