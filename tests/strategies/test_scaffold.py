"""`./coin new-strategy`: what it writes works, and nothing is overwritten."""

import subprocess
import sys
from pathlib import Path

import pytest

from bot.strategies import registry, scaffold
from shared.settings import Settings, SettingsError

ROOT = Path(__file__).parents[2]


def test_the_new_strategy_and_its_test_work(tmp_path: Path, make_bars) -> None:
    source, test = scaffold.create(tmp_path, "buy_the_dip")
    assert (source, test) == (tmp_path / "strategies/buy_the_dip.py", tmp_path / "strategies/test_buy_the_dip.py")
    assert "@" not in source.read_text().replace("@dataclass", "").replace("@property", "")
    own = {"STRATEGY_BUY_THE_DIP_PERIOD": "20"}
    strategy = registry.make("buy_the_dip", Settings(strategy_options=own), tmp_path)
    assert strategy.warmup_bars == 20 and type(strategy).__name__ == "BuyTheDip"
    assert set(strategy.signals(make_bars(2_000)).signal.tolist()) == {-1, 0, 1}


def test_its_test_passes_and_can_fail(tmp_path: Path) -> None:
    """Run as a user runs it, with the project folder being the temporary one."""
    source, test = scaffold.create(tmp_path, "dip")
    for room in ("bot", "shared"):
        (tmp_path / room).symlink_to(ROOT / room)
    code = (
        "import sys, pytest, shared.paths; from pathlib import Path; from bot.strategies import registry; "
        "registry.make.__defaults__ = (Path(sys.argv[1]),); "
        "options = ['-q', '-p', 'no:cacheprovider', '-c', '/dev/null', '--rootdir', sys.argv[1]]; "
        "sys.exit(pytest.main([*options, sys.argv[2]]))"
    )

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, str(tmp_path), str(test)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    good = run()
    assert good.returncode == 0 and "4 passed" in good.stdout, good.stdout + good.stderr
    source.write_text(source.read_text().replace("sma(bars.close", "np.roll(1, 1) + sma(np.roll(bars.close, -1)"))
    cheat = run()
    assert cheat.returncode == 1 and "test_it_never_looks_ahead" in cheat.stdout, cheat.stdout


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "strategies").mkdir()
    kept = tmp_path / "strategies" / "test_dip.py"
    kept.write_text("mine")
    with pytest.raises(SettingsError, match=r"strategies/test_dip.py is there already"):
        scaffold.create(tmp_path, "dip")
    assert kept.read_text() == "mine" and not (tmp_path / "strategies" / "dip.py").exists()


@pytest.mark.parametrize(
    "name", ["", "Dip", "../dip", "dip.py", "class", "test_dip", "sma_cross", "1dip", "a" * 41, "d-p", "dip\n"]
)
def test_names_that_cannot_be_used(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError):
        scaffold.create(tmp_path, name)
    assert not (tmp_path / "strategies").exists()
