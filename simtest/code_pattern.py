"""Patterns over Python's syntax trees: find a piece of code by its structure, and write another in its place.

A pattern is Python with placeholders, and it is looser than text where a refactoring changes text only:

    $name              any expression; the same placeholder twice must be the same expression
    fill_keys          that name at the end of any path: `world.fill_keys`, `state.orders.fill_keys`, `self._fill_keys`
    gate.refusal       `refusal` at the end of a path that passes `gate` on its way
    $path.refusal      as before, and `$path` is what stands before it (nothing, where the name stands alone)
    call(...)          any arguments;  call(..., key=$v): any that have this keyword
    {"key": $v, **$_}  a dict with this key, whatever else is in it
    (first, *$rest)    a tuple or list that begins like this
    if test: ...       whatever its body and its else are; a replacement `if False: ...` keeps both

Leading underscores do not count: what was private may have become public. `$it` in a replacement is all that was found.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

_MARK = "PLACEHOLDER_"
_IGNORED = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
# What a placeholder stands for; None = the path before a name that stands alone.
Found = dict[str, ast.AST | None]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern or a replacement: one expression, or statements."""

    text: str
    body: tuple[ast.stmt, ...]

    @property
    def expression(self) -> ast.expr | None:
        """The pattern as an expression; None = it is no single expression."""
        only = self.body[0] if len(self.body) == 1 else None
        return only.value if isinstance(only, ast.Expr) else None

    @property
    def names(self) -> frozenset[str]:
        """Names without leading underscores that a file must hold for the pattern to be in it."""
        found = set()
        for node in (inner for statement in self.body for inner in ast.walk(statement)):
            word = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
            if word and not word.startswith(_MARK):
                found.add(word.lstrip("_"))
        return frozenset(found)


@cache
def pattern(text: str) -> Pattern:
    """Parse a pattern or a replacement. Raises SyntaxError."""
    return Pattern(text, tuple(ast.parse(re.sub(r"\$(\w+)", rf"{_MARK}\1", text)).body))


def placeholder(node: ast.AST | None) -> str | None:
    """The placeholder that this node of a pattern is."""
    if isinstance(node, ast.Name) and node.id.startswith(_MARK):
        return node.id.removeprefix(_MARK)
    return None


def kinds(wanted: Pattern, *, statement: bool) -> tuple[type[ast.AST], ...]:
    """Of which kinds a node can be that is what is wanted."""
    root = _root(wanted, statement=statement)
    assert placeholder(root) is None, f"everything would be found: {wanted.text}"
    for alike in ((ast.Name, ast.Attribute), (ast.Tuple, ast.List)):
        if isinstance(root, alike):
            return alike
    return (type(root),)


def _root(wanted: Pattern, *, statement: bool) -> ast.AST:
    root = wanted.body[0] if statement else wanted.expression
    assert root is not None and len(wanted.body) == 1, f"one statement or expression can be looked for: {wanted.text}"
    return root


def match(wanted: Pattern, node: ast.AST, *, statement: bool) -> Found | None:
    """What the placeholders stand for where the node is what is wanted; None = it is not."""
    found: Found = {"it": node}
    return found if _same(_root(wanted, statement=statement), node, found) else None


def write(replacement: Pattern, found: Found) -> list[ast.stmt]:
    """The replacement's statements, with what was found in the place of placeholders and of `...` bodies."""
    made: list[ast.stmt] = []
    for statement in ast.parse(ast.unparse(ast.Module(list(replacement.body), []))).body:
        result = _Writer(found).visit(statement)
        made.extend(result if isinstance(result, list) else [result])
    return made


def _same(wanted: ast.AST, node: ast.AST, found: Found) -> bool:
    name = placeholder(wanted)
    if name is not None:
        return isinstance(node, ast.expr) and _bind(name, node, found)
    if isinstance(wanted, ast.Name | ast.Attribute):
        return _same_path(wanted, node, found)
    if type(wanted) is not type(node):
        return False
    match wanted, node:
        case ast.Call(), ast.Call():
            return _same_call(wanted, node, found)
        case ast.Dict(), ast.Dict() if _takes_more(wanted):
            return _same_entries(wanted, node, found)
        case ast.Tuple() | ast.List(), ast.Tuple() | ast.List():
            return _same_sequence(wanted.elts, node.elts, found)
        case ((ast.If() | ast.While() | ast.For()), _) if _any_body(wanted.body):
            fields = ("test",) if isinstance(wanted, ast.If | ast.While) else ("target", "iter")
            return all(_same(getattr(wanted, field), getattr(node, field), found) for field in fields)
    return all(
        _same_field(getattr(wanted, field, None), getattr(node, field, None), found)
        for field in wanted._fields
        if field not in _IGNORED
    )


def _same_field(wanted: object, node: object, found: Found) -> bool:
    if isinstance(wanted, list) and isinstance(node, list):
        return len(wanted) == len(node) and all(_same_field(a, b, found) for a, b in zip(wanted, node, strict=True))
    if isinstance(wanted, ast.AST):
        return isinstance(node, ast.AST) and _same(wanted, node, found)
    return type(wanted) is type(node) and wanted == node


