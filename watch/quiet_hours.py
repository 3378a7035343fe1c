"""When warnings wait: a span of the day in one time zone."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from shared.alert_settings import parse_quiet_hours
from shared.times import epoch_ms, from_epoch_ms


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Minutes of the day, by the clock of `zone`; a span may run over midnight."""

    from_minute: int
    until_minute: int
    zone: tzinfo = UTC

    def until_ms(self, now_ms: int) -> int | None:
        """When they end, where it is quiet now; None = it is not."""
        now = from_epoch_ms(now_ms).astimezone(self.zone)
        minute = now.hour * 60 + now.minute
        over_night = self.from_minute > self.until_minute
        inside = (
            minute >= self.from_minute or minute < self.until_minute
            if over_night
            else self.from_minute <= minute < self.until_minute
        )
        if not inside:
            return None
        day = now.date() + timedelta(days=1 if over_night and minute >= self.from_minute else 0)
        hour, minute = divmod(self.until_minute, 60)
        # Made anew in the zone, not by adding hours: a night in which the clocks change is an hour longer or shorter.
        end = datetime(day.year, day.month, day.day, tzinfo=self.zone) + timedelta(hours=hour, minutes=minute)
        return epoch_ms(end.astimezone(UTC))


def quiet_hours(text: str) -> QuietHours | None:
    """Of ALERT_QUIET_HOURS; None = never quiet, also where it is not written as it must be: louder is safer."""
    try:
        found = parse_quiet_hours(text)
    except ValueError:
        return None
    return QuietHours(*found) if found is not None else None
