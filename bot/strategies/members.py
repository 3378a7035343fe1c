"""What a strategy that asks other strategies has in common: their windows, settings, models and values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bot.domain import targets
from bot.strategies.base import Bars, Strategy, StrategyNotice
from shared.settings import Settings

if TYPE_CHECKING:
    from bot.strategies.base import Floats
    from bot.strategies.score import ModelView

STATE_VERSION = 1
SAYS: Mapping[type[targets.Target], str] = {targets.Signal: "signals", targets.Exposure: "weights"}  # for a person


class AsksOthers(Strategy):
    """Derive and give `compute`; each member keeps its own window and model."""

    def __init__(self, settings: Settings, members: tuple[Strategy, ...]) -> None:
        super().__init__(settings)
        self.members = members
        self.needs_peers = any(member.needs_peers for member in members)

    @property
    def warmup_bars(self) -> int:
        return max(member.warmup_bars for member in self.members)

    @property
    def memory_bars(self) -> int:
        return max(max(member.memory_bars, member.warmup_bars) for member in self.members)

    @property
    def settings_used(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for member in self.members for name in member.settings_used))

    def anew(self) -> Strategy:
        return type(self)(self.settings, tuple(member.anew() for member in self.members))

    def lines(self, bars: Bars) -> Mapping[str, Floats]:
        return self.shown(lambda member: member.lines(bars))

    def lines_of(
        self, rows: Sequence[Sequence[float]], price_increment: float, granularity_s: int
    ) -> list[Mapping[str, float]]:
        by_member = {member: member.lines_of(rows, price_increment, granularity_s) for member in self.members}
        return [self.shown(lambda member, at=i: by_member[member][at]) for i in range(len(rows))]  # type: ignore[misc]

    def model_view(self) -> ModelView | None:
        return next((view for view in (member.model_view() for member in self.members) if view is not None), None)

    def notice(self) -> StrategyNotice | None:
        return next((told for told in (member.notice() for member in self.members) if told is not None), None)

    def state(self) -> dict[str, Any]:
        kept = {member.name: state for member in self.members if (state := member.state())}
        return {"version": STATE_VERSION, "members": kept} if kept else {}

    def restore(self, state: Mapping[str, Any]) -> None:
        kept = state.get("members")
        if state.get("version") != STATE_VERSION or not isinstance(kept, Mapping):
            return
        for member in self.members:
            if isinstance(found := kept.get(member.name), Mapping):
                member.restore(found)

    def shown(self, of: Callable[[Strategy], Mapping[str, Any]]) -> dict[str, Any]:
        """The members' values: each name behind its member's where there are several."""
        if len(self.members) == 1:
            return dict(of(self.members[0]))
        return {f"{member.name} {label}": value for member in self.members for label, value in of(member).items()}

    def count_fits(self) -> None:
        """For the metrics; after the members were asked."""
        self.fits = sum(member.fits for member in self.members)
