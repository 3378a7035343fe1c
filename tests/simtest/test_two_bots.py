"""Two bots on copies of one folder at one exchange: each sees the other, by the stream or by the lists alone."""

import json
import shutil
from typing import Any

import pytest

from simtest.judged_run import BUSY, judged
from simtest.plan import Act, Window
from tests.simtest.conftest import SETTINGS, plan

COPY_S = 70.0


def _told_us(side: dict[str, Any]) -> int:
    """When this bot said of a second writer; an error where it never did."""
    return next(int(state["us"]) for state in side["states"] if state["second_writer"])


@pytest.mark.simulation
@pytest.mark.parametrize("hidden", [False, True], ids=["by the stream", "by the lists alone"])
def test_both_see_each_other_and_enter_no_more(hidden: bool) -> None:
    windows = (Window(0, "ws_hide", "user", 1.0, 299.0, 1.0),) if hidden else ()
    acts = (Act(1, COPY_S, "copied_folder"),)
    record = judged(plan(minutes=5.0, settings=SETTINGS | BUSY, windows=windows, acts=acts), keep=True)
    try:
        with open(f"{record['folder']}/truth.json", encoding="utf-8") as file:
            truth = json.load(file)
    finally:
        shutil.rmtree(record["folder"], ignore_errors=True)
    assert not record["breaches"]
    copy = truth["copies"][0]
    sent = [post for side in (truth, copy) for post in side["posts"] if post["sent_us"] > (COPY_S + 10) * 1e6]
    first_us = min(int(post["sent_us"]) for post in sent)
    late_us = 45_000_000 if hidden else 5_000_000
    assert _told_us(truth) - first_us < late_us and _told_us(copy) - first_us < late_us
    for side in (truth, copy):
        last = side["states"][-1]
        assert "second writer" in last["second_writer"] and "second writer" in last["blocked"]
