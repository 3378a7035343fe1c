"""What a person must be told of, as codes in the state file: for whoever watches it from outside."""

from bot.app.ports import AlertSource
from shared.documents.events import FOLDER_NOT_OWN, SECOND_WRITER, STRATEGY_SILENT, AlertDoc

DRY_RUN_WITH_LOTS = "dry_run_with_lots"
ENTRIES_LOCKED = "entries_locked"


def alerts(bot: AlertSource, lots: int) -> list[AlertDoc]:
    """What holds now. `lots`: how many are open."""
    found = []
    sales = bot.live_lock.sales()
    if sales is not None and bot.live_lock.is_judged:
        found.append(AlertDoc(code=FOLDER_NOT_OWN, text=f"Nothing is sent, exits included: {sales}"))
    elif lots and sales is None and (reason := bot.live_lock.reason()) is not None and bot.key is not None:
        text = f"Entries are locked: {reason}; the exits of {lots} open {'lot' if lots == 1 else 'lots'} go on"
        found.append(AlertDoc(code=ENTRIES_LOCKED, text=text))
    if bot.engine is not None and bot.engine.view.orders.second_writer is not None:
        text = f"A second bot trades under the name {bot.settings.bot_name}: no entry until a person presses Start"
        found.append(AlertDoc(code=SECOND_WRITER, text=text))
    if bot.engine is not None and (silent := bot.engine.view.strategy.silent):
        limit = f"{bot.engine.view.strategy.answer_limit_s:g} s"
        text = (
            f"The strategy has not answered for over {limit} ({', '.join(silent)}): no entry until it does; exits go on"
        )
        found.append(AlertDoc(code=STRATEGY_SILENT, text=text))
    if bot.strategy is not None:
        found += [AlertDoc(code=one.code, text=one.text) for one in bot.strategy.notices()]
    if bot.fatal_code is not None:
        found.append(AlertDoc(code=bot.fatal_code, text=bot.error or ""))
    return found
