"""What a seed means: settings, market, faults as windows in time, and single acts. Pure data, so that it can be shrunk.

Swarm testing: each seed draws which kinds of fault exist at all, so that rare combinations occur. The last
`QUIET_S` seconds are the liveness phase, without faults or acts; by its end everything must have recovered.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

QUIET_S = 180.0
PRODUCTS = (
    ("BTC-USD", "SOL-USD"),
    ("BTC-USD", "ETH-USD", "DOGE-USD"),
    ("ETH-USD", "SOL-USD", "XRP-USD", "ADA-USD"),
)
MODES = ("return_existing", "reject", "not_enforced")

FIRST_DAY = 20_400  # 2025-11-08
TURNS = (20_453, 21_242, 21_243)  # 2025-12-31, 2028-02-28, 2028-02-29

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
    "copied_folder": ("E5", 0.0),  # drawn separately
    "lock_gone": ("E5", 0.2),
    "start": ("J5", 3.0),
    "pause": ("J5 J4", 2.0),
    "stop": ("J5 J4", 1.0),
    "kill": ("J1 J2", 1.0),
    "kill_file": ("J1", 0.4),
    "reset_kill": ("J1", 1.0),
    "flatten": ("J8", 0.7),
    "close_lot": ("J4", 1.5),
    "cancel": ("J4", 0.7),
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
    "restore": ("F6", 0.2),
    "ledger_removed": ("F6", 0.0),  # drawn separately
    "broken_kill": ("J1 F4", 0.3),
    "permit": ("–", 1.0),
    "permission_end": ("–", 3.0),
}
# So that every other draw of a seed stays what it was.
DRAWN_APART = frozenset({"broken_kill", "restore", "ledger_removed", "copied_folder", "permit", "permission_end"})


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
    grain_ms: int = 250  # how often market events are delivered; a request always sees all of them
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
        return Plan(**given)


def draw(seed: int, minutes: float, mode: str | None = None) -> Plan:
    """The plan of a seed. The same seed gives the same plan for the same length and mode."""
    random = Random(f"plan/{seed}")
    products = random.choice(PRODUCTS)
    start_s = _start_s(random, minutes)
    base = Plan(
        seed=seed,
        minutes=minutes,
        mode=mode or MODES[random.randrange(3)],
        market=random.choice(("calm", "calm", "thin_book", "range", "lively")),
        products=products,
        start_s=start_s,
        rtt_ms=random.choice(((5, 30), (40, 120), (80, 400))),
        quote_min=random.choice(("1", "1", "30")),
        full_history=random.random() < 0.1,
        state_s=0.5 if random.random() < 0.02 else 20.0,
        settings=_settings(random) | _of_the_book(seed) | _of_low_funds(seed),
    )
    quiet = random.random() < 0.04
    windows = () if quiet else _windows(random, minutes * 60)
    acts = () if quiet else _acts(random, minutes * 60, 86_400 - start_s % 86_400)
    acts += () if quiet else _of_a_restore(seed, minutes * 60, len(acts))
    acts += () if quiet else _of_a_copy(seed, minutes * 60)
    acts += () if quiet else _of_a_broken_kill(seed, minutes * 60)
    permits = _of_live(seed, minutes * 60, len(acts))
    acts += () if quiet else _of_a_removal(seed, minutes * 60, len(acts) + len(permits))
    drawn = {"windows": windows, "acts": acts + permits, "live": bool(permits)}
    return Plan(**{**{name: getattr(base, name) for name in base.__slots__}, **drawn})


def _start_s(random: Random, minutes: float) -> int:
    """When the run begins: one in five crosses a midnight, and a few that of New Year's Eve or a leap day."""
    day_s = 86_400 * (FIRST_DAY + random.randrange(300))
    if random.random() < 0.05:
        day_s = 86_400 * random.choice(TURNS)
    elif random.random() >= 0.2:
        return day_s + random.randrange(86_400)
    return day_s + 86_400 - random.randrange(60, int(minutes * 60) + 60)


def _of_a_broken_kill(seed: int, length_s: float) -> tuple[Act, ...]:
    """In one seed of ten a kill comes in a damaged control.json, and is reset a little later. Drawn separately."""
    random = Random(f"broken kill/{seed}")
    if random.random() >= 0.1:
        return ()
    at_s = random.uniform(1, length_s * 0.8)
    then = ((at_s, "broken_kill"), (at_s + random.uniform(2, 60), "reset_kill"), (at_s + 70, "start"))
    return tuple(Act(600 + i, round(s, 3), kind, round(random.random(), 6)) for i, (s, kind) in enumerate(then))