def _bind(name: str, node: ast.AST | None, found: Found) -> bool:
    if name == "_":
        return True
    if name not in found:
        found[name] = node
        return True
    before = found[name]
    return _dump(before) == _dump(node)


def _dump(node: ast.AST | None) -> str:
    return ast.unparse(node) if node is not None else ""


def _same_path(wanted: ast.Name | ast.Attribute, node: ast.AST, found: Found) -> bool:
    words, root = _path(wanted)
    given, _ = _path(node)
    if root is None:  # names only: the last is the last, the others lie on the way
        if not given or given[-1] != words[-1]:
            return False
        way = iter(given[:-1])
        return all(word in way for word in words[:-1])
    if given[-len(words) :] != words:
        return False
    name, before = placeholder(root), _before(node, len(words))
    return _bind(name, before, found) if name is not None else before is not None and _same(root, before, found)


def _path(node: ast.AST) -> tuple[list[str], ast.AST | None]:
    """The names of a path without their underscores, and what it begins with where that is no plain name."""
    words: list[str] = []
    while isinstance(node, ast.Attribute):
        words.append(node.attr.lstrip("_"))
        node = node.value
    if isinstance(node, ast.Name) and placeholder(node) is None:
        return [*words, node.id.lstrip("_")][::-1], None
    return words[::-1], node


def _before(node: ast.AST, count: int) -> ast.AST | None:
    """The path without its last `count` names; None = nothing is left."""
    for _ in range(count):
        if not isinstance(node, ast.Attribute):
            return None
        node = node.value
    return node


def _is_rest(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _any_body(body: Sequence[ast.stmt]) -> bool:
    return len(body) == 1 and isinstance(body[0], ast.Expr) and _is_rest(body[0].value)


def _same_call(wanted: ast.Call, node: ast.Call, found: Found) -> bool:
    loose = any(_is_rest(argument) for argument in wanted.args)
    fixed = [argument for argument in wanted.args if not _is_rest(argument)]
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    if not _same(wanted.func, node.func, found):
        return False
    if loose and len(node.args) < len(fixed):
        return False
    if not loose and (len(wanted.args) != len(node.args) or len(wanted.keywords) != len(node.keywords)):
        return False
    return all(_same(a, b, found) for a, b in zip(fixed, node.args, strict=False)) and all(
        keyword.arg in keywords and _same(keyword.value, keywords[keyword.arg], found) for keyword in wanted.keywords
    )


def _takes_more(wanted: ast.Dict) -> bool:
    return bool(wanted.keys) and wanted.keys[-1] is None and placeholder(wanted.values[-1]) is not None


def _same_entries(wanted: ast.Dict, node: ast.Dict, found: Found) -> bool:
    given = {
        key.value: value for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)
    }
    return all(
        isinstance(key, ast.Constant) and key.value in given and _same(value, given[key.value], found)
        for key, value in zip(wanted.keys[:-1], wanted.values[:-1], strict=True)
    )


def _same_sequence(wanted: list[ast.expr], given: list[ast.expr], found: Found) -> bool:
    last = wanted[-1] if wanted else None
    name = placeholder(last.value) if isinstance(last, ast.Starred) else None
    if name is None:
        return _same_field(wanted, given, found)
    first = len(wanted) - 1
    if len(given) < first or not _same_field(wanted[:-1], given[:first], found):
        return False
    return _bind(name, ast.Tuple(given[first:], ast.Load()), found)


class _Writer(ast.NodeTransformer):
    """Puts what was found into a replacement."""

    def __init__(self, found: Found) -> None:
        self._found = found

    def _of(self, name: str) -> ast.AST | None:
        if name not in self._found:
            raise KeyError(f"${name} is in the replacement and not in the pattern")
        return self._found[name]

    def visit_Name(self, node: ast.Name) -> ast.AST:
        name = placeholder(node)
        value = self._of(name) if name is not None else node
        assert value is not None, f"${name} stands for nothing here"
        return value

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        name = placeholder(node.value)
        if name is not None and self._of(name) is None:
            return ast.Name(node.attr, node.ctx)
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        name = placeholder(node.value)
        value = self._of(name) if name is not None else None
        return value if isinstance(value, ast.stmt) else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST:
        return self._with_body(node)

    def visit_While(self, node: ast.While) -> ast.AST:
        return self._with_body(node)

    def visit_For(self, node: ast.For) -> ast.AST:
        return self._with_body(node)

    def _with_body(self, node: ast.If | ast.While | ast.For) -> ast.AST:
        it = self._found["it"]
        if not _any_body(node.body):
            return self.generic_visit(node)
        assert isinstance(it, ast.If | ast.While | ast.For), "`...` keeps the body of what was found, and that has none"
        body, orelse = it.body, it.orelse
        node.body, node.orelse = [ast.Pass()], []
        made = self.generic_visit(node)
        assert isinstance(made, ast.If | ast.While | ast.For)
        made.body, made.orelse = body, orelse
        return made
