"""Whether the ledger is the one that the last run wrote: one that is gone, or older, is noticed and never trusted.

positions.json is written after the ledger and names the newest row of its journal, by number and chain. A ledger
without that row is a copy of an earlier time, or another one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from bot.app.ledger import LedgerWriter
from shared.ledger.location import LedgerLocation
from shared.ledger.restore_mark import RESTORED


def told(positions: bytes | None, mode: str) -> Mapping[str, Any]:
    """What positions.json tells of the last run in this mode; empty where it tells nothing."""
    try:
        document = orjson.loads(positions) if positions is not None else {}
        return document if isinstance(document, dict) and document["mode"] == mode else {}
    except (ValueError, KeyError):
        return {}


def lost(location: LedgerLocation, last: Mapping[str, Any]) -> str | None:
    """Why nothing may begin anew over a ledger that is gone or empty: the last run left open lots. None = it may."""
    lots = last.get("lots")
    if not isinstance(lots, list) or not lots:
        return None
    held = "1 open lot" if len(lots) == 1 else f"{len(lots)} open lots"
    # Their names hold the time.
    rescued = max(location.path.parent.glob(f"{location.path.stem}.rescued-*.db"), default=None)
    way = f"./coin restore {rescued} (the copy that the bot kept)" if rescued else "./coin restore with a backup"
    return (
        f"{location} is gone or empty, yet positions.json lists {held}. Put it back: {way}; or move positions.json "
        "away to begin anew from what the exchange shows"
    )


def is_empty(path: Path) -> bool:
    """Whether the file is not there or holds nothing."""
    try:
        return path.stat().st_size == 0
    except FileNotFoundError:
        return True


def doubt(ledger: LedgerWriter, last: Mapping[str, Any], facts: Mapping[str, str]) -> str | None:
    """Why the ledger may lack what the last run did; None = it is the one that it wrote. Raises LedgerError."""
    if facts.get(RESTORED):
        return facts[RESTORED]
    row = last.get("ledger")
    if not isinstance(row, dict) or not isinstance(row.get("seq"), int):
        return None
    number, _ = ledger.head()
    if row["seq"] > number:
        return f"the ledger is older than positions.json (row {number:,} of {row['seq']:,}): was a copy put in place?"
    if ledger.chain_at(row["seq"]) != row.get("chain"):
        return f"the ledger is not the one of positions.json (row {row['seq']:,} differs): was another put in place?"
    return None
