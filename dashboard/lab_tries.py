"""A question that COIN-LAB answers at once: nothing of it is kept, and it is no trial."""

import asyncio
import time

from dashboard.lab_desk import LabDesk
from shared.documents.lab import LabTried, LabTry

TRY_WAIT_S = 3.0
TRY_STEP_S = 0.003


async def tried(desk: LabDesk, asked: LabTry) -> LabTried | str:
    """The answer, or why there is none yet."""
    folder = desk.folder
    out = folder.tries / f"{asked.page}.out"
    await asyncio.to_thread(folder.prepare)
    folder.ask(asked)
    if not await asyncio.to_thread(folder.running):
        problem = await asyncio.to_thread(desk.wake)
        if problem:
            return problem
    until, seen = time.monotonic() + TRY_WAIT_S, 0
    while time.monotonic() < until:
        try:
            stamp = out.stat().st_mtime_ns
        except FileNotFoundError:
            stamp = 0
        if stamp != seen:
            seen = stamp
            found = folder.answered(asked.page)
            if found is not None and found.seq >= asked.seq:
                return found
        await asyncio.sleep(TRY_STEP_S)
    return "COIN-LAB is getting ready…"
