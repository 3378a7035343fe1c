"""Everything the engine shows: typed, read-only, by subject. Questions change nothing."""

from bot.engine.state.engine_state import EngineState
from bot.engine.views.account import AccountView
from bot.engine.views.control import ControlView
from bot.engine.views.gates import GatesView
from bot.engine.views.markets import MarketsView
from bot.engine.views.orders import OrdersView
from bot.engine.views.positions import PositionsView
from bot.engine.views.records import RecordsView
from bot.engine.views.risk import RiskView
from bot.engine.views.strategy import StrategyView
from shared.settings import Settings


class EngineView:
    """Whoever needs one subject takes that view. It follows the engine: an answer holds until the next event."""

    def __init__(self, state: EngineState) -> None:
        self._state = state
        self.account = AccountView(state)
        self.control = ControlView(state)
        self.gates = GatesView(state)
        self.records = RecordsView(state)
        self.markets = MarketsView(state)
        self.orders = OrdersView(state)
        self.positions = PositionsView(state)
        self.risk = RiskView(state)
        self.strategy = StrategyView(state)

    @property
    def settings(self) -> Settings:
        return self._state.settings

    @property
    def now_ms(self) -> int:
        """When the last event was handled, or time was last told (`Engine.seen_at`); our clock, epoch milliseconds."""
        return self._state.clock.now_ms

    @property
    def clock_offset_ms(self) -> int | None:
        """The exchange's clock minus ours; None = not compared yet."""
        return self._state.clock.offset_ms
