"""What is left alone while the bot does not see, cannot send or is gone: lots, their value, and what rests."""

from dataclasses import dataclass

from shared.documents.state import BotState


@dataclass(frozen=True, slots=True)
class Unwatched:
    """Open lots of the last good document. `value_usd` None: a mark was missing."""

    lots: int
    value_usd: float | None
    takes: int  # take profits that rest at the exchange, and can still fill there
    stops: tuple[str, ...]  # products with a stop or trailing stop, which only the bot keeps

    def sentence(self) -> str:
        """ "8 lots, 7,247 USD, not monitored; 8 takes rest at the exchange"."""
        if not self.lots:
            return "no lots are open"
        worth = "" if self.value_usd is None else f", {self.value_usd:,.0f} USD"
        return f"{_plural(self.lots, 'lot')}{worth}, not monitored; {self.resting()}"

    def resting(self) -> str:
        if not self.takes:
            return "no take-profit order rests at the exchange"
        return f"{_plural(self.takes, 'take-profit order')} {'rests' if self.takes == 1 else 'rest'} at the exchange"


def unwatched(state: BotState | None) -> Unwatched | None:
    """None = the positions are not known."""
    if state is None or state.positions is None:
        return None
    lots = [lot for position in state.positions for lot in position.lots]
    values = [lot.value_usd for lot in lots]
    known = [value for value in values if value is not None]
    stops = [lot.product_id for lot in lots if lot.stop_price is not None or lot.trail_active]
    return Unwatched(
        lots=len(lots),
        value_usd=sum(known) if len(known) == len(values) else None,
        takes=sum(1 for lot in lots if lot.exit_state == "resting"),
        stops=tuple(dict.fromkeys(stops)),
    )


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
