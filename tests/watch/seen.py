"""Observations for tests: one bot as the writer of tests/dashboard makes it, changed where a case needs it."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shared.bots import DEFAULT_BOT, BotRef
from shared.documents.state import BotState
from shared.presence import Presence
from shared.verdict import Outside, judge
from tests.dashboard.writer import Writer
from watch.observations import (
    BotObservation,
    DashboardObservation,
    HostObservation,
    Observations,
    Pm2Observation,
    SelfObservation,
    TimeFacts,
)

HOST = HostObservation(10.0, 40.0, 50.0, 9_000.0, 0, 1.0)


@cache
def state() -> BotState:
    """A bot that trades, with lots; its unknown order is a few seconds old."""
    with TemporaryDirectory() as folder:
        return Writer(Path(folder) / "d").state()


def bot(shown: BotState | None = None, *, ref: BotRef = DEFAULT_BOT, **more: Any) -> BotObservation:
    """Fresh and alive unless `more` says otherwise."""
    found = state() if shown is None else shown
    age_s, alive = more.pop("age_s", 0.3), more.pop("alive", True)
    presence = Presence.OFFLINE if alive is False else Presence.FRESH if age_s <= 5 else Presence.STALE
    outside = more.pop("outside", Outside(presence, age_s, alive))
    facts = more.pop("facts", TimeFacts(rate_limited=0, traded_ms=found.ts_ms, equity_since_ms=found.ts_ms))
    return replace(
        BotObservation(
            ref, found.mode, found, judge(found.verdict, found.status.value, outside), age_s, alive, facts=facts,
            records_still_s=20.0, backup_age_s=3600.0, ledger_age_s=90_000.0,
        ),
        **more,
    )  # fmt: skip


def look(*bots: BotObservation, **more: Any) -> Observations:
    """Everything well but what `more` says."""
    parts: dict[str, Any] = {
        "host": HOST,
        "pm2": Pm2Observation(1.0),
        "dashboard": DashboardObservation(0.0),
        "own": SelfObservation((("slack", 0, "ok"),)),
    } | more
    return Observations(state().ts_ms, 100.0, bots or (bot(),), **parts)


def changed(**fields: Any) -> BotState:
    return replace(state(), **fields)


def orders(change: Callable[[Any], Any]) -> BotState:
    """The state with its entry order changed."""
    made = [change(order) if order.purpose == "entry" else order for order in state().orders or []]
    return changed(orders=made)
