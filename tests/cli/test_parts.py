"""Small parts of the command line, in tables."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.measurement import Measurement, measured
from cli import settings_view, ui
from cli.doctor.data import _key_file
from cli.text import tail
from shared.documents.risk import AdjustedDoc, RiskDoc
from shared.percentile import percentile


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.9, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (7260, "2 h 1 min")],
)
def test_spans_as_people_say_them(seconds: float, shown: str) -> None:
    assert ui.ago(seconds) == shown


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (1, 1), (50, 50), (99, 99), (99.1, 100), (100, 100)])
def test_percentiles_are_measured_values(percent: float, value: float) -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert percentile(values, percent) == measured(values, percent) == value
    assert percentile([], percent) is None
    with pytest.raises(ValueError, match="no values"):
        measured([], percent)


def test_a_figure_knows_its_goal() -> None:
    assert Measurement("x", 5.0, "ms", 5.0).met is True
    assert Measurement("x", 5.1, "ms", 5.0).met is False
    assert Measurement("x", 5.1, "ms").met is None


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700, 0o640, 0o604, 0o644, 0o660, 0o666, 0o777, 0o620, 0o602, 0o601])
def test_only_a_key_file_of_ones_own_is_good(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key.json"
    path.write_text("{}")
    path.chmod(mode)
    check = _key_file(path)
    assert (check.mark == ui.GOOD) == (mode in (0o600, 0o400))
    assert check.mark == ui.GOOD or f"chmod 600 '{path}'" in check.way_out


def test_a_key_file_that_is_a_link_or_missing_is_bad(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text("{}")
    (tmp_path / "link").symlink_to(tmp_path / "key.json")
    assert _key_file(tmp_path / "link").mark == ui.BAD
    assert _key_file(tmp_path / "none").mark == ui.BAD


def test_the_tail_of_a_long_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"{n} {'x' * 200}\n" for n in range(10_000)))
    assert [line.split()[0] for line in tail(path, 3)] == ["9997", "9998", "9999"]
    assert tail(path, 0) == []
    assert tail(tmp_path / "none", 3) == []


def test_a_default_that_the_bot_adjusted_is_shown_with_the_value_in_force(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = AdjustedDoc(key="TRAIL_ACTIVATE_PCT", value="2.28", why="it pays")
    state = SimpleNamespace(risk=RiskDoc(entries_blocked=None, limits=[], adjusted=[found]))
    monkeypatch.setattr(settings_view, "read_state", lambda _paths: (state, None, False))
    settings_view.show()
    assert "TRAIL_ACTIVATE_PCT=2.28  (adjusted: it pays; default 1.9)" in capsys.readouterr().out
