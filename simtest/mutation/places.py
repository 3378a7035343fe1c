"""Where in a file a fault can be planted: everywhere but in what is only said, described or asserted."""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from simtest.mutation.mutant import Mutant, Nodes
from simtest.mutation.operators import Change, Parameters, of_expression, of_statement

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_SAID = {"__repr__", "__str__", "__format__"}
_LOGS = {"log", "logger", "logging"}
_DESCRIBED = {"TypeVar", "NewType", "Literal", "cast", "isinstance", "issubclass", "ParamSpec"}


def parameters(trees: Mapping[str, ast.Module]) -> Parameters:
    """The annotations of each function's parameters by its bare name, for calls with two arguments of one type."""
    found: dict[str, tuple[str, ...] | None] = {}
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef | _Function):
                known = _fields(node) if isinstance(node, ast.ClassDef) else _annotations(node)
                found[node.name] = known if found.get(node.name, known) == known else None
    return found


def _annotations(node: _Function) -> tuple[str, ...]:
    given = [*node.args.posonlyargs, *node.args.args]
    given = given[1:] if given and given[0].arg in ("self", "cls") else given
    return tuple(ast.unparse(argument.annotation) if argument.annotation else "" for argument in given)


def _fields(node: ast.ClassDef) -> tuple[str, ...] | None:
    """Of a class whose fields are its parameters, with no more from a base."""
    if not all(isinstance(base, ast.Name) and base.id == "NamedTuple" for base in node.bases):
        return None
    made = next((step for step in node.body if isinstance(step, ast.FunctionDef) and step.name == "__init__"), None)
    if made is not None:
        return _annotations(made)
    return tuple(ast.unparse(step.annotation) for step in node.body if isinstance(step, ast.AnnAssign))


def mutants(path: str, source: str, known: Parameters) -> list[Mutant]:
    """All of a file, in the order of its text. Raises SyntaxError."""
    found: list[Mutant] = []
    seen: Counter[tuple[str, ...]] = Counter()
    for mutant in _Finder(path, known).module(ast.parse(source)):
        found.append(replace(mutant, ordinal=seen[mutant.key]))
        seen[mutant.key] += 1
    return found


@dataclass(frozen=True)
class _Around:
    """What lies around a node."""

    scope: str = ""
    lines: frozenset[int] = frozenset()
    optional: bool = False
    nothing: bool = False  # the function returns nothing and yields nothing


class _Finder:
    def __init__(self, path: str, known: Parameters) -> None:
        self._path, self._known = path, known

    def module(self, tree: ast.Module) -> Iterator[Mutant]:
        yield from self._block(tree.body, _Around(), in_function=False)

    def _block(
        self, body: list[ast.stmt], around: _Around, *, in_function: bool, top: bool = False
    ) -> Iterator[Mutant]:
        for number, node in enumerate(body):
            inner = top and around.nothing and 0 < number < len(body) - 1
            yield from self._statement(node, around, in_function=in_function, inner=inner)

    def _statement(self, node: ast.stmt, around: _Around, *, in_function: bool, inner: bool) -> Iterator[Mutant]:
        if isinstance(node, _Function):
            if node.name not in _SAID:
                yield from self._function(node, around)
            return
        if isinstance(node, ast.ClassDef):
            yield from self._block(node.body, _Around(_joined(around.scope, node.name)), in_function=False)
            return
        if isinstance(node, ast.Assert | ast.Import | ast.ImportFrom | ast.Global | ast.Nonlocal) or _is_said(node):
            return
        here = replace(around, lines=_header(node)) if in_function else around
        for nodes, change in of_statement(node, inner=inner, optional=around.optional):
            lines = _lines(nodes) if isinstance(nodes[0], ast.stmt) else here.lines
            yield self._made(nodes, change, replace(here, lines=lines if in_function else frozenset()))
        for child in _expressions(node):
            yield from self._expression(child, here)
        for block in _blocks(node):
            yield from self._block(block, around, in_function=in_function)

    def _function(self, node: _Function, around: _Around) -> Iterator[Mutant]:
        returns = ast.unparse(node.returns) if node.returns is not None else ""
        yields = any(isinstance(step, ast.Yield | ast.YieldFrom) for step in ast.walk(node))
        inside = _Around(
            _joined(around.scope, node.name),
            _lines(node.body),
            optional="None" in returns and returns != "None",
            nothing=returns == "None" and not yields and node.name != "__init__",
        )
        for default in [*node.args.defaults, *filter(None, node.args.kw_defaults)]:
            for mutant in self._expression(default, inside):
                yield replace(mutant, operator="default")
        yield from self._block(node.body, inside, in_function=True, top=True)

    def _expression(self, node: ast.expr, around: _Around) -> Iterator[Mutant]:
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Call) and _is_described(node)):
            return
        own = replace(around, lines=around.lines | _lines([node])) if around.lines else around
        for change in of_expression(node, self._known):
            yield self._made([node], change, own)
        for child in _inner(node):
            yield from self._expression(child, own)

    def _made(self, nodes: Nodes, change: Change, around: _Around) -> Mutant:
        operator, put = change
        return Mutant(self._path, around.scope, operator, nodes, put, around.lines)


def _joined(scope: str, name: str) -> str:
    return f"{scope}.{name}".lstrip(".")


def _lines(nodes: Nodes) -> frozenset[int]:
    last = nodes[-1].end_lineno
    assert last is not None
    return frozenset(range(nodes[0].lineno, last + 1))


def _header(node: ast.stmt) -> frozenset[int]:
    """The lines of a statement up to its first block."""
    blocks = _blocks(node)
    if not blocks:
        return _lines([node])
    return frozenset(range(node.lineno, max(node.lineno + 1, blocks[0][0].lineno)))


def _blocks(node: ast.stmt) -> list[list[ast.stmt]]:
    found = [block for name in ("body", "orelse", "finalbody") if (block := getattr(node, name, []))]
    found += [handler.body for handler in getattr(node, "handlers", [])]
    return found + [case.body for case in getattr(node, "cases", [])]


def _expressions(node: ast.stmt) -> Iterator[ast.expr]:
    """The expressions of a statement that are run and are neither a type nor the text of an error."""
    if isinstance(node, ast.Raise):
        return
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "targets", "target") or (name == "value" and _is_type_alias(node)):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.expr):
                yield child
            elif isinstance(child, ast.withitem):
                yield child.context_expr
            elif isinstance(child, ast.match_case) and child.guard is not None:
                yield child.guard


def _inner(node: ast.expr) -> Iterator[ast.expr]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield child
        elif isinstance(child, ast.keyword):
            yield child.value
        elif isinstance(child, ast.comprehension):
            yield from (child.iter, *child.ifs)


def _is_type_alias(node: ast.stmt) -> bool:
    """`Key = tuple[str, int]`, `Row = A | B`: a name of a type at the top of a module."""
    if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
        return False
    name = node.targets[0].id
    return name.startswith("__") or (name[:1].isupper() and not name.isupper() and not isinstance(node.value, ast.Call))


def _is_said(node: ast.stmt) -> bool:
    """A docstring, or a line of the log."""
    if not isinstance(node, ast.Expr):
        return False
    value = node.value
    if isinstance(value, ast.Constant):
        return True
    called = value.func if isinstance(value, ast.Call) else None
    while isinstance(called, ast.Attribute):
        called = called.value
        if isinstance(called, ast.Attribute) and called.attr in ("log", "_log"):
            return True
    return isinstance(called, ast.Name) and called.id in _LOGS


def _is_described(node: ast.Call) -> bool:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    return name in _DESCRIBED
