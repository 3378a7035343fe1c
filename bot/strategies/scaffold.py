"""A new strategy of a user's own: a working file to change, and its test (`./coin new-strategy NAME`)."""

import keyword
import re
from pathlib import Path

from bot.strategies import options, registry
from shared.settings import SettingsError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_HERE = Path(__file__).parent


def create(root: Path, name: str) -> tuple[Path, Path]:
    """Write `strategies/NAME.py` and `strategies/test_NAME.py` under `root`; returns both paths.

    Raises SettingsError for a name that can't be used, and never overwrites a file.
    """
    _check(name)
    folder = root / "strategies"
    made = (folder / f"{name}.py", folder / f"test_{name}.py")
    for path in made:
        if path.exists():
            raise SettingsError([f"{path.relative_to(root)} is there already; delete it or choose another name"])
    folder.mkdir(parents=True, exist_ok=True)
    for path, template in zip(made, ("template.py.txt", "template_test.py.txt"), strict=True):
        text = (_HERE / template).read_text(encoding="utf-8")
        for mark, value in {"@NAME@": name, "@CLASS@": class_name(name), "@PREFIX@": options.prefix(name)}.items():
            text = text.replace(mark, value)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    return made


def class_name(name: str) -> str:
    """buy_the_dip -> BuyTheDip."""
    return "".join(part.capitalize() for part in name.split("_") if part)


def _check(name: str) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise SettingsError([f"{name}: a strategy's name is lower-case letters, digits and _, such as buy_the_dip"])
    if name.startswith("test_") or name in ("conftest", "strategy"):
        raise SettingsError([f"{name}: tests are called so; choose another name"])
    if name in registry.BUILT_IN:
        raise SettingsError([f"{name} is a built-in strategy; choose another name"])
