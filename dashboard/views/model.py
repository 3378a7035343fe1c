"""A fitted model as a card: its weights as bars about zero, its calibration as a curve, and its score."""

from dataclasses import dataclass
from datetime import datetime

from dashboard.views import format as f
from shared.documents.strategy import ModelDoc, ScoreDoc

BOX_W, BOX_H = 260.0, 190.0
LEFT, BOTTOM, TOP, RIGHT = 34.0, 22.0, 8.0, 8.0


@dataclass(frozen=True, slots=True)
class WeightRow:
    name: str
    value: str
    x: float  # percent of the width at which its bar begins
    width: float


@dataclass(frozen=True, slots=True)
class Dot:
    x: float
    y: float
    r: float


@dataclass(frozen=True, slots=True)
class CalibrationCurve:
    """A reliability curve: predicted (x), observed (y); both axes from `low` to `high`."""

    dots: list[Dot]
    path: str
    low: str
    high: str
    middle: tuple[float, float]  # where the axes' middle stands: x, y
    half: str
    say: str


@dataclass(frozen=True, slots=True)
class ModelCard:
    product_id: str
    figures: list[tuple[str, str, str]]  # name, value, remark
    weights: list[WeightRow]
    curve: CalibrationCurve | None
    verdict: str
    state: str  # ok, shut, wait
    icon: str
    fitted_at: datetime | None


def card(doc: ModelDoc) -> ModelCard:
    score = doc.score
    figures = [
        ("Fitted on", f.count(doc.rows), "bars"),
        ("Fits", f.count(doc.fits), "walk forward"),
        ("Intercept", f.signed(doc.intercept, 3), ""),
    ]
    if score is not None:
        figures += [
            ("Evaluated on", f.count(score.count), "out-of-sample bars"),
            ("Hit rate", f.pct(100 * score.hit_rate, 1), f"base rate of rises {f.pct(100 * score.base_rate, 1)}"),
            ("Brier score", f.number(score.brier, 4), f"base {f.number(score.base_brier, 4)}"),
            ("Log loss", f.number(score.log_loss, 4), "coin flip 0.6931"),
        ]
    verdict, state, icon = _verdict(score)
    return ModelCard(
        f.clean(doc.product_id),
        figures,
        weights(doc),
        curve(score) if score is not None else None,
        verdict,
        state,
        icon,
        f.of_text(doc.fitted_at),
    )


def _verdict(score: ScoreDoc | None) -> tuple[str, str, str]:
    if score is None or score.count < 100:
        return "Too few bars to evaluate it yet.", "wait", "wait"
    if score.base_brier <= 0:
        return "All bars moved the same way: skill cannot be measured.", "wait", "wait"
    skill = 100 * (1 - score.brier / score.base_brier)
    rate = f.pct(100 * score.base_rate, 0)
    if skill >= 0.05:
        return f"{f.pct(skill, 1)} better than always predicting {rate}.", "ok", "ok"
    word = "No better than" if skill > -0.05 else f"{f.pct(-skill, 1)} worse than"
    return f"{word} always predicting {rate}.", "shut", "shut"


def weights(doc: ModelDoc) -> list[WeightRow]:
    """Largest first, on one scale about the middle."""
    largest = max((abs(w) for w in doc.weights), default=0.0) or 1.0
    out = []
    for name, value in sorted(zip(doc.features, doc.weights, strict=False), key=lambda pair: -abs(pair[1])):
        width = round(50 * abs(value) / largest, 2)
        x = 50.0 if value >= 0 else 50.0 - width
        out.append(WeightRow(called(name), f.signed(value, 3), round(x, 2), width))
    return out


_SPELLED = {"rsi": "RSI", "sma": "SMA", "ema": "EMA", "atr": "ATR", "zscore": "z-score"}


def called(name: str) -> str:
    """`sma_gap_10_30` becomes `SMA gap 10/30`."""
    parts = [_SPELLED.get(part, part) for part in f.clean(name).split("_")]
    head = " ".join(part for part in parts if not part.isdigit())
    numbers = "/".join(part for part in parts if part.isdigit())
    return f"{head[:1].upper()}{head[1:]} {numbers}".strip()


def curve(score: ScoreDoc) -> CalibrationCurve | None:
    """None where there is nothing to draw."""
    bins = [(p, share, int(n)) for p, share, n in (b for b in score.bins if len(b) == 3)]
    if len(bins) < 2:
        return None
    values = [v for p, share, _ in bins for v in (p, share)]
    low, high = max(0.0, min(values) - 0.02), min(1.0, max(values) + 0.02)

    def at(p: float, share: float) -> tuple[float, float]:
        across, up = (p - low) / (high - low), (share - low) / (high - low)
        return round(LEFT + across * (BOX_W - LEFT - RIGHT), 1), round(BOX_H - BOTTOM - up * (BOX_H - BOTTOM - TOP), 1)

    most = max(n for _, _, n in bins) or 1
    places = [(*at(p, share), n) for p, share, n in bins]
    gap = max(abs(p - share) for p, share, _ in bins)
    middle = (low + high) / 2
    return CalibrationCurve(
        [Dot(x, y, round(2.2 + 1.8 * (n / most) ** 0.5, 1)) for x, y, n in places],
        "M" + "L".join(f"{x} {y}" for x, y, _ in places),
        f.number(low, 2),
        f.number(high, 2),
        at(middle, middle),
        f.number(middle, 2),
        f"Calibration of {f.plural(len(bins), 'bin')}: largest gap between predicted and observed {f.number(gap, 2)}",
    )
