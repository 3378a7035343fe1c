"""./coin new-strategy NAME: a file that the bot finds, its test, and plain words for a bad name."""

from pathlib import Path

import pytest

from bot.strategies import registry
from cli import new_strategy
from shared.settings import Settings
from tests.cli.conftest import Coin


@pytest.mark.parametrize("name", ["My-Strategy", "logistic", "../evil"])
def test_a_name_that_cannot_be_used_is_refused_in_words(name: str, coin: Coin) -> None:
    done = coin("new-strategy", name)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr and ("lower-case" in done.stderr or "choose another" in done.stderr)


def test_it_writes_a_strategy_that_the_bot_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_strategy, "ROOT", tmp_path)
    new_strategy.create("buy_the_dip")
    made = tmp_path / "strategies" / "buy_the_dip.py"
    assert made.exists() and "class BuyTheDip" in made.read_text()
    assert registry.make("buy_the_dip", Settings(), tmp_path).warmup_bars > 0, "STRATEGY=buy_the_dip finds it"
    with pytest.raises(Exception) as refused:
        new_strategy.create("buy_the_dip")
    assert getattr(refused.value, "exit_code", None) == 1, "never overwritten"


def test_it_is_among_the_commands(coin: Coin) -> None:
    found = coin("--help").stdout
    assert "new-strategy" in found and "enable-live" in found and "disable-live" in found


def test_enable_live_refuses_where_the_mode_is_not_live(coin: Coin) -> None:
    done = coin("enable-live", "--trial", "nowhere")
    assert done.returncode == 1 and "COIN_MODE=sim" in done.stdout
    assert coin("disable-live").returncode == 0
