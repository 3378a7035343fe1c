"""The day's breaker and the drawdown limit: when the loop says that they are reached, and when the bot said so.

The bot looks once a second, the tape has a price whenever one came: so a limit that both reach within a few seconds is
the same, and afterwards the arrays follow the bot.
"""

from collections.abc import Callable
from typing import Any

from research.loops import types as t
from research.loops.fast_path import judge_day
from research.parity.book import ReplayAccount
from research.parity.findings import What

SLACK_MS = 3_000
FAR_MS = 1 << 60


class LatchComparison:
    """`same` and `differ` count what was found."""

    def __init__(self, same: Callable[[What, int], None], differ: Callable[[What, int, str], None]) -> None:
        self._same, self._differ = same, differ
        self._cash_known = False
        self._peak = 0.0  # the bot's: a price that was gone within a second made none
        self._other = 0.0  # holdings that are no lots, in quote currency
        self._day: tuple[str, float] = ("", 0.0)
        self._tripped = {"breaker": False, "drawdown": False}  # by the bot
        self._over_ms = {"breaker": FAR_MS, "drawdown": FAR_MS}  # since when the loop says so without a break
        self._last_over_ms = {"breaker": -SLACK_MS, "drawdown": -SLACK_MS}
        self._said: set[str] = set()
        self._latched_otherwise = False  # then the bot latches nothing on top

    def begin(self, book: ReplayAccount, ready: dict[str, Any]) -> None:
        """Trading begins."""
        account = book.state.account
        account[t.A_DAY_REALISED] = float(ready["realized"] or 0)
        self._peak = float(ready["peak_equity"])
        word = str(ready["entries_latched"])
        self._tripped["drawdown"] = word.startswith("drawdown")
        self._latched_otherwise = bool(word) and not self._tripped["drawdown"]

    def told(self, book: ReplayAccount, line: dict[str, Any]) -> None:
        """What the bot said of the day in this line."""
        account, now_ms = book.state.account, line["t"]
        self._cash_known = self._cash_known or "cash" in line
        if "other" in line:
            self._other = float(line["other"])
        if "day" in line:
            day, start, transfers, breaker_ms = line["day"]
            if day == self._day[0]:
                self.judge(book, now_ms)  # a fill may have moved equity since the newest price
            first = not self._day[0]
            if day != self._day[0]:
                account[t.A_DAY_REALISED], account[t.A_LOSSES] = 0.0, 0.0
                self._said.discard("breaker")
            self._day = (day, float(start) + float(transfers))
            if first:
                self._tripped["breaker"] = breaker_ms is not None
            self._trip("breaker", breaker_ms is not None, now_ms)
        if line.get("loss_streak") == "0" and "lots" not in line:
            account[t.A_LOSSES] = 0.0  # a person pressed Start
        if "peak_equity" in line:
            self._peak = max(float(line["peak_equity"]), 0.0)
        if "entries_latched" in line:
            word = str(line["entries_latched"])
            self.judge(book, now_ms)
            self._latched_otherwise = bool(word) and not word.startswith("drawdown")
            if word.startswith("drawdown") or not word:
                self._trip("drawdown", bool(word), now_ms)
                if not word:
                    self._said.discard("drawdown")

    def _trip(self, name: str, tripped: bool, now_ms: int) -> None:
        before, self._tripped[name] = self._tripped[name], tripped
        if not tripped or before:
            return
        if now_ms - self._last_over_ms[name] <= SLACK_MS:
            self._same(What.LIMIT, now_ms)
        else:
            self._differ(What.LIMIT, now_ms, f"the bot's {name} limit was reached, the backtest's is not")

    def judge(self, book: ReplayAccount, now_ms: int) -> None:
        """Judge both by the loop at the present marks, then follow the bot."""
        state = book.state
        products, account = state.products, state.account
        unknown = any(products[p, t.P_HELD] > 0 and products[p, t.P_MARK] == 0 for p in range(len(products)))
        if unknown or not self._day[0] or not self._cash_known:
            return
        account[t.A_DAY_EQUITY], state.clock[t.K_LAST_MS] = self._day[1], now_ms
        account[t.A_LATCHED_MS], state.clock[t.K_BREAKER] = 0.0, 0
        account[t.A_PEAK] = self._peak
        # In floats: a price that a broken stream made up may be beyond what whole numbers hold.
        held = float((products[:, t.P_HELD] * products[:, t.P_MARK].astype(float) * state.money[:, t.M_UNIT]).sum())
        equity = account[t.A_CASH] + held + self._other
        judge_day(book.rules, state, equity, now_ms)
        found = {"breaker": bool(state.clock[t.K_BREAKER]), "drawdown": account[t.A_LATCHED_MS] > 0.0}
        for name, over in found.items():
            self._over_ms[name] = min(self._over_ms[name], now_ms) if over else FAR_MS
            if over:
                self._last_over_ms[name] = now_ms
            late = now_ms - self._over_ms[name] > SLACK_MS
            if name == "drawdown" and self._latched_otherwise:
                late = False
            if late and not self._tripped[name] and name not in self._said:
                self._said.add(name)
                self._differ(What.LIMIT, now_ms, f"the backtest's {name} limit is reached, the bot went on")
        state.clock[t.K_BREAKER] = int(self._tripped["breaker"])
        # The bot's gate looks at the drawdown itself, latched or not.
        account[t.A_LATCHED_MS] = float(now_ms) if self._tripped["drawdown"] or found["drawdown"] else 0.0
