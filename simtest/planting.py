"""Where in the products a planted bug belongs, and the sources with the bug in them."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from simtest.code_pattern import Found, Pattern, kinds, match, pattern, write
from simtest.planted import CodeEdit, Planted

ROOMS = ("bot", "shared")
Key = tuple[str, int, int, int, int]  # kind, first line and column, last line and column


class NotPlanted(Exception):
    """What is to be changed is not there, or in another number of places than it should be."""


@dataclass(frozen=True, slots=True)
class Place:
    """A node of a source file that an edit is about."""

    path: str
    scope: str  # the functions and classes around it: "Gate.refusal"
    node: ast.AST
    found: Found

    @property
    def key(self) -> Key:
        """The same node in another parse of the same text."""
        return _key(self.node)

    def __str__(self) -> str:
        return f"{self.path}:{getattr(self.node, 'lineno', 0)} ({self.scope or 'module'})"


@dataclass(slots=True)
class _File:
    text: str
    nodes: dict[type[ast.AST], list[tuple[ast.AST, str]]] = field(default_factory=dict)  # kind → (node, scope)


class Products:
    """The sources of the products: path → text, held parsed."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """Raises SyntaxError."""
        self._files = {path: _File(text) for path, text in texts.items()}
        for file in self._files.values():
            for node, scope in _scoped(ast.parse(file.text), ""):
                file.nodes.setdefault(type(node), []).append((node, scope))

    @staticmethod
    def read(root: Path) -> "Products":
        """Those of a checkout. Raises OSError, SyntaxError."""
        paths = sorted(path for room in ROOMS for path in (root / room).rglob("*.py"))
        return Products({path.relative_to(root).as_posix(): path.read_text() for path in paths})

    def places(self, edit: CodeEdit) -> list[Place]:
        """Everywhere that the edit fits. Raises SyntaxError for a pattern that is no Python."""
        wanted = pattern(edit.find)
        statement = wanted.expression is None or pattern(edit.put).expression is None
        names = wanted.names
        found = []
        for path, file in self._files.items():
            if all(name in file.text for name in names):
                found += [place for place in _matching(path, file, wanted, statement) if _inside(place, edit.within)]
        return found

    def resolved(self, edit: CodeEdit) -> list[Place]:
        """The places to be changed: one, or for `every` at least one. Raises NotPlanted."""
        places = self.places(edit)
        if len(places) == 1 or (edit.every and places):
            return places
        where = f" within {edit.within}" if edit.within else ""
        text = f"looked for `{edit.find}`{where} in {' and '.join(ROOMS)}"
        if places:
            raise NotPlanted(f"{text}: it is in {len(places)} places: {', '.join(map(str, places))}")
        elsewhere = self.places(edit._replace(within="")) if edit.within else []
        more = f", only in {', '.join(map(str, elsewhere))}" if elsewhere else ""
        raise NotPlanted(f"{text}: it is not there{more}")

    def planted(self, bug: Planted) -> dict[str, str]:
        """Path → source with the bug in it, of each file that it changes. Raises NotPlanted."""
        by_file: dict[str, dict[Key, list[ast.stmt]]] = {}
        for edit in bug.edits:
            try:
                for place in self.resolved(edit):
                    by_file.setdefault(place.path, {})[place.key] = write(pattern(edit.put), place.found)
            except NotPlanted as error:
                raise NotPlanted(f"{bug.name}: {error}") from None
        made = {}
        for path, changes in by_file.items():
            changed = _Changed(changes)
            tree = changed.generic_visit(ast.parse(self._files[path].text))
            if changed.left:
                raise NotPlanted(f"{bug.name}: one of its edits of {path} lies within another")
            made[path] = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
        return made


def _scoped(node: ast.AST, scope: str) -> Iterator[tuple[ast.AST, str]]:
    """Every node below `node`, with the functions and classes around it."""
    for child in ast.iter_child_nodes(node):
        yield child, scope
        inner = scope
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{scope}.{child.name}".lstrip(".")
        yield from _scoped(child, inner)


def _matching(path: str, file: _File, wanted: Pattern, statement: bool) -> Iterator[Place]:
    for kind in kinds(wanted, statement=statement):
        for node, scope in file.nodes.get(kind, ()):
            found = match(wanted, node, statement=statement)
            if found is not None:
                yield Place(path, scope, node, found)


def _inside(place: Place, within: str) -> bool:
    """Whether one of the functions and classes around the place has this name, underscores aside."""
    words = [word.strip("_") for word in place.scope.split(".")]
    wanted = [word.strip("_") for word in within.split(".")] if within else []
    return any(words[at : at + len(wanted)] == wanted for at in range(len(words) - len(wanted) + 1))


def _key(node: ast.AST) -> Key:
    at = [getattr(node, name, -1) for name in ("lineno", "col_offset", "end_lineno", "end_col_offset")]
    return (type(node).__name__, at[0], at[1], at[2], at[3])


class _Changed(ast.NodeTransformer):
    def __init__(self, changes: Mapping[Key, list[ast.stmt]]) -> None:
        self.left = dict(changes)

    def visit(self, node: ast.AST) -> ast.AST | list[ast.stmt]:
        made = self.left.pop(_key(node), None) if isinstance(node, ast.stmt | ast.expr) else None
        if made is None:
            changed: ast.AST = self.generic_visit(node)
            return changed
        only = made[0]
        return only.value if isinstance(node, ast.expr) and isinstance(only, ast.Expr) else made
