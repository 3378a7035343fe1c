"""`./coin new-strategy NAME`: a strategy of one's own to start from."""

from bot.strategies import options, scaffold
from cli import ui
from shared.exits import Exit
from shared.paths import ROOT
from shared.settings import SettingsError


def create(name: str) -> None:
    """Write the two files and say what to do with them; 1 where there is one already, 2 for a name that can't be."""
    try:
        strategy, test = scaffold.create(ROOT, name)
    except SettingsError as error:
        there = (ROOT / "strategies" / f"{name}.py").exists() or (ROOT / "strategies" / f"test_{name}.py").exists()
        ui.give_up(*error.problems, code=Exit.FAILED if there else Exit.USAGE)
    for path in (strategy, test):
        ui.line(ui.GOOD, f"{path.relative_to(ROOT)}")
    ui.line(ui.DOT, f"Try it: ./coin test {test.relative_to(ROOT)}")
    ui.line(ui.DOT, f"Use it: STRATEGY={name} in .env; its own settings begin with {options.prefix(name)}")
