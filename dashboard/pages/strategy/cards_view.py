"""The cards of the strategies: their texts in pieces, what was measured, and what choosing one would change."""

import re
from dataclasses import dataclass
from datetime import date

from dashboard.strategy_choice import Choice
from dashboard.views import format as f
from shared.strategy_cards import CARDS, StrategyCard
from shared.strategy_choice import open_lots_remark
from shared.strategy_evidence import FamilyTally, StrategyEvidence, tally

_PIECES = re.compile(r"`([^`]+)`|\*([^*]+)\*")


@dataclass(frozen=True, slots=True)
class TextPiece:
    """`mark`: code, em, or "" for plain text."""

    mark: str
    text: str


@dataclass(frozen=True, slots=True)
class MeasuredRow:
    """One recording at one fee tier, as texts; `bad` where it lost money."""

    recording: str
    tier: str
    gained: str
    held: str
    worst: str
    held_worst: str
    trades: str
    bad: bool


@dataclass(frozen=True, slots=True)
class CardPanel:
    """One card. `state`: runs (in the bot), chosen (in .env, not yet taken up), "" (neither)."""

    name: str
    title: str
    state: str
    purpose: str
    facts: list[tuple[str, list[TextPiece]]]
    tallies: list[FamilyTally]
    failed: list[str]
    rows: list[MeasuredRow]
    left_out: list[str]
    choice: Choice
    remark: str


@dataclass(frozen=True, slots=True)
class EvidencePanel:
    """Where the figures come from; `problem`: why there are none."""

    text: str
    command: str
    tiers: str
    problem: str = ""


def pieces(text: str) -> list[TextPiece]:
    """The text with its `code` and *titles* apart."""
    found, at = [], 0
    for match in _PIECES.finditer(text):
        found += [
            TextPiece("", text[at : match.start()]),
            TextPiece("code" if match[1] else "em", match[1] or match[2]),
        ]
        at = match.end()
    return [one for one in (*found, TextPiece("", text[at:])) if one.text]


def card(name: str, state: str, choice: Choice, evidence: StrategyEvidence | None) -> CardPanel:
    """The card of a built-in strategy."""
    one = CARDS[name]
    recordings = evidence.recordings if evidence is not None else ()
    tiers = evidence.tiers if evidence is not None else {}
    rows = [
        MeasuredRow(
            f"{made.product_id} {made.bar}, {made.judged_from[:4]}–{made.ends[:4]}", tier,
            f.signed_pct(100 * row.gained, 1), f.signed_pct(100 * made.held[tier].gained, 1),
            f.signed_pct(100 * row.worst, 1), f.signed_pct(100 * made.held[tier].worst, 1),
            f.count(row.trades), row.gained < 0,
        )
        for made in recordings for tier in tiers for row in made.rows if (row.family, row.tier) == (name, tier)
    ]  # fmt: skip
    counted = [found for tier in tiers if (found := tally(recordings, name, tier)) is not None]
    left_out = [f"{made.product_id} {made.bar}: {made.left_out[name]}" for made in recordings if name in made.left_out]
    return CardPanel(
        name, one.title, state, one.purpose, _facts(one), counted, _failed(counted), rows, left_out, choice,
        open_lots_remark(one),
    )  # fmt: skip


def _facts(one: StrategyCard) -> list[tuple[str, list[TextPiece]]]:
    said = "target weights" if one.says == "weights" else "signals, which open lots"
    texts = (
        ("Idea", one.idea), ("Source", one.source), ("Must be true", one.must_be_true),
        ("Fails when", one.fails_when), ("Trades", f"{one.trades}; says {said}"), ("Costs it can bear", one.costs),
    )  # fmt: skip
    return [(name, pieces(text[:1].upper() + text[1:])) for name, text in texts]


def _failed(counted: list[FamilyTally]) -> list[str]:
    """Where it failed on the recordings, in sentences made of the figures."""
    found = []
    for one in counted:
        of = f"of {f.plural(one.recordings, 'recording')} at the {one.tier} tier's fees"
        if one.lost:
            found.append(f"It lost money on {one.lost} {of}.")
        if one.calmer < one.recordings:
            found.append(f"It fell at least as deep as holding on {one.recordings - one.calmer} {of}.")
    if counted and not any(one.richer for one in counted):
        found.append("It earned more than holding on none.")
    return found


def evidence_panel(evidence: StrategyEvidence | None, problem: str, today: date) -> EvidencePanel:
    """Source and age of the figures."""
    if evidence is None:
        return EvidencePanel("", "", "", problem or "no figures come with this build")
    days = (today - date.fromisoformat(evidence.made)).days
    age = "today" if days == 0 else f"{f.plural(days, 'day')} ago" if days > 0 else "a day that is still to come"
    spans = sorted(one for made in evidence.recordings for one in (made.begins[:4], made.ends[:4]))
    text = (
        f"{f.plural(len(evidence.recordings), 'recording')} of {spans[0]} to {spans[-1]}" if spans else "no recording"
    )
    tiers = "; ".join(f"{name} tier: {t.maker_pct:.2f} % maker, {t.taker_pct:.2f} % taker"
                      for name, t in evidence.tiers.items())  # fmt: skip
    return EvidencePanel(f"Measured {evidence.made} ({age}) on {text}", evidence.command, tiers)
