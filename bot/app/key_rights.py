"""What the key may do: asked at the boot, every day after it, and soon after the exchange refused something for it."""

import logging
from typing import Any

from bot.app.application import Application
from bot.domain import events as ev
from bot.venues.coinbase.errors import ExchangeError
from bot.venues.coinbase.rest import CoinbaseRestClient

log = logging.getLogger("rights")
LOOK_S = 5.0
EVERY_S = 86_400.0


def problem(rights: dict[str, Any]) -> str | None:
    """What is wrong with them, for a person; None = they are as they must be. What is not said is not allowed."""
    if rights.get("can_transfer") is not False:
        return "the key may transfer money away: make one with View and Trade only, and use that"
    if rights.get("can_view") is not True or rights.get("can_trade") is not True:
        return "the key may not view and trade: make one with both rights"
    return None


def other_portfolio(kept: str | None, rights: dict[str, Any]) -> str | None:
    """The ledger is bound to one portfolio: its orders and balances are nowhere else."""
    there = rights.get("portfolio_uuid")
    if kept is None or there == kept:
        return None
    return f"the key belongs to the portfolio {there}, this ledger to {kept}: use its key, or name another DATA_DIR"


async def watch(bot: Application, rest: CoinbaseRestClient) -> None:
    """For ever. A key that was cut or widened shuts entries until a person presses Start."""
    asked_s, refused = bot.clock.monotonic_s(), rest.forbidden
    while True:
        await bot.clock.sleep(LOOK_S)
        if rest.forbidden == refused and bot.clock.monotonic_s() - asked_s < EVERY_S:
            continue
        try:
            rights = await rest.key_permissions()
        except ExchangeError as error:
            log.warning("what the key may do: %s; it is asked again", error)
            continue
        asked_s, refused = bot.clock.monotonic_s(), rest.forbidden
        kept = bot.engine.state.journal.key_values.get("portfolio") if bot.engine is not None else None
        bot.dispatch(ev.KeyRightsReport(problem(rights) or other_portfolio(kept, rights)))
