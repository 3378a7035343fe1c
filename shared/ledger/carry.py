"""Putting an older ledger back must not loosen a brake: what held in the one that it replaces is written into it.

A latch, the desired state, a tripped limit, the peak that the drawdown is measured from, runs that did not end by
themselves: each goes over as an event of its own, so that the ledger still follows from its journal. Where both know
something, the stricter holds. Orders, fills and lots are not carried: the exchange is asked for them at the next start.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from shared.control import TradingState
from shared.ledger import schema as t
from shared.ledger.event_encoder import EventEncoder
from shared.ledger.events import EventType, Row
from shared.ledger.reduce import DAY_MONEY
from shared.ledger.restore_mark import FETCHED, KNOWN_MISSING, LACKS_SINCE, RESTORED
from shared.ledger.summary import LedgerSummary
from shared.ledger.unit_of_work import UnitOfWork
from shared.money import ZERO, plain
from shared.times import from_epoch_ms, iso_seconds

CURVE, PEAK = "curve", "peak_equity"
BALANCES = "balances"
RECOUNTED = ("lots_opened", "lots_closed", "wins", "losses")  # by what is fetched from the exchange
RESTORE_FACTS = (FETCHED, KNOWN_MISSING, LACKS_SINCE, RESTORED)
# Of the ledger's own rows, or decided anew: they stay as the backup has them.
_NOT_CARRIED = frozenset({"mode", "wish", "void", "audit", "fills_through_ms", "results", *RESTORE_FACTS})


def level_of(word: str | None) -> TradingState | None:
    """The desired state as the ledger keeps it; None = it keeps none."""
    return TradingState[word.upper()] if word and word.upper() in TradingState.__members__ else None


def latch(encoder: EventEncoder, unit: UnitOfWork, row: Row, older: LedgerSummary, by: str, at_ms: int) -> str | None:
    """Shut the kill latch `row`; one that the backup holds under another name gives way to it, in one step."""
    if older.latch is not None and older.latch["latch_id"] == row["latch_id"]:
        return None
    if older.latch is not None:
        lifted = {"latch_id": older.latch["latch_id"], "lifted_ms": at_ms, "lifted_by": by[:80]}
        encoder.moved(EventType.LIFT, lifted)
    again = unit.get(t.latches, (row["latch_id"],))
    held = {name: row.get(name) for name in ("latch_id", "kind", "at_ms", "source", "note")}
    encoder.changed(EventType.LATCH, {**held, "lifted_ms": None, "lifted_by": None} if again is not None else held)
    since = iso_seconds(from_epoch_ms(row["at_ms"]))
    return f"the kill latch {row['latch_id']} ({row['source']}, {since}) holds"


def desired_state(encoder: EventEncoder, level: TradingState) -> None:
    """The desired state that the next run begins with. Every word of a control file is in force again by then."""
    encoder.changed(EventType.FACT, {"key": "wish", "value": min(level, TradingState.STOP).word})
    encoder.changed(EventType.FACT, {"key": "void", "value": ""})


def commands(encoder: EventEncoder, older: LedgerSummary, at_ms: int) -> None:
    """What was under way when the backup was made is not done again."""
    for command_id in older.unfinished:
        row = {"id": command_id, "state": "failed", "done_ms": at_ms, "reason": "a backup was restored meanwhile"}
        encoder.moved(EventType.RECEIPT, row)


def boots(encoder: EventEncoder, newer: LedgerSummary, older: LedgerSummary) -> None:
    """Runs since the backup: unclean ends among them lead to SAFE, whatever ledger they stand in."""
    known = {row["boot_id"] for row in older.boots}
    for row in newer.boots:
        if row["boot_id"] in known:
            continue
        encoder.once(EventType.BOOT, {name: row[name] for name in ("boot_id", "at_ms", "build")})
        if row["ended_ms"] is not None:
            encoder.moved(EventType.BOOT_END, {"boot_id": row["boot_id"], "ended_ms": row["ended_ms"]})


def key_values(encoder: EventEncoder, newer: LedgerSummary, older: LedgerSummary) -> Iterator[str]:
    """Remembered values. A ledger that went on from the backup knows better; of another, only what is stricter."""
    went_on = newer.continues(older)
    for key, value in newer.key_values.items():
        if key in _NOT_CARRIED or key in (CURVE, PEAK) or value == older.key_values.get(key):
            continue
        known = older.key_values.get(key)
        if went_on or _stricter(key, value, known):
            as_now = _as_of(value, newer.last_ms) if key == BALANCES else value
            encoder.changed(EventType.FACT, {"key": key, "value": as_now})
    if newer.key_values.get("entries_latched"):
        yield f"entries stay shut: {newer.key_values['entries_latched']}"
    if newer.key_values.get("differences"):
        yield f"the account differs by {newer.key_values['differences']}: to be adopted as before"
    if went_on or _peak(newer) > _peak(older):
        for key in (CURVE, PEAK):
            encoder.changed(EventType.FACT, {"key": key, "value": newer.key_values.get(key, "")})
        if _peak(newer) > _peak(older):
            yield f"the drawdown is measured from the peak of {_peak(newer):,.2f}"


def _as_of(balances: str, last_ms: int) -> str:
    """The balances hold every fill that the ledger knew: one that is fetched again must not move them twice."""
    times, _, rest = balances.partition("|")
    asked, comma, gap_from = times.partition(",")
    return f"{max(int(asked), last_ms)}{comma}{gap_from}|{rest}" if asked.isdigit() else balances


def _stricter(key: str, value: str, known: str | None) -> bool:
    match key:
        case "entries_latched" | "portfolio":
            return not known and bool(value)
        case "loss_streak":
            return int(value or 0) > int(known or 0)
        case _:
            later = key.partition(":")[0] in ("last_trip", "last_add", "used_bar")
            return later and value.isdigit() and int(value) > int(known or 0)


def _peak(past: LedgerSummary) -> Decimal:
    return Decimal(past.key_values.get(PEAK) or "0")


def day(encoder: EventEncoder, newer: LedgerSummary, older: LedgerSummary) -> Iterator[str]:
    """The newest day: where its loss is counted from, and whether it tripped.

    What is fetched from the exchange is booked once more, on the newest day, so what `newer` booked of it is left out
    here. Days that ended since the backup go over as they were.
    """
    row, known = newer.day, older.day
    if row is None or (known is not None and known["day"] > row["day"]):
        return
    if known is not None and known["day"] == row["day"]:
        encoder.day(_same_day(row, known, newer.continues(older)))
    else:
        again = newer.continues(older)
        if again:
            for ended in newer.days[:-1]:
                _ended_day(encoder, ended, known)
        realized = sum((v for k, v in newer.results.items() if k not in older.results), ZERO) if again else ZERO
        fees = sum((v for k, v in newer.fees.items() if k not in older.fees), ZERO) if again else ZERO
        counters = {name: n for name, n in row["counters"].items() if name not in RECOUNTED}
        money = {"realized": row["realized"] - realized, "fees": row["fees"] - fees}
        encoder.day({**row, **money, "counters": counters})
    if row["breaker_ms"] is not None:
        yield f"the loss limit of {row['day']} stays tripped"


def _ended_day(encoder: EventEncoder, row: Row, known: Row | None) -> None:
    if known is not None and row["day"] == known["day"]:
        encoder.whole(t.days, row)  # its sums are no longer those of the journal
    elif known is None or row["day"] > known["day"]:
        encoder.day(row)


def _same_day(row: Row, known: Row, went_on: bool) -> Row:
    money = {name: known[name] for name in DAY_MONEY}
    if went_on:
        recounted = {name: known["counters"].get(name, 0) for name in RECOUNTED if name in row["counters"]}
        counters = {**row["counters"], **recounted}
        return {**row, **money, "counters": counters, "breaker_ms": row["breaker_ms"] or known["breaker_ms"]}
    higher = {name: max(row[name], known[name]) for name in ("start_equity", "peak_equity")}
    return {**known, **higher, "breaker_ms": row["breaker_ms"] or known["breaker_ms"]}


def day_as_shown(encoder: EventEncoder, shown: Mapping[str, Any], older: LedgerSummary, at_ms: int) -> Iterator[str]:
    """A day whose loss limit tripped, where only the state file is left to tell of it."""
    row = {"day": shown["day"], "breaker_ms": at_ms}
    if older.day is None or older.day["day"] < shown["day"]:
        for name in ("start_equity", "peak_equity", "transfers"):
            row[name] = Decimal(plain(Decimal(str(shown[name]))))
        row |= {"start_unrealized": ZERO, "realized": ZERO, "fees": ZERO, "counters": {}}
        encoder.changed(EventType.DAY, row)
    elif older.day["day"] == shown["day"]:
        encoder.changed(EventType.DAY, row)
    else:
        return
    yield f"the loss limit of {shown['day']} stays tripped, as bot_state.json says"
