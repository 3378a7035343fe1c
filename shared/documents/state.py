"""`bot_state.json`: every section of it, typed, written and read."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from functools import lru_cache

import msgspec
import orjson

from shared.bots import DEFAULT_BOT
from shared.documents.account import AccountDoc, LotDoc, OrderDoc, PositionDoc
from shared.documents.control import ControlDoc, KillDoc, ReceiptDoc
from shared.documents.events import AlertDoc, EventDoc
from shared.documents.feeds import FeedsDoc, IoDoc, MetricsDoc
from shared.documents.risk import AuditDoc, GateDoc, GatesDoc, ProductGatesDoc, RiskDoc
from shared.documents.status import BootStep, Phase, Status
from shared.documents.strategy import StrategyDoc
from shared.files import Unreadable, parse_object
from shared.verdict import VerdictDoc

STATE_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BotState:
    """The whole document. The first eight fields are the users' contract: scripts depend on them."""

    ts: str
    mode: str
    status: Status
    phase: Phase
    positions: list[PositionDoc] | None  # absent in the file until SYNCING is over
    portfolio_value: float | None
    ws_ok: bool
    error: str | None

    version: int = STATE_VERSION
    ts_ms: int
    seq: int
    interval_ms: int
    boot_id: str
    pid: int
    started_at: str
    build: str
    config_hash: str
    bot: str = DEFAULT_BOT.process
    supervised: bool
    dry_run: bool = False
    live_lock: str | None = None  # live only: "locked: why", "entries locked: why" (exits go on) or "open until when"
    alerts: list[AlertDoc] = field(default_factory=list)  # what holds now
    boot: list[BootStep]
    account: AccountDoc | None = None
    orders: list[OrderDoc] | None = None
    risk: RiskDoc | None = None
    differences: str | None = None  # "BTC -0.5, USD +100": what nobody has explained; `adopt` names it; null = none
    differences_since: str | None = None  # when they began; null where there are none, or it is not known
    audit: AuditDoc | None = None
    gates: GatesDoc | None = None
    feeds: FeedsDoc | None = None
    verdict: VerdictDoc | None = None  # what the bot can know of itself; a reader adds the rest (shared.verdict)
    strategy: StrategyDoc | None = None
    metrics: MetricsDoc | None = None
    control: ControlDoc
    kill: KillDoc | None = None
    last_command_id: str | None = None
    receipts: list[ReceiptDoc]
    events: list[EventDoc]
    io: IoDoc


def alert_of(state: BotState | None, code: str) -> AlertDoc | None:
    """The alert of that code, where the state has it."""
    return next((alert for alert in state.alerts if alert.code == code), None) if state is not None else None


def encode_state(state: BotState) -> bytes:
    """The document's bytes. Positions that are not known are absent, never null or []; so are the fields of lots and
    gates that hold nothing, which are most of what a large document would say."""
    document = {name: getattr(state, name) for name in _STATE}
    if state.positions is None:
        del document["positions"]
    else:
        document["positions"] = [_row(p, _POSITION) | {"lots": _lean(p.lots, _LOT)} for p in state.positions]
    if state.gates is not None:
        products = [_row(p, _PRODUCT_GATES) | {"gates": [_gate(g) for g in p.gates]} for p in state.gates.products]
        document["gates"] = {"version": state.gates.version, "products": products}
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)


def _names(document: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(document))


_STATE, _POSITION, _LOT = _names(BotState), _names(PositionDoc), _names(LotDoc)

_PRODUCT_GATES, _GATE = _names(ProductGatesDoc), _names(GateDoc)


def _row(document: object, names: Iterable[str]) -> dict[str, object]:
    return {name: getattr(document, name) for name in names}


def _lean(documents: Iterable[object], names: Iterable[str]) -> list[dict[str, object]]:
    """Each as a row without the fields that hold nothing."""
    return [{name: value for name in names if (value := getattr(d, name)) is not None} for d in documents]


@lru_cache(maxsize=2048)
def _gate(gate: GateDoc) -> orjson.Fragment:
    """One of some forty a product: most stay the same from document to document, and are written once."""
    return orjson.Fragment(orjson.dumps(_lean((gate,), _GATE)[0]))


def decode_state(data: bytes) -> BotState:
    """The document in `data`. Raises Unreadable with a sentence for a person; unknown fields are ignored."""
    raw = parse_object(data)
    version = raw.get("version")
    if version != STATE_VERSION:
        raise Unreadable(f"its version is {version!r}, this program knows {STATE_VERSION}: the bot is another version")
    raw.setdefault("positions", None)
    try:
        return msgspec.convert(raw, BotState)
    except msgspec.ValidationError as error:
        raise Unreadable(f"not a bot state: {error}") from error
