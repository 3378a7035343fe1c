"""Digests of what decides and is shipped as a file: the strategies' files and the strategy files that they import.

Not of what a strategy fits while it runs: a refit is its business, and no change of what was agreed to.
"""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

from shared.paths import ROOT
from shared.strategy_names import ROOMS


def digests(*strategies: str, root: Path = ROOT) -> dict[str, str]:
    """Path below `root` to SHA-256 of each strategy's file and of every file of strategies that they import.

    A strategy without a file has none. A file that cannot be read or parsed counts with what is known of it.
    """
    found: dict[str, str] = {}
    files = (_file(root, f"{room}.{strategy}") for strategy in strategies for room in ROOMS)
    waiting = [path for path in files if path is not None]
    while waiting:
        path = waiting.pop()
        name = path.relative_to(root).as_posix()
        if name in found:
            continue
        try:
            source = path.read_bytes()
        except OSError:
            found[name] = "unreadable"
            continue
        found[name] = hashlib.sha256(source).hexdigest()
        waiting += [near for module in _imported(source, path, root) if (near := _file(root, module)) is not None]
    return dict(sorted(found.items()))


def _file(root: Path, module: str) -> Path | None:
    if not module.startswith(tuple(f"{room}." for room in ROOMS)):
        return None
    path = root.joinpath(*module.split(".")).with_suffix(".py")
    return path if path.is_file() else None


def _imported(source: bytes, path: Path, root: Path) -> Iterator[str]:
    """Names of modules, and of what is imported from them, which may be modules as well."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    here = path.relative_to(root).parent.as_posix().replace("/", ".")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = f"{here}.{node.module}" if node.level and node.module else node.module or here
            yield module
            yield from (f"{module}.{name.name}" for name in node.names)
