"""Whether the data folder is the one that its ledger was written in, judged at the start of a run.

In live, a folder that is not sends nothing until a person adopts it: the original may be trading the same lots. With
play money it takes an identity of its own.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from bot.app.ledger import LedgerWriter
from shared import folder_identity
from shared.ledger.restore_mark import RESTORED
from shared.ports import Clock, Rng
from shared.settings import Mode, Settings
from shared.times import epoch_ms, iso_seconds

log = logging.getLogger("folder")
WAY_OUT = "./coin adopt-folder"


@dataclass(frozen=True, slots=True)
class Folder:
    """`problem`: why nothing is sent; None = the folder is adopted, and `folder` is its id."""

    folder: str = ""
    problem: str | None = "the data folder is not judged yet"


def claim(settings: Settings, ledger: LedgerWriter, facts: Mapping[str, str], clock: Clock, rng: Rng) -> Folder:
    """Judge the folder; give a new one, and a copy with play money, its id. Raises OSError, LedgerError."""
    paths, kept = settings.paths, facts.get(folder_identity.FACT)
    seen = folder_identity.look(paths)
    problem = folder_identity.problem(
        seen, folder_identity.of_ledger(facts, seen), has_orders=ledger.has_orders(), restored=bool(facts.get(RESTORED))
    )  # fmt: skip
    if problem is not None and settings.coin_mode is Mode.LIVE:
        log.error("the data folder is not adopted: %s; nothing is sent, exits included, until %s", problem, WAY_OUT)
        return Folder(seen.folder or "", problem)
    if problem is not None:
        log.warning("the data folder is not adopted: %s; in simulation it becomes a folder of its own", problem)
    folder = seen.folder
    if folder is None or seen.problem is not None:
        folder = rng.uuid4().hex
        if kept is None:  # a full disk or a power loss in between must not make a stranger of a ledger with a past
            ledger.fact(folder_identity.COMING, folder, epoch_ms(clock.utc()))
        folder_identity.make(paths, folder, iso_seconds(clock.utc()))
        log.info("the data folder's id is %s", folder_identity.short(folder))
    if kept != folder:
        ledger.fact(folder_identity.FACT, folder, epoch_ms(clock.utc()))
    return Folder(folder, None)