def _of_a_copy(seed: int, length_s: float) -> tuple[Act, ...]:
    """In one seed of 25 somebody starts a copy of the folder elsewhere. Drawn separately."""
    random = Random(f"copy/{seed}")
    if random.random() >= 0.04:
        return ()
    return (Act(500, round(random.uniform(30, length_s / 2), 3), "copied_folder", round(random.random(), 6)),)


def _of_low_funds(seed: int) -> dict[str, Any]:
    """Drawn separately, so that every other draw of a seed stays what it was."""
    return {"low_funds": Random(f"funds/{seed}").choice(("part", "retry"))}


def _of_the_book(seed: int) -> dict[str, Any]:
    """One seed in eight walks the book before entries and sells in parts. Drawn separately."""
    random = Random(f"book/{seed}")
    return {"max_impact_bp": random.choice((0.1, 1.0, 50.0))} if random.random() < 0.125 else {}


def _of_a_restore(seed: int, length_s: float, first: int) -> tuple[Act, ...]:
    """In one seed in twelve a backup is made and put back later; most times somebody presses Start after a look."""
    random = Random(f"restore/{seed}")
    if random.random() >= 1 / 12:
        return ()
    at_s, arg = random.uniform(20, max(length_s - 240, 21)), round(random.random(), 6)
    made = [Act(first, round(at_s, 3), "restore", arg)]
    if random.random() < 0.7:
        made.append(Act(first + 1, round(at_s + 20 + 200 * arg + random.uniform(30, 120), 3), "start"))
    return tuple(act for act in made if act.at_s < length_s)


def _of_a_removal(seed: int, length_s: float, first: int) -> tuple[Act, ...]:
    """In one seed of 20 the ledger's files are removed under the bot; a person restores the copy, then starts."""
    random = Random(f"removal/{seed}")
    if random.random() >= 1 / 20:
        return ()
    at_s = random.uniform(20, max(length_s - 240, 21))
    made = [Act(first, round(at_s, 3), "ledger_removed", round(random.random(), 6))]
    made.append(Act(first + 1, round(at_s + random.uniform(90, 200), 3), "start"))
    return tuple(act for act in made if act.at_s < length_s)


def _of_live(seed: int, length_s: float, first: int) -> tuple[Act, ...]:
    """One seed in six is live: a person allows entries, and the permission ends now and then."""
    random = Random(f"live/{seed}")
    if random.random() >= 1 / 6:
        return ()
    made = [Act(first, 1.0, "permit")]
    for _ in range(random.choice((1, 1, 2, 3))):
        at_s = random.uniform(20, max(length_s, 21))
        made.append(Act(first + len(made), round(at_s, 3), "permission_end", round(random.random(), 6)))
        if random.random() < 0.85:
            at_s += random.choice((2, 20, 60, 200)) * random.uniform(0.3, 1)
            made.append(Act(first + len(made), round(at_s, 3), "permit"))
    return tuple(act for act in made if act.at_s < length_s)


def _settings(random: Random) -> dict[str, Any]:
    """Settings under which a bot trades often, with the exits and limits in play."""
    return {
        "strategy": random.choice(("always", "always", "sma_cross")),
        "ma_fast": random.choice((1, 2)),
        "ma_slow": random.choice((3, 6, 10)),
        "edge_gate": False,
        "take_profit_pct": random.choice((0.02, 0.05, 0.2)),
        "runner_tp_mult": random.choice((1.0, 2.0)),
        "scalp_tp_min_pct": 0.02,
        "stop_loss_pct": random.choice((1000.0, 0.1, 0.05)),
        "trail_activate_pct": random.choice((0.05, 1.9)),
        "trail_distance_pct": 0.03,
        "take_profit_order": random.choice(("limit", "limit", "market")),
        "entry_order": random.choice(("market", "market", "maker")),
        "maker_timeout_sec": random.choice((5.0, 30.0, 120.0)),
        "maker_reprice_sec": random.choice((1.0, 3.0)),
        "pyramid_min_adverse_pct": random.choice((0.0, 0.0, 0.02)),
        "pyramid_decay_min_pct": 0.0,
        "pyramid_min_seconds_between": random.choice((0.0, 30.0)),
        "risk_per_trade_pct": random.choice((1.0, 3.0, 20.0)),
        "max_daily_loss_pct": random.choice((50.0, 50.0, 50.0, 2.0, 0.1)),
        "max_total_lots": random.choice((60, 8)),
        "max_concurrent_lots": random.choice((20, 4)),
        "max_orders_per_min": random.choice((30, 30, 30, 30, 4)),
        # Guards that pause a bot in trouble would hide most of the faults that it is tested with.
        "max_error_rate_pct": random.choice((0.0, 0.0, 50.0)),
        "max_api_error_pct": random.choice((0.0, 0.0, 50.0)),
        "max_consecutive_losses": random.choice((0, 0, 10)),
        "max_vol_spike": random.choice((0.0, 4.0)),
        "max_drawdown_pct": random.choice((0.0, 0.0, 0.0, 10.0, 0.3)),
        "max_product_usd": random.choice((0.0, 0.0, 0.0, 2500.0)),
        "max_total_usd": random.choice((0.0, 0.0, 0.0, 7000.0)),
        "use_tick_price": random.random() < 0.9,
        "max_spread_pct": 0.0,
        "safe_starts": random.choice((0, 0, 5)),
        "kill_flatten": random.random() < 0.15,
        "stale_data_sec": random.choice((30.0, 5.0)),
        "max_order_usd": random.choice((0.0, 0.0, 150.0)),
        "sim_maker_fee_pct": random.choice((0.0, 0.01, 0.5)),
        "sim_taker_fee_pct": random.choice((0.02, 0.02, 0.9)),
    }


