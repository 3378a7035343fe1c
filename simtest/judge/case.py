"""The evidence of one run, as the judge reads it: the ground truth, the ledger's rows, the published files."""

import json
import re
import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from simtest.judge.rules import RULES

Row = dict[str, Any]
PLAIN = re.compile(r"-?\d{1,30}(\.\d{1,30})?")
TABLES = (
    "orders",
    "fills",
    "lots",
    "days",
    "latches",
    "commands",
    "boots",
    "key_values",
    "activity_log",
    "rig_orders",
    "rig_commands",
)
OPEN_AT_VENUE = frozenset({"PENDING", "QUEUED", "OPEN", "CANCEL_QUEUED", "EDIT_QUEUED"})
UNFINISHED = frozenset({"new", "sent", "unknown", "cancelling"})


class InvalidEvidence(Exception):
    """The evidence itself cannot be read."""


@dataclass(slots=True)
class Case:
    """All evidence. Times in `…_us` are microseconds since the run began."""

    folder: Path
    truth: Row
    tables: dict[str, list[Row]]
    own: list[Row] = field(default_factory=list)  # venue orders with this bot's mark
    foreign: list[Row] = field(default_factory=list)
    fills_of: dict[str, list[Row]] = field(default_factory=dict)  # venue's order id → fills
    row_of: dict[str, Row] = field(default_factory=dict)  # client order id → the ledger's row
    strays: list[Row] = field(default_factory=list)  # venue orders with this bot's mark that were never its own
    spans: dict[str, list[tuple[int, int, str]]] = field(default_factory=dict)  # fault or act → first, last us, where
    judged: Counter[str] = field(default_factory=Counter)  # rule → how many things that could have broken it were seen
    reference: object = None  # the reference model of this case, once somebody asked for it

    def count(self, rule: str, n: int = 1) -> None:
        """`n` more things that could have broken the rule are judged. Raises KeyError for a rule not in RULES."""
        if rule not in RULES:
            raise KeyError(f"no rule {rule!r} is declared")
        if n:
            self.judged[rule] += n

    @property
    def states(self) -> list[Row]:
        found: list[Row] = self.truth["states"]
        return found

    @property
    def posts(self) -> list[Row]:
        found: list[Row] = self.truth["posts"]
        return found

    def had(self, *kinds: str) -> bool:
        """True when one of these acts happened in the run."""
        return any(act["kind"] in kinds for act in self.truth["acts"])

    def faulty(self, *kinds: str) -> bool:
        """True when one of these faults was possible in the run."""
        return any(window["kind"] in kinds for window in self.truth["plan"]["windows"])

    def setting(self, name: str) -> Any:
        """The value that the bot ran with; None = the evidence does not hold it."""
        return self.truth.get("settings", {}).get(name)

    @property
    def last_word_us(self) -> int:
        """The earliest time at which the final state must have been published."""
        return int(self.truth["end_us"] - max(20.0, 1.5 * self.truth["plan"]["state_s"]) * 1e6)

    def us_of_ms(self, ms: int) -> int:
        """A wall time of the ledger as time of the run; only right while the wall clock was."""
        return ms * 1000 - int(self.truth["start_us"]) - 1000 * int(self.truth.get("plan", {}).get("skew_ms", 0))

    @property
    def wall_is_right(self) -> bool:
        return not self.had("clock_jump")

    @property
    def ledger_was_lost(self) -> bool:
        return self.had("lose_ledger", "old_ledger", "restored")


def dec(text: Any) -> Decimal:
    """The exact amount. Raises InvalidEvidence for text that is none."""
    if text is None:
        return Decimal(0)
    try:
        value = Decimal(str(text))
    except InvalidOperation:
        raise InvalidEvidence(f"not an amount: {text!r}") from None
    if not value.is_finite():
        raise InvalidEvidence(f"not finite: {text!r}")
    return value


def load(folder: Path) -> Case:
    """Read everything in a run's folder."""
    truth = json.loads((folder / "truth.json").read_bytes())
    tables: dict[str, list[Row]] = {name: [] for name in TABLES}
    ledger = folder / "data" / "ledger.db"
    if ledger.exists():
        with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as db:
            db.row_factory = sqlite3.Row
            there = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
            for name in TABLES:
                if name in there:
                    tables[name] = [dict(row) for row in db.execute(f"SELECT * FROM {name} ORDER BY rowid")]  # noqa: S608
        db.close()
    case = Case(folder, truth, tables)
    mark = re.compile(rf"ct-{re.escape(truth['bot_name'])}-[0-9a-f]{{32}}")
    for order in truth["venue"]["orders"]:
        ours = mark.fullmatch(order["client_order_id"])
        stray = order["client_order_id"] in truth["strays"]
        (case.strays if stray else case.own if ours else case.foreign).append(order)
    fills: dict[str, list[Row]] = defaultdict(list)
    for fill in truth["venue"]["fills"]:
        fills[fill["order_id"]].append(fill)
    case.fills_of = dict(fills)
    case.row_of = {row["client_order_id"]: row for row in tables["orders"]}
    index(case)
    return case


def index(case: Case) -> None:
    """Order the strikes and acts of the ground truth by kind."""
    for kind, where, begin, end in case.truth.get("struck", ()):
        case.spans.setdefault(kind, []).append((begin, end, where))
    calm_us = max((act["us"] for act in case.truth["acts"] if act["kind"] == "calm"), default=2**62)  # it ends them all
    for act in case.truth["acts"]:
        until_us = max(min(act.get("until_us", act["us"]), calm_us), act["us"])
        case.spans.setdefault(act["kind"], []).append((act["us"], until_us, ""))
