"""The states of a market that the regime detector tells apart: their names in settings, documents and pages."""

from shared.strategy_names import named

# The code of a state is its place: trend (down, range, up) times volatility (calm, wild).
REGIMES = ("down-calm", "down-wild", "range-calm", "range-wild", "up-calm", "up-wild")
REGIME_WORDS = (
    "falling, calm", "falling, wild", "no trend, calm", "no trend, wild", "rising, calm", "rising, wild",
)  # fmt: skip
REGIME_VALUE = "regime"  # the name under which a strategy's values hold the code
REGIME_SIZE = "regime_size"  # and what it makes of a size


def regime_name(code: float | None) -> str | None:
    """`up-calm` of 4; None = not known."""
    return REGIMES[int(code)] if code is not None and code in range(len(REGIMES)) else None


def regime_words(name: str | None) -> str:
    """`rising, calm` of `up-calm`; empty for what is not known."""
    return REGIME_WORDS[REGIMES.index(name)] if name in REGIMES else ""


def parse_scales(text: str) -> tuple[float, ...]:
    """What each state makes of a size, 0..1, in the order of REGIMES, of "down-wild:0,range-wild:0.5"; one that is not
    named makes 1. Raises ValueError."""
    found = dict.fromkeys(REGIMES, 1.0)
    for state, figure in _pairs(text):
        scale = float(figure)
        if not 0.0 <= scale <= 1.0:
            raise ValueError(figure)
        found[state] = scale
    return tuple(found.values())


def parse_regime_strategies(text: str) -> dict[str, str]:
    """State to the strategy that decides in it, of "down-wild:steady". Raises ValueError."""
    return {state: named(strategy) for state, strategy in _pairs(text)}


def _pairs(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        state, _, value = (word.strip() for word in part.partition(":"))
        if state not in REGIMES or not value or state in (known for known, _ in found):
            raise ValueError(part)
        found.append((state, value))
    return found
