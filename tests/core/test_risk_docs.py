"""docs/risk.md says what the code does: every risk policy with its settings and defaults, as the list has them."""

import re

import pytest

from bot.engine.risk.policies.registry import POLICIES
from cli import risk_table
from shared.paths import ROOT
from shared.settings import Settings, keys

TEXT = (ROOT / "docs" / "risk.md").read_text(encoding="utf-8")


def test_the_table_is_what_the_policies_are() -> None:
    assert risk_table.written(TEXT) == TEXT, "python -m cli.risk_table"
    rows = re.findall(r"^\| `(\w+)` \|", TEXT, flags=re.MULTILINE)
    assert [row for row in rows if row in POLICIES.by_code] == [policy.code for policy in POLICIES.all]


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="marks"):
        risk_table.written(TEXT.replace(risk_table.END, ""))


def test_a_guards_default_limit_is_its_settings_default() -> None:
    for guard in POLICIES.guards:
        switch = POLICIES.by_code[guard.name].switch
        if switch is None or guard.name in ("base_cap", "cluster"):
            continue
        assert guard.limit(Settings()) == float(getattr(Settings(), switch.lower())), guard.name


def test_every_setting_that_it_names_is_one() -> None:
    known = {key for key, _, _ in keys()}
    named = set(re.findall(r"`([A-Z][A-Z_]{4,})(?:=[^`]*)?`", TEXT))
    assert named and named <= known, named - known
