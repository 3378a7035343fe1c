"""A year's statement as a file: months first, then days; amounts in quote currency to the cent."""

from collections.abc import Sequence

from dashboard.views.performance import PeriodRow, by_period

HEADER = "period,from,realised,open_and_other,result,fees,transfers,round_trips,won"


def csv(days: Sequence[PeriodRow]) -> str:
    """`days`: of one year, oldest first. What is not known is empty."""
    rows = [("month", one) for one in by_period(days, "month")] + [("day", one) for one in days]
    return "".join(f"{line}\r\n" for line in (HEADER, *(_row(kind, one) for kind, one in rows)))


def _row(kind: str, one: PeriodRow) -> str:
    cells = (
        kind, one.key, _money(one.realised), _money(one.open_change), _money(one.result), _money(one.fees),
        _money(one.transfers), str(one.lots), str(one.wins),
    )  # fmt: skip
    return ",".join(cells)


def _money(value: float | None) -> str:
    return "" if value is None else f"{value + 0.0:.2f}"
