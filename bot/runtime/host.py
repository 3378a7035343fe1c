"""What the parts of a running bot may ask of the whole: so that they know this list instead of each other."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import getpid
from typing import Any, Protocol

from bot.coinbase.depth import DepthStream
from bot.coinbase.keys import ApiKey
from bot.coinbase.limiter import Limiter
from bot.coinbase.rest import Rest
from bot.coinbase.stream import Stream
from bot.core import events as ev
from bot.core.engine import Engine
from bot.core.intents import Record
from bot.core.world import Latch, Restored
from bot.runtime.boot_state import BootState
from bot.runtime.desk import Desk
from bot.runtime.gate import OrderGate
from bot.runtime.kill import KillPath
from bot.runtime.ledger import LedgerWriter
from bot.runtime.ledger_rescue import LedgerRescue
from bot.runtime.live_lock import LiveLock
from bot.runtime.metrics import Samples
from bot.runtime.minutes import Minutes
from bot.runtime.offload import Offload
from bot.runtime.state_writer import StateWriter
from bot.runtime.strategy_port import StrategyAdapter
from shared.control import TradingState
from shared.documents import ControlDoc, ReceiptDoc
from shared.paths import DataPaths
from shared.ports import Clock, Fs, Rng
from shared.settings import Settings


@dataclass(slots=True)
class Identity:
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
    identity: Identity
    paths: DataPaths
    clock: Clock
    rng: Rng
    fs: Fs
    offload: Offload
    engine: Engine | None
    restored: Restored
    ledger: LedgerWriter | None
    ledger_error: str | None
    key: ApiKey | None
    rescue: LedgerRescue
    rest: Rest | None
    desk: Desk | None
    streams: list[Stream]
    depth: DepthStream | None
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
    def kill_rest(self) -> Rest | None: ...
    def supervise(self, task: "asyncio.Task[Any]") -> None: ...
