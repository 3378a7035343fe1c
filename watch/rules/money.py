"""Rules about results, orders, and what the account holds."""

from shared.documents.risk import LimitDoc
from shared.documents.status import Status
from shared.figures import ago, number, trimmed
from shared.times import epoch_ms, parse_time
from watch.observations import BotObservation, Observations
from watch.rules.rule import RuleFinding, WatchLimits

UNKNOWN_S = 60.0
UNSETTLED_S = 60.0
FLAT_S = 3600.0
NO_TRADE_S = 3 * 86_400.0
BUYS_EXPECTED = 10  # decisions to buy without a trade, before that is worth a word
FILL_RATE_ORDERS, FILL_RATE_LEAST = 8, 0.25


def _limit(bot: BotObservation, *names: str) -> LimitDoc | None:
    """The worst of these limits of the bot's Risk page."""
    if bot.fresh is None or bot.fresh.risk is None:
        return None
    found = [limit for limit in bot.fresh.risk.limits if limit.name in names and limit.state != "off"]
    return max(found, key=lambda limit: (limit.state == "tripped", _share(limit) or 0.0), default=None)


def _share(limit: LimitDoc) -> float | None:
    return limit.value / limit.limit if limit.value is not None and limit.limit else None


def _of_limit(bot: BotObservation, limit: LimitDoc | None, cause: str, what: str) -> RuleFinding | None:
    if limit is None:
        return None
    bad = limit.state == "tripped"
    shown = f"{trimmed(limit.value, 3)} {limit.unit}" if limit.value is not None else "not known"
    text = f"{limit.title}: {shown}, limit {trimmed(limit.limit)} {limit.unit}. No entry is made; exits go on."
    return RuleFinding(bot.name, bad, f"{cause}.{bot.name}", shown, f"{bot.name}: {what}", text,
                       1.0 if bad else _share(limit))  # fmt: skip


