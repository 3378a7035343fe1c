"""docs/risk.md says what the code does: every guard, its setting and its default."""

import re

from bot.engine.risk.guards import GUARDS
from shared.paths import ROOT
from shared.settings import Settings, keys

TEXT = (ROOT / "docs" / "risk.md").read_text(encoding="utf-8")


def test_every_guard_is_described_with_its_setting_and_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", TEXT, flags=re.MULTILINE))
    for guard in GUARDS:
        setting, default, _ = (cell.strip() for cell in rows[guard.name].split("|"))
        if guard.name in ("refusals", "base_cap"):
            continue
        value = getattr(Settings(), setting.strip("`").lower())
        assert float(default) == float(value), guard.name
        assert guard.limit(Settings()) == float(value)


def test_every_setting_that_it_names_is_one() -> None:
    known = {key for key, _, _ in keys()}
    named = set(re.findall(r"`([A-Z][A-Z_]{4,})(?:=[^`]*)?`", TEXT))
    assert named and named <= known, named - known
