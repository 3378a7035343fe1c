"""The table of risk policies in docs/risk.md, written from the policies themselves: `python -m cli.risk_table`."""

import sys

from bot.engine.risk.policies.registry import POLICIES
from bot.engine.risk.policy import Backtest, RiskPolicy
from shared.figures import plainly
from shared.paths import ROOT
from shared.settings import keys

PAGE = ROOT / "docs" / "risk.md"
BEGIN, END = "<!-- risk policies: written by python -m cli.risk_table -->\n", "<!-- end of risk policies -->\n"
HEAD = (
    "| policy | what must hold | settings, defaults | asked | failure | backtest |\n"
    "|---|---|---|---|---|---|\n"
)  # fmt: skip


def table() -> str:
    """Every policy in order: one row each."""
    defaults = {key: default for key, _, default in keys()}
    return HEAD + "".join(_row(policy, defaults) for policy in POLICIES.all)


def _row(policy: RiskPolicy, defaults: dict[str, object]) -> str:
    settings = ", ".join(f"`{key}` {_shown(defaults[key])}".rstrip() for key in policy.settings) or "–"
    moments = ", ".join(policy.moments)
    backtest = str(policy.backtest)
    if policy.backtest is Backtest.LIVE_ONLY:
        backtest += f": {policy.assumed}"
    return f"| `{policy.code}` | {policy.about} | {settings} | {moments} | {policy.failure} | {backtest} |\n"


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return plainly(default) if isinstance(default, float) else str(default)


def written(page: str) -> str:
    """The page with the table as it is now. Raises ValueError where its marks are gone."""
    before, mark, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"{PAGE.name} lacks the marks of the table")
    return before + BEGIN + table() + END + after


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(written(text), encoding="utf-8")
    sys.exit(0)
