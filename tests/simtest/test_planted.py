"""Every planted bug has its place in the products, and keeps it through a refactoring; else it would prove nothing."""

import ast
import asyncio
import builtins
import re
from pathlib import Path

import pytest

from simtest.code_pattern import match, pattern, write
from simtest.planted import PLANTED, CodeEdit, Planted
from simtest.planting import ROOMS, NotPlanted, Products

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text() for path in SOURCES}
BUGS = pytest.mark.parametrize("bug", PLANTED, ids=[bug.name for bug in PLANTED])


@pytest.fixture(scope="module")
def products() -> Products:
    return Products(TEXTS)


class Refactored(ast.NodeTransformer):
    """`world` is called `state`, what it holds lies a step deeper, `self._x` is `self.inner.x`."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name("state", node.ctx) if node.id == "world" else node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg("state", node.annotation) if node.arg == "world" else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id == "world":
            return ast.Attribute(ast.Attribute(ast.Name("state", ast.Load()), "part", ast.Load()), node.attr, node.ctx)
        if isinstance(node.value, ast.Name) and node.value.id == "self" and re.match(r"_[a-z]", node.attr):
            inner = ast.Attribute(node.value, "inner", ast.Load())
            return ast.Attribute(inner, node.attr.lstrip("_"), node.ctx)
        return self.generic_visit(node)


@pytest.fixture(scope="module")
def refactored() -> Products:
    """The products after that, and with every module under another name in another folder."""
    trees = (ast.fix_missing_locations(Refactored().visit(ast.parse(text))) for text in TEXTS.values())
    return Products({f"moved/to/module_{number}.py": ast.unparse(tree) for number, tree in enumerate(trees)})


@BUGS
def test_it_has_its_place(bug: Planted, products: Products) -> None:
    for path, text in products.planted(bug).items():
        compile(text, path, "exec")
        assert ast.dump(ast.parse(text)) != ast.dump(ast.parse(TEXTS[path])), f"{path} is what it was"


@BUGS
def test_a_refactoring_leaves_it_there(bug: Planted, products: Products, refactored: Products) -> None:
    for edit in bug.edits:
        assert len(refactored.resolved(edit)) == len(products.resolved(edit))


KNOWN = {word for text in TEXTS.values() for word in re.findall(r"\w+", text)}
KNOWN |= {*dir(asyncio), *dir(asyncio.AbstractEventLoop), *dir(Path)}


@BUGS
def test_what_it_says_is_known_where_it_is_planted(bug: Planted, products: Products) -> None:
    """A bug that only raises NameError would be caught by anybody."""
    for edit in bug.edits:
        for place in products.resolved(edit):
            there = {*dir(builtins), *re.findall(r"\w+", TEXTS[place.path])}
            nodes = [node for made in write(pattern(edit.put), place.found) for node in ast.walk(made)]
            bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
            bound |= {name.name for node in nodes if isinstance(node, ast.ImportFrom) for name in node.names}
            names = {node.id for node in nodes if isinstance(node, ast.Name)}
            assert names <= there | bound, f"{place.path} does not know {names - there - bound}"
            attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
            assert attributes <= KNOWN, f"nothing has {attributes - KNOWN}"


def test_names_are_told_apart() -> None:
    assert len({bug.name for bug in PLANTED}) == len(PLANTED) >= 50


def test_what_is_not_there_is_named(products: Products) -> None:
    lost = Planted("lost", "R0", False, (CodeEdit("if no_such_thing: ...", "if False: ..."),))
    with pytest.raises(NotPlanted, match=r"lost: looked for `if no_such_thing: ...` in .*: it is not there"):
        products.planted(lost)
    twice = Planted("twice", "R0", False, (CodeEdit("float($x)", "0"),))
    with pytest.raises(NotPlanted, match=r"twice: .* it is in \d+ places: bot/"):
        products.planted(twice)
    moved = Planted("moved", "R0", False, (CodeEdit("if not ledger_ok: ...", "if False: ...", "elsewhere"),))
    with pytest.raises(NotPlanted, match=r"within elsewhere .* it is not there, only in bot/"):
        products.planted(moved)
    overlapping = (CodeEdit("if not ledger_ok: ...", "if True: ..."), CodeEdit("ledger_ok", "True", "shut"))
    with pytest.raises(NotPlanted, match="lies within another"):
        Products({"bot/x.py": "def shut(a):\n    if not a.ledger_ok:\n        return 1\n"}).planted(
            Planted("nested", "R0", False, overlapping)
        )


def found(wanted: str, code: str, put: str) -> str | None:
    """What the statement or expression `code` becomes; None = the pattern does not fit."""
    statement = ast.parse(code).body[0]
    whole = pattern(wanted).expression is None or pattern(put).expression is None
    node = statement if whole or not isinstance(statement, ast.Expr) else statement.value
    bound = match(pattern(wanted), node, statement=whole)
    return None if bound is None else "\n".join(map(ast.unparse, write(pattern(put), bound)))


@pytest.mark.parametrize(
    ("wanted", "code", "put", "made"),
    [
        ("fill_keys", "state.orders._fill_keys", "None", "None"),
        ("fill_keys", "state.fill_keys.copy", "None", None),
        ("gate.refusal", "self.gate.inner.refusal", "1", "1"),
        ("gate.refusal", "self.refusal", "1", None),
        ("$a.entry_fee + fee", "lot.entry_fee + fill.fee", "$a.entry_fee", "lot.entry_fee"),
        ("$a.entry_fee + fee", "entry_fee + fee", "$a.entry_fee", "entry_fee"),
        ("($a or b).c.d", "(x or y.b).c.d", "$a", "x"),
        ("($a or b).c.d", "(x or y.b).e.d", "$a", None),
        ("$x - $x", "a.b - a.b", "$x", "a.b"),
        ("$x - $x", "a.b - a.c", "$x", None),
        ("call(...)", "self.call(1, two=2)", "$it or 0", "self.call(1, two=2) or 0"),
        ("call(1)", "call(1, 2)", "0", None),
        ("call(..., two=$v)", "call(1, two=2, three=3)", "$v", "2"),
        ("call(..., two=$v)", "call(1, three=3)", "$v", None),
        ('{"a": $v, **$_}', "{'b': 2, 'a': 1, **more}", "$v", "1"),
        ('{"a": $v}', "{'b': 2, 'a': 1}", "$v", None),
        ("(1, *$rest)", "(1, 2, 3)", "$rest", "(2, 3)"),
        ("if a > 1: ...", "if b.a > 1:\n  x()\nelse:\n  y()", "if False: ...", "if False:\n    x()\nelse:\n    y()"),
        ("if a > 1: ...", "if b.a > 2:\n    go()", "if False: ...", None),
        ("go()", "go()", "$it\nmore()", "go()\nmore()"),
        ("a = $v", "a = 1", "a = $v + 1", "a = 1 + 1"),
    ],
)  # fmt: skip
def test_patterns(wanted: str, code: str, put: str, made: str | None) -> None:
    assert found(wanted, code, put) == made


def test_a_replacement_with_an_unknown_placeholder_is_an_error() -> None:
    with pytest.raises(KeyError, match="in the replacement and not in the pattern"):
        found("$a", "x", "$b")
