"""A recording replayed at sixty times its speed: the pause and the decay between entries count the market's time."""

import math
from decimal import Decimal as D
from typing import Any

import pytest

from bot.domain import events as ev
from bot.engine.risk.policy import Gate
from research.parity import settings_of
from shared.documents.risk import GateVerdict
from shared.market_pace import market_pace
from shared.setting_table import Mode
from shared.settings import public_values
from tests.core.harness import Rig, places

BTC = "BTC-USD"

FAST = {"coin_mode": Mode.REPLAY, "sim_replay": "minutes.csv", "sim_replay_speed": 60.0}


def after(seconds: int, **settings: Any) -> dict[str, Gate]:
    """The gates so long after an entry."""
    rig = Rig(max_daily_loss_pct=100.0, pyramid_min_seconds_between=1800.0, **settings)
    rig.price("100")
    for entry in places(rig.bar("buy")):
        rig.fills_all(entry, "1", "100")
    assert rig.view.positions.lot_count == 1
    rig.send(ev.PriceUpdate(BTC, D("99"), D("98.99"), D("99.01")), seconds * 1000)
    return {gate.name: gate for gate in rig.view.gates.all(BTC)}


def need(gate: Gate) -> float:
    return float(str(gate.limit).split("−")[1].split(" ")[0])


@pytest.mark.parametrize("settings", [{}, {"sim_replay_speed": 60.0}])
def test_the_clock_counts_where_nothing_is_replayed(settings: dict[str, Any]) -> None:
    found = after(60, **settings)
    assert need(found["adverse"]) == pytest.approx(1.5 * math.exp(-0.02), abs=0.006)
    assert found["pause"].verdict is GateVerdict.SHUT and found["pause"].value == "60 s"


def test_a_minute_of_a_fast_replay_is_an_hour_of_the_market() -> None:
    found = after(20, **FAST)
    assert need(found["adverse"]) == pytest.approx(max(1.5 * math.exp(-0.02 * 20), 0.3), abs=0.006)
    assert found["pause"].verdict is GateVerdict.SHUT and found["pause"].value == "1200 s"
    assert "in 10 s" in str(found["pause"].opens)
    assert after(31, **FAST)["pause"].verdict is GateVerdict.OPEN


def test_parity_judges_such_a_tape_alike() -> None:
    rig = Rig(pyramid_min_seconds_between=1800.0, **FAST)
    s = rig.view.settings
    texts = {key: value for key, value in public_values(s).items() if key.startswith(("PYRAMID", "COIN_MODE", "SIM_"))}
    assert market_pace(s) == 60.0
    made = settings_of(texts)
    assert made.pyramid_min_seconds_between == 30.0 and made.pyramid_decay_lambda == pytest.approx(1.2)
    assert settings_of({**texts, "COIN_MODE": "sim"}).pyramid_decay_lambda == pytest.approx(0.02)
