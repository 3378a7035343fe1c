"""Plans that set the stage for rules which few drawn seeds can break, so that each test run judges them all."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from simtest.judged_run import BUSY
from simtest.plan import Act, Plan, Window
from tests.simtest.conftest import SETTINGS, plan

ALWAYS: Mapping[str, Any] = SETTINGS | {"strategy": "always"}
LOSING: Mapping[str, Any] = ALWAYS | {"sim_taker_fee_pct": 0.9, "max_order_usd": 0.0, "risk_per_trade_pct": 10.0}
MIDNIGHT_S = 20_501 * 86_400


class Stage(NamedTuple):
    """A plan, and the rules that nothing but it has to judge."""

    plan: Plan
    rules: tuple[str, ...]


def _acts(*told: tuple[float, str] | tuple[float, str, float]) -> tuple[Act, ...]:
    return tuple(Act(i, one[0], one[1], one[2] if len(one) > 2 else 0.5) for i, one in enumerate(told))


STAGES: Mapping[str, Stage] = {
    "a trade by hand": Stage(
        plan(minutes=6.0, settings=ALWAYS, acts=_acts((80, "manual_trade"))),
        ("B7 EXPLAINED",),
    ),
    "a coarser grid": Stage(
        plan(
            minutes=6.0,
            settings=ALWAYS | {"entry_order": "maker", "max_total_lots": 60, "max_concurrent_lots": 30},
            acts=_acts(*((65 + i, "regrid", 0.1) for i in range(6))),
        ),
        ("I21 SANE/new grid",),
    ),
    "kills": Stage(
        plan(
            minutes=6.0,
            settings=ALWAYS,
            acts=_acts(
                (80, "foreign_order"),
                (90, "kill_file"),
                (95, "crash"),
                (130, "reset_kill"),
                (135, "start"),
                (300, "kill"),
            ),
        ),
        (
            "I5 KILL/by file", "I5 KILL/time", "I5 KILL/carried", "I5 KILL/no order left", "I4 NO-ORPHAN/foreign",
            "P5 RECEIPTS/kill", "P5 RECEIPTS/reset", "I12 LIMITS/size", "I12 LIMITS/cost",
        ),
    ),
    "a loss at the marks, and a restore": Stage(
        plan(minutes=6.0, settings=LOSING | {"max_daily_loss_pct": 0.1}, acts=_acts((150, "restore", 0.1))),
        ("I8 LOSS/latches", "I8 LOSS/published", "I8 LOSS/trips", "F6 RESTORE/loss limit"),
    ),
    "a realised loss": Stage(
        plan(
            minutes=5.0,
            settings=LOSING | {"max_daily_loss_usd": 3.0, "daily_breaker_mark_to_market": False, "stop_loss_pct": 0.05},
        ),
        ("I8 LOSS/realised",),
    ),
    "a transfer": Stage(
        plan(minutes=5.0, settings=ALWAYS, acts=_acts((80, "transfer", 0.9), (90, "start"))),
        ("I8 LOSS/after a transfer",),
    ),
    "a drawdown": Stage(
        plan(minutes=5.0, settings=LOSING | {"max_drawdown_pct": 0.2}),
        ("I8 LOSS/drawdown",),
    ),
    "a losing streak": Stage(
        plan(minutes=5.0, settings=LOSING | {"max_consecutive_losses": 2, "stop_loss_pct": 0.05}),
        ("I8 LOSS/streak",),
    ),
    "two bots and no lock": Stage(
        plan(minutes=6.0, settings=ALWAYS, acts=_acts((80, "second_bot"), (200, "lock_gone"))),
        ("I11 ONE-WRITER/second", "I11 ONE-WRITER/lock gone", "P4 FEEDS/verdict"),
    ),
    "full lots over a midnight": Stage(
        plan(
            minutes=4.0,
            start_s=MIDNIGHT_S - 200,
            settings=ALWAYS | BUSY | {"max_total_lots": 3, "max_concurrent_lots": 2},
        ),
        ("I12 LIMITS/total lots", "I12 LIMITS/product lots", "I20 DAY/once"),
    ),
    "few orders a minute": Stage(
        plan(minutes=4.0, settings=ALWAYS | {"max_orders_per_min": 4, "take_profit_order": "market"}),
        ("I12 LIMITS/rate",),
    ),
    "a silent stream": Stage(
        plan(minutes=4.0, settings=ALWAYS, windows=(Window(0, "ws_silent", "market", 100, 60, 1.0),)),
        ("I22 HEARD/published",),
    ),
    "a kill before a restore": Stage(
        plan(
            minutes=6.0,
            settings=ALWAYS | BUSY,
            acts=_acts((100, "restore", 0.3), (170, "kill"), (240, "reset_kill"), (260, "start")),
        ),
        ("F6 RESTORE/kill", "F6 RESTORE/level", "F6 RESTORE/entries", "F6 RESTORE/purchases", "F6 RESTORE/fills"),
    ),
    "a copied folder": Stage(
        plan(minutes=5.0, settings=ALWAYS | BUSY, acts=_acts((70, "copied_folder"))),
        ("I23 FENCE/ids", "I23 FENCE/entries", "I23 FENCE/kept", "I23 FENCE/reported"),
    ),
    "a copied live folder": Stage(
        plan(minutes=4.0, settings=ALWAYS | BUSY, live=True, acts=_acts((1, "permit"), (70, "copied_folder"))),
        ("I24 PERMIT/purchases", "I24 PERMIT/copy"),
    ),
    "a permission that ends": Stage(
        plan(
            minutes=5.0,
            settings=ALWAYS | {"stop_loss_pct": 0.05},
            live=True,
            acts=_acts((1, "permit"), (150, "permission_end"), (170, "close_lot"), (180, "permit")),
        ),
        ("I24 PERMIT/sales", "I24 PERMIT/commands", "P8 ALERTS/entries locked"),
    ),
    "a ledger that is gone": Stage(
        plan(
            minutes=6.0,
            settings=ALWAYS | BUSY,
            acts=_acts((90, "ledger_removed", 0.1), (130, "start"), (200, "lose_ledger"), (260, "start")),
        ),
        ("I25 RECORDED", "I4 NO-ORPHAN/lost ledger"),
    ),
    "commands": Stage(
        plan(
            minutes=11.0,
            settings=ALWAYS | BUSY,
            acts=_acts(
                *((85.0 + i, "cancel") for i in range(4)),
                (120, "stop"),
                (195, "start"),
                (200, "suspend_long", 0.0),
                (205, "close_lot"),
            ),
        ),
        ("P5 RECEIPTS/cancel", "P5 RECEIPTS/stop", "P5 RECEIPTS/expired"),
    ),
    "a crash loop": Stage(
        plan(
            minutes=5.0,
            settings=ALWAYS | {"safe_starts": 3},
            acts=_acts(*((60.0 + 30 * i, "crash") for i in range(5))),
        ),
        ("P6 BOOTS/safe",),
    ),
    "little money": Stage(
        plan(
            minutes=5.0,
            settings=ALWAYS | BUSY | {"low_funds": "retry", "risk_per_trade_pct": 20.0, "sim_funds": 400.0},
            acts=_acts(*((19.8 + i / 10, "transfer", 0.0) for i in range(8))),
        ),
        ("I3 ONE-INTENT/replaced",),
    ),
}  # fmt: skip
