"""What the bot can know of itself: does it hear the exchange, how old are its prices, may it send and write?

Every age counts from the source. A price that has not moved is as young as the last frame of a stream that is whole:
heartbeats come each second and every frame is numbered, so a frame that is missing would be noticed. A calm market
is not a blind bot.
"""

from dataclasses import dataclass

from bot.app.ports import VerdictSource
from bot.engine.orders.second_writer import WHAT_TO_DO
from bot.engine.views.engine_view import EngineView
from bot.venues.port import TICKER, VenueStream
from shared.documents.status import Status
from shared.times import epoch_ms, from_epoch_ms
from shared.verdict import BLIND_S, PartDoc, PartState, Verdict, VerdictDoc

BALANCES_LATE_S = 120.0  # a sync is due each 30 s
CLOCK_LIMIT_MS = 5000
# While it boots, ends or has failed, the phase says what it waits for; nothing is traded on what it sees.
_AWAKE = frozenset({Status.RUNNING, Status.PAUSED, Status.STOPPING, Status.STOPPED, Status.KILLED, Status.SAFE})


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why the bot's own status does not tell the whole truth."""

    word: Verdict
    reason: str
    seconds: float | None


def verdict(bot: VerdictSource, status: Status) -> VerdictDoc | None:
    """The document; None before there is anything to ask of."""
    if bot.rest is None:
        return None
    now_s = bot.clock.monotonic_s()
    view = bot.engine.view if bot.engine is not None else None
    parts = [
        _stream(bot, 0, "stream", "Stream", now_s),
        _stream(bot, 1, "orders", "Order news", now_s),
        _rest(bot, now_s),
        _prices(bot, view, now_s),
        _balances(view),
        _clock(view),
        _ledger(bot),
        _lock(bot),
        _writer(view),
    ]
    trouble = (_trouble(bot, parts) or _second(view)) if status in _AWAKE and not bot.ended else None
    ages = [part.age_ms for part in parts if part.name in ("orders", "prices")]
    known = [age for age in ages if age is not None]
    return VerdictDoc(
        word=trouble.word if trouble is not None else status.value,
        reason=trouble.reason if trouble is not None else None,
        seconds=trouble.seconds if trouble is not None else None,
        figures_age_ms=max(known) if known and view is not None and view.account.known else None,
        parts=parts,
    )


def _trouble(bot: VerdictSource, parts: list[PartDoc]) -> _Trouble | None:
    """The worst of what outranks the status: who may not send, then who cannot write, then who does not hear."""
    latches = bot.gate.latches
    if latches.lock_lost:
        lasts_s = _lasts_s(bot, latches.lock_lost_s)
        return _Trouble(Verdict.LOCKED_OUT, "the bot no longer owns its instance lock: nothing is sent", lasts_s)
    if not latches.ledger_ok:
        why, lasts_s = bot.ledger_error or "unknown reason", _lasts_s(bot, latches.ledger_bad_s)
        if bot.ledger is not None and bot.ledger.gone is not None:
            way = f"./coin stop, ./coin restore {bot.rescue.kept or 'ARCHIVE (a backup)'}, ./coin start"
            text = f"{bot.ledger.gone}. Nothing is sent, and no exit protects a lot. To repair it: {way}"
            return _Trouble(Verdict.LEDGER_GONE, text, lasts_s)
        return _Trouble(Verdict.LEDGER_GONE, f"the ledger cannot be written ({why}): nothing is sent", lasts_s)
    gone = [part for part in parts if part.state is PartState.GONE and part.name != "writer"]
    if not gone:
        return None
    silent_s = bot.rest.silent_since_s if bot.rest is not None else None
    ages = [part.age_ms / 1000 for part in gone if part.age_ms is not None and part.name != "rest"]
    if silent_s is not None and any(part.name == "rest" for part in gone):
        # It is asked now and then: before the first question without an answer it was not silent, it was not asked.
        ages.append(bot.clock.monotonic_s() - silent_s)
    said = "; ".join(f"{part.title}: {part.text}" for part in parts if part.state is PartState.GONE)
    return _Trouble(Verdict.BLIND, said, round(max(ages), 1) if ages else None)


def _lasts_s(bot: VerdictSource, since_s: float | None) -> float | None:
    return None if since_s is None else round(max(bot.clock.monotonic_s() - since_s, 0.0), 1)


def _second(view: EngineView | None) -> _Trouble | None:
    """Who is blind as well is called blind: nobody knows then what the account holds."""
    second = view.orders.second_writer if view is not None else None
    if second is None:
        return None
    return _Trouble(Verdict.SECOND_WRITER, f"{second}: {WHAT_TO_DO}. No entry until then", None)


def _heard_s(stream: VenueStream, now_s: float) -> float | None:
    """Seconds since a whole connection last said anything, heartbeats among it."""
    return None if stream.health.good_s is None else max(now_s - stream.health.good_s, 0.0)


