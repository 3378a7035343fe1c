"""Rules about the exchange as each bot sees it: every bot's trouble with it is one cause."""

from shared.documents.status import Status
from shared.figures import ago
from shared.verdict import PartState, Verdict
from watch.observations import BotObservation, Observations
from watch.rules.bots import left_alone
from watch.rules.rule import RuleFinding, WatchLimits, exchange_cause

RATE_LIMITED = 10
LATENCY_MS = 2000.0
CLOCK_MS = 5000.0
PERMISSION_S = 86_400.0
RESUME_S = 3.0  # a bot that stood still needs to hear the exchange again
_SHUT_BY_KEY = "the key "  # how a reason begins that the key's rights gave


def blind(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    """It lives and does not hear the exchange; its own threshold of 5 s is in its verdict."""
    if bot.fresh is None or bot.fresh.verdict is None:
        return None
    bad = bot.judged.word is Verdict.BLIND
    if bad and bot.resumed_s is not None and bot.resumed_s < RESUME_S:
        return None  # it stood still itself: what it did not hear meanwhile says nothing of the exchange
    lasts = f" for {ago(bot.judged.seconds)}" if bad and bot.judged.seconds is not None else ""
    text = f"{bot.judged.reason}. It makes no entry and reconnects by itself.{left_alone(bot.state, bad)}"
    return RuleFinding(bot.name, bad, exchange_cause(bot), f"blind{lasts}" if bad else "sees",
                       f"{bot.name} is blind: it does not hear the exchange", text)  # fmt: skip


def requests_fail(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    if bot.fresh is None or bot.fresh.feeds is None or bot.judged.word is Verdict.BLIND:
        return None
    feeds = bot.fresh.feeds
    limit = next((one for one in bot.fresh.risk.limits if one.name == "api_errors"), None) if bot.fresh.risk else None
    share = limit.value / limit.limit if limit is not None and limit.value is not None and limit.limit else None
    shown = f"{limit.value:.0f} %" if limit is not None and limit.value is not None else "not known"
    bad = limit is not None and limit.state == "tripped"
    text = f"{shown} of the last minute's requests failed: {feeds.rest_note or 'no reason given'}."
    return RuleFinding(bot.name, bad, exchange_cause(bot), shown, f"{bot.name}: requests fail", text, share)


def feed_stale(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    """One product's price is old while the connection lives."""
    if bot.fresh is None or bot.fresh.status is Status.STARTING or bot.judged.word is Verdict.BLIND:
        return None
    part = bot.judged.worst("prices")
    if part is None or part.age_ms is None:
        return None
    age_s = part.age_ms / 1000
    text = f"The oldest price that its figures rest on is {ago(age_s)} old ({part.text or 'no product named'})."
    return RuleFinding(bot.name, age_s > limits.stale_data_s, exchange_cause(bot), ago(age_s),
                       f"{bot.name}: a price is stale", text, age_s / limits.stale_data_s)  # fmt: skip


def rate_limited(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    count = bot.facts.rate_limited
    if bot.fresh is None or count is None:
        return None
    text = f"The exchange answered 429 {count} times within five minutes; the bot halves its rate each time."
    return RuleFinding(bot.name, count > RATE_LIMITED, exchange_cause(bot), f"{count} in 5 min",
                       f"{bot.name}: too many requests", text, count / RATE_LIMITED)  # fmt: skip


def latency(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    if bot.fresh is None or bot.fresh.feeds is None or bot.fresh.feeds.rest_last_ms is None:
        return None
    took_ms = bot.fresh.feeds.rest_last_ms
    text = f"The last answer took {took_ms:.0f} ms."
    return RuleFinding(bot.name, took_ms > LATENCY_MS, exchange_cause(bot), f"{took_ms:.0f} ms",
                       f"{bot.name}: the exchange answers slowly", text, took_ms / LATENCY_MS)  # fmt: skip


def clock_off(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    offset = bot.fresh.feeds.clock_offset_ms if bot.fresh is not None and bot.fresh.feeds is not None else None
    if offset is None:
        return None
    text = f"This machine's clock is {offset:+d} ms off the exchange's. Entries are shut beyond 5,000 ms."
    return RuleFinding(bot.name, abs(offset) > CLOCK_MS, "host.clock", f"{offset:+d} ms", "The clock is off", text,
                       abs(offset) / CLOCK_MS)  # fmt: skip


def key_rights(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    if bot.fresh is None or bot.fresh.risk is None:
        return None
    reason = bot.fresh.risk.entries_blocked or ""
    bad = reason.startswith(_SHUT_BY_KEY)
    return RuleFinding(bot.name, bad, f"key.{bot.name}", "changed" if bad else "as they must be",
                       f"{bot.name}: the key's rights changed", f"{reason}. Entries are shut until Start.")  # fmt: skip


def permission_ends(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    if bot.fresh is None or bot.fresh.mode != "live" or bot.permission_ends_ms is None:
        return None
    left_s = max(0.0, (bot.permission_ends_ms - seen.now_ms) / 1000)
    ends = f"in {ago(left_s)}" if left_s else "now: it is over"
    text = f"The permission for live entries ends {ends}; ./coin enable-live gives a new one. Exits go on without it."
    return RuleFinding(bot.name, left_s < PERMISSION_S, f"permission.{bot.name}", ago(left_s),
                       f"{bot.name}: live permission ends {ends}", text,
                       min(PERMISSION_S / left_s, 1.0) if left_s else 1.0)  # fmt: skip


def key_age(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    if bot.key_age_s is None:
        return None
    text = f"The key's file is {ago(bot.key_age_s)} old: make a new key and delete the old one at the exchange."
    return RuleFinding(bot.name, bot.key_age_s > limits.key_max_age_s, f"key.{bot.name}", ago(bot.key_age_s),
                       f"{bot.name}: the key is old", text, bot.key_age_s / limits.key_max_age_s)  # fmt: skip


def ledger_unwritable(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    if bot.fresh is None:
        return None
    io = bot.fresh.io
    bad = bot.judged.word is Verdict.LEDGER_GONE or not io.ledger_ok
    part = bot.judged.worst("ledger")
    why = bot.judged.reason if bot.judged.word is Verdict.LEDGER_GONE else io.ledger_error or "unknown reason"
    value = "cannot be written" if bad else "written" if part and part.state is PartState.OK else "not known"
    text = f"{why}. No order is sent until it can be written.{left_alone(bot.state, bad)}"
    return RuleFinding(bot.name, bad, f"ledger.{bot.name}", value, f"{bot.name}: the ledger cannot be written", text)


def state_unwritable(bot: BotObservation, seen: Observations, limits: WatchLimits) -> RuleFinding | None:  # noqa: ARG001
    if bot.fresh is None:
        return None
    error = bot.fresh.io.last_error
    return RuleFinding(bot.name, error is not None, f"ledger.{bot.name}", error or "written",
                       f"{bot.name}: a document cannot be written", f"{error}.")  # fmt: skip
