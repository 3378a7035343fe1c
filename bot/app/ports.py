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
from bot.engine.engine import Engine
from bot.engine.state.control import Latch
from bot.engine.state.recovered import RecoveredState
from bot.venues.limiter import Limiter
from bot.venues.port import ApiKey, BookStream, TradingClient, VenueStream
from shared.control import TradingState
from shared.documents.control import ControlDoc, ReceiptDoc
from shared.paths import DataPaths
from shared.ports import Clock, Fs, Rng
from shared.settings import Settings


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


class Host(Protocol):
    """The whole bot, as its control plane and its report see it."""

    settings: Settings
    identity: RunIdentity
    paths: DataPaths
    clock: Clock
    rng: Rng
    fs: Fs
    offload: Offload
    engine: Engine | None
    restored: RecoveredState
    ledger: LedgerWriter | None
    ledger_error: str | None
    key: ApiKey | None
    rescue: LedgerRescue
    rest: TradingClient | None
    desk: OrderExecutor | None
    streams: list[VenueStream]
    depth: BookStream | None
    strategy: StrategyAdapter | None
    minutes: Minutes
    limiter: Limiter
    gate: OrderGate
    live_lock: LiveLock
    kill_path: KillPath
    writer: StateWriter
    boot: BootState
    error: str | None
    fatal_code: str | None
    clock_offset_ms: int | None
    synced: bool
    ended: bool
    supervised: bool
    seq: int
    loop_lag_ms: Samples
    commit_ms: Samples
    tick_to_order_ms: Samples

    @property
    def ws_ok(self) -> bool: ...
    @property
    def control_plane(self) -> ControlPlane: ...
    def dispatch(self, event: ev.Event) -> None: ...
    def commit(self, records: Sequence[Record]) -> bool: ...
    def ledger_failed(self, error: Exception) -> None: ...
    def kill_rest(self) -> TradingClient | None: ...
    def supervise(self, task: "asyncio.Task[Any]") -> None: ...
