"""The card of each built-in strategy: what it is for, on what it rests, what it can bear, and where it fails.

One place for docs/strategies.md (`python -m research.strategy_page`), page and `./coin strategy`. Texts are
Markdown of one line: `code` and *titles*. What was measured stands beside them in `shared.strategy_evidence`.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StrategyCard:
    """`says`: weights or signals (docs/trading-rules.md §10). `history_days`: closed UTC days that it looks back on
    with its default settings, 0 = its window is one of bars."""

    name: str
    title: str
    says: str
    purpose: str
    trades: str
    costs: str
    idea: str
    source: str
    must_be_true: str
    fails_when: str
    history_days: int = 0


_STEADY = StrategyCard(
    "steady", "volatility-targeted buy and hold", "weights",
    purpose="risk control: swing as much in wild times as in calm ones",
    trades="some a month",
    costs="every tier",
    idea="Hold always, with weight = target volatility / measured volatility, at most 1. Volatility clusters, so a "
    "wild month is scaled down while it lasts.",
    source="Moreira and Muir, *Volatility-Managed Portfolios* (2017); Harvey et al., *The Impact of Volatility "
    "Targeting* (2018).",
    must_be_true="Tomorrow's volatility is like the last month's; rises do not come mainly in the wildest weeks.",
    fails_when="the strongest rises are also the wildest, as in bull markets of coins: it holds least in the best "
    "weeks.",
    history_days=31,
)  # fmt: skip
_TREND = StrategyCard(
    "trend", "time-series momentum, scaled to a volatility", "weights",
    purpose="risk control: be out of long falls",
    trades="some a month",
    costs="every tier",
    idea="One third each for standing above the price of 20, 60 and 120 days ago, times `steady`'s scale.",
    source="Moskowitz, Ooi and Pedersen, *Time Series Momentum* (2012).",
    must_be_true="Moves of weeks go on for weeks.",
    fails_when="the market turns every few weeks without direction: each turn costs a round trip and the first part of "
    "the move.",
    history_days=121,
)  # fmt: skip
_BREAKOUT = StrategyCard(
    "breakout", "Donchian channels", "weights",
    purpose="risk control: hold long rises, leave with the fall",
    trades="a few a year",
    costs="every tier",
    idea="All of the share after a close above the highest high of 55 days, nothing after one below the lowest low of "
    "20. A breakout counts for `hold_days` at most.",
    source='Donchian\'s four-week rule; the "turtle" rules of Dennis and Eckhardt (1983).',
    must_be_true="A few long moves pay for many false starts.",
    fails_when="new highs fall back at once.",
    history_days=176,
)  # fmt: skip
_RELATIVE = StrategyCard(
    "relative", "cross-sectional momentum", "weights",
    purpose="hold what rose most beside the others, and cash where nothing rose",
    trades="a few a week",
    costs="every tier, less well at the first",
    idea="Once a week rank the products that are traded by their returns over 7, 14 and 28 days. Hold the two with the "
    "best mean rank, as far as they rose, each times `steady`'s scale; the rest is cash. A product holds at most its "
    "own share, so two of four hold half of what may be held.",
    source="Jegadeesh and Titman, *Returns to Buying Winners and Selling Losers* (1993); Liu, Tsyvinski and Wu, "
    "*Common Risk Factors in Cryptocurrency* (2022).",
    must_be_true="Coins that led for weeks lead on, and do not all fall together.",
    fails_when="the lead changes every week, or all coins move as one: then it pays fees for a choice that is none.",
    history_days=38,
)  # fmt: skip
_REBALANCE = StrategyCard(
    "rebalance", "constant mix", "weights",
    purpose="keep a fixed part in coins",
    trades="as its band is left",
    costs="every tier with a wide band",
    idea="Hold a fixed part and bring it back whenever prices have moved it out of `EXPOSURE_BAND_PCT`.",
    source="Perold and Sharpe, *Dynamic Strategies for Asset Allocation* (1988).",
    must_be_true="Prices go back and forth more than they go away; the band is wide against the fees.",
    fails_when="prices trend: it sells rises and buys falls. It is half invested by design, so it earns and loses "
    "about half.",
)  # fmt: skip
_GRID = StrategyCard(
    "grid", "ten steps within the range of a month", "weights",
    purpose="buy low and sell high within a range",
    trades="many",
    costs="low tiers only",
    idea="Hold more the lower the price stands within its range of the last 30 closed days, in ten equal steps.",
    source="the grid bots of many exchanges; here without orders of its own, by target weights.",
    must_be_true="The price stays in its range and crosses it often; a step is worth several times the fees.",
    fails_when="the price leaves the range: downward it holds everything, upward nothing. On minute bars fees eat it.",
    history_days=31,
)  # fmt: skip
_DCA = StrategyCard(
    "dca", "dollar-cost averaging", "weights",
    purpose="accumulate without choosing the moment",
    trades="one a week, one a dip",
    costs="every tier, since it only buys",
    idea="From `STRATEGY_DCA_START` on, buy the share in 20 weekly parts, one part more on a day that closes 10 % "
    "below the highest close of 30 days, and keep it. The weight follows what the parts are worth, so no change of "
    "price makes it sell; when the plan is over there is no opinion, and what is held is kept. A part smaller than "
    "`EXPOSURE_BAND_PCT` waits for the next one: set the band below 100 / parts.",
    source="common practice; Constantinides, *A Note on the Suboptimality of Dollar-Cost Averaging* (1979), says why "
    "it is no better than buying at once where prices rise on average.",
    must_be_true="You want to hold in the end, and would regret a bad moment more than a missed rise.",
    fails_when="prices rise from the start: the cash that waits earns nothing.",
    history_days=171,
)  # fmt: skip
_WATCHED = "watch the bot work within minutes; a base to change"
_NO_EDGE = "no tier: no edge was shown"
_SMA_CROSS = StrategyCard(
    "sma_cross", "two averages that cross", "signals",
    purpose=_WATCHED,
    trades="many on minutes",
    costs=_NO_EDGE,
    idea="Buy while the average of `MA_FAST` closes is above that of `MA_SLOW`, sell while it is below.",
    source="Brock, Lakonishok and LeBaron, *Simple Technical Trading Rules* (1992).",
    must_be_true="A move outlasts the delay of the slower average by more than the fees of a round trip.",
    fails_when="the price moves sideways: the averages cross again and again, and each time costs fees.",
)  # fmt: skip
_MOMENTUM = StrategyCard(
    "momentum", "a move that goes on", "signals",
    purpose=_WATCHED,
    trades="many on minutes",
    costs=_NO_EDGE,
    idea="Buy while the price is more than 0.5 % above where it was 60 bars ago, sell while it is so far below.",
    source="Jegadeesh and Titman, *Returns to Buying Winners and Selling Losers* (1993), of months of shares.",
    must_be_true="Moves of minutes go on for longer than they took.",
    fails_when="a fast move is turned back at once: it buys the top and sells the bottom.",
)  # fmt: skip
_RSI_REVERSION = StrategyCard(
    "rsi_reversion", "an oversold price that recovers", "signals",
    purpose=_WATCHED,
    trades="many on minutes",
    costs=_NO_EDGE,
    idea="Buy while the relative strength index of 14 bars is below 30 (oversold), sell while it is above 70 "
    "(overbought).",
    source="Wilder, *New Concepts in Technical Trading Systems* (1978).",
    must_be_true="Falls of minutes are overdone more often than they go on.",
    fails_when="a fall goes on: it buys into it, and the stop loss ends the lot.",
)  # fmt: skip
_LOGISTIC = StrategyCard(
    "logistic", "a fitted probability of the next bar", "signals",
    purpose=_WATCHED,
    trades="many on minutes",
    costs=_NO_EDGE,
    idea="Fit a logistic regression on past bars again and again, and buy where the probability that the next bar "
    "rises is above `BUY_THRESHOLD`.",
    source="Cox, *The Regression Analysis of Binary Sequences* (1958).",
    must_be_true="The features of the past bars say something of the next one, by more than the fees.",
    fails_when="they do not: the probability stays near a half, and the calibration on this page shows it.",
)  # fmt: skip
_LEARNED = StrategyCard(
    "learned", "a model that you trained", "weights",
    purpose="trade a model of your own that beat holding and the baseline",
    trades="as the model says",
    costs="those that it was trained with",
    idea="Hold all of the share where a trained model expects more than the costs, nothing where it does not. "
    "`./coin model train` fits it walk forward, `shadow` lets it answer without trading, `promote` lets it trade.",
    source="Friedman, *Greedy Function Approximation* (2001); Mnih et al., *Human-Level Control through Deep "
    "Reinforcement Learning* (2015); Hochreiter and Schmidhuber, *Long Short-Term Memory* (1997).",
    must_be_true="What the features said of the market in training, they say of it now.",
    fails_when="the market changes. Its features then drift, or it expires, and it says nothing; without a promoted "
    "model it never says anything.",
)  # fmt: skip

CARDS: Mapping[str, StrategyCard] = {
    card.name: card
    for card in (
        _STEADY, _TREND, _BREAKOUT, _RELATIVE, _REBALANCE, _GRID, _DCA, _SMA_CROSS, _MOMENTUM, _RSI_REVERSION,
        _LOGISTIC, _LEARNED,
    )
}  # fmt: skip
