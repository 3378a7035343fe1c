"""Choosing a strategy: each built-in one has a card, serves one goal, and starts with the settings that it is given."""

import os
from datetime import date
from pathlib import Path

import pytest

from bot.strategies import registry
from bot.strategies.target_kind import target_type_of
from research import strategy_page
from shared import env_file, strategy_evidence
from shared.env_file import EnvFileRefused, preview
from shared.settings import Loaded, load
from shared.strategy_cards import CARDS
from shared.strategy_choice import CHOICE_SETTINGS, GOAL_OF, GOALS, ChoiceRefused, changes, refused_live, was_chosen
from shared.strategy_evidence import EvidenceRow, HeldFigures, RecordingFigures, encoded, tally
from tests.shared.test_settings import env_file as written_env

TODAY = date(2026, 12, 1)
# What a person may have set by hand before; each is a start that another strategy's needs contradict.
BEFORE = (
    "", "PROFILE=prod", "KIND=lots", "KIND=exposure", "GRANULARITY=ONE_MINUTE\nMAX_HISTORY_CANDLES=200",
    "GRANULARITY=ONE_DAY\nMAX_HISTORY_CANDLES=60", "SCANNER_MAX_PRODUCTS=5\nSTRATEGY=momentum", "EXPOSURE_BAND_PCT=20",
    "STRATEGIES=trend,steady", "STRATEGIES=my.path.SmaCross",
    "STRATEGY=dca\nSTRATEGY_DCA_START=2026-02-01\nEXPOSURE_BAND_PCT=3\nGRANULARITY=FIFTEEN_MINUTE",
)  # fmt: skip


def before(tmp_path: Path, text: str) -> Loaded:
    return load(written_env(tmp_path, text), {})


def values(found: Loaded, name: str) -> dict[str, str]:
    return {one.key: one.written for one in changes(found, name, TODAY)}


def test_every_built_in_strategy_has_a_card_and_serves_one_goal() -> None:
    assert CARDS.keys() == set(registry.BUILT_IN) == GOAL_OF.keys()
    assert sum(len(goal.strategies) for goal in GOALS) == len(CARDS)
    assert [goal.key for goal in GOALS if not goal.strategies] == ["quote"], "only what is not built has none"


@pytest.mark.parametrize("text", BEFORE)
@pytest.mark.parametrize("name", sorted(CARDS))
def test_the_bot_starts_with_what_a_choice_writes_and_nothing_is_left_to_change(
    tmp_path: Path, name: str, text: str
) -> None:
    found = before(tmp_path, text)
    made = values(found, name)
    assert made.keys() <= CHOICE_SETTINGS
    shown = preview(found.env_file, made, {})
    assert found.env_file.read_text() == text, "a preview writes nothing"
    if made:
        env_file.change(found.env_file, made, CHOICE_SETTINGS, {})
    after = load(found.env_file, {})
    assert after.settings == shown.settings and after.env_file == found.env_file
    assert after.settings.strategy == name and was_chosen(after)
    strategy = registry.make(name, after.settings)
    target_type_of(after.settings, strategy)
    assert strategy.warmup_bars <= after.settings.max_history_candles
    assert CARDS[name].says == ("weights" if strategy.target_type.__name__ == "Exposure" else "signals")
    assert changes(after, name, TODAY) == []
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize("name", sorted(CARDS))
def test_a_card_says_how_many_days_it_looks_back_on(tmp_path: Path, name: str) -> None:
    found = before(tmp_path, f"STRATEGY={name}\nGRANULARITY=ONE_DAY")
    strategy = registry.make(name, found.settings)
    assert getattr(strategy, "days", 0) == CARDS[name].history_days


def test_what_a_person_set_by_hand_stays(tmp_path: Path) -> None:
    found = before(tmp_path, "STRATEGY_DCA_START=2026-02-01\nEXPOSURE_BAND_PCT=2\nGRANULARITY=ONE_DAY\nSTOP_LOSS_PCT=3")
    assert values(found, "dca") == {"STRATEGY": "dca"}
    assert values(before(tmp_path, ""), "dca") == {
        "STRATEGY": "dca", "GRANULARITY": "ONE_HOUR", "EXPOSURE_BAND_PCT": "4", "STRATEGY_DCA_START": "2026-12-01",
    }  # fmt: skip


def test_what_the_environment_holds_is_refused(tmp_path: Path) -> None:
    found = load(written_env(tmp_path, ""), {"GRANULARITY": "ONE_MINUTE"})
    with pytest.raises(ChoiceRefused, match="GRANULARITY is set in the environment"):
        changes(found, "trend", TODAY)
    assert changes(found, "rebalance", TODAY), "what needs no other bar length is none of it"


def test_with_real_money_it_names_what_would_end_and_the_way(tmp_path: Path) -> None:
    made = changes(before(tmp_path, "STRATEGY=sma_cross\nKIND=lots"), "trend", TODAY)
    said = refused_live("trend", made)
    assert "STRATEGY, KIND, GRANULARITY" in said and "./coin strategy use trend" in said and "enable-live" in said


def test_a_preview_of_an_impossible_value_says_so_and_leaves_no_file(tmp_path: Path) -> None:
    path = written_env(tmp_path, "")
    with pytest.raises(EnvFileRefused):
        preview(path, {"STRATEGY": "a\nDRY_RUN=false"}, {})
    assert os.listdir(tmp_path) == [path.name]


def test_the_page_of_strategies_is_what_cards_and_evidence_say() -> None:
    evidence = strategy_evidence.read()
    assert evidence is not None
    text = strategy_page.PAGE.read_text(encoding="utf-8")
    assert strategy_page.written(text, evidence) == text, "python -m research.strategy_page"
    with pytest.raises(ValueError, match="marks of cards"):
        strategy_page.written(text.replace("<!-- end of cards -->", ""), evidence)


def test_the_evidence_is_of_built_in_strategies_at_both_tiers() -> None:
    evidence = strategy_evidence.read()
    assert evidence is not None and len(evidence.recordings) >= 8
    for one in evidence.recordings:
        ran = {(row.family, row.tier) for row in one.rows}
        assert {family for family, _ in ran} | one.left_out.keys() <= CARDS.keys()
        assert all((family, tier) in ran for family, _ in ran for tier in evidence.tiers)
    assert strategy_evidence.FILE.read_bytes() == encoded(evidence), "written by nobody's hand"


def test_a_tally_counts_beside_the_holding_of_the_same_recording_and_tier() -> None:
    def recording(gained: float, worst: float, held: tuple[float, float]) -> RecordingFigures:
        row = EvidenceRow("trend", "first", gained, worst, 3, 1.0, "luck")
        return RecordingFigures("A-USD", "1d", "", "", 9, "", "", "", {"first": HeldFigures(*held)}, (row,), {})

    found = (
        recording(0.1, -0.1, (0.2, -0.3)), recording(-0.1, -0.4, (-0.2, -0.3)), recording(-0.2, -0.2, (-0.2, -0.2))
    )  # fmt: skip
    one = tally(found, "trend", "first")
    assert one is not None and (one.recordings, one.calmer, one.richer, one.lost) == (3, 1, 1, 2)
    assert tally(found, "steady", "first") is None and tally(found, "trend", "middle") is None
