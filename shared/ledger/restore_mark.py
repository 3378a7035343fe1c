"""What a restore leaves in the ledger that it put in place, so that the next run does not trust it blindly."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.ledger.event_encoder import EventEncoder
from shared.ledger.events import EventType
from shared.times import from_epoch_ms, iso_seconds

RESTORED = "restored"  # fact: why the ledger may lack what happened; emptied by the run that has taken it up
LACKS_SINCE = "lacks_since_ms"  # fact: from when on it may lack something; emptied once that was fetched
KNOWN_MISSING = "known_missing"  # fact: how many orders the replaced ledger had more; empty = not known
FETCHED = "fetched"  # fact: what was fetched from the exchange after the last restore, for people


def mark(encoder: EventEncoder, text: str, since_ms: int, missing: int | None, notes: list[str]) -> None:
    """Keep in the ledger why, and since when, it lacks what happened, and what was carried over into it."""
    known = str(missing) if missing is not None else ""
    for key, value in ((RESTORED, text), (LACKS_SINCE, str(since_ms)), (KNOWN_MISSING, known), (FETCHED, "")):
        encoder.changed(EventType.FACT, {"key": key, "value": value})
    encoder.note({"kind": "ledger", "level": "warn", "text": text})
    for note in notes:
        encoder.note({"kind": "ledger", "level": "warn", "text": f"restore: {note}"})


@dataclass(frozen=True, slots=True)
class RestoreNotice:
    """What a person must know of a ledger that was restored; `waits`: something is still to be fetched."""

    text: str
    waits: bool


def restore_notice(key_values: Mapping[str, str]) -> RestoreNotice | None:
    """None = it never was restored, nor found to be older than what ran."""
    if key_values.get(LACKS_SINCE):
        since = iso_seconds(from_epoch_ms(int(key_values[LACKS_SINCE])))
        return RestoreNotice(f"{_missing(key_values.get(KNOWN_MISSING))} after the backup ({since}): {_NEXT}", True)
    return RestoreNotice(key_values[FETCHED], False) if key_values.get(FETCHED) else None


_NEXT = "the next ./coin start fetches what is missing from the exchange"


def _missing(known: str | None) -> str:
    match known:
        case None | "":
            return "it is not known how many orders happened"
        case "0":
            return "no order is known to have happened"
        case "1":
            return "1 order happened"
        case _:
            return f"{known} orders happened"
