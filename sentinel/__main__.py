"""`python -m sentinel dead|hung PID [BOT]`: end that bot where it hangs, hold its lock, cancel its resting entries.

With SENTINEL=flatten, its lots are sold after that (`sentinel.flattening`). Prints one JSON object
(`sentinel.report`). The code is 0 where the exchange lists no own entry any more and, for flatten, nothing is left to
be sold; 1 where that is not proven, 75 where a bot is at work again, 78 where settings, key or folder forbid it.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

import orjson

from bot.venues import registry
from bot.venues.net import SystemNet
from bot.venues.port import Access, BadKey, NoKeyYet, ids_of
from sentinel.bot_settings import settings_of
from sentinel.cancelling import Entries, cancel_entries
from sentinel.decision import Condition
from sentinel.ending import BotLock, StillThere, end_process
from sentinel.flattening import flatten, forbidden
from sentinel.report import SentinelReport
from sentinel.selling import Sold
from shared import folder_identity
from shared.bots import DEFAULT_NAME, BadBotName, BotRef
from shared.exits import Exit
from shared.money import plain
from shared.ports import SystemClock, SystemRng
from shared.settings import Mode, Settings, SettingsError

END_S = 3.0
LOCK_S = 2.0
CANCEL_S = 60.0


def act(settings: Settings, condition: Condition, pid: int) -> tuple[SentinelReport, Exit]:
    """Do it. Never raises for what the exchange or the machine does."""
    report, began_s = SentinelReport(condition.value), time.monotonic()
    if settings.coin_mode is Mode.LIVE and (why := folder_identity.look(settings.paths).problem) is not None:
        report.problem = f"the data folder is not its own ({why}): the orders may be another bot's"
        return report, Exit.SETTINGS
    lock, locked = BotLock(settings.paths.bot_lock), False
    try:
        if condition is Condition.HUNG:
            report.ended = _end(report, settings, pid)
        lock.take(LOCK_S)
        locked = True
    except StillThere as error:
        # To cancel needs no lock: what cannot be ended must not keep its entries at the exchange either.
        report.problem = str(error)
        if condition is not Condition.HUNG:
            return report, Exit.LOCKED
    except OSError as error:
        report.problem = f"bot.lock: {error.strerror or error}"
    try:
        told, sold = asyncio.run(_act(settings, may_sell=locked))
    except (BadKey, NoKeyYet) as error:
        report.problem = f"no key to cancel with: {error}"
        return report, Exit.SETTINGS
    finally:
        lock.release()
    report.found, report.cancelled, report.exits_left = told.found, told.cancelled, told.exits_left
    report.proven, report.problem = told.proven, report.problem or told.note
    good = told.proven and _say_sold(report, sold)
    report.ms = round((time.monotonic() - began_s) * 1000)
    return report, Exit.DONE if good else Exit.FAILED


def _say_sold(report: SentinelReport, sold: Sold | str | None) -> bool:
    """Whether nothing is left to be done. `sold`: why nothing may be sold, or what was; None = SENTINEL=cancel."""
    if sold is None:
        return True
    report.flatten = True
    if isinstance(sold, str):
        report.unsold, report.forbidden = sold, True
        return True
    report.takes_cancelled, report.lots_sold = sold.takes_cancelled, sold.lots
    report.sold = {product: plain(size) for product, size in sold.sizes.items() if size}
    if not sold.done:
        report.unsold = sold.problem or "; ".join(dict.fromkeys(sold.left.values()))
    return sold.done


def _end(report: SentinelReport, settings: Settings, pid: int) -> bool:
    """Whether the hung process is gone."""
    try:
        end_process(pid, settings.paths.bot_lock, END_S)
    except StillThere as error:
        report.problem = str(error)
        return False
    return True


async def _act(settings: Settings, *, may_sell: bool) -> tuple[Entries, Sold | str | None]:
    """Cancel the entries; with SENTINEL=flatten sell the lots, where that may be: else why not."""
    venue = registry.load()
    where = venue.where(settings)
    key = venue.load_key(settings, where, may_wait=True)
    clock, net, rng = SystemClock(), SystemNet(), SystemRng()
    try:
        client = venue.kill_client(Access(where, key, net, clock, rng))
        batch, ids = venue.capabilities.cancel_batch, ids_of(venue, settings)
        told = await cancel_entries(client, ids, batch, clock, rng, CANCEL_S)
        if settings.sentinel != "flatten":
            return told, None
        if not may_sell:
            return told, Sold(problem="the bot's lock was not to be had: another one might sell as well")
        if not told.proven:
            return told, Sold(problem="its entries are not proven to be cancelled, so nothing is sold yet")
        why = forbidden(settings)
        return told, why if why is not None else await flatten(client, ids, batch, settings, clock, rng)
    finally:
        net.close()


def main(argv: Sequence[str]) -> int:
    """Read the settings as the bot does, act, print the report."""
    named = argv[2] if len(argv) == 3 else DEFAULT_NAME
    if len(argv) not in (2, 3) or argv[0] not in (Condition.DEAD, Condition.HUNG) or not argv[1].isdigit():
        sys.stderr.write(f"{__doc__}\n")
        return Exit.USAGE
    condition = Condition(argv[0])
    try:
        settings = settings_of(BotRef(named))
    except BadBotName as error:
        sys.stderr.write(f"{error}\n")
        return Exit.USAGE
    except SettingsError as error:
        report, code = SentinelReport(condition.value, problem="; ".join(error.problems)), Exit.SETTINGS
    else:
        if settings.sentinel == "off":
            report, code = SentinelReport(condition.value, off=True), Exit.DONE
        else:
            report, code = act(settings, condition, int(argv[1]))
    sys.stdout.write(orjson.dumps(asdict(report)).decode() + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
