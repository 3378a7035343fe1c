"""Start or restart the bot's process by PM2. The requested state stays as it is: a paused bot starts paused."""

import asyncio
import logging

from dashboard import settings_change, strategy_choice
from dashboard.auth.roles import Principal
from dashboard.dispatch import CommandRefused
from dashboard.hub import Hub
from dashboard.views.commands import why_not_process
from dashboard.views.snapshot import Snapshot
from shared.pm2 import Pm2Unavailable

log = logging.getLogger(__name__)
START, RESTART = "start_process", "restart_process"
WORDS = frozenset({START, RESTART})


def _waits_for_restart(hub: Hub, s: Snapshot) -> bool:
    """Whether something was chosen on these pages that only a restart takes up. Blocks."""
    return strategy_choice.may_restart(hub, s) or settings_change.may_restart(hub, s)


async def act(hub: Hub, who: Principal, address: str, word: str) -> None:
    """Ask PM2. Raises CommandRefused with the reason where it may not or cannot be."""
    by = who.role.value if who.kind == "session" else f"{who.role.value} (token)"
    s = hub.reader.snapshot()
    chosen = word == RESTART and await asyncio.to_thread(_waits_for_restart, hub, s)
    why = why_not_process(s, restart=word == RESTART, role=who.role.value, chosen=chosen)
    if why:
        hub.counters.commands_refused += 1
        hub.audit.note("refused", by=by, role=who.role, address=address, facts={"cmd": word, "why": why})
        raise CommandRefused(409, why)
    pm2 = hub.reader.pm2_client
    name = "pm2_restart" if word == RESTART else "pm2_start"
    try:
        # A process that hangs is ended by force after its kill_timeout; PM2 answers only then.
        await asyncio.to_thread(pm2.restart if word == RESTART else pm2.start, hub.reader.bot.process)
    except Pm2Unavailable as error:
        hub.audit.note(f"{name}_failed", by=by, role=who.role, address=address, facts={"why": str(error)})
        raise CommandRefused(503, f"PM2 did not {word.split('_', maxsplit=1)[0]} the bot: {error}.") from error
    hub.audit.note(name, by=by, role=who.role, address=address, facts={"process": hub.reader.bot.process})
    log.info("%s by=%s", name, by)
