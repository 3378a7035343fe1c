"""Why no trade now: the gates of each product in the order they are judged."""

from dataclasses import dataclass

from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from shared.documents.risk import GateDoc, GateVerdict, ProductGatesDoc
from shared.documents.status import Status
from shared.presence import Presence
from shared.verdict import UNFIT, Verdict


@dataclass(frozen=True, slots=True)
class GateRow:
    title: str
    now: str
    need: str
    state: str  # open, shut, fault, also, after, unk
    icon: str
    opens: str
    say: str  # for screen readers


@dataclass(frozen=True, slots=True)
class GateMark:
    """One mark of the strip: its place and shape."""

    x: int
    shape: str  # open, stop, also, after
    state: str


@dataclass(frozen=True, slots=True)
class ProductPanel:
    product_id: str
    state: str  # open, shut, fault
    icon: str
    verdict: str
    sentence: str
    gates: list[GateRow]
    strip: list[GateMark]
    width: int
    shut: int
    shut_say: str
    decided: str
    off: list[str]  # gates that are switched off: they never stop anything


@dataclass(frozen=True, slots=True)
class WhyPanel:
    known: bool
    reason: str  # one sentence for all, where no gate list holds
    state: str
    products: list[ProductPanel]


_WORD = {GateVerdict.OPEN: "open", GateVerdict.SHUT: "shut", GateVerdict.FAULT: "fault", GateVerdict.UNKNOWN: "unk"}
_ICON = {"open": "ok", "shut": "shut", "fault": "bads", "unk": "unk", "also": "shut", "after": "ok"}


def why(s: Snapshot) -> WhyPanel:
    state = s.state
    if state is None:
        return WhyPanel(False, "Not known yet.", "unk", [])
    if s.killed:
        return WhyPanel(False, "Killed: the order gate is shut. No entries, and exits are not evaluated.", "kill", [])
    if s.verdict.word in UNFIT:
        word = {Verdict.LOCKED_OUT: "Locked out", Verdict.LEDGER_GONE: "Ledger gone"}[s.verdict.word]
        return WhyPanel(
            False, f"{word}: no entries, and no exit is sent. {f.sentence(f.clean(s.verdict.reason))}.", "idle", []
        )
    if s.fresh and state.status in (Status.STOPPED, Status.SAFE, Status.ERROR):
        word = {Status.STOPPED: "Stopped", Status.SAFE: "Safe mode", Status.ERROR: "Error"}[state.status]
        return WhyPanel(False, f"{word}: no entries, and exits are not evaluated.", "idle", [])
    if s.presence is Presence.OFFLINE or s.verdict.word is Verdict.HUNG:
        # Gates that it found open when it last wrote would read as if it could buy.
        word = "is hung" if s.verdict.word is Verdict.HUNG else "is not running"
        return WhyPanel(False, f"The bot {word}: no entries, and exits are not evaluated.", "idle", [])
    if state.gates is None:
        return WhyPanel(False, "No decisions until trading starts.", "wait", [])
    return WhyPanel(True, "", "", [product(p, s) for p in state.gates.products])


def product(doc: ProductGatesDoc, s: Snapshot) -> ProductPanel:
    rows = [g for g in doc.gates if not _off(g)]
    first = next((i for i, g in enumerate(rows) if g.verdict is not GateVerdict.OPEN), None)
    gates = [_gate(g, i, first) for i, g in enumerate(rows)]
    shut = sum(g.verdict in (GateVerdict.SHUT, GateVerdict.FAULT) for g in rows)
    state = "open" if first is None else ("fault" if rows[first].verdict is GateVerdict.FAULT else "shut")
    decided = f.of_text(doc.decided_at)
    verdict = "All gates are open" if first is None else f"Blocked by: {f.clean(rows[first].title).lower()}"
    return ProductPanel(
        doc.product_id,
        state,
        _ICON[state],
        verdict,
        f.clean(doc.sentence),
        gates,
        [_mark(i, g, i == first) for i, g in enumerate(gates)],
        14 * len(gates) + 2 if gates else 14,
        shut,
        f"{f.plural(shut, 'gate')} shut" if shut else "all gates open",
        f"decided {f.clock(decided, s.now)}" if decided else "",
        [f.clean(g.title) for g in doc.gates if _off(g)],
    )


def _off(doc: GateDoc) -> bool:
    """Switched off by its setting: open, and it asks for nothing."""
    return doc.verdict is GateVerdict.OPEN and doc.value == "off" and not doc.limit


def _gate(doc: GateDoc, i: int, first: int | None) -> GateRow:
    word = _WORD[doc.verdict]
    state = word
    say = {"open": "open", "shut": "shut", "fault": "fault, shut", "unk": "not known"}[word]
    if first is not None and i == first:
        say += ", this one blocks entries"
    elif first is not None and i > first:
        state = {"open": "after", "shut": "also", "fault": "also", "unk": "unk"}[word]
        say = "also " + say if state == "also" else say
    icon = "bads" if word == "fault" else _ICON[state]
    return GateRow(
        f.clean(doc.title),
        _figure(doc.value or f.DASH),
        _figure(doc.limit or ""),
        state,
        icon,
        f.clean(doc.opens or "") if i == first else "",
        say,
    )


def _figure(text: str) -> str:
    return f.minus(f.clean(text)).removesuffix(" x") + (" ×" if text.endswith(" x") else "")


def _mark(i: int, gate: GateRow, stops: bool) -> GateMark:
    shape = "stop" if stops else {"open": "open", "also": "also"}.get(gate.state, "after")
    return GateMark(6 + 14 * i, shape, gate.state)


@dataclass(frozen=True, slots=True)
class SignalStrip:
    """The last signals as strokes: paths of buys (up), sells (down) and flats, and the sentence that reads them out."""

    buy: str
    sell: str
    flat: str
    bars: int
    say: str


def signal_strip(signals: list[tuple[int, str]]) -> SignalStrip:
    """Strokes of the signals, oldest left."""
    paths: dict[str, list[str]] = {"buy": [], "sell": [], "flat": []}
    for i, (_, word) in enumerate(signals):
        x = 2 + 4 * i
        name = word if word in ("buy", "sell") else "flat"
        paths[name].append({"buy": f"M{x} 10V1", "sell": f"M{x} 14V23"}.get(name, f"M{x} 11V13"))
    counts = ", ".join(f"{len(paths[n])} {n}" for n in ("buy", "sell", "flat"))
    say = f"Signals of the last {len(signals)} bars: {counts}"
    return SignalStrip("".join(paths["buy"]), "".join(paths["sell"]), "".join(paths["flat"]), len(signals), say)
