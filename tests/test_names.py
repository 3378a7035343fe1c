"""One word has one meaning: a class name is defined once in the product, but for a short list with its reasons."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OTHER = {"tests", "node_modules", "docs", "deploy"}
# Name: why each meaning of it is the field's own word in its room.
REASONED = {
    "Options": "each strategy reads its own options under this name, by the strategy interface",
}
# The others that are still there. A name that is defined once now is taken off this list; none is added.
LEFT = frozenset({"Backtest", "EquityCurve", "Signal"})
MOST = 5


def _defined() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    rooms = [path for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "." and path.name not in OTHER]
    for path in (path for room in rooms for path in sorted(room.rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    return found


def test_a_class_name_is_defined_once() -> None:
    defined = _defined()
    assert len(defined) > 400, "the rooms are where this test looks for them"
    twice = {name: places for name, places in defined.items() if len(places) > 1}
    assert {name: places for name, places in twice.items() if name not in LEFT | REASONED.keys()} == {}
    assert len(twice) <= MOST
    assert sorted(REASONED.keys() - twice.keys()) == [], "these are defined once now: take them off the list"
