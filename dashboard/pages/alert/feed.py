"""Messages a second around the beginning of an alert, as bars; what is not known is a mark at the foot, not a zero."""

from dataclasses import dataclass
from datetime import datetime

from dashboard.views import format as f
from shared.documents.alert_life import FEED_AFTER_S, FEED_BEFORE_S, FeedCountsDoc

HEIGHT = 80
SECONDS = FEED_BEFORE_S + FEED_AFTER_S + 1


@dataclass(frozen=True, slots=True)
class FeedBar:
    """In units of the drawing: one second is 4 wide. `css`: bar, none (nothing came), unk (not known)."""

    x: int
    height: int
    css: str


@dataclass(frozen=True, slots=True)
class FeedChart:
    bot: str
    bars: list[FeedBar]
    width: int
    since_x: int
    most: int
    begin: datetime | None
    since: datetime | None
    say: str


def chart(doc: FeedCountsDoc, since_ms: int, now: datetime) -> FeedChart:
    """The whole width is always three minutes, so that the same length means the same time on every page."""
    counts = doc.counts[:SECONDS]
    most = max((one for one in counts if one is not None), default=0)
    since_x = max(0, (since_ms - doc.begin_ms) // 1000) * 4
    return FeedChart(
        f.clean(doc.bot), [_bar(at, one, most) for at, one in enumerate(counts)], SECONDS * 4, since_x, most,
        f.of_ms(doc.begin_ms), f.of_ms(since_ms), _say(doc, counts, since_ms, now),
    )  # fmt: skip


def _bar(at: int, count: int | None, most: int) -> FeedBar:
    if count is None:
        return FeedBar(at * 4, 3, "unk")
    if not count:
        return FeedBar(at * 4, 3, "none")
    return FeedBar(at * 4, max(3, round(count / most * HEIGHT)), "bar")


def _say(doc: FeedCountsDoc, counts: list[int | None], since_ms: int, now: datetime) -> str:
    split = max(0, (since_ms - doc.begin_ms) // 1000)
    before, after = _mean(counts[:split]), _mean(counts[split:])
    unknown = sum(one is None for one in counts)
    rest = f"; {f.plural(unknown, 'second')} not known" if unknown else ""
    return f"Before {f.clock(f.of_ms(since_ms), now)}: {before} messages a second. After: {after}{rest}."


def _mean(counts: list[int | None]) -> str:
    known = [one for one in counts if one is not None]
    return f"{sum(known) / len(known):,.1f}" if known else "not known"
