"""What a seed means: settings, market, faults as windows in time, and single acts. Pure data, so that it can be shrunk.

Plans are drawn by `simtest.drawing`. The last `QUIET_S` seconds are the liveness phase, without faults or acts; by its
end everything must have recovered.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

QUIET_S = 180.0
MODES = ("return_existing", "reject", "not_enforced")
FIRST_DAY = 20_400  # 2025-11-08

# kind → (fault ids of the catalogue, scopes to draw from, longest window in s, rates to draw from, argument's range)
REST_FAULTS: Mapping[str, tuple[str, tuple[str, ...], float, tuple[float, ...], tuple[float, float]]] = {
    "late": ("D1", ("", "orders", "candles"), 300, (0.1, 0.5), (1, 20)),
    "lost_after": ("A1 A2 D3", ("POST /orders", "", "batch_cancel"), 900, (0.1, 0.3, 1.0), (0, 12)),
    "lost_before": ("A1 D2", ("POST /orders", ""), 600, (0.1, 0.3), (0, 12)),
    "ghost": ("A1 A6", ("POST /orders",), 900, (0.1, 0.3), (3, 25)),
    "refused": ("D2", ("", "POST /orders"), 300, (0.3, 1.0), (0, 0)),
    "status_before": ("D3", ("", "POST /orders", "GET"), 300, (0.1, 0.5), (500, 504)),
    "status_after": ("D3 A1", ("POST /orders", "batch_cancel"), 600, (0.1, 0.5), (500, 504)),
    "odd_status": ("A5 D9", ("POST /orders",), 600, (0.1, 0.5), (0, 4)),
    "lookups_fail": ("A4", ("GET /orders",), 600, (0.5, 1.0), (500, 504)),
    "throttle": ("D4", ("", "POST /orders", "batch_cancel"), 600, (0.1, 0.5, 1.0), (0, 0)),
    "unauthorized": ("D6", ("",), 300, (0.05, 0.45), (0, 0)),
    "mangle": ("A5 D5 D9", ("POST /orders", "", "GET /orders"), 600, (0.05, 0.3), (0, 9)),
    "list_lag": ("A6 A9", ("",), 1800, (1.0,), (1, 30)),
    "fill_lag": ("B9", ("",), 1800, (1.0,), (1, 20)),
    "status_lag": ("A9", ("",), 900, (1.0,), (1, 120)),
    "page_lost": ("B9", ("fills",), 900, (0.2, 0.6), (0, 0)),
    "page_twice": ("B9 B5", ("fills",), 1800, (0.3, 1.0), (0, 0)),
    "stale_balances": ("B7", ("",), 900, (0.3, 1.0), (1, 20)),
}
STREAM_FAULTS: Mapping[str, tuple[str, tuple[str, ...], float, tuple[float, ...], tuple[float, float]]] = {
    "ws_refuse": ("B1 D7 C9", ("user", "market", ""), 900, (0.5, 1.0), (0, 0)),
    "ws_cut": ("C9", ("user", "market", ""), 600, (0.01, 0.2), (0, 0)),
    "ws_silent": ("C1", ("user", "market"), 300, (1.0,), (0, 0)),
    "ws_gap": ("C3", ("user", "market"), 900, (0.01, 0.2), (0, 0)),
    "ws_hide": ("B2", ("user",), 1800, (0.1, 0.5, 0.9), (0, 0)),
    "ws_twice": ("B3", ("user", "market"), 1800, (0.1, 0.5), (0, 0)),
    "ws_late": ("A3 B4", ("user",), 900, (0.3, 1.0), (0.5, 30)),
    "ws_garbage": ("C8", ("user", "market"), 300, (0.01, 0.1), (0, 7)),
    "ws_price": ("H6", ("market",), 120, (0.05, 0.5), (0, 5)),
    "ws_mute_product": ("C2", ("market",), 300, (1.0,), (0, 0)),
}
STORAGE_FAULTS: Mapping[str, tuple[str, tuple[str, ...], float, tuple[float, ...], tuple[float, float]]] = {
    "ledger_full": ("F1", ("",), 120, (0.3, 1.0), (0, 0)),
    "disk_full": ("F1", ("",), 120, (1.0,), (0, 0)),
    "crash_at_commit": ("A7 E1 E2", ("before commit", "after commit"), 1200, (0.003, 0.02), (0, 0)),
    "crash_at_send": ("A7", ("POST /orders", "batch_cancel", ""), 900, (0.02, 0.2), (0, 0)),
}
FAULTS = {**REST_FAULTS, **STREAM_FAULTS, **STORAGE_FAULTS}
# act → (fault ids of the catalogue, mean number per hour)
ACTS: Mapping[str, tuple[str, float]] = {
    "crash": ("E1 A7", 4.0),
    "crash_at_step": ("E1 E2 A7", 4.0),
    "power_cut": ("F3 F4", 1.0),
    "sigterm": ("E3", 1.0),
    "suspend": ("E4 G3", 1.0),
    "suspend_long": ("G3", 0.1),
    "clock_jump": ("G2", 0.7),
    "second_bot": ("E5", 0.5),
    "copied_folder": ("E5", 0.0),  # drawn by itself, like every act with a mean of 0
    "lock_gone": ("E5", 0.2),
    "start": ("J5", 3.0),
    "pause": ("J5 J4", 2.0),
    "stop": ("J5 J4", 1.0),
    "stop_at_bid": ("J5 J4", 0.0),
    "kill": ("J1 J2", 1.0),
    "kill_file": ("J1", 0.4),
    "reset_kill": ("J1", 1.0),
    "flatten": ("J8", 0.7),
    "close_lot": ("J4", 1.5),
    "cancel": ("J4", 0.7),
    "move_take": ("J4", 0.0),
    "move_stop": ("J4", 0.0),
    "sell_part": ("J4", 0.0),
    "drill": ("J1", 0.3),
    "repeat_command": ("J4", 1.0),
    "control_garbage": ("F4 J4", 0.5),
    "state_garbage": ("F4", 0.3),
    "gate": ("H1 H2 J8", 0.8),
    "delist": ("H3", 0.3),
    "regrid": ("H4", 0.5),
    "foreign_order": ("K5 I4", 0.7),
    "stray_orders": ("A8 K5", 0.2),
    "transfer": ("B7", 0.5),
    "manual_trade": ("B7 H9", 0.4),
    "shock": ("H5", 0.3),
    "fees": ("H4", 0.3),
    "lose_ledger": ("F5 F6", 0.05),
    "old_ledger": ("F6", 0.05),
    "restore": ("F6", 0.0),
    "ledger_removed": ("F6", 0.0),
    "broken_kill": ("J1 F4", 0.0),
    "permit": ("K6", 0.0),
    "permission_end": ("K6", 0.0),
    "key_change": ("K6 S9", 0.5),
}


@dataclass(frozen=True, slots=True)
class Window:
    """One fault, possible from `at_s` for `for_s`; each occasion in scope is hit with probability `rate`."""

    number: int
    kind: str
    scope: str
    at_s: float
    for_s: float
    rate: float
    arg: float = 0.0


@dataclass(frozen=True, slots=True)
class Act:
    """An event that happens once."""

    number: int
    at_s: float
    kind: str
    arg: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that determines a run besides the program."""

    seed: int
    minutes: float
    mode: str
    market: str
    products: tuple[str, ...]
    start_s: int
    rtt_ms: tuple[int, int]
    quote_min: str = "1"  # smallest order in quote units; a larger one leaves dust more often
    full_history: bool = False  # as many bars as a user's bot asks for at a start; else one page of each chart
    state_s: float = 20.0  # interval of the state file; twice a second would be half of a run's cost
    live: bool = False  # COIN_MODE=live, with the simulator's addresses and key
    watched: bool = False  # COIN-WATCH goes its rounds beside the bot; wants a state file twice a second
    grain_ms: int = 250  # how often market events are delivered; a request always sees all of them
    quotes_ms: int = 800  # while nothing trades, best quotes change so often
    skew_ms: int = 0  # the machine's clock is off by so much, all the time
    zone: str = "UTC0"  # TZ of the process, as POSIX writes it
    listed: tuple[str, ...] = ()  # products that the exchange trades besides those of the settings
    deposits: tuple[tuple[str, str], ...] = ()  # (currency, amount) on the account besides its funds
    only: str = ""  # the one act of a plan that is calm otherwise
    settings: Mapping[str, Any] = field(default_factory=dict)
    windows: tuple[Window, ...] = ()
    acts: tuple[Act, ...] = ()

    @property
    def total_s(self) -> float:
        return self.minutes * 60 + QUIET_S

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(raw: Mapping[str, Any]) -> "Plan":
        given = dict(raw)
        given["windows"] = tuple(Window(**w) for w in raw["windows"])
        given["acts"] = tuple(Act(**a) for a in raw["acts"])
        # A plan that was kept before this setting existed runs as it did then.
        given["settings"] = {"low_funds": "retry", **raw["settings"]}
        given["products"], given["rtt_ms"] = tuple(raw["products"]), tuple(raw["rtt_ms"])
        given["listed"] = tuple(raw.get("listed", ()))
        given["deposits"] = tuple((currency, amount) for currency, amount in raw.get("deposits", ()))
        return Plan(**given)
