"""What the bot says of itself: a calm market is not a blind bot, and no trouble hides behind the status."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.app.order_gate import Latches
from bot.app.ports import VerdictSource
from bot.app.verdict import verdict
from bot.domain import events as ev
from bot.domain.balances import Balance
from bot.engine.state.fence import SECOND_WRITER
from bot.engine.state.recovered import RecoveredState
from bot.venues.port import StreamHealth
from shared.documents.status import Status
from shared.times import epoch_ms
from shared.verdict import PartState, VerdictDoc
from tests.core.harness import D, Rig

NOW_S = 1000.0


class Clock:
    def utc(self) -> datetime:
        return datetime(2026, 11, 20, 20, 0, tzinfo=UTC)

    def monotonic_s(self) -> float:
        return NOW_S


def host(heard_s: float | None = 0.4, priced_s: float = 0.2, second: str | None = None, **terms: Any) -> Any:
    """A bot whose streams said something `heard_s` ago, and its last trade `priced_s` ago; it holds one lot.

    `second`: what showed a second writer; there is no lot then.
    """
    now_ms = epoch_ms(Clock().utc())
    kept = RecoveredState(key_values={SECOND_WRITER: second} if second is not None else {})
    rig = Rig(take_profit_order="market", restored=kept, now_ms=now_ms - 1_800_000)
    if second is None:
        rig.open_runner()
    balances = tuple(Balance(currency, total, D(0)) for currency, total in rig.view.account.totals.items())
    told = [
        (4.0, lambda: rig.send(ev.BalanceReport(balances, rig.now_ms))),
        (priced_s, lambda: rig.price("100", after_ms=0)),
    ]
    for before_s, tell in sorted(told, key=lambda one: -one[0]):
        rig.now_ms = now_ms - round(before_s * 1000)
        tell()
    rig.show_at(now_ms)
    streams = []
    for name in ("market", "user"):
        good_s = None if heard_s is None else NOW_S - heard_s
        health = StreamHealth(name, began_s=NOW_S - 60, connected=True, note=None, last_s=good_s, good_s=good_s)
        health.channel_s["ticker", "BTC-USD"] = NOW_S - priced_s
        streams.append(SimpleNamespace(health=health))
    rest = SimpleNamespace(answered_s=NOW_S - 3.0, silent_since_s=None, last_error=None)
    made = SimpleNamespace(
        rest=rest, streams=streams, engine=rig.engine, clock=Clock(), ended=False, ledger_error=None, ledger=None,
        gate=SimpleNamespace(latches=Latches()),
    )  # fmt: skip
    for name, value in terms.items():
        setattr(made, name, value)
    return made


def said(bot: Any, status: Status = Status.RUNNING) -> VerdictDoc:
    found = verdict(cast(VerdictSource, bot), status)
    assert found is not None
    return found


def part(doc: VerdictDoc, name: str) -> PartState:
    return next(p.state for p in doc.parts if p.name == name)


def test_a_calm_market_is_not_blind_and_its_prices_are_as_young_as_the_heartbeats() -> None:
    doc = said(host(heard_s=0.4, priced_s=900.0))
    assert (doc.word, doc.reason, doc.figures_age_ms) == ("running", None, 400)
    assert part(doc, "prices") is PartState.OK


def test_a_connection_that_never_showed_the_product_speaks_for_no_price() -> None:
    bot = host(heard_s=0.4, priced_s=900.0)
    bot.streams[0].health.channel_s.clear()
    doc = said(bot)
    assert (part(doc, "prices"), doc.figures_age_ms) == (PartState.WARN, 900_000)


@pytest.mark.parametrize("heard_s", [5.0, 5.1])
def test_blind_begins_after_five_seconds_without_a_heartbeat(heard_s: float) -> None:
    doc = said(host(heard_s=heard_s, priced_s=heard_s))
    blind = heard_s > 5
    assert doc.word == ("blind" if blind else "running")
    assert (doc.seconds is not None) == blind
    assert not blind or "no heartbeat since 19:59:5" in str(doc.reason)


def test_an_exchange_that_answers_no_request_is_blindness_too_and_one_late_answer_is_not() -> None:
    bot = host()
    bot.rest.silent_since_s, bot.rest.last_error = NOW_S - 4.9, "connection refused"
    assert (said(bot).word, part(said(bot), "rest")) == ("running", PartState.WARN)
    bot.rest.silent_since_s = NOW_S - 5.1
    doc = said(bot)
    assert doc.word == "blind" and "connection refused" in str(doc.reason)
    assert doc.figures_age_ms == 400, "prices still come"
    bot.rest.answered_s = NOW_S - 34.0
    assert said(bot).seconds == 5.1, "it is asked each half minute: it was not silent while nobody asked"


def test_who_may_not_send_or_write_says_so_before_who_does_not_see() -> None:
    blind = host(heard_s=60)
    blind.gate.latches.ledger_ok, blind.ledger_error = False, "disk is full"
    assert said(blind).word == "ledger_gone" and "disk is full" in str(said(blind).reason)
    assert said(blind).seconds is None, "not known since when"
    blind.gate.latches.ledger_bad_s = NOW_S - 30
    assert said(blind).seconds == 30.0
    blind.gate.latches.lock_lost, blind.gate.latches.lock_lost_s = True, NOW_S - 7.25
    assert (said(blind).word, said(blind).seconds) == ("locked_out", 7.2)


SECOND = "BUY BTC-USD, order 7, was made after this start with epoch c0ffee00; ours is 5f3a0c1d"


@pytest.mark.parametrize("status", [Status.RUNNING, Status.PAUSED, Status.STOPPED, Status.KILLED])
def test_a_second_writer_is_the_word_until_a_person_presses_start(status: Status) -> None:
    assert part(said(host()), "writer") is PartState.OK
    bot = host(second=SECOND)
    doc = said(bot, status)
    assert (doc.word, part(doc, "writer")) == ("second_writer", PartState.GONE)
    assert SECOND in str(doc.reason) and "press Start" in str(doc.reason)


def test_who_is_blind_beside_a_second_writer_is_blind_and_both_are_told() -> None:
    bot = host(heard_s=60, second=SECOND)
    doc = said(bot)
    assert (doc.word, part(doc, "writer")) == ("blind", PartState.GONE)
    assert "no heartbeat" in str(doc.reason) and SECOND in str(doc.reason)


@pytest.mark.parametrize("status", [Status.STARTING, Status.ERROR])
def test_a_bot_that_boots_or_failed_says_its_status_and_what_it_waits_for(status: Status) -> None:
    assert said(host(heard_s=None), status).word == status


@pytest.mark.parametrize("status", [Status.PAUSED, Status.STOPPED, Status.KILLED, Status.SAFE])
def test_no_status_hides_that_it_does_not_see(status: Status) -> None:
    assert said(host(heard_s=30), status).word == "blind"
    assert said(host(heard_s=None), status).word == "blind", "never heard, a minute after it began to try"