def _windows(random: Random, length_s: float) -> tuple[Window, ...]:
    kinds = [kind for kind in FAULTS if random.random() < 0.22]
    made: list[Window] = []
    for kind in kinds:
        _, scopes, longest_s, rates, (low, high) = FAULTS[kind]
        for _ in range(1 + (random.random() < 0.5) + (random.random() < 0.3)):
            for_s = min(random.choice((5, 30, 120, 600, longest_s)), longest_s)
            at_s = random.uniform(0 if random.random() < 0.3 else 20, max(length_s - min(for_s, length_s / 2), 21))
            for_s = min(for_s, length_s - at_s) if at_s < length_s else 0.0
            arg = round(random.uniform(low, high), 3)
            made.append(
                Window(
                    len(made), kind, random.choice(scopes), round(at_s, 3), round(for_s, 3), random.choice(rates), arg
                )
            )
    if random.random() < 0.15:
        made.extend(_swizzle(random, length_s, len(made)))
    return tuple(made)


def _swizzle(random: Random, length_s: float, first: int) -> list[Window]:
    """Clog REST, market stream, user stream and disk one by one, unclog them in another order."""
    clogs = [("refused", ""), ("ws_silent", "market"), ("ws_refuse", "user"), ("disk_full", "")]
    random.shuffle(clogs)
    at_s = random.uniform(60, max(length_s - 400, 61))
    ends = [at_s + 60 + 40 * i for i in range(len(clogs))]
    random.shuffle(ends)
    return [
        Window(first + i, kind, scope, round(at_s + 12 * i, 3), round(max(ends[i] - at_s - 12 * i, 1), 3), 1.0)
        for i, (kind, scope) in enumerate(clogs)
        if at_s + 12 * i < length_s
    ]


def _acts(random: Random, length_s: float, midnight_s: int) -> tuple[Act, ...]:
    made: list[Act] = []
    kinds = [kind for kind in ACTS if kind not in DRAWN_APART and random.random() < 0.4]
    for kind in kinds:
        mean = ACTS[kind][1] * length_s / 3600 / 0.4
        count = int(mean) + (random.random() < mean - int(mean))
        for _ in range(count):
            made.append(Act(0, round(random.uniform(1, length_s), 3), kind, round(random.random(), 6)))
    # A stop would leave the rest of the run idle: most times somebody presses Start again.
    for act in [a for a in made if a.kind in ("kill", "kill_file", "stop", "pause", "flatten")]:
        if random.random() < 0.85:
            at_s = act.at_s + random.choice((1, 10, 60, 200)) * random.uniform(0.2, 1)
            if act.kind.startswith("kill"):
                made.append(Act(0, round(at_s, 3), "reset_kill", random.random()))
                at_s += random.uniform(1, 20)
            made.append(Act(0, round(at_s, 3), "start", random.random()))
    if random.random() < 0.3:
        made.append(Act(0, midnight_s - random.choice((0.1, 2.0, -0.1, -1.5)), "crash", 0.0))
    made = [act for act in made if act.at_s < length_s]
    made.sort(key=lambda act: (act.at_s, act.kind))
    return tuple(Act(i, act.at_s, act.kind, act.arg) for i, act in enumerate(made))
