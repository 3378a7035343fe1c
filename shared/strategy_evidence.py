"""What each family of strategies did on recordings, as data: made by `./coin evidence … --write`, shown by the Strategy
page, `./coin strategy show` and docs/strategies.md. Nobody computes a figure of it anew.

All returns and falls are fractions: 0.25 is a gain of 25 %, a fall is zero or below.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import orjson

from shared.files import Unreadable, parse_object

FILE = Path(__file__).with_name("strategy_evidence.json")
VERSION = 1


class EvidenceRow(msgspec.Struct, frozen=True):
    """One family on one recording at one fee tier. `trades`: filled orders; `fees`: in quote currency."""

    family: str
    tier: str
    gained: float
    worst: float  # deepest fall of equity at 00:00 UTC below an earlier one
    trades: int
    fees: float
    beside_holding: str  # whether its growth can be told from that of holding


class HeldFigures(msgspec.Struct, frozen=True):
    """Bought at the first open, sold at the last close, with the tier's fees."""

    gained: float
    worst: float


class RecordingFigures(msgspec.Struct, frozen=True):
    """What every family made of one recording, or of several side by side. `left_out`: family to why it did not run."""

    product_id: str
    bar: str
    begins: str
    ends: str
    bars: int
    source: str  # name of the file that was imported; "" = not known
    sha256: str  # of product, bar length and columns, its first digits
    judged_from: str
    held: Mapping[str, HeldFigures]  # by tier
    rows: tuple[EvidenceRow, ...]
    left_out: Mapping[str, str]

    @property
    def name(self) -> str:
        """Product, bar length, whole span, source and hash in one line."""
        return (
            f"{self.product_id}, bars of {self.bar}, {self.begins} to {self.ends}, {self.bars:,} bars, "
            f"source `{self.source or 'not named'}`, SHA-256 {self.sha256}…"
        )


class FeeTier(msgspec.Struct, frozen=True):
    """Percent of each order's value."""

    maker_pct: float
    taker_pct: float


class StrategyEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one run of `./coin evidence` found."""

    version: int = VERSION
    made: str  # UTC day
    build: str
    command: str
    tiers: Mapping[str, FeeTier]
    recordings: tuple[RecordingFigures, ...]


class FamilyTally(msgspec.Struct, frozen=True):
    """In how many of `recordings` a family did what, at one tier."""

    family: str
    tier: str
    recordings: int
    calmer: int  # its worst fall was smaller than holding's
    richer: int  # it earned more than holding
    lost: int  # it ended below its start


def tally(recordings: tuple[RecordingFigures, ...], family: str, tier: str) -> FamilyTally | None:
    """Counts over the recordings on which it ran; None = on none."""
    pairs = [
        (row, one.held[tier]) for one in recordings for row in one.rows if (row.family, row.tier) == (family, tier)
    ]
    if not pairs:
        return None
    return FamilyTally(
        family, tier, len(pairs),
        sum(row.worst > held.worst for row, held in pairs),
        sum(row.gained > held.gained for row, held in pairs),
        sum(row.gained < 0 for row, _ in pairs),
    )  # fmt: skip


def encoded(evidence: StrategyEvidence) -> bytes:
    """As the file holds it: figures to six digits, so that another machine's last bit changes nothing."""
    plain = msgspec.to_builtins(evidence)
    return orjson.dumps(_rounded(plain), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return round(value, 6) if isinstance(value, float) else value


def read(path: Path = FILE) -> StrategyEvidence | None:
    """None where there is no file. Raises Unreadable, OSError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        found = msgspec.convert(parse_object(data), StrategyEvidence)
    except msgspec.ValidationError as error:
        raise Unreadable(f"{path.name}: {error}") from error
    if found.version != VERSION:
        raise Unreadable(f"{path.name} is of version {found.version}")
    return found
