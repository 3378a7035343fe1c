"""The rules and their runbook in docs/operations.md: `python -m cli.operations_page` writes them."""

import sys

from shared.figures import plainly
from shared.paths import ROOT
from watch.rules.rule import AlertRule
from watch.rules.runbook import RUNBOOK
from watch.rules.table import RULES

PAGE = ROOT / "docs" / "operations.md"
BEGIN, END = "<!-- rules: written by python -m cli.operations_page -->\n", "<!-- end of rules -->\n"
HEAD = "| rule | what is looked at | fires at | for | severity |\n|---|---|---|---|---|\n"


def table() -> str:
    """Every rule: one row each."""
    return HEAD + "".join(
        f"| [`{rule.name}`](#{anchor(rule)}) | {rule.looks_at} | {rule.threshold} | {_lasts(rule)} | "
        f"{rule.severity.value}{' †' if rule.urgent else ''} |\n"
        for rule in RULES
    )


def anchor(rule: AlertRule) -> str:
    return rule.runbook.partition("#")[2]


def _lasts(rule: AlertRule) -> str:
    return f"{plainly(rule.for_s)} s" if rule.for_s else "–"


def sections() -> str:
    """What to do about each."""
    return "".join(
        f"### {anchor(rule)}\n\n**{rule.title}** ({rule.severity.value}). {RUNBOOK[rule.name].means}\n\n"
        f"- *Look at:* {RUNBOOK[rule.name].look}\n- *Do:* {RUNBOOK[rule.name].act}\n\n"
        for rule in RULES
    )


def written(page: str) -> str:
    """The page with table and sections as they are now. Raises ValueError where its marks are gone."""
    before, mark, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"{PAGE.name} lacks the marks of the rules")
    told = "† told within 5 s after its own threshold.\n"
    return f"{before}{BEGIN}\n{table()}\n{told}\n## Runbook\n\n{sections()}{END}{after}"


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(written(text), encoding="utf-8")
    sys.exit(0)
