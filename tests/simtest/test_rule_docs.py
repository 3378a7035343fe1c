"""docs/simulation-testing.md says what is declared: each rule, each setting that is not drawn, commands that exist."""

import re

import pytest

from simtest import rule_table
from simtest.cli import arguments
from simtest.drawing.settings import NOT_DRAWN
from simtest.judge import INVARIANTS
from simtest.judge.rules import RULES

TEXT = rule_table.PAGE.read_text(encoding="utf-8")
ROOT = rule_table.PAGE.parent.parent


def test_the_tables_are_what_is_declared() -> None:
    assert rule_table.written(TEXT) == TEXT, "python -m simtest.rule_table"


def test_no_rule_and_no_setting_is_left_out() -> None:
    """A rule whose invariant nobody registered would be declared and never judged."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.*?) \|$", rule_table.rules(), flags=re.MULTILINE)[1:]
    bold = [name.strip("*") for name, *_ in rows if name.startswith("**")]
    assert bold == list(INVARIANTS)
    told = [text for name, text, _ in rows if not name.startswith("**")]
    assert told == [RULES[rule] for name in INVARIANTS for rule in RULES if rule.startswith(f"{name}/")]
    assert len(told) + sum(1 for name in INVARIANTS if name in RULES) == len(RULES)
    assert len(re.findall(r"^\| `[A-Z_]+` \|", rule_table.not_drawn(), flags=re.MULTILINE)) == len(NOT_DRAWN)


@pytest.mark.parametrize("name", rule_table.TABLES)
def test_a_page_without_the_marks_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        rule_table.written(TEXT.replace(f"<!-- end of {name} -->\n", ""))


def test_what_it_tells_to_type_and_to_open_is_there() -> None:
    known = set(re.findall(r"--[a-z]+", " ".join(_options())))
    named = set(re.findall(r"(?<![\w-])--[a-z]+", TEXT))
    assert named and named <= known, named - known
    for module in re.findall(r"python -m (simtest[.\w]*)", TEXT):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module
    for link in re.findall(r"\]\(([\w./-]+)\)", TEXT):
        assert (rule_table.PAGE.parent / link).exists(), link
    for path in re.findall(r"`((?:simtest|tests)/[\w./]+)`", TEXT):
        assert (ROOT / path).exists(), path


def _options() -> list[str]:
    return [f"--{name.replace('_', '-')}" for name in vars(arguments([]))]
