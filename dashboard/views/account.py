"""What the account holds beyond the bot's own trades, and the result of the last daily reconciliation."""

from dataclasses import dataclass
from datetime import datetime

from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from shared.documents.risk import AuditDoc

AUDIT_LATE_S = 2 * 86_400.0  # it runs daily; one that failed is tried again within minutes


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """One currency. `text` is its amount with its meaning, `said` the same as part of a sentence."""

    currency: str
    text: str
    said: str
    less: bool


@dataclass(frozen=True, slots=True)
class AuditPanel:
    state: str  # ok, warn, bad
    icon: str
    word: str
    at: datetime | None
    age: str
    compared: str
    findings: list[str]


def differing(s: Snapshot) -> list[DifferenceRow]:
    """The unexplained difference by currency; empty = none. A text of another form is shown whole, not guessed."""
    text = s.state.differences if s.state else None
    if not text:
        return []
    return [_difference(part) for part in text.split(", ")]


def _difference(part: str) -> DifferenceRow:
    currency, _, amount = part.partition(" ")
    if not amount or amount[0] not in "+-":
        shown = f.clean(part)
        return DifferenceRow("Account", shown, shown, False)
    name, size = f.clean(currency), f.clean(amount[1:])
    word = "less" if amount[0] == "-" else "more"
    return DifferenceRow(name, f"{size} {word}", f"{size}{f.NBSP}{name} {word}", word == "less")


def coins_left(s: Snapshot) -> bool:
    """Coins that lots may have been made of are gone: adopting may close lots."""
    lots = {p.symbol for p in (s.state.positions if s.state else None) or [] if p.lots}
    return any(one.less and one.currency in lots for one in differing(s))


def rows(s: Snapshot) -> list[tuple[str, str]]:
    """(currency, amount) of each difference, and since when; empty = nothing differs."""
    found = [(one.currency, one.text) for one in differing(s)]
    since = f.of_text(s.state.differences_since) if found and s.state else None
    return [*found, ("Since", f.clock(since, s.now))] if since is not None else found


def audit(s: Snapshot) -> AuditPanel | None:
    """The last one; None = there was none, or it is not known."""
    doc = s.state.audit if s.state else None
    if doc is None:
        return None
    at = f.of_ms(doc.at_ms)
    age_s = max(0.0, (s.now - at).total_seconds()) if at is not None else None
    late = age_s is None or age_s > AUDIT_LATE_S
    state, icon, word = ("bad", "bads", "Differs") if not doc.ok else ("ok", "ok", "Matches")
    if doc.ok and late:
        state, icon, word = "warn", "warns", "Outdated"
    compared = f"{f.plural(doc.orders, 'order')}, {f.plural(doc.fills, 'fill')} and the balances"
    return AuditPanel(
        state, icon, word, at, f"{f.span(age_s)} ago" if age_s is not None else "", compared, _findings(doc)
    )


def _findings(doc: AuditDoc) -> list[str]:
    return [] if doc.ok else [f.clean(one) for one in doc.text.removeprefix("audit: ").split("; ")]
