"""What the parts of a running bot may ask of the whole: so that they know this list instead of each other."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import getpid
from typing import Any, Protocol

from bot.app.boot_state import BootState
from bot.app.kill_path import KillPath
from bot.app.ledger import LedgerWriter
from bot.app.ledger_rescue import LedgerRescue
from bot.app.live_lock import LiveLock
from bot.app.metrics import Samples
from bot.app.minute_bars import Minutes
from bot.app.offload import Offload
from bot.app.order_executor import OrderExecutor
from bot.app.order_gate import OrderGate
from bot.app.state_writer import StateWriter
from bot.app.strategy_port import StrategyAdapter
from bot.domain import events as ev
from bot.domain.intents import Record
from bot.domain.order_ids import OrderIdCodec
from bot.engine.engine import Engine
from bot.engine.state.control import Latch
from bot.engine.state.recovered import RecoveredState
from bot.venues.limiter import Limiter
from bot.venues.port import ApiKey, BookStream, TradingClient, VenueStream
from shared.control import TradingState
from shared.documents.control import ControlDoc, ReceiptDoc
from shared.paths import DataPaths
from shared.ports import Clock, Fs, Rng
from shared.settings import Loaded, Settings


@dataclass(slots=True)
class RunIdentity:
    """What does not change during one run."""

    boot_id: str
    started_at: str
    build: str
    config_hash: str
    pid: int = field(default_factory=getpid)
    origins: Mapping[str, str] = field(default_factory=dict)  # key of a setting: default, profile, .env, environment


class ControlPlane(Protocol):
    """What the state document shows of the control plane."""

    level: TradingState
    latch: Latch | None
    gate_shut_ms: float
    last_id: str | None

    def document(self) -> ControlDoc: ...
    def newest(self) -> list[ReceiptDoc]: ...


class VerdictSource(Protocol):
    """What tells how much the bot can know: its streams and requests, its ledger, its lock."""

    clock: Clock
    engine: Engine | None
    ledger: LedgerWriter | None
    ledger_error: str | None
    rescue: LedgerRescue
    rest: TradingClient | None
    streams: list[VenueStream]
    gate: OrderGate
    ended: bool


class AlertSource(Protocol):
    """What a person may have to be told of."""

    settings: Settings
    engine: Engine | None
    strategy: StrategyAdapter | None
    key: ApiKey | None
    live_lock: LiveLock
    error: str | None
    fatal_code: str | None


class PositionsSource(Protocol):
    """What `positions.json` holds."""

    settings: Settings
    clock: Clock
    engine: Engine | None
    ledger: LedgerWriter | None

    @property
    def control_plane(self) -> ControlPlane: ...


class MarketFileSource(Protocol):
    """What `market.json` holds."""

    settings: Settings
    clock: Clock
    engine: Engine | None
    minutes: Minutes
    depth: BookStream | None


class FeedsSource(Protocol):
    """The state of what is heard from the exchange."""

    clock: Clock
    engine: Engine | None
    rest: TradingClient | None
    streams: list[VenueStream]
    depth: BookStream | None
    limiter: Limiter
    clock_offset_ms: int | None

    @property
    def ws_ok(self) -> bool: ...


class MetricsSource(Protocol):
    """What is counted and measured."""

    engine: Engine | None
    rest: TradingClient | None
    desk: OrderExecutor | None
    writer: StateWriter
    loop_lag_ms: Samples
    commit_ms: Samples
    tick_to_order_ms: Samples


class KillSource(Protocol):
    """The kill latch and how far its cancelling came."""

    kill_path: KillPath

    @property
    def control_plane(self) -> ControlPlane: ...


class PhaseSource(Protocol):
    """Which status and phase hold."""

    engine: Engine | None
    boot: BootState
    ended: bool


class StateSource(
    VerdictSource, AlertSource, FeedsSource, MetricsSource, KillSource, PhaseSource, Protocol
):  # the state document is all of them, and who the run is
    """What the state document shows."""

    identity: RunIdentity
    restored: RecoveredState
    strategy: StrategyAdapter | None
    synced: bool
    supervised: bool
    seq: int


class HandsPorts(Protocol):
    """What the record of commands by hand works with."""

    clock: Clock
    fs: Fs
    paths: DataPaths
    offload: Offload
    engine: Engine | None
    ledger: LedgerWriter | None

    def ledger_failed(self, error: Exception) -> None: ...


class CommandPorts(HandsPorts, PhaseSource, Protocol):
    """What levels and commands of a person are carried out with."""

    settings: Settings
    read_settings: Settings
    ids: OrderIdCodec
    rng: Rng
    restored: RecoveredState
    gate: OrderGate
    live_lock: LiveLock
    kill_path: KillPath
    writer: StateWriter

    def dispatch(self, event: ev.Event) -> None: ...
    def commit(self, records: Sequence[Record]) -> bool: ...
    def kill_rest(self) -> TradingClient | None: ...
    def take_up(self, fresh: Loaded, changes: Mapping[str, str], by: str) -> None: ...
    def supervise(self, task: "asyncio.Task[Any]") -> None: ...
