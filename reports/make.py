"""One report of every bot of this installation, from what lies in the data folder."""

import time
from datetime import date
from pathlib import Path

from reports.alert_history import alert_rows, unwatched_s
from reports.checklist import MONTHLY, WEEKLY, filled_in, summary
from reports.checklist_facts import gathered
from reports.document import ReportDoc, ToldAlert
from reports.figures import ReportSources, report_of
from reports.ledger_rows import NotRead, read_curve
from reports.period import ReportKind, ReportPeriod
from reports.picture import equity_picture
from reports.sizes import measured, note_sizes
from reports.store import file_of, keep
from shared.bots import BotRef, bots_in
from shared.ledger.location import LedgerLocation, ledger_location
from shared.liveness import read_state
from shared.paths import DataPaths
from shared.setting_table import GRANULARITY_S, Settings

PICTURE_POINTS = 700
FLAVOURS = ("replay", "paper")


def sources_of(settings: Settings, bot: BotRef) -> ReportSources:
    """Where that bot's figures are. The default bot is the one of these settings."""
    root = settings.paths.root
    state, _, _ = read_state(bot.paths(root))
    if bot.is_default:
        paths, ledger = settings.paths, ledger_location(settings)
    else:
        flavour = f"-{state.mode}" if state is not None and state.mode in FLAVOURS else ""
        paths = bot.paths(root, flavour)
        schema = f"cointrader_{bot.name.lower()}{flavour.replace('-', '_')}"
        ledger = LedgerLocation(paths.ledger, settings.ledger_url, schema)
    return ReportSources(
        bot=bot, paths=paths, ledger=ledger, state=state, bar_s=float(GRANULARITY_S[settings.granularity])
    )


def made(settings: Settings, period: ReportPeriod, now_ms: int) -> tuple[ReportDoc, bytes | None]:
    """The report, and the week's picture of the default bot's equity; None = there is none, or it is of a day."""
    bots = [sources_of(settings, bot) for bot in bots_in(settings.paths.root)]
    picture = _picture(bots[0].paths, period) if period.kind is ReportKind.WEEK else None
    report = ReportDoc(
        kind=period.kind.value, key=period.key, start_ms=period.start_ms, end_ms=period.end_ms, made_ms=now_ms,
        bots=[report_of(one, period, now_ms) for one in bots],
        alerts=alerts_of(settings.paths.watch / "alerts.db", period),
        unwatched_s=unwatched_s(settings.paths.watch / "alerts.db", period.days),
        picture=file_of(settings.paths.reports, period, "png").name if picture is not None else None,
        checklists=_checklists(settings, period, now_ms),
    )  # fmt: skip
    return report, picture


def make_and_keep(settings: Settings, period: ReportPeriod) -> Path:
    """With what the data folder takes now, so that its growth can be told. Raises OSError."""
    now_ms = round(time.time() * 1000)
    report, picture = made(settings, period, now_ms)
    path = keep(settings.paths.reports, period, report, picture)
    now = measured(settings.paths.root, now_ms)
    if now is not None:
        note_sizes(settings.paths.reports, now)
    return path


def _checklists(settings: Settings, period: ReportPeriod, now_ms: int) -> dict[str, str]:
    """Name → summary: the weekly one with each week, the monthly one with the first week that ends in a month."""
    if period.kind is not ReportKind.WEEK:
        return {}
    found = {"weekly": summary(filled_in(gathered(settings, now_ms, 7), WEEKLY))}
    if date.fromisoformat(period.days[-1]).day <= 7:
        found["monthly"] = summary(filled_in(gathered(settings, now_ms, 31), MONTHLY))
    return found


def _picture(paths: DataPaths, period: ReportPeriod) -> bytes | None:
    try:
        rows = read_curve(paths.market_db, period, (period.end_ms - period.start_ms) // 1000 // PICTURE_POINTS)
    except NotRead:
        return None
    days = [date.fromisoformat(day) for day in period.days]
    marks = [(period.start_ms / 1000 + n * 86_400, f"{day:%m-%d}") for n, day in enumerate(days)]
    return equity_picture([(row.at_s, row.equity) for row in rows], marks)


def alerts_of(path: Path, period: ReportPeriod) -> list[ToldAlert] | None:
    """Alerts that fired, or still did, in the period: the critical ones first. None = not known."""
    found = alert_rows(path, period.start_ms, period.end_ms)
    if found is None:
        return None
    told = [
        ToldAlert(
            name=row.cause, severity=row.severity, title=row.title, since_ms=row.since_ms, resolved_ms=row.resolved_ms,
            acknowledged=row.acknowledged_ms is not None,
        )
        for row in found
    ]  # fmt: skip
    return sorted(told, key=lambda alert: (alert.severity != "critical", alert.since_ms))
