"""`./coin strategy`: the list, a card, and choosing one: only what the bot starts with, and only after a yes."""

from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from dotenv import dotenv_values

from cli import strategy
from cli.command_table import COMMANDS
from shared.settings import Loaded, load
from shared.strategy_cards import CARDS
from tests.cli.conftest import Coin
from tests.shared.test_settings import env_file

Use = Callable[..., Path]


@pytest.fixture
def use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Use:
    """Runs `strategy use` on a `.env` of its own; the file."""
    for key in ("STRATEGY", "KIND", "GRANULARITY", "COIN_MODE"):
        monkeypatch.delenv(key, raising=False)

    def run(name: str, text: str = "", *, yes: bool = True) -> Path:
        path = env_file(tmp_path, text)

        def again() -> Loaded:
            return load(path, {})

        monkeypatch.setattr(strategy, "loaded", again)
        strategy.use(name, yes)
        return path

    return run


def env(path: Path) -> dict[str, str | None]:
    return dotenv_values(path, interpolate=False)


def test_every_strategy_is_listed_and_the_one_that_is_set_is_marked(
    use: Use, capsys: pytest.CaptureFixture[str]
) -> None:
    use("steady")
    capsys.readouterr()
    strategy.list_all()
    said = capsys.readouterr().out
    assert all(f" {name} " in said for name in CARDS) and "✓ steady" in said and said.count("✓") == 1
    assert "not built yet" in said and "Nothing was chosen yet" not in said


@pytest.mark.parametrize("name", sorted(CARDS))
def test_a_card_says_all_and_what_would_change(name: str, use: Use, capsys: pytest.CaptureFixture[str]) -> None:
    use("dca" if name != "dca" else "steady")
    capsys.readouterr()
    strategy.show(name)
    said = capsys.readouterr().out
    card = CARDS[name]
    assert all(text[1:20] in said for text in (card.title, card.idea, card.source, card.must_be_true, card.fails_when))
    assert "STRATEGY:" in said and ("lost money on" in said) != ("Not measured" in said)


def test_use_writes_what_it_showed_and_says_what_makes_the_bot_take_it_up(
    use: Use, capsys: pytest.CaptureFixture[str]
) -> None:
    path = use("trend", "STOP_LOSS_PCT=3\n# mine\n")
    said = capsys.readouterr().out
    assert env(path) == {"STOP_LOSS_PCT": "3", "STRATEGY": "trend", "GRANULARITY": "ONE_HOUR"}
    assert "GRANULARITY: ONE_MINUTE → ONE_HOUR" in said and "./coin restart" in said and "# mine" in path.read_text()


def test_without_a_yes_nothing_is_written(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typer, "confirm", lambda *_args, **_more: False)
    with pytest.raises(typer.Exit):
        use("trend", yes=False)


def test_settings_that_the_bot_refuses_are_not_written(
    use: Use, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "STRATEGY_TREND_LONG_DAYS=365\n"
    with pytest.raises(typer.Exit):
        use("trend", text)
    assert "STRATEGY=trend looks back 366 days" in capsys.readouterr().err
    assert (tmp_path / ".env").read_text() == text


def test_a_name_without_a_card_is_refused_with_a_way(use: Use, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        use("treend")
    assert ended.value.exit_code == 2 and "./coin strategy list" in capsys.readouterr().err


def test_the_list_is_printed_once_and_a_card_alone(coin: Coin) -> None:
    assert coin("strategy").stdout == coin("strategy", "list").stdout
    assert coin("strategy", "list").stdout.count("Make markets") == 1
    shown = coin("strategy", "show", "relative")
    assert shown.returncode == 0 and "Make markets" not in shown.stdout and "cross-sectional" in shown.stdout


def test_choosing_is_audited_and_looking_is_not() -> None:
    audited = {entry.name: entry.audited for entry in COMMANDS if entry.name.startswith("strategy")}
    assert audited == {"strategy": False, "strategy list": False, "strategy show": False, "strategy use": True}
