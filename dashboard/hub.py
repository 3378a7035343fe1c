"""Everything that a request needs, made once: readers, caches, secrets, templates."""

import time
from dataclasses import dataclass, field

from dashboard.assets import Assets
from dashboard.auth.audit import AuditLog, Failures
from dashboard.auth.ceremonies import Ceremonies
from dashboard.auth.foreign import ForeignUse
from dashboard.auth.origin import Site
from dashboard.auth.passkeys import Passkeys
from dashboard.auth.password import Password
from dashboard.auth.sessions import Sessions
from dashboard.auth.throttle import Throttle
from dashboard.auth.tokens import Tokens
from dashboard.cache import Cache
from dashboard.door import Door
from dashboard.queries import LedgerQueries, MarketQueries
from dashboard.state_reader import StateReader
from shared.paths import DataPaths
from shared.settings import Loaded


@dataclass(slots=True)
class Counters:
    """What the dashboard counts about itself, for /metrics."""

    commands: dict[str, int] = field(default_factory=dict)
    commands_refused: int = 0
    logins: int = 0
    logins_failed: int = 0
    streams_refused: int = 0
    streams_cut: int = 0
    renders: int = 0
    render_s: float = 0.0


@dataclass(slots=True)
class Hub:
    """One per application."""

    loaded: Loaded
    paths: DataPaths
    reader: StateReader
    ledger: LedgerQueries
    market: MarketQueries
    cache: Cache
    assets: Assets
    site: Site
    sessions: Sessions
    tokens: Tokens
    password: Password
    passkeys: Passkeys
    ceremonies: Ceremonies
    audit: AuditLog
    foreign: ForeignUse
    failures: Failures
    door: Door
    build: str
    passwords: Throttle = field(default_factory=lambda: Throttle(time.monotonic))
    # No guess finds a link or a token; these limits keep failures from filling the log and the audit trail.
    links: Throttle = field(default_factory=lambda: Throttle(time.monotonic, per_minute=30))
    bearers: Throttle = field(default_factory=lambda: Throttle(time.monotonic, per_minute=30))
    keys: Throttle = field(default_factory=lambda: Throttle(time.monotonic, per_minute=10))  # passkeys
    counters: Counters = field(default_factory=Counters)
    began: float = field(default_factory=time.monotonic)
