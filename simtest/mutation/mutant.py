"""One small fault in one place of the products' sources, and the source with the fault in it."""

import ast
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

Nodes = Sequence[ast.expr] | Sequence[ast.stmt]


class NotWritten(Exception):
    """The changed source is no Python: the text cannot be put there."""


@dataclass(frozen=True)
class Mutant:
    """`nodes` of `path` become `put`. It keeps its id while that piece of its function stays, wherever it moves to."""

    path: str  # from the root of the checkout
    scope: str  # the classes and functions around it: "OrderGate.shut"; "" = the module itself
    operator: str
    nodes: Nodes  # one expression, or the statements of one block that stand together
    put: str  # the source text in their place
    lines: frozenset[int]  # what is run where it matters; none = it is run while the module is loaded
    ordinal: int = 0  # among equal ones of the same function

    @property
    def key(self) -> tuple[str, ...]:
        """What it is, wherever it stands."""
        return self.path, self.scope, self.operator, "\n".join(map(ast.unparse, self.nodes)), self.put

    @cached_property
    def id(self) -> str:
        """12 hex digits over the file, the function, the change and which of equal ones it is."""
        return hashlib.sha256("\0".join((*self.key, str(self.ordinal))).encode()).hexdigest()[:12]

    @property
    def room(self) -> str:
        """The folder that the sample is drawn by: "bot/engine"."""
        parts = self.path.split("/")
        return "/".join(parts[:3] if parts[1] == "venues" else parts[:2])

    def __str__(self) -> str:
        return f"{self.path}:{self.nodes[0].lineno} {self.scope or 'module'}: {self.operator}"

    def written(self, source: str) -> str:
        """The whole source with the fault in it. Raises NotWritten."""
        plain = self._spliced(source, self.put)
        if isinstance(self.nodes[0], ast.stmt):
            _tree(plain)
            return plain
        safe = self._spliced(source, f"({self.put})")
        wanted = _tree(safe)
        try:
            return plain if _tree(plain) == wanted else safe
        except NotWritten:
            return safe

    def diff(self, source: str) -> tuple[str, str]:
        """The first changed line, before and after. Raises NotWritten."""
        before, after = source.splitlines(), self.written(source).splitlines()
        at = next(number for number, (a, b) in enumerate(zip(before, after, strict=False)) if a != b)
        return before[at].strip(), after[at].strip()

    def _spliced(self, source: str, put: str) -> str:
        """`source` with the text of the nodes replaced; columns of the parser count bytes of UTF-8."""
        first, last = self.nodes[0], self.nodes[-1]
        assert last.end_lineno is not None and last.end_col_offset is not None
        lines = source.encode().splitlines(keepends=True)
        start = sum(map(len, lines[: first.lineno - 1])) + first.col_offset
        end = sum(map(len, lines[: last.end_lineno - 1])) + last.end_col_offset
        whole = b"".join(lines)
        return (whole[:start] + put.encode() + whole[end:]).decode()


def _tree(text: str) -> str:
    try:
        return ast.dump(ast.parse(text))
    except SyntaxError as error:
        raise NotWritten(str(error)) from None
