"""A report in words: one line for a lock screen, and some lines below it. Plain text for every sink."""

from collections.abc import Sequence
from datetime import UTC, tzinfo

from reports.document import BotReport, GateTime, ReportDoc, ShutSpan, ToldAlert
from reports.period import ReportKind, period_of
from shared.figures import UNKNOWN, ago, money, number
from shared.times import from_epoch_ms

GATES_SHOWN, ALERTS_SHOWN = 5, 6
WATCH_GAP_S = 60.0  # a restart of the watcher takes some seconds
_NAMES = {ReportKind.DAY: "Daily report", ReportKind.WEEK: "Weekly report"}


def head(report: ReportDoc) -> str:
    """`Daily report, 29 Nov 2026: main +12.34 USD (+0.12 %)`."""
    period = period_of(report.key)
    return f"{_NAMES[period.kind]}, {period.title}: {'; '.join(map(_result, report.bots))}"


def _result(bot: BotReport) -> str:
    if bot.result is None:
        return f"{bot.bot} result not known"
    share = f" ({number(bot.result_pct, signed=True)} %)" if bot.result_pct is not None else ""
    return f"{bot.bot} {money(bot.result, bot.currency, signed=True)}{share}"


def body(report: ReportDoc, zone: tzinfo = UTC) -> str:
    """The rest. Days are UTC days; times of day are in `zone`."""
    weekly = period_of(report.key).kind is ReportKind.WEEK
    lines = []
    for bot in report.bots:
        lines += [f"{bot.bot}:"] if len(report.bots) > 1 else []
        lines += _bot(bot, zone, weekly=weekly)
    lines.append(_alerts(report.alerts, zone, weekly=weekly))
    if report.alerts is not None and report.unwatched_s is None:
        lines.append("Not known: for how long COIN-WATCH was off, and what would have fired then.")
    elif report.unwatched_s is not None and report.unwatched_s >= WATCH_GAP_S:
        lines.append(f"Not known: what would have fired in the {ago(report.unwatched_s)} in which nobody watched.")
    lines += [
        f"{name.capitalize()} checklist: {said}. ./coin checklist {name}" for name, said in report.checklists.items()
    ]
    return "\n".join(lines)


def _bot(bot: BotReport, zone: tzinfo, *, weekly: bool) -> list[str]:
    lines = []
    if bot.equity_start is not None:
        ends = f", {number(bot.equity_end)} at its end" if bot.equity_end is not None else ""
        lines.append(f"Equity {money(bot.equity_start, bot.currency)} at the start{ends}.")
    if bot.result is not None:
        lines.append(
            f"Result {number(bot.result, signed=True)} after fees: realised {number(bot.realised, signed=True)}, "
            f"open lots and other holdings {number(bot.open_change, signed=True)}."
        )
    elif bot.realised is not None:
        lines.append(f"Realised {number(bot.realised, signed=True)} after fees.")
    if bot.fees is not None:
        moved = f" Transfers {number(bot.transfers, signed=True)}, not part of the result." if bot.transfers else ""
        lines.append(f"Fees paid {number(bot.fees)}.{moved}")
    if bot.drawdown_pct is not None:
        lines.append(f"Deepest drawdown {number(bot.drawdown_pct)} %.")
    if bot.lots_opened is not None:
        lines.append(f"Lots: {bot.lots_opened} opened, {bot.lots_closed} closed ({bot.won} won, {bot.lost} lost).")
    lines.append(_now(bot))
    if bot.gates is not None:
        lines.append(_gates(bot.gates))
    if bot.shut:
        lines.append("Shut: " + "; ".join(_shut(span, zone, weekly=weekly) for span in bot.shut) + ".")
    if bot.starts:
        unclean = f", {bot.unclean} of them after a run that did not end by itself" if bot.unclean else ""
        lines.append(f"Starts: {bot.starts}{unclean}.")
    return [line for line in lines if line] + [f"Not known: {one[:1].lower()}{one[1:]}" for one in bot.unknown]


def _now(bot: BotReport) -> str:
    if bot.now_ms is None:
        return ""
    lots = f", {bot.lots_open} open lot{'' if bot.lots_open == 1 else 's'}" if bot.lots_open is not None else ""
    worth = f" at {number(bot.open_pnl, signed=True)}" if bot.lots_open and bot.open_pnl is not None else ""
    equity = money(bot.equity_now, bot.currency) if bot.equity_now is not None else UNKNOWN
    return f"Now: equity {equity}{lots}{worth}."


def _gates(gates: Sequence[GateTime]) -> str:
    if not gates:
        return "Nothing on record stopped an entry."
    shown = [f"{gate.title} {ago(gate.span_s)}{_buys(gate)}" for gate in gates[:GATES_SHOWN]]
    more = f", and {len(gates) - GATES_SHOWN} more" if len(gates) > GATES_SHOWN else ""
    return f"No entry because of: {', '.join(shown)}{more}."


def _buys(gate: GateTime) -> str:
    return f" ({gate.buys} buy signal{'' if gate.buys == 1 else 's'})" if gate.buys else ""


def _shut(span: ShutSpan, zone: tzinfo, *, weekly: bool) -> str:
    until = "now" if span.until_ms is None else clock(span.until_ms, zone, weekly=weekly)
    return f"{span.what} from {clock(span.from_ms, zone, weekly=weekly)} to {until}"


def _alerts(alerts: Sequence[ToldAlert] | None, zone: tzinfo, *, weekly: bool) -> str:
    if alerts is None:
        return "Alerts: not known, as the list of them cannot be read."
    if not alerts:
        return "No alert fired."
    critical = sum(alert.severity == "critical" for alert in alerts)
    named = "; ".join(_alert(alert, zone, weekly=weekly) for alert in alerts[:ALERTS_SHOWN])
    more = f"; and {len(alerts) - ALERTS_SHOWN} more" if len(alerts) > ALERTS_SHOWN else ""
    return f"Alerts: {len(alerts)}, {critical} critical: {named}{more}."


def _alert(alert: ToldAlert, zone: tzinfo, *, weekly: bool) -> str:
    lasted = "still fires" if alert.resolved_ms is None else ago(max(0, alert.resolved_ms - alert.since_ms) / 1000)
    nobody = "" if alert.acknowledged or alert.resolved_ms is not None else ", acknowledged by nobody"
    return f"{alert.title} ({clock(alert.since_ms, zone, weekly=weekly)}, {lasted}{nobody})"


def clock(at_ms: int, zone: tzinfo, *, weekly: bool) -> str:
    """The time of day; within a week with its day."""
    return f"{from_epoch_ms(at_ms).astimezone(zone):{'%a %H:%M' if weekly else '%H:%M'}}"
