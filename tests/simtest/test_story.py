"""A seed's story as a page: every order of the run is on it, and a breach names its orders and its moment."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simtest.judge import INVARIANTS, verdict
from simtest.judge.rules import RULES
from simtest.judged_run import judged
from simtest.mutants import plant
from simtest.plan import Act, Window
from simtest.planted import PLANTED
from simtest.story.page import page
from simtest.story.run_story import OrderStory, RunStory, read
from simtest.story.svg import Axis, LaneBar, clock, drawn, packed
from tests.simtest.conftest import plan

# A run of its own: requests that never arrive, a process that ends, people who do things.
BUSY = plan(
    minutes=4.0,
    windows=(
        Window(0, "lost_before", "POST /orders", 20, 150, 0.5, 3),
        Window(1, "throttle", "POST /orders", 60, 100, 0.6),
        Window(2, "ws_cut", "market", 60, 100, 0.2),
    ),
    acts=(
        Act(0, 70.0, "crash"),
        Act(1, 110.0, "foreign_order", 0.5),
        Act(2, 150.0, "pause"),
        Act(3, 170.0, "start"),
        Act(4, 200.0, "kill"),
    ),
)


@pytest.fixture(scope="module")
def run() -> Iterator[tuple[Path, dict[str, Any]]]:
    record = judged(BUSY, keep=True)
    assert not record["breaches"], record["breaches"]
    yield Path(record["folder"]), record
    shutil.rmtree(record["folder"], ignore_errors=True)


@pytest.fixture(scope="module")
def story(run: tuple[Path, dict[str, Any]]) -> RunStory:
    return read(*run)


def test_every_order_of_the_run_is_on_it(run: tuple[Path, dict[str, Any]], story: RunStory) -> None:
    """Those of the exchange, of the requests and of the ledger; each with a row, and a line in its product's lane."""
    truth = json.loads((run[0] / "truth.json").read_bytes())
    known = {order["client_order_id"] for order in truth["venue"]["orders"]}
    sent = {post["client_order_id"] for post in truth["posts"]}
    assert sent - known, "some must be lost on their way, or this shows little"
    text = page(story)
    rows = re.findall(r'<tr id="order-(\d+)"', text)
    assert [int(n) for n in rows] == list(range(1, len(story.orders) + 1))
    assert {order.client_order_id for order in story.orders} == known | sent | set(ledger_ids(run[0]))
    table = text[text.index("<h2>Orders</h2>") : text.index("<h2>Invariants</h2>")]
    lanes = text[text.index('id="lanes"') : text.index('class="legend"')]
    for order in story.orders:
        assert order.client_order_id in table
        assert f'<a href="#order-{order.number}"><g class="order ' in lanes
    filled = sum(len(order.fills) for order in story.orders)
    assert filled == len(truth["venue"]["fills"]) > 0 and lanes.count('<g class="fill ') == filled


def ledger_ids(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "data" / "ledger.db") as db:
        return [row[0] for row in db.execute("SELECT client_order_id FROM orders")]


def test_an_outcome_says_what_became_of_each_order(story: RunStory) -> None:
    for order in story.orders:
        match order.outcome:
            case "filled":
                assert order.at_exchange == "FILLED" and order.fills and order.end_us is not None
            case "lost":
                assert order.at_exchange is None and order.posts_us and not order.fills
            case "unsent":
                assert order.at_exchange is None and not order.posts_us and order.in_ledger is not None
            case "refused":
                assert not order.fills and (order.at_exchange == "FAILED" or any("refused" in a for a in order.answers))
            case "open":
                assert order.end_us is None
            case "partly" | "cancelled":
                assert order.at_exchange in ("CANCELLED", "EXPIRED") and bool(order.fills) is (
                    order.outcome == "partly"
                )
    assert {"filled", "lost", "cancelled", "open"} <= {order.outcome for order in story.orders}
    assert any(order.owner == "others" for order in story.orders)


@pytest.mark.parametrize(
    ("known", "outcome"),
    [
        ({"posts_us": [1], "answers": ["refused: INSUFFICIENT_FUND"]}, "refused"),
        ({"posts_us": [1], "answers": ["answered 503"]}, "lost"),
        ({"posts_us": [1], "answers": ["no answer"]}, "lost"),
        ({"in_ledger": "denied"}, "unsent"),
        ({"posts_us": [1], "at_exchange": "FAILED", "end_us": 2}, "refused"),
        ({"posts_us": [1], "at_exchange": "EXPIRED", "end_us": 2}, "cancelled"),
        ({"posts_us": [1], "at_exchange": "CANCELLED", "end_us": 2, "fills": [(1, 1.0, "1", "t")]}, "partly"),
        ({"posts_us": [1], "at_exchange": "CANCEL_QUEUED"}, "open"),
    ],
)
def test_what_no_run_here_has(known: dict[str, Any], outcome: str) -> None:
    assert OrderStory(1, "c", **known).outcome == outcome


