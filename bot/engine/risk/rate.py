"""Orders in a minute, and the same order again and again (RTS 6 Art 15(3): the throttle that a person re-arms)."""

from bot.domain.kinds import Purpose
from bot.domain.orders import OrderSpec
from bot.engine.state.engine_state import EngineState

MINUTE_MS = 60_000
REPEATS_MAX = 5  # the same entry in a minute
COUNTED = frozenset({Purpose.ENTRY, Purpose.EXIT})  # a lot's resting take is bound to its lot; a flatten must end


def count(state: EngineState, spec: OrderSpec) -> None:
    """An order is being sent."""
    if spec.purpose in COUNTED:
        state.risk.order_times_ms.append(state.clock.now_ms)
    if spec.purpose is Purpose.ENTRY:
        state.risk.entries_sent.append((state.clock.now_ms, terms(spec)))
        state.save_value("entries_sent", state.risk.entries_text(state.clock.now_ms - MINUTE_MS))


def let_pass(state: EngineState, spec: OrderSpec) -> None:
    """The order gate lets it go to the socket, maybe long after it was decided."""
    if spec.purpose in COUNTED:
        state.risk.let_pass_ms.append(state.clock.now_ms)


def passed_per_minute(state: EngineState) -> float:
    """Entries and exits that went to the socket in the last minute."""
    return float(sum(1 for at_ms in state.risk.let_pass_ms if state.clock.now_ms - at_ms < MINUTE_MS))


def terms(spec: OrderSpec) -> tuple[str, ...]:
    """What makes two entries the same order."""
    return (spec.product_id, spec.kind.value, str(spec.quote_size), str(spec.base_size), str(spec.limit_price))


def orders_per_minute(state: EngineState) -> float:
    """Entries and exits sent in the last minute."""
    return float(sum(1 for at_ms in state.risk.order_times_ms if state.clock.now_ms - at_ms < MINUTE_MS))


def entries_per_minute(state: EngineState) -> int:
    return sum(1 for at_ms, _ in state.risk.entries_sent if state.clock.now_ms - at_ms < MINUTE_MS)


def repeats(state: EngineState, spec: OrderSpec) -> int:
    """How often this very entry was sent in the last minute."""
    wanted = terms(spec)
    return sum(
        1 for at_ms, sent in state.risk.entries_sent if state.clock.now_ms - at_ms < MINUTE_MS and sent == wanted
    )


def forget_entries(state: EngineState) -> None:
    """A person looked and pressed Start: the entries of the last minute latch no more."""
    state.risk.entries_sent.clear()
    if state.records.key_values.get("entries_sent"):
        state.save_value("entries_sent", "")
