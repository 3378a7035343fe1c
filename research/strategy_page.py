"""Cards and evidence in docs/strategies.md, from their one place in `shared`: `python -m research.strategy_page`."""

import sys
from collections.abc import Iterator

from research.evidence_tables import recordings, tallies
from shared import strategy_evidence
from shared.paths import ROOT
from shared.strategy_cards import CARDS
from shared.strategy_evidence import StrategyEvidence

PAGE = ROOT / "docs" / "strategies.md"
_PARTS = ("overview", "cards", "tallies", "recordings")


def overview() -> Iterator[str]:
    """One row for each card."""
    yield "| strategy | says | purpose | trades | costs it can bear |"
    yield "|---|---|---|---|---|"
    for card in CARDS.values():
        yield f"| `{card.name}` | {card.says} | {card.purpose} | {card.trades} | {card.costs} |"


def cards() -> Iterator[str]:
    """One section for each."""
    for card in CARDS.values():
        yield f"### {card.name}: {card.title}"
        yield ""
        for title, text in (
            ("Idea", card.idea), ("Source", card.source), ("Must be true", card.must_be_true),
            ("Fails when", card.fails_when),
        ):  # fmt: skip
            yield f"* **{title}**: {text[:1].upper()}{text[1:]}"
        yield ""


def written(page: str, evidence: StrategyEvidence) -> str:
    """The page with all its parts as they are now. Raises ValueError where a mark is gone."""
    made = {
        "overview": [*overview(), ""], "cards": list(cards()),
        "tallies": [*_source(evidence), *tallies(evidence.recordings), ""],
        "recordings": list(recordings(evidence.recordings)),
    }  # fmt: skip
    for part in _PARTS:
        begin, end = f"<!-- {part}: written by python -m research.strategy_page -->\n", f"<!-- end of {part} -->\n"
        before, mark, rest = page.partition(begin)
        _, close, after = rest.partition(end)
        if not mark or not close:
            raise ValueError(f"{PAGE.name} lacks the marks of {part}")
        page = before + begin + "\n" + "\n".join(made[part]) + "\n" + end + after
    return page


def _source(evidence: StrategyEvidence) -> Iterator[str]:
    yield f"Measured {evidence.made} by `{evidence.command}`."
    yield ""


if __name__ == "__main__":
    found = strategy_evidence.read()
    if found is None:
        sys.exit("there is no evidence: ./coin evidence NAME … --write")
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
