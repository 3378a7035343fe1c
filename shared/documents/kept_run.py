"""`research/runs/ID/run.json` as those read it who are not research: the verdict, the figures, the curve.

Research writes it (`research/runs.py`). Returns and drawdowns are fractions, money is in quote units.
"""

from dataclasses import dataclass, field

import msgspec

from shared.documents.lab import LabCurve
from shared.files import Unreadable, parse_object


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptModel:
    fill: str
    maker_pct: float
    taker_pct: float
    spread_bps: float
    slippage_bps: float
    cash: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptQuestion:
    """What was asked. Seconds since 1970; None = from the first bar, to the last one."""

    data: list[str]
    overrides: dict[str, str]
    model: KeptModel
    style: str
    engine: str
    since_s: int | None = None
    until_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptData:
    name: str
    product_id: str
    digest: str
    bars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRunVerdict:
    sentence: str
    proof: str
    luck: str
    total_return: float
    buy_and_hold: float
    open_lots: int
    open_result: float
    closed_lots: int
    closed_result: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRunDoc:
    """`kinds`: of each figure its title and how it is written: money, percent, ratio, count or span (seconds)."""

    run_id: str
    at: str
    request: KeptQuestion
    settings: dict[str, str]
    data: list[KeptData]
    code: str
    verdict: KeptRunVerdict
    figures: dict[str, float | None]
    kinds: dict[str, tuple[str, str]]
    notes: list[str] = field(default_factory=list)
    curve: LabCurve | None = None  # runs of earlier versions have none


def decode_kept_run(data: bytes) -> KeptRunDoc:
    """Raises Unreadable with a sentence for a person."""
    try:
        return msgspec.convert(parse_object(data), KeptRunDoc)
    except msgspec.ValidationError as error:
        raise Unreadable(f"not a kept run: {error}") from error
