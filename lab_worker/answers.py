"""From a form's question to research's, and from research's answer to what the page shows."""

from collections.abc import Mapping, Sequence

from research.backtest import BacktestRequest
from research.data.candles import CandleSet
from research.engine import RawResult
from research.metrics.summary import figures
from research.options import MarketOptions
from research.report import charts
from research.verdict import BacktestVerdict, verdict
from shared.documents.lab import LabCurve, LabOutcome, LabQuestion


def request_of(asked: LabQuestion) -> BacktestRequest:
    """As research takes it, by the rules of the command line's own options. Raises ResearchError."""
    return MarketOptions(
        data=list(asked.data), sets=[f"{key}={value}" for key, value in asked.settings.items()], fill=asked.fill,
        maker_pct=asked.maker_pct, taker_pct=asked.taker_pct, spread_bps=asked.spread_bps,
        slippage_bps=asked.slippage_bps, cash=asked.cash, since=asked.since or None, until=asked.until or None,
    ).request()  # fmt: skip


def outcome(result: RawResult, strategy: str, note: str = "") -> LabOutcome:
    """A result without the figures that draw random numbers: they take longer than the run."""
    found = figures(result, chances=False)
    judged = verdict(result, found, chances=False)
    return of_verdict(result.prepared.candles, judged, {one.key: one.value for one in found}, curve_of(result),
                      strategy, note)  # fmt: skip


def of_verdict(
    candles: Sequence[CandleSet],
    judged: BacktestVerdict,
    values: Mapping[str, float | None],
    curve: LabCurve,
    strategy: str,
    note: str,
) -> LabOutcome:
    return LabOutcome(
        sentence=judged.sentence, proof=judged.proof, luck=judged.luck.value, figures=dict(values), curve=curve,
        bars=sum(len(one) for one in candles), currency=candles[0].product_id.partition("-")[2], strategy=strategy,
        note=note,
    )  # fmt: skip


def curve_of(result: RawResult) -> LabCurve:
    return LabCurve(**charts.beside_holding(result))