def test_lives_faults_acts_words_and_rules_are_all_there(story: RunStory) -> None:
    text = unescape(page(story))
    for life in story.truth["lives"]:
        assert f"life {life['life']}, {clock(life['from_us'])} to " in text
    for window in BUSY.windows:
        assert f"{window.kind} on {window.scope}, {clock(window.at_s * 1e6)} to" in text
    for act in (*(act.kind for act in BUSY.acts), "calm"):
        assert f"<title>{act} at " in text
    for word in ("running", "paused", "killed"):
        assert re.search(rf"<title>{word}, \d+:", text), word
    for name in (*INVARIANTS, *RULES):
        assert f"<td>{name}</td>" in text, name
    assert "crash: time" in text and "Nothing broke." in text
    assert "<span>take_profit_pct</span><span>0.02</span>" in text


def test_the_page_loads_nothing_and_its_drawings_hold(story: RunStory) -> None:
    text = page(story)
    assert not re.search(r'(src|href)="(?!#)', text) and "url(" not in text and "@import" not in text
    lanes = text[text.index('<div class="inner">') : text.index('<ul class="legend">')].removesuffix("</div>\n")
    assert len(ElementTree.fromstring(lanes)) >= 5 + 2 * len(story.products)
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids)) and {f"order-{order.number}" for order in story.orders} <= set(ids)
    targets = set(re.findall(r'href="#([^"]+)"', text))
    assert targets and targets <= set(ids)


# What the judge names.


def broken(run: tuple[Path, dict[str, Any]], text: str) -> RunStory:
    folder, record = run
    return read(folder, {**record, "breaches": {"I3 ONE-INTENT": [text]}})


def test_a_breach_is_put_where_the_judge_says_or_where_its_orders_are(
    run: tuple[Path, dict[str, Any]], story: RunStory
) -> None:
    order = next(order for order in story.orders if order.outcome == "filled" and order.purpose == "entry")
    lot = {other.number for other in story.orders if other.lot_id == order.lot_id}
    cases: list[tuple[str, set[int], int | None]] = [
        (f"BUY {order.client_order_id[-8:]} was sent before its intent", lot, None),
        (f"order {(order.order_id or '')[:8]} has no intent", {order.number}, None),
        (f"fill {order.fills[0][3][:8]} belongs to no lot", {order.number}, None),
        (f"lot {(order.lot_id or '')[-8:]}: 3 sold of 2 bought", lot, None),
        (f"a purchase was sent at {order.posts_us[0]} us while pause", {order.number}, order.posts_us[0]),
        ("a latch was not shown at 77000000 us", set(), 77_000_000),
        ("starting/init at the end (None)", set(), story.end_us),
    ]
    for text, numbers, us in cases:
        (breach,) = broken(run, text).breaches
        assert {named.number for named in breach.orders} == numbers, text
        newest = max((story.orders[number - 1].last_us for number in numbers), default=story.end_us)
        assert (breach.us, breach.named) == (us if us is not None else newest, " at " in text and " us" in text), text
        shown = page(broken(run, text))
        assert '<li id="breach-1">' in shown and 'class="b breach"' in shown
        for number in numbers:
            assert (
                f'<tr id="order-{number}" class="named">' in shown or f'<tr id="order-{number}" class=named>' in shown
            )


CHILD = """
import sys
from pathlib import Path
from simtest.drawing import draw
from simtest.replay import draw_story
sys.exit(draw_story(draw(int(sys.argv[1]), float(sys.argv[2])), Path(sys.argv[3]), print))
"""


def test_the_page_of_a_planted_bug_names_the_breach_and_its_orders(tmp_path: Path) -> None:
    """Orders that are sent before their intent is in the ledger: the first of them is what the page leads to."""
    copy, out = tmp_path / "copy", tmp_path / "story.html"
    plant(next(bug for bug in PLANTED if bug.name == "no-intent-before-send"), copy)
    child = subprocess.run(
        [sys.executable, "-c", CHILD, "1001", "2", str(out)],
        cwd=copy,
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert child.returncode == 1, child.stderr[-2000:]
    text = unescape(out.read_text())
    found = re.search(r"I4 NO-ORPHAN</strong> <span>BUY ([0-9a-f]{8}) was sent before its intent", text)
    assert found is not None and re.search(r"\d invariants? broke: .*I4 NO-ORPHAN", text)
    rows = re.findall(r'<tr id="order-\d+" class="?named"?>.*?</tr>', text)
    assert any(found[1] in row and 'class="flag"' in row for row in rows)
    assert '<g class="b breach">' in text and '<circle class="ring"' in text


# Drawing.

SPANS = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 400), st.text("abc", max_size=12)), max_size=30)


@given(SPANS)
def test_bars_of_one_row_do_not_lie_on_each_other(spans: list[tuple[int, int, str]]) -> None:
    axis = Axis(1_000_000)
    bars = [LaneBar(at * 1000, (at + length) * 1000, label, "") for at, length, label in spans]
    rows = packed(axis, bars)
    assert sorted(map(id, (bar for row in rows for bar in row))) == sorted(map(id, bars))
    for row in rows:
        for before, after in pairwise(row):
            assert before.end_us <= after.begin_us
    ElementTree.fromstring(f"<svg>{drawn(axis, rows)}</svg>")


def test_the_evidence_alone_gives_the_same_page(run: tuple[Path, dict[str, Any]], story: RunStory) -> None:
    """Nothing on it comes from the run's memory: it can be drawn from a kept folder."""
    folder, record = run
    again = verdict(folder)
    assert page(read(folder, {**record, "breaches": again.breaches, "judged": again.judged})) == page(story)
