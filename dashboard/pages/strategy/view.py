"""The Strategy page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard.views import format as f
from dashboard.views import model as model_view
from dashboard.views import regimes
from dashboard.views.snapshot import Snapshot
from shared.documents.strategy import SignalDoc, StrategyDoc, StrategySettingDoc, TargetDoc
from shared.regimes import REGIME_SIZE, REGIME_VALUE
from shared.strategy_names import COMBINED

_ICON = {"buy": ("ok", "up"), "sell": ("bad", "down"), "flat": ("m", "dash")}


@dataclass(frozen=True, slots=True)
class SignalRow:
    product_id: str
    word: str
    tone: str
    icon: str
    probability: str
    bar_at: datetime | None
    bars: str
    ready: bool
    values: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting that the strategy reads. `note`: its default where another one holds, and where it came from."""

    key: str
    value: str
    note: str
    help: str


@dataclass(frozen=True, slots=True)
class StrategyPanel:
    name: str
    granularity: str
    own: list[SettingRow]
    general: list[SettingRow]
    signals: list[SignalRow]
    measure: str  # head of the column of probabilities; "" where the strategy says none
    model: list[tuple[str, str]]
    cards: list[model_view.ModelCard]
    members: str  # names of the strategies that it asks; "" for one alone


def _name(key: str) -> str:
    """`gap_pct` becomes `Gap, %`."""
    return f"{model_view.called(key.removesuffix('_pct'))}, %" if key.endswith("_pct") else model_view.called(key)


def _is_rank(name: str) -> bool:
    """`rank`, or `relative rank` of one of several strategies."""
    return name.rpartition(" ")[2] == "rank"


def _figure(name: str, value: float, signals: Sequence[SignalDoc]) -> str:
    """A value with its digits; a place among the products as `1 of 4`."""
    if _is_rank(name) and value >= 1.0 and value.is_integer():
        return f"{f.count(int(value))} of {f.count(sum(name in one.values for one in signals))}"
    return f.number(value, 4 if abs(value) < 100 else 2)


def _values(x: SignalDoc, doc: StrategyDoc, minds_regime: bool) -> list[tuple[str, str]]:
    """The members' answers and the indicators; the probability has a column of its own."""
    members = doc.members
    target = _target(x.target) if x.target is not None else []
    hidden = {*members, REGIME_VALUE, REGIME_SIZE, *(("p",) if x.probability is not None else ())}
    shown = {k: v for k, v in x.values.items() if k not in hidden}
    answers = [(f"{f.clean(name)} says", _answer(x, name)) for name in members]
    regime = [("Regime", f.clean(regimes.shown(x)))] if minds_regime else []
    return target + regime + answers + [(_name(k), _figure(k, v, doc.signals)) for k, v in shown.items()]


def _answer(x: SignalDoc, member: str) -> str:
    """What one of several strategies says: a signal, or the part of the share that it would hold."""
    value = x.values.get(member)
    if value is None:
        return "nothing yet" if x.bars < x.bars_needed else "no opinion"
    if x.target is not None:
        return f"{f.number(value * 100.0, 1)} %"
    return "buy" if value > 0.0 else "sell" if value < 0.0 else "flat"


def _target(x: TargetDoc) -> list[tuple[str, str]]:
    """What is held beside the target, and what is done for it."""
    now = f"{x.job} since {f.clean((x.job_since or '')[11:19])} UTC" if x.job else f.clean(x.waits or "nothing to do")
    return [
        ("Target, % of its share", f.number(x.target_pct, 1)),
        ("Held, % of its share", f.number(x.held_pct, 1)),
        ("Band, ±", f.number(x.band_pct, 1)),
        ("Now", now),
    ]


def _setting(x: StrategySettingDoc) -> SettingRow:
    note = "default" if x.origin == "default" else f"{x.origin}, default {x.default}"
    return SettingRow(f.clean(x.key), f.clean(x.value), f.clean(note), f.clean(x.help))


def _settings(doc: StrategyDoc) -> list[tuple[bool, SettingRow]]:
    """(its own, the setting). An older bot says names and values only."""
    if doc.settings:
        return [(x.own, _setting(x)) for x in doc.settings]
    return [(True, SettingRow(f.clean(k), f.clean(v), "", "")) for k, v in doc.parameters.items()]


def _says_probability(doc: StrategyDoc, fitted: bool) -> bool:
    """A fitted model says one with its signals, none with target weights."""
    known = any(x.probability is not None for x in doc.signals)
    return known or (fitted and not any(x.target is not None for x in doc.signals))


def strategy(s: Snapshot) -> StrategyPanel | None:
    """None = not known yet."""
    doc = s.state.strategy if s.state else None
    if doc is None:
        return None
    m = s.state.metrics if s.state else None
    minds_regime = regimes.is_on(doc)
    order = {x.product_id: i for i, x in enumerate(doc.signals)}
    signals = []
    for x in doc.signals:
        tone, icon = _ICON.get(x.signal, ("m", "dash"))
        signals.append(
            SignalRow(
                f.clean(x.product_id),
                f.clean(x.signal),
                tone,
                icon,
                f.number(x.probability, 3),
                f.of_text(x.bar_at),
                f"{f.count(x.bars)}, needs {f.count(x.bars_needed)}",
                x.bars >= x.bars_needed,
                _values(x, doc, minds_regime),
            )
        )
    fitted = bool(m and m.model_mode)
    model = [("Model", f.clean((m.model_mode if m else None) or "none, rule-based"))]
    if fitted and (doc.models or (m is not None and m.walk_forward_fits)):  # a trained model is fitted elsewhere
        model.append(("Fits, walk forward", f.count(m.walk_forward_fits if m else None)))
    model.append(("Volatility factor", f.number(m.vol_risk_factor if m else None, 3)))
    if m is not None:
        model.append(("Decisions", ", ".join(f"{f.count(n)} {word}" for word, n in m.decisions.items())))
    settings = _settings(doc)
    asked = [name for name in doc.members if name != COMBINED]
    return StrategyPanel(
        f.clean(doc.name), f.words(doc.granularity.lower()),
        [x for own, x in settings if own], [x for own, x in settings if not own],
        signals, "P(rise)" if _says_probability(doc, fitted) else "",
        model, [model_view.card(m) for m in sorted(doc.models, key=lambda m: order.get(m.product_id, 99))],
        ", ".join(f.clean(name) for name in asked) if len(asked) > 1 else "",
    )  # fmt: skip
