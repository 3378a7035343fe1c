"""Imports stand at the top of their module; what is loaded late has its reason in a comment."""

import ast
import subprocess
from pathlib import Path

from tests.conftest import ROOT

# Lines that import inside a function, tests included. Lower this number when there are fewer; never raise it.
MOST = 41


def inside_functions(source: str) -> list[int]:
    """Line numbers of imports within functions."""
    functions = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    nodes = [node for function in functions for node in ast.walk(function)]
    return sorted({node.lineno for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)})


def python_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in listed.stdout.split() if (path := ROOT / name).exists()]


def test_imports_inside_functions_only_get_fewer() -> None:
    found = {path.relative_to(ROOT): lines for path in python_files() if (lines := inside_functions(path.read_text()))}
    count = sum(len(lines) for lines in found.values())
    listed = "\n".join(f"{path}: {lines}" for path, lines in found.items())
    assert count <= MOST, f"{count} imports inside functions, {MOST} are allowed for:\n{listed}"


def test_what_counts_as_one() -> None:
    assert inside_functions("import a\ndef f():\n    import b\n    def g():\n        from c import d\n") == [3, 5]
