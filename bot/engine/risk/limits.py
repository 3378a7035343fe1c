"""A value and what it must stay below, as the Risk page shows it."""

from shared.documents.risk import LimitDoc

WARN_FROM = 0.8  # of the limit


def plain_limit(name: str, title: str, value: float | None, limit: float, unit: str) -> LimitDoc:
    """ok below four fifths of the limit, warn up to it, tripped from it on; a value that is not known is ok."""
    state = "ok"
    if value is not None:
        state = "tripped" if value >= limit else "warn" if value >= WARN_FROM * limit else "ok"
    return LimitDoc(name=name, title=title, value=value, limit=limit, unit=unit, state=state)
