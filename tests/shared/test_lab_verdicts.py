"""Verdicts of the lab: which one is about settings as they are now, and what is said where none is."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared import lab_verdicts
from shared.artifacts import digests
from shared.lab_verdicts import REGISTRY, digest_of, standing
from shared.settings import Settings, public_values

NOW = Settings(strategy="trend", products=("BTC-USD", "ETH-USD"), strategy_options={"STRATEGY_TREND_MID_DAYS": "50"})
Keep = Callable[..., None]


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    """Adds a verdict to the registry, as the lab writes it."""

    def added(answer: str = "GO", folder: Path = tmp_path, **changes: Any) -> None:
        settings = {
            key: text for key, text in public_values(NOW).items() if key.startswith(("ST", "EX", "PROD", "KIND"))
        }
        line = {
            "record": "verdict", "at": "2026-11-02T00:00:00Z", "subject": "s", "answer": answer, "sentence": "so it is",
            "strategy": "trend", "products": ["BTC-USD", "ETH-USD"], "group": "run-1", "settings": settings,
            "artifacts": digests("trend"), "style": "exposure", "maker_pct": 0.5, "taker_pct": 0.9,
        } | changes  # fmt: skip
        path = folder / REGISTRY
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(b'{"record":"trial","edge":"AAAA"}\n' + orjson.dumps(line) + b"\n" + b'{"record":"verdict"\n')

    return added


def settings_with(**changes: str) -> dict[str, str]:
    return {"STRATEGY": "trend", "STRATEGY_TREND_MID_DAYS": "50"} | changes


def test_the_newest_that_fits_counts_wherever_it_was_kept(tmp_path: Path, keep: Keep) -> None:
    assert standing((tmp_path,), NOW).answer == "none"
    keep("NO-GO")
    keep("GO", tmp_path / "live", at="2026-11-03T00:00:00Z")
    assert standing((tmp_path,), NOW).answer == "NO-GO"
    found = standing((tmp_path, tmp_path / "live", tmp_path / "absent"), NOW)
    assert found.is_go and found.text == "run-1 of 2026-11-03T00:00:00Z at 0.5 % maker, 0.9 % taker: so it is"
    keep("NO-GO", at="2026-11-04T00:00:00Z")
    assert not standing((tmp_path, tmp_path / "live"), NOW).is_go


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"products": ["BTC-USD"]}, "not on ETH-USD"),
        ({"artifacts": {"bot/strategies/trend.py": "0" * 64}}, "the strategy's file"),
        ({"artifacts": None}, "made by an earlier version"),
        ({"style": ""}, "made by an earlier version"),
        ({"style": "flip"}, "--style flip, which the bot does not trade"),
        ({"settings": settings_with(EXPOSURE_BAND_PCT="9.0")}, "EXPOSURE_BAND_PCT 9.0 there, 5.0 here"),
        ({"settings": {"STRATEGY": "trend"}}, "STRATEGY_TREND_MID_DAYS not set there, 50 here"),
        ({"settings": settings_with(STRATEGY_TREND_LONG_DAYS="9")}, "STRATEGY_TREND_LONG_DAYS 9 there, not set here"),
    ],
)
def test_a_go_on_something_else_is_none_and_says_what_differs(
    changes: dict[str, Any], said: str, tmp_path: Path, keep: Keep
) -> None:
    keep("GO", **changes)
    found = standing((tmp_path,), NOW)
    assert found.answer == "none" and said in found.text and "(GO)" in found.text


def test_a_verdict_on_more_products_is_one_on_these(tmp_path: Path, keep: Keep) -> None:
    keep("GO", products=["SOL-USD", "ETH-USD", "BTC-USD"], settings=settings_with(PRODUCTS="SOL-USD,ETH-USD,BTC-USD"))
    assert standing((tmp_path,), NOW).is_go


def test_another_strategy_s_go_is_none(tmp_path: Path, keep: Keep) -> None:
    keep("GO", strategy="steady")
    assert "no verdict on trend" in standing((tmp_path,), NOW).text


def test_a_registry_that_cannot_be_read_is_said_and_is_no_go(tmp_path: Path) -> None:
    (tmp_path / REGISTRY).mkdir(parents=True)
    found = standing((tmp_path,), NOW)
    assert found.answer == "none" and "cannot be read" in found.text


def test_the_digest_is_of_the_strategy_with_its_own_settings() -> None:
    assert digest_of(NOW) == digest_of(replace(NOW, log_level="DEBUG", strategy_options={
        "STRATEGY_TREND_MID_DAYS": "50", "STRATEGY_DCA_PARTS": "9",
    }))  # fmt: skip
    others = (
        replace(NOW, strategy="steady"), replace(NOW, granularity="ONE_HOUR"), replace(NOW, strategy_options={}),
    )  # fmt: skip
    assert len({digest_of(NOW), *map(digest_of, others)}) == 4
    assert lab_verdicts.GO == "GO"