def day_loss(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    return _of_limit(bot, _limit(bot, "day_loss", "day_loss_usd"), "loss", "the day's loss limit is reached")


def drawdown(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    return _of_limit(bot, _limit(bot, "drawdown"), "loss", "the drawdown limit is reached")


def order_errors(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    return _of_limit(bot, _limit(bot, "order_errors"), "orders", "orders are refused or unanswered")


def pnl(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    """A person's own figure, below the limits that shut entries."""
    if bot.fresh is None or bot.fresh.account is None or not limits.pnl_loss_usd:
        return None
    account = bot.fresh.account
    loss = max(-account.day_pnl, 0.0)
    shown = f"{number(account.day_pnl, signed=True)} {account.quote_currency}"
    text = f"Today's result is {shown}; ALERT_PNL_THRESHOLD is {trimmed(limits.pnl_loss_usd)} USD."
    return RuleFinding(bot.name, loss >= limits.pnl_loss_usd, f"loss.{bot.name}", shown,
                       f"{bot.name}: day result {shown}", text, loss / limits.pnl_loss_usd)  # fmt: skip


def _oldest(bot: BotObservation, seen: Observations, state: str) -> tuple[int, float, str] | None:
    """(how many orders are in that state, since when the oldest is, its product); None = not known."""
    if bot.fresh is None or bot.fresh.orders is None:
        return None
    found = [order for order in bot.fresh.orders if order.state == state]
    if not found:
        return 0, 0.0, ""
    oldest = min(found, key=lambda order: order.updated_at)
    return len(found), max(0.0, (seen.now_ms - epoch_ms(parse_time(oldest.updated_at))) / 1000), oldest.product_id


def order_unknown(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    found = _oldest(bot, seen, "unknown")
    if found is None:
        return None
    count, since_s, product = found
    text = (
        f"{count} without an answer from the exchange, the oldest ({product}) for {ago(since_s)}. It holds its capital "
        "and blocks its product until the exchange shows what became of it."
    )
    shown = f"{count}, {ago(since_s)}" if count else "0"
    return RuleFinding(bot.name, since_s > UNKNOWN_S, f"orders.{bot.name}", shown,
                       f"{bot.name}: an order is UNKNOWN", text, since_s / UNKNOWN_S)  # fmt: skip


def order_lost(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    found = _oldest(bot, seen, "lost")
    if found is None:
        return None
    count, since_s, product = found
    text = f"{count} that the exchange shows no more, the oldest ({product}) since {ago(since_s)}. Entries wait."
    return RuleFinding(bot.name, count > 0, f"orders.{bot.name}", str(count), f"{bot.name}: an order is lost", text)


def order_stands(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:
    """Entries that are not filled and not given up, and orders that are neither open nor over. Takes may rest."""
    if bot.fresh is None or bot.fresh.orders is None:
        return None
    since = dict(bot.facts.unsettled_since_ms)
    patience_s = limits.exposure_maker_s if _by_weight(bot) else limits.maker_timeout_s
    entry_s = 3 * patience_s + UNSETTLED_S
    worst, shown, age_s = 0.0, "none", 0.0
    for order in bot.fresh.orders:
        if order.state in ("new", "sent", "cancelling") and order.client_order_id in since:
            stands_s, most_s = (seen.now_ms - since[order.client_order_id]) / 1000, UNSETTLED_S
        elif order.state == "open" and order.purpose == "entry":
            stands_s, most_s = (seen.now_ms - epoch_ms(parse_time(order.created_at))) / 1000, entry_s
        else:
            continue
        if stands_s / most_s > worst:
            worst, age_s, shown = stands_s / most_s, stands_s, f"{order.purpose} {order.product_id} {order.state}"
    text = f"{shown} for {ago(age_s)}: longer than it should."
    return RuleFinding(bot.name, worst > 1, f"orders.{bot.name}", ago(age_s) if worst else "none",
                       f"{bot.name}: an order stands too long", text, worst)  # fmt: skip


def _by_weight(bot: BotObservation) -> bool:
    """Whether the bot holds products at target weights."""
    strategy = bot.fresh.strategy if bot.fresh is not None else None
    return strategy is not None and any(x.target is not None for x in strategy.signals)


def audit_differs(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    if bot.fresh is None or bot.fresh.audit is None:
        return None
    audit = bot.fresh.audit
    return RuleFinding(bot.name, not audit.ok, f"account.{bot.name}", "differs" if not audit.ok else "agrees",
                       f"{bot.name}: ledger and exchange differ", f"{audit.text} (compared {audit.at}).")  # fmt: skip


def account_differs(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    if bot.fresh is None or bot.fresh.account is None:
        return None
    found = bot.fresh.differences
    text = f"{found} is not explained by the bot's own trades. Entries wait until ./coin adopt books it as a transfer."
    return RuleFinding(bot.name, found is not None, f"account.{bot.name}", found or "none",
                       f"{bot.name}: the balance differs", text)  # fmt: skip


def flat_balance(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    """Lots are open, prices move, and the equity does not: its marks stand still."""
    since_ms = bot.facts.equity_since_ms
    if bot.fresh is None or bot.fresh.status is not Status.RUNNING or since_ms is None:
        return None
    still_s = (seen.now_ms - since_ms) / 1000
    text = f"Lots are open, and equity has not moved by a cent for {ago(still_s)}."
    return RuleFinding(bot.name, still_s > FLAT_S, f"flat.{bot.name}", ago(still_s),
                       f"{bot.name}: the balance stays flat", text, still_s / FLAT_S)  # fmt: skip


def no_trades(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    since_ms = bot.facts.traded_ms
    if bot.fresh is None or bot.fresh.status is not Status.RUNNING or since_ms is None:
        return None
    since_s, buys = (seen.now_ms - since_ms) / 1000, bot.facts.buys_since_trade
    bad = since_s > NO_TRADE_S and buys >= BUYS_EXPECTED
    text = f"{buys} decisions to buy and no lot opened or closed for {ago(since_s)}. The Why page says what stops them."
    share = min(since_s / NO_TRADE_S, buys / BUYS_EXPECTED)
    return RuleFinding(bot.name, bad, f"flat.{bot.name}", f"{ago(since_s)}, {buys} buys",
                       f"{bot.name}: no trade where some were expected", text, share)  # fmt: skip


def fill_rate(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    """Of the newest entries that are over, how many were filled. A maker's that was given up counts as not."""
    if bot.fresh is None or bot.fresh.orders is None:
        return None
    over = ("filled", "cancelled", "expired", "failed", "refused")
    entries = [order for order in bot.fresh.orders if order.purpose == "entry" and order.state in over]
    if len(entries) < FILL_RATE_ORDERS:
        return None
    rate = sum(order.filled_size > 0 for order in entries) / len(entries)
    text = f"{rate:.0%} of the newest {len(entries)} entries were filled."
    return RuleFinding(bot.name, rate < FILL_RATE_LEAST, f"orders.{bot.name}", f"{rate:.0%} of {len(entries)}",
                       f"{bot.name}: few orders are filled", text, (1 - rate) / (1 - FILL_RATE_LEAST))  # fmt: skip
