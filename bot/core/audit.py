"""The daily audit's verdict: kept as a fact, written to the journal, and what it found shuts entries."""

from dataclasses import replace

from bot.core.events import Audited
from bot.core.portfolio import signed_text
from bot.core.world import World

FACT = "audit"
SHOWN = 3


def _plural(n: int, word: str) -> str:
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def seen(world: World, event: Audited) -> None:
    """The comparison of everything with everything is done."""
    counts = f"{_plural(event.orders, 'order')}, {_plural(event.fills, 'fill')}"
    shut = event.findings
    if world.differences:  # they shut entries by themselves, until they are adopted
        event = replace(event, findings=(*event.findings, f"the balances differ by {signed_text(world.differences)}"))
    if event.findings:
        more = f" and {len(event.findings) - SHOWN} more" if len(event.findings) > SHOWN else ""
        text = f"audit: {'; '.join(event.findings[:SHOWN])}{more}"
        if shut:
            world.latch_entries(text)
        world.note("account", text, "bad")
    else:
        text = f"audit: {counts} and the balances agree with the exchange"
        world.note("account", text, "good")
    world.save_fact(FACT, f"{world.now_ms} {'bad' if event.findings else 'ok'} {event.orders} {event.fills} {text}")


def last_ms(world: World) -> int | None:
    """When the last one ended; None = there was none."""
    kept = world.facts.get(FACT)
    return int(kept.split(" ", 1)[0]) if kept else None
