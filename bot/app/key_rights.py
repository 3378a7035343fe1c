"""What the key may do: asked at the boot, every day after it, and soon after the exchange refused something for it."""

import logging

from bot.app.application import Application
from bot.domain import events as ev
from bot.venues.errors import ExchangeError
from bot.venues.port import KeyRights, TradingClient

log = logging.getLogger("rights")
LOOK_S = 5.0
EVERY_S = 86_400.0


def problem(rights: KeyRights) -> str | None:
    """What is wrong with them, for a person; None = they are as they must be."""
    if rights.can_transfer:
        return "the key may transfer money away: make one with View and Trade only, and use that"
    if not rights.can_view or not rights.can_trade:
        return "the key may not view and trade: make one with both rights"
    return None


def other_portfolio(kept: str | None, rights: KeyRights) -> str | None:
    """The ledger is bound to one portfolio: its orders and balances are nowhere else."""
    there = rights.portfolio
    if kept is None or there == kept:
        return None
    return f"the key belongs to the portfolio {there}, this ledger to {kept}: use its key, or name another DATA_DIR"


async def watch(bot: Application, rest: TradingClient) -> None:
    """For ever. A key that was cut or widened shuts entries until a person presses Start."""
    asked_s, refused = bot.clock.monotonic_s(), rest.forbidden
    while True:
        await bot.clock.sleep(LOOK_S)
        if rest.forbidden == refused and bot.clock.monotonic_s() - asked_s < EVERY_S:
            continue
        try:
            rights = await rest.key_rights()
        except ExchangeError as error:
            log.warning("key permissions: %s; retrying", error)
            continue
        asked_s, refused = bot.clock.monotonic_s(), rest.forbidden
        kept = bot.engine.view.records.value("portfolio") if bot.engine is not None else None
        bot.dispatch(ev.KeyRightsReport(problem(rights) or other_portfolio(kept, rights)))
