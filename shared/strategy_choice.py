"""What a person is after, the strategies that serve it, and the settings that choosing one of them changes.

The Strategy page and `./coin strategy use` change `.env` by this table and nothing beyond it: no limit of losses, no
size, no mode, no key. With real money the page changes nothing: a new strategy ends the permission for live orders.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from shared.figures import plainly
from shared.live_permission import HARMLESS
from shared.setting_table import RULES
from shared.settings import GRANULARITY_S, STRATEGY_PREFIX, Loaded, Mode, as_text, keys
from shared.strategy_cards import CARDS, StrategyCard

HISTORY_CANDLES = 5000  # the default: 208 days of hours
SIGNAL_BARS = 500  # more than any strategy of signals looks back on with its default settings
SHORT_BARS = ("ONE_MINUTE", "FIVE_MINUTE")
LONG_BARS = ("ONE_HOUR", "ONE_DAY")
DCA_START = f"{STRATEGY_PREFIX}DCA_START"
DCA_BAND_PCT = 4.0  # below one of 20 parts, which is 5 % of the share
DAY_S = 86_400
COMPARED_PRODUCTS = 2
# All that choosing a strategy may ever write.
CHOICE_SETTINGS = frozenset({
    "STRATEGY", "STRATEGIES", "KIND", "GRANULARITY", "MAX_HISTORY_CANDLES", "SCANNER_MAX_PRODUCTS",
    "EXPOSURE_BAND_PCT", DCA_START,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class TradingGoal:
    """An answer to "what are you after?". `strategies`: the best-suited first; none = not built yet."""

    key: str
    title: str
    text: str
    strategies: tuple[str, ...]


GOALS: tuple[TradingGoal, ...] = (
    TradingGoal(
        "watch", "Watch it trade", "Many small trades within minutes, on play money. No edge over retail "
        "fees has been shown for any of these.", ("sma_cross", "momentum", "rsi_reversion", "logistic", "grid"),
    ),
    TradingGoal(
        "hold", "Hold with less pain", "Own coins, and fall less than they do. It costs part of the rise.",
        ("steady", "trend", "breakout", "relative", "rebalance"),
    ),
    TradingGoal("accumulate", "Accumulate", "Buy in parts over weeks, and keep it all.", ("dca",)),
    TradingGoal(
        "learn", "Trade a model of your own", "Train it on history, let it answer in shadow, promote it. Nothing "
        "is traded before.", ("learned",),
    ),
    TradingGoal("quote", "Make markets", "Quote both sides and earn the spread: not built yet.", ()),
)  # fmt: skip
GOAL_OF: Mapping[str, TradingGoal] = {name: goal for goal in GOALS for name in goal.strategies}


class ChoiceRefused(Exception):
    """The choice cannot be made; the text says why and what can be done."""


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One line of `.env`: `now` and `new` as a person writes them; `written` "" = the line goes, its default holds."""

    key: str
    now: str
    new: str
    written: str
    why: str

    @property
    def ends_permission(self) -> bool:
        """Whether a permission for live orders would end by it."""
        return self.key not in HARMLESS


def was_chosen(found: Loaded) -> bool:
    """Whether a person said which strategy runs."""
    return found.sources["STRATEGY"] in (".env", "environment")


def changes(found: Loaded, name: str, today: date) -> list[SettingChange]:
    """What of the settings would change for the built-in strategy `name`; [] = nothing. Raises ChoiceRefused."""
    card = CARDS.get(name)
    if card is None:
        raise ChoiceRefused(f"{name} has no card: set STRATEGY={name} in .env by hand.")
    wanted = _wanted(found, card, today)
    held = next((key for key in wanted if found.sources.get(key) == "environment"), None)
    if held is not None:
        raise ChoiceRefused(f"{held} is set in the environment of the processes, which wins over .env.")
    return [_change(found, key, text, why) for key, (text, why) in wanted.items()]


def refused_live(name: str, made: list[SettingChange]) -> str:
    """Why the browser does not do it with real money, what would end, and how it is done."""
    ends = ", ".join(one.key for one in made if one.ends_permission)
    return (
        f"With real money this is done in a shell, as {ends or 'STRATEGY'} is part of what the permission for live "
        f"orders was given for, and changing it ends that permission: ./coin strategy use {name}, ./coin enable-live, "
        "./coin restart. Until then entries are blocked; exits go on."
    )


def is_live(found: Loaded) -> bool:
    return found.settings.coin_mode is Mode.LIVE


def open_lots_remark(card: StrategyCard) -> str:
    """What becomes of what is held when it takes over."""
    if card.says == "weights":
        return "Open runners and scalps keep their own exits, and count as held."
    return "Holdings that were bought for a target weight stay: nothing sells them but you, on the page Positions."


def _wanted(found: Loaded, card: StrategyCard, today: date) -> dict[str, tuple[str, str]]:
    """Key to (text, why), of what differs only; a text "" takes the line out."""
    s, made = found.settings, dict[str, tuple[str, str]]()
    if card.name == "relative" and len(s.products) < COMPARED_PRODUCTS:
        raise ChoiceRefused("relative compares products, and PRODUCTS names one: set two at least, by hand.")
    listed = found.sources["STRATEGIES"] in (".env", "environment")
    if s.strategy != card.name or not was_chosen(found) or listed:
        made["STRATEGY"] = (card.name, "the strategy itself")
    if listed:
        made["STRATEGIES"] = ("", "one strategy instead of several")
    if s.kind != "auto":
        made["KIND"] = ("", f"as the strategy says: {'target weights' if card.says == 'weights' else 'lots'}")
    granularity = s.granularity
    if card.history_days and granularity not in LONG_BARS:
        granularity = LONG_BARS[0]
        made["GRANULARITY"] = (granularity, f"it looks back on {card.history_days} days")
    if card.says == "signals" and granularity not in SHORT_BARS:
        granularity = SHORT_BARS[0]
        made["GRANULARITY"] = (granularity, "to see it trade within minutes")
    if _bars(card, granularity) > s.max_history_candles:
        made["MAX_HISTORY_CANDLES"] = (str(HISTORY_CANDLES), "as many bars as it looks back on are kept")
    if card.says == "weights" and s.scanner_max_products:
        made["SCANNER_MAX_PRODUCTS"] = ("", "target weights hold the products that are set")
    if card.name == "dca":
        if s.exposure_band_pct > DCA_BAND_PCT:
            made["EXPOSURE_BAND_PCT"] = (
                f"{DCA_BAND_PCT:g}",
                "below one of 20 parts, which is 5 % of the share",
            )
        if DCA_START not in s.strategy_options:
            made[DCA_START] = (f"{today:%Y-%m-%d}", "the first part is bought after this UTC day")
    return made


def _bars(card: StrategyCard, granularity: str) -> int:
    """Bars that hold its closed days for certain, wherever the first of them begins."""
    if not card.history_days:
        return SIGNAL_BARS if card.says == "signals" else 1
    return (card.history_days + 1) * -(-DAY_S // GRANULARITY_S[granularity])


def _change(found: Loaded, key: str, text: str, why: str) -> SettingChange:
    options = found.settings.strategy_options
    now = options.get(key, "not set") if key not in RULES else _text(getattr(found.settings, key.lower()))
    default = next((_text(value) for name, _, value in keys() if name == key), "not set")
    return SettingChange(key, now, text or default, text, why)


def _text(value: object) -> str:
    return plainly(value) if isinstance(value, float) else as_text(value)
