"""The kinds of small fault: each says what a node may become."""

import ast
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation

from simtest.mutation.mutant import Nodes

Change = tuple[str, str]  # the operator, the source text that is put there
Parameters = Mapping[str, tuple[str, ...] | None]  # function → its parameters' annotations; None = not one function

_BOUNDARY: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div,
    ast.Mod: ast.FloorDiv,
}  # fmt: skip
_EXTREME = {"min": "max", "max": "min"}
_ROUNDING = {
    "ROUND_DOWN": "ROUND_UP", "ROUND_UP": "ROUND_DOWN", "ROUND_FLOOR": "ROUND_CEILING", "ROUND_CEILING": "ROUND_FLOOR",
    "ROUND_HALF_UP": "ROUND_DOWN", "ROUND_HALF_EVEN": "ROUND_UP", "floor": "ceil", "ceil": "floor",
    "round_down": "round_up", "round_up": "round_down",
}  # fmt: skip


def of_expression(node: ast.expr, parameters: Parameters) -> Iterator[Change]:
    """What an expression may become."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for name, table in (("compare boundary", _BOUNDARY), ("compare opposite", _OPPOSITE)):
            if (other := table.get(type(node.ops[0]))) is not None:
                yield name, ast.unparse(ast.Compare(node.left, [other()], node.comparators))
    elif isinstance(node, ast.BoolOp):
        other_op: ast.boolop = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "and/or", ast.unparse(ast.BoolOp(other_op, node.values))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "removed not", ast.unparse(node.operand)
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC and not _is_text(node.left, node.right):
        yield "arithmetic", ast.unparse(ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right))
    elif isinstance(node, ast.IfExp) and not _has_an_opposite(node.test):
        yield "negated condition", ast.unparse(ast.IfExp(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse))
    elif isinstance(node, ast.Constant):
        yield from (("constant", text) for text in _other_constant(node.value, ast.unparse(node), node))
    elif isinstance(node, ast.Name | ast.Attribute):
        yield from _other_rounding(node)
    elif isinstance(node, ast.Call):
        yield from _other_call(node, parameters)


def of_statement(node: ast.stmt, *, inner: bool, optional: bool) -> Iterator[tuple[Nodes, Change]]:
    """What parts of a statement may become; `inner`: it lies within a function that returns nothing, and is neither
    its first nor its last; `optional`: its function may return None."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await):
        yield [node], ("removed call", "pass")
    elif isinstance(node, ast.Assign | ast.AugAssign) and _on_an_object(node):
        yield [node], ("removed assignment", "pass")
    if isinstance(node, ast.AugAssign) and type(node.op) in _ARITHMETIC and not _is_text(node.value):
        yield [node], ("arithmetic", ast.unparse(ast.AugAssign(node.target, _ARITHMETIC[type(node.op)](), node.value)))
    if isinstance(node, ast.If):
        yield from _negated_test(node.test)
        yield from _removed(node.body, "removed branch")
        if node.orelse and not isinstance(node.orelse[0], ast.If):
            yield from _removed(node.orelse, "removed else")
    elif isinstance(node, ast.While) and not isinstance(node.test, ast.Constant):
        yield from _negated_test(node.test)
    elif isinstance(node, ast.Break):
        yield [node], ("break/continue", "continue")
    elif isinstance(node, ast.Continue):
        yield [node], ("break/continue", "break")
    elif isinstance(node, ast.Try):
        for handler in node.handlers:
            yield from _removed(handler.body, "swallowed exception")
    elif isinstance(node, ast.Return) and optional and node.value is not None and not _is_none(node.value):
        yield [node], ("returned None", "return None")
    if inner and isinstance(node, ast.Expr | ast.Assign | ast.AugAssign | ast.AnnAssign):
        yield [node], ("early return", "return")


def _negated_test(test: ast.expr) -> Iterator[tuple[Nodes, Change]]:
    if not _has_an_opposite(test):
        yield [test], ("negated condition", ast.unparse(ast.UnaryOp(ast.Not(), test)))


def _has_an_opposite(test: ast.expr) -> bool:
    """Whether another operator turns this condition round already."""
    if isinstance(test, ast.UnaryOp):
        return isinstance(test.op, ast.Not)
    return isinstance(test, ast.Compare) and len(test.ops) == 1


def _removed(body: Sequence[ast.stmt], operator: str) -> Iterator[tuple[Nodes, Change]]:
    if not all(isinstance(step, ast.Pass) for step in body):
        yield body, (operator, "pass")


def _other_rounding(node: ast.Name | ast.Attribute) -> Iterator[Change]:
    name = node.id if isinstance(node, ast.Name) else node.attr
    if (other := _ROUNDING.get(name)) is None or not isinstance(node.ctx, ast.Load):
        return
    if isinstance(node, ast.Name):
        if name.startswith("ROUND_"):  # what is not imported here would only raise NameError
            yield "rounding", f'__import__("decimal").{other}'
    else:
        yield "rounding", ast.unparse(ast.Attribute(node.value, other, node.ctx))


def _other_call(node: ast.Call, parameters: Parameters) -> Iterator[Change]:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if isinstance(node.func, ast.Name) and name in _EXTREME:
        yield "min/max", ast.unparse(ast.Call(ast.Name(_EXTREME[name], ast.Load()), node.args, node.keywords))
    if name in ("Decimal", "D") and len(node.args) == 1 and (amount := _amount(node.args[0])) is not None:
        yield "constant", ast.unparse(ast.Call(node.func, [ast.Constant(str(amount + 1))], []))
    known = parameters.get(name) or ()
    for at, (a, b) in enumerate(zip(node.args, node.args[1:], strict=False)):
        if isinstance(a, ast.Starred) or isinstance(b, ast.Starred):
            return
        if at + 1 < len(known) and known[at] and known[at] == known[at + 1] and ast.dump(a) != ast.dump(b):
            args = [*node.args[:at], b, a, *node.args[at + 2 :]]
            yield "swapped arguments", ast.unparse(ast.Call(node.func, args, node.keywords))


def _other_constant(value: object, text: str, node: ast.Constant) -> Iterator[str]:
    """One other value: which one is drawn from the text and the place in its line, not by hand."""
    if isinstance(value, bool):
        yield str(not value)
    elif isinstance(value, int | float):
        draw = hashlib.sha256(f"{text} {node.col_offset}".encode()).digest()[0]
        yield (f"{value + 1}", f"{value - 1}", f"-{text}" if value else "1")[draw % 3]


def _amount(node: ast.expr) -> Decimal | None:
    """The number that a text names; None = it names none."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return None
    try:
        return Decimal(node.value)
    except InvalidOperation:
        return None


def _on_an_object(node: ast.Assign | ast.AugAssign) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(target, ast.Attribute | ast.Subscript) for target in targets)


def _is_text(*sides: ast.expr) -> bool:
    """Whether text is joined or filled in, as far as can be seen."""
    return any(
        isinstance(part, ast.JoinedStr | ast.Tuple | ast.List)
        or (isinstance(part, ast.Constant) and isinstance(part.value, str | bytes))
        for side in sides
        for part in ast.walk(side)
    )


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
