"""The daily audit's verdict: kept under a key, written to the activity log; what it found shuts entries."""

from dataclasses import replace

from bot.domain.events import ReconciliationReport
from bot.engine.state.engine_state import EngineState
from bot.engine.state.portfolio import signed_text

FACT = "audit"
SHOWN = 3


def _plural(n: int, word: str) -> str:
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def seen(state: EngineState, event: ReconciliationReport) -> None:
    """The comparison of everything with everything is done."""
    counts = f"{_plural(event.orders, 'order')}, {_plural(event.fills, 'fill')}"
    shut = event.findings
    if state.account.differences:  # they shut entries by themselves, until they are adopted
        event = replace(
            event, findings=(*event.findings, f"the balances differ by {signed_text(state.account.differences)}")
        )
    if event.findings:
        more = f" and {len(event.findings) - SHOWN} more" if len(event.findings) > SHOWN else ""
        text = f"audit: {'; '.join(event.findings[:SHOWN])}{more}"
        if shut:
            state.latch_entries(text)
        state.note("account", text, "bad")
    else:
        text = f"audit: {counts} and the balances agree with the exchange"
        state.note("account", text, "good")
    state.save_value(
        FACT, f"{state.clock.now_ms} {'bad' if event.findings else 'ok'} {event.orders} {event.fills} {text}"
    )


def last_ms(state: EngineState) -> int | None:
    """When the last one ended; None = there was none."""
    kept = state.records.key_values.get(FACT)
    return int(kept.split(" ", 1)[0]) if kept else None
