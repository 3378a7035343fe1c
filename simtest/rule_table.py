"""The tables of docs/simulation-testing.md, from what is declared: `python -m simtest.rule_table`."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from simtest.drawing.settings import NOT_DRAWN
from simtest.judge import INVARIANTS
from simtest.judge.rules import ENOUGH, RULES, SELDOM, invariant_of

PAGE = Path(__file__).resolve().parent.parent / "docs" / "simulation-testing.md"
NEVER_WANTED = 10**6  # seeds: a rule that waits for more is a count and no check


def rules() -> str:
    """Every invariant with its rules, in the judge's order: one row each."""
    lines = ["| rule | what must hold | judged in every batch of |", "|---|---|---|"]
    for name, check in INVARIANTS.items():
        parts = [rule for rule in RULES if invariant_of(rule) == name]
        sentence = (check.__doc__ or "").splitlines()[0].partition(": ")[2].rstrip(".")
        lines.append(f"| **{name}** | **{sentence}** | {_wanted(name) if name in parts else ''} |")
        lines += [
            f"| {rule.partition('/')[2]} | {_cell(RULES[rule])} | {_wanted(rule)} |" for rule in parts if rule != name
        ]
    return "\n".join(lines) + "\n"


def not_drawn() -> str:
    """Every setting that no seed draws, with the reason."""
    lines = ["| setting | why no seed draws it |", "|---|---|"]
    lines += [f"| `{name.upper()}` | {_cell(reason)} |" for name, reason in NOT_DRAWN.items()]
    return "\n".join(lines) + "\n"


def _wanted(rule: str) -> str:
    seeds = SELDOM.get(rule, ENOUGH)
    return f"{seeds:,} seeds" if seeds < NEVER_WANTED else "– (a count)"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


TABLES: Mapping[str, Callable[[], str]] = {"rules": rules, "not drawn": not_drawn}


def written(page: str) -> str:
    """The page with its tables as they are now. Raises ValueError where the marks of one are gone."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name}: written by python -m simtest.rule_table -->\n", f"<!-- end of {name} -->\n"
        before, mark, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not mark or not closed:
            raise ValueError(f"{PAGE.name} lacks the marks of the table of {name}")
        page = before + begin + table() + end + after
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    sys.exit(0)
