"""The evidence of one run, as the judge reads it: the ground truth, the ledger's rows, the published files."""

import json
import re
import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

Row = dict[str, Any]
PLAIN = re.compile(r"-?\d{1,30}(\.\d{1,30})?")
TABLES = ("orders", "fills", "lots", "days", "latches", "commands", "boots", "key_values", "activity_log", "rig_orders")
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

    @property
    def states(self) -> list[Row]:
        return list(self.truth["states"])

    @property
    def posts(self) -> list[Row]:
        return list(self.truth["posts"])

    def had(self, *kinds: str) -> bool:
        """True when one of these acts happened in the run."""
        return any(act["kind"] in kinds for act in self.truth["acts"])

    def faulty(self, *kinds: str) -> bool:
        """True when one of these faults was possible in the run."""
        return any(window["kind"] in kinds for window in self.truth["plan"]["windows"])

    def setting(self, name: str) -> Any:
        return self.truth["plan"]["settings"].get(name)

    @property
    def last_word_us(self) -> int:
        """The earliest time at which the final state must have been published."""
        return int(self.truth["end_us"] - max(20.0, 1.5 * self.truth["plan"]["state_s"]) * 1e6)

    def us_of_ms(self, ms: int) -> int:
        """A wall time of the ledger as time of the run; only right while the wall clock was."""
        return ms * 1000 - int(self.truth["start_us"])

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
    return case
