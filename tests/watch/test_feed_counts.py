"""Messages a second around an alert: the bot's own counts, zeros where it lived and heard nothing, else unknown."""

from dataclasses import replace

from dashboard.pages.alert.feed import chart
from shared.bots import BotRef
from shared.documents.alert_life import FeedCountsDoc
from shared.documents.alerts import AlertPhase, AlertSeverity
from shared.times import from_epoch_ms
from tests.watch.seen import bot
from watch.alert_book import Alert
from watch.feed_counts import FeedCounts
from watch.observations import BotObservation

NOW_MS = 1_796_000_000_000


def seen(second: int, messages: int, run: str = "a") -> BotObservation:
    one = bot()
    assert one.state is not None and one.state.feeds is not None
    feeds = replace(one.state.feeds, ws_messages=messages)
    state = replace(one.state, ts_ms=NOW_MS + second * 1000 + 400, started_at=run, feeds=feeds)
    return replace(one, ref=BotRef("main"), state=state)


def alert(since_s: int, rule: str = "exchange_gone", number: int = 7) -> Alert:
    since_ms = NOW_MS + since_s * 1000
    return Alert(
        number=number, cause="exchange.sim", severity=AlertSeverity.CRITICAL, phase=AlertPhase.FIRING, title="",
        text="", todo="", sources=((rule, "main"),), since_ms=since_ms, seen_ms=since_ms,
    )  # fmt: skip


def test_what_came_what_did_not_and_what_nobody_knows() -> None:
    counts = FeedCounts()
    messages = 0
    for second in range(62):
        messages += 10 if second < 55 else 0  # the exchange falls silent
        counts.note([seen(second, messages), seen(second, messages)])
    for second in range(65, 70):  # it was ended for three seconds, and began anew
        counts.note([seen(second, second - 65, run="b")])
    (found,) = counts.due([alert(60)], NOW_MS + 70_000)
    assert (found.alert, found.bot, found.begin_ms) == (7, "main", NOW_MS)
    assert found.counts == [None, *[10] * 54, *[0] * 7, None, None, None, None, 1, 1, 1, 1]


def test_it_is_kept_at_once_then_every_ten_seconds_and_no_longer_than_two_minutes() -> None:
    counts, kept = FeedCounts(), []
    for second in range(300):
        counts.note([seen(second, second)])
        kept += counts.due([alert(100)], NOW_MS + second * 1000) if second >= 100 else []
    assert 12 <= len(kept) <= 14 and len(kept[0].counts) == 60 and len(kept[-1].counts) == 180
    assert counts.due([alert(100, rule="disk", number=8)], NOW_MS + 300_000) == [], "no matter of a feed"
    assert counts.due([], NOW_MS + 300_000) == [] and len(counts.due([alert(100)], NOW_MS + 101_000)) == 1


def test_the_drawing_has_a_bar_for_what_came_and_a_mark_for_what_is_not_known() -> None:
    doc = FeedCountsDoc(alert=7, bot="main", begin_ms=NOW_MS, counts=[*[8] * 60, 0, 0, None, 4])
    found = chart(doc, NOW_MS + 60_000, from_epoch_ms(NOW_MS + 64_000))
    assert [bar.css for bar in found.bars[58:]] == ["bar", "bar", "none", "none", "unk", "bar"]
    assert found.bars[0].height == 80 and found.bars[-1].height == 40 and found.since_x == 240 and found.most == 8
    assert "8.0 messages a second. After: 1.3; 1 second not known." in found.say
    empty = chart(replace(doc, counts=[None] * 5), NOW_MS + 60_000, from_epoch_ms(NOW_MS))
    assert "not known messages" in empty.say and {bar.css for bar in empty.bars} == {"unk"}
