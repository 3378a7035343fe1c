"""The sections of docs/monitoring.md that tell what each alert means: `python -m cli.monitoring_page` writes them."""

import sys

from monitoring.pace import REAL
from monitoring.rules import RULES, PrometheusRule, Scope
from shared.paths import ROOT

PAGE = ROOT / "docs" / "monitoring.md"
BEGIN, END = "<!-- alerts: written by python -m cli.monitoring_page -->\n", "<!-- end of alerts -->\n"


def sections() -> str:
    """One section for each rule, host rules first."""
    return "".join(_section(rule) for rule in RULES)


def _section(rule: PrometheusRule) -> str:
    lasts = f" for {REAL.duration(rule.for_s)}" if rule.for_s else ""
    who = "Alertmanager" if rule.scope is Scope.HOST else "COIN-WATCH"
    return (
        f"### {rule.name}\n\n{rule.severity.value.capitalize()}, told by {who}. `{rule.expr}`{lasts}\n\n"
        f"{rule.means}\n\n*Look at:* {rule.look}\n\n"
    )


def written(page: str) -> str:
    """The page with the sections as they are now. Raises ValueError where its marks are gone."""
    before, mark, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"{PAGE.name} lacks the marks of the alerts")
    return f"{before}{BEGIN}\n{sections()}{END}{after}"


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(written(text), encoding="utf-8")
    sys.exit(0)