def _stream(bot: VerdictSource, index: int, name: str, title: str, now_s: float) -> PartDoc:
    if index >= len(bot.streams):
        return PartDoc(name=name, title=title, state=PartState.UNKNOWN, text="not opened yet")
    health = bot.streams[index].health
    since_s = health.good_s if health.good_s is not None else health.began_s
    age_s = max(now_s - since_s, 0.0)
    age_ms = None if health.good_s is None else round(age_s * 1000)
    if age_s <= BLIND_S:
        text = "" if age_ms is not None else "nothing received yet"
        state = PartState.OK if age_ms is not None else PartState.UNKNOWN
        return PartDoc(name=name, title=title, state=state, age_ms=age_ms, text=text)
    at = from_epoch_ms(epoch_ms(bot.clock.utc()) - round(age_s * 1000))
    said = "no heartbeat" if age_ms is not None else "nothing received"
    text = f"{said} since {at:%H:%M:%S} ({health.note or 'silent'})"
    return PartDoc(name=name, title=title, state=PartState.GONE, age_ms=age_ms, text=text)


def _rest(bot: VerdictSource, now_s: float) -> PartDoc:
    rest = bot.rest
    assert rest is not None
    age_ms = None if rest.answered_s is None else round(max(now_s - rest.answered_s, 0.0) * 1000)
    if rest.answered_s is None:
        return PartDoc(name="rest", title="REST", state=PartState.UNKNOWN, text=rest.last_error or "not requested yet")
    if rest.silent_since_s is None:
        return PartDoc(name="rest", title="REST", state=PartState.OK, age_ms=age_ms)
    gone = now_s - rest.silent_since_s > BLIND_S
    text = f"no answer ({rest.last_error or 'unknown reason'})"
    state = PartState.GONE if gone else PartState.WARN
    return PartDoc(name="rest", title="REST", state=state, age_ms=age_ms, text=text)


def _prices(bot: VerdictSource, view: EngineView | None, now_s: float) -> PartDoc:
    """As old as the oldest price that the figures rest on: of products with lots, else of all that are watched."""
    if view is None or not bot.streams:
        return PartDoc(name="prices", title="Prices", state=PartState.UNKNOWN, text="none yet")
    watched = view.markets.product_ids
    held = [product_id for product_id in watched if view.positions.lots(product_id)]
    ages = {p: price_age_ms(bot, view, p, now_s) for p in held or watched}
    known = {p: age for p, age in ages.items() if age is not None}
    if not known:
        return PartDoc(name="prices", title="Prices", state=PartState.UNKNOWN, text="none yet")
    oldest = max(known, key=lambda p: known[p])
    age_ms = known[oldest]
    part_state = PartState.OK if age_ms <= BLIND_S * 1000 else PartState.WARN
    mark = view.markets.price(oldest)
    text = "" if part_state is PartState.OK or mark is None else f"last {mark:f} {oldest}"
    return PartDoc(name="prices", title="Prices", state=part_state, age_ms=age_ms, text=text)


def price_age_ms(bot: VerdictSource, view: EngineView, product_id: str, now_s: float) -> int | None:
    """Since the exchange was last heard to confirm the price; None = there is none."""
    priced_ms = view.markets.price_age_ms(product_id, view.now_ms)
    stream = bot.streams[0] if bot.streams else None
    if priced_ms is None or stream is None:
        return priced_ms
    heard_s = _heard_s(stream, now_s)
    if heard_s is None or (TICKER, product_id) not in stream.health.channel_s:
        return priced_ms  # this connection has not shown it: no heartbeat speaks for it
    return min(priced_ms, round(heard_s * 1000))


def _balances(view: EngineView | None) -> PartDoc:
    synced_ms = view.account.synced_ms if view is not None else None
    if view is None or synced_ms is None:
        return PartDoc(name="balances", title="Balances", state=PartState.UNKNOWN, text="not requested yet")
    age_ms = max(view.now_ms - synced_ms, 0)
    part_state = PartState.OK if age_ms <= BALANCES_LATE_S * 1000 else PartState.WARN
    return PartDoc(name="balances", title="Balances", state=part_state, age_ms=age_ms)


def _clock(view: EngineView | None) -> PartDoc:
    offset = view.clock_offset_ms if view is not None else None
    if offset is None:
        return PartDoc(name="clock", title="Clock", state=PartState.UNKNOWN, text="not checked yet")
    part_state = PartState.OK if abs(offset) <= CLOCK_LIMIT_MS else PartState.WARN
    return PartDoc(name="clock", title="Clock", state=part_state, text=f"{offset:+d} ms")


def _ledger(bot: VerdictSource) -> PartDoc:
    if bot.gate.latches.ledger_ok:
        return PartDoc(name="ledger", title="Ledger", state=PartState.OK, text="written, nothing pending")
    why = bot.ledger_error or "unknown reason"
    text = why if bot.ledger is not None and bot.ledger.gone is not None else f"cannot be written: {why}"
    return PartDoc(name="ledger", title="Ledger", state=PartState.GONE, text=text)


def _lock(bot: VerdictSource) -> PartDoc:
    if bot.gate.latches.lock_lost:
        return PartDoc(name="lock", title="Lock", state=PartState.GONE, text="bot.lock was replaced by another file")
    return PartDoc(name="lock", title="Lock", state=PartState.OK, text="held")


def _writer(view: EngineView | None) -> PartDoc:
    """Whether another bot was seen to trade under this name on this account."""
    second = view.orders.second_writer if view is not None else None
    part_state = PartState.OK if second is None else PartState.GONE
    text = "no other bot seen under this name" if second is None else f"second writer: {second}"
    return PartDoc(name="writer", title="Only writer", state=part_state, text=text)
