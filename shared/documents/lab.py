"""What passes between the Lab page and COIN-LAB: a job as it is asked for, where it stands, and what came out of it.

The dashboard writes requests, COIN-LAB everything else (`shared.lab_files`). Times are in milliseconds since 1970 by
the writer's clock, but for those that end in `_s`: seconds since 1970, of bars. What is not known is null.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

import msgspec

from shared.documents.versioned import decode_versioned
from shared.files import Unreadable, parse_object

LAB_VERSION = 1
T = TypeVar("T")


class LabKind(StrEnum):
    """What a job does."""

    RUN = "run"
    SWEEP = "sweep"
    WALK = "walk"
    CHECK = "check"
    LOOK = "look"  # at a file that was dropped: nothing is kept
    IMPORT = "import"
    DOWNLOAD = "download"


class LabState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"  # by a person: what was finished is kept
    FAILED = "failed"

    @property
    def over(self) -> bool:
        return self not in (LabState.WAITING, LabState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabQuestion:
    """A backtest as a form asks for it. `settings`: by their public names, as texts. Days are YYYY-MM-DD (UTC)."""

    data: list[str]
    settings: dict[str, str] = field(default_factory=dict)
    fill: str = "next_open"
    maker_pct: float = 0.50
    taker_pct: float = 0.90
    spread_bps: float = 0.0
    slippage_bps: float = 0.0
    cash: float = 10_000.0  # quote units
    since: str | None = None
    until: str | None = None  # before this day


@dataclass(frozen=True, slots=True, kw_only=True)
class LabFile:
    """A dropped file, or a set to download, and what a person said of it. "" = not said."""

    upload: str = ""  # the id of what was dropped
    shown_name: str = ""  # the file's own name: for people, and for the product that it may name; never a path
    product: str = ""
    outliers: str = ""  # keep or drop
    name: str = ""  # of the set
    granularity: str = ""
    since: str = ""
    until: str = ""
    venue: str = ""  # where a download comes from: coinbase, or sim


@dataclass(frozen=True, slots=True, kw_only=True)
class LabRequest:
    """A job. `user`: whose it is, as one at a time runs for each; `title`: what it is, for a person."""

    version: int = LAB_VERSION
    id: str
    kind: LabKind
    user: str
    by: str
    at_ms: int
    title: str
    question: LabQuestion | None = None
    grid: list[str] = field(default_factory=list)  # KEY=1.0:3.0:0.1 or KEY=0.2,0.4
    metric: str = "total_return"
    train: str = "60d"
    test: str = "20d"
    file: LabFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabStatus:
    """Where a job stands. `done` of `total` in `unit`; `error`: why it failed, in a sentence."""

    version: int = LAB_VERSION
    state: LabState
    at_ms: int
    began_ms: int | None = None
    ended_ms: int | None = None
    done: int | None = None
    total: int | None = None
    unit: str = ""
    error: str = ""
    memory_bytes: int | None = None  # of all its processes together, at the last look


@dataclass(frozen=True, slots=True, kw_only=True)
class LabCurve:
    """Equity and holding at the same moments, in quote units, thinned; the last moment pays the exits of open lots."""

    times_s: list[int]
    equity: list[float]
    holding: list[float]
    cash: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LabOutcome:
    """A backtest's answer in short. `figures`: by the keys of `research.metrics.summary`, fractions for percents."""

    sentence: str
    proof: str
    luck: str
    figures: dict[str, float | None]
    curve: LabCurve
    bars: int
    currency: str
    strategy: str
    note: str = ""  # what was left out of the data


@dataclass(frozen=True, slots=True, kw_only=True)
class LabTry:
    """Settings that a person is moving: answered once, kept nowhere, no trial. `seq` counts up within one page."""

    version: int = LAB_VERSION
    page: str
    seq: int
    at_ms: int
    question: LabQuestion


@dataclass(frozen=True, slots=True, kw_only=True)
class LabTried:
    """The answer to a try; `error` instead of an outcome where it could not run. `took_ms`: of the engine."""

    version: int = LAB_VERSION
    page: str
    seq: int
    took_ms: float = 0.0
    outcome: LabOutcome | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabRunDone:
    run_id: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabPoint:
    """One point of a sweep: `values` in the order of the axes; `figures` empty where it could not run."""

    values: list[str]
    figures: dict[str, float | None] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabSwept:
    """`of`: how many points were asked for. `deflated`: the chance that the best is more than luck and market."""

    axes: list[str]
    points: list[LabPoint]
    of: int
    metric: str
    buy_and_hold: float | None = None
    deflated: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabWindow:
    test_from_s: int
    test_to_s: int
    chosen: dict[str, str] | None  # None = no point could run
    trained: float | None
    tested: dict[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabWalked:
    """`growth`: equity after each window, begun with 1."""

    windows: list[LabWindow]
    growth: list[float]
    metric: str
    sentence: str = ""
    proof: str = ""
    sharpe: float | None = None
    max_drawdown: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabCheckLine:
    name: str
    passed: bool
    tested: bool
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabChecked:
    strategy: str
    bars: int
    lines: list[LabCheckLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabSet:
    """A candle set. `days`: for each day from the first on, the part of its bars that is there, 0 to 100."""

    name: str
    product_id: str
    granularity_s: int
    bars: int
    first_s: int
    last_s: int
    missing: int
    gaps: int
    digest: str
    source: str
    price_increment: str = ""
    bytes: int = 0
    days: list[int] = field(default_factory=list)
    longest_from_s: int | None = None  # the longest gap: its first missing bar, and how many there are
    longest_bars: int = 0
    holdout_from_s: int | None = None  # bars from here on are left out until the lab looks at them
    looked: bool = False  # a look has used the holdout up


@dataclass(frozen=True, slots=True, kw_only=True)
class LabSets:
    """Every candle set, as COIN-LAB last read the folder. `refused`: files that are none, and why."""

    version: int = LAB_VERSION
    at_ms: int
    sets: list[LabSet]
    refused: dict[str, str] = field(default_factory=dict)
    trials: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LabLooked:
    """What is in a dropped file, before anything is kept. `asks`: what a person must say first; "" = nothing."""

    set: LabSet | None
    said: list[str]
    asks: str = ""  # product, outliers, or "" ; with `refused`, why
    refused: str = ""
    exists: bool = False  # a set of that name is there: an import replaces it


def encode(document: object) -> bytes:
    return msgspec.json.encode(document) + b"\n"


def decode_lab(data: bytes, kind: type[T]) -> T:
    """A document with a version. Raises Unreadable with a sentence for a person."""
    return decode_versioned(data, kind, LAB_VERSION, f"a document of the Lab ({kind.__name__})")


def decode_result(data: bytes, kind: type[T]) -> T:
    """What came out of a job. Raises Unreadable."""
    try:
        return msgspec.convert(parse_object(data), kind)
    except msgspec.ValidationError as error:
        raise Unreadable(f"not a result of the Lab ({kind.__name__}): {error}") from error
