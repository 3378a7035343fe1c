"""Names of strategies as people write them: a name of ours, or the dotted path of a class."""

import re
from collections.abc import Mapping
from pathlib import Path

from shared.paths import ROOT

COMBINED = "combined"  # STRATEGY where STRATEGIES names several
ROOMS = ("strategies", "bot.strategies")


def named(text: str, root: Path = ROOT) -> str:
    """The strategy's name: of a class path below strategies or bot.strategies its file's, else its last part.

    Ours are written sma_cross, classes SmaCross: `strategies.dip.Dip` is dip, `other.place.SmaCross` is sma_cross.
    """
    module, _, last = text.strip().rpartition(".")
    for room in ROOMS:
        file = module.removeprefix(f"{room}.")
        if module.startswith(f"{room}.") and "." not in file and _defines(root, module, last):
            return file
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", last).lower()


def _defines(root: Path, module: str, name: str) -> bool:
    path = root.joinpath(*module.split(".")).with_suffix(".py")
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    return re.search(rf"^class {re.escape(name)}\b", source, re.MULTILINE) is not None


def parse_names(text: str, root: Path = ROOT) -> tuple[str, ...]:
    """The strategies of a comma list, each by its name."""
    return tuple(named(part, root) for part in text.split(",") if part.strip())


def parse_weights(text: str, root: Path = ROOT) -> dict[str, float]:
    """Strategy to weight, of "trend:2,steady:1". Raises ValueError."""
    found: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, colon, figure = part.rpartition(":")
        weight = float(figure)
        if not colon or not name or not 0.0 < weight <= 1e6 or named(name, root) in found:
            raise ValueError(part)
        found[named(name, root)] = weight
    return found


def parts(names: tuple[str, ...], weights: Mapping[str, float]) -> tuple[float, ...]:
    """Each strategy's part of the whole, in their order; one without a weight counts 1."""
    given = [weights.get(name, 1.0) for name in names]
    whole = sum(given)
    return tuple(weight / whole for weight in given)
