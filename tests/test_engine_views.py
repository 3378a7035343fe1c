"""The bot's process and the tests read the engine by its views; what still reaches inside only gets less."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT

# Lines of tests that touch the engine's own state, each to reach a case that no event brings about at once. Lower
# these numbers when there are fewer; both together stay below 40.
MOST_OF_STATE = 28
# Lines of tests that touch a private name of another object.
MOST_PRIVATE = 11
ENGINES = frozenset({"engine", "_engine"})


def touches_state(node: ast.AST) -> bool:
    """`engine.state`, of whichever engine."""
    if not isinstance(node, ast.Attribute) or node.attr != "state":
        return False
    of = node.value
    return (isinstance(of, ast.Name) and of.id in ENGINES) or (isinstance(of, ast.Attribute) and of.attr in ENGINES)


def touches_private(node: ast.AST) -> bool:
    """`x._name` of anything but the object or class itself; `_replace` and the like belong to named tuples."""
    if not isinstance(node, ast.Attribute) or not node.attr.startswith("_") or node.attr.startswith("__"):
        return False
    own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
    return not own and node.attr not in ("_replace", "_asdict", "_fields", "_exit")


def lines(source: str, wanted: str) -> list[int]:
    judge = {"state": touches_state, "private": touches_private}[wanted]
    return sorted({node.lineno for node in ast.walk(ast.parse(source)) if judge(node) and hasattr(node, "lineno")})


def found(folder: str, wanted: str) -> dict[str, list[int]]:
    return {name: at for name, path in files(folder) if (at := lines(path.read_text(), wanted))}


def files(folder: str) -> Iterator[tuple[str, Path]]:
    listed = subprocess.run(["git", "ls-files", f"{folder}/*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    return ((name, path) for name in listed.stdout.split() if (path := ROOT / name).exists())


def test_the_bots_process_never_touches_the_engines_state() -> None:
    assert found("bot/app", "state") == {}


def test_tests_touch_the_engines_state_only_less() -> None:
    at = found("tests", "state")
    count = sum(map(len, at.values()))
    assert count <= MOST_OF_STATE, f"{count} lines, {MOST_OF_STATE} are allowed: {at}"


def test_tests_touch_private_names_only_less() -> None:
    at = found("tests", "private")
    count = sum(map(len, at.values()))
    assert count <= MOST_PRIVATE, f"{count} lines, {MOST_PRIVATE} are allowed: {at}"


def test_what_counts() -> None:
    source = "rig.engine.state.control\nengine.view.state\nengine.state = 1\nself._x\na.b._c\nrow._replace(x=1)\n"
    assert lines(source, "state") == [1, 3]
    assert lines(source, "private") == [5]
