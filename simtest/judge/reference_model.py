"""What the reference model is given of a case: lots rebuilt from the exchange's fills, and the prices heard."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from simtest.judge.case import Case, Row, dec
from simtest.judge.excuses import Excuses
from simtest.reference import levels, weights
from simtest.reference.lots import NEWS_US, BoughtLot, OwnFill, OwnOrder, ProductRule, Reign, lots_from, reigns
from simtest.reference.prices import PriceSeries, Stand
from simtest.reference.signals import says_sell
from simtest.reference.spans import TimeSpans
from simtest.reference.weights import Bounds

S = 1_000_000
SIZE_MOST, SIZE_LEAST = Decimal("1.5"), Decimal("0.25")  # the volatility factor's range
ROOM = Decimal("1.05")  # equity may be so much above what it was at first
DAY_US = 86_400 * S
BOOT_US = 20 * S  # a new process knows prices that no stream told it
DECIDED_US = 3 * S  # from a judged price to the request
HOLD_US = 150_000  # from a frame's arrival until the bot judges its price


class LevelMove(NamedTuple):
    """A person's move of a lot's level that the bot did not refuse. `price` None: there is none any more."""

    command_id: str
    price: Decimal | None
    sent_us: int  # when the bot saw it
    state: str
    at_a_loss: bool


@dataclass
class ReferenceModel:
    """Of one case. Orders are put to lots by the ledger's word; amounts, prices and times are the exchange's."""

    case: Case

    @cached_property
    def settings(self) -> dict[str, Any]:
        return dict(self.case.truth["settings"])

    @cached_property
    def excuses(self) -> Excuses:
        return Excuses(self.case)

    @cached_property
    def end_us(self) -> int:
        """Until when prices and bars were kept: the end of the run, but for runs of days."""
        truth = self.case.truth
        bars = [rows[-1][0] + 2 * self.bar_s for rows in truth["bars"].values() if rows]
        bars_us = min(bars, default=0) * S - int(truth["start_us"])
        end_us = int(truth["end_us"])
        return min(end_us, truth["prices_until_us"] or end_us, bars_us if bars_us < end_us - DAY_US else end_us)

    @cached_property
    def rules(self) -> dict[str, ProductRule]:
        names = ("price_increment", "base_increment", "base_min_size", "quote_min_size")
        return {
            product_id: ProductRule(*(dec(row[name]) for name in names))
            for product_id, row in self.case.truth["venue"]["products"].items()
        }

    @cached_property
    def products(self) -> list[str]:
        """Those of the plan, and those that the scanner picked besides and the bot traded."""
        traded = (order["product_id"] for order in self.case.own)
        return [name for name in dict.fromkeys([*self.case.truth["plan"]["products"], *traded]) if name in self.rules]

    @cached_property
    def orders(self) -> list[OwnOrder]:
        """Own orders of which it is known for what lot they were made."""
        sent = {post["client_order_id"]: int(post["sent_us"]) for post in reversed(self.case.posts)}
        found = []
        for order in self.case.own:
            coid = order["client_order_id"]
            row = self.case.row_of.get(coid)
            lot_id = row["lot_id"] or (coid if row["side"] == "BUY" else None) if row is not None else None
            if lot_id is not None:
                found.append(self._order(order, lot_id, sent.get(coid, int(order["created_us"]))))
        return found

    def _order(self, order: Row, lot_id: str, sent_us: int) -> OwnOrder:
        fills = [
            OwnFill(int(f["us"]), dec(f["size"]), dec(f["price"]), dec(f["fee"]))
            for f in self.case.fills_of.get(order["order_id"], ())
        ]
        return OwnOrder(
            client_order_id=order["client_order_id"],
            lot_id=lot_id,
            product_id=order["product_id"],
            buys=order["side"] == "BUY",
            limit=dec(order["limit"]) if order["limit"] is not None else None,
            size=dec(order["size"]) if order["size"] is not None else None,
            sent_us=sent_us,
            created_us=int(order["created_us"]),
            done_us=order["done_us"],
            fills=sorted(fills),
        )

    @cached_property
    def lots(self) -> list[BoughtLot]:
        """None where the ledger was lost: no order could be put to its lot."""
        if self.case.ledger_was_lost:
            return []
        return lots_from(self.orders, self.rules, self.job_us)

    @cached_property
    def lots_of(self) -> dict[str, list[BoughtLot]]:
        found: dict[str, list[BoughtLot]] = defaultdict(list)
        for lot in self.lots:
            found[lot.product_id].append(lot)
        return dict(found)

    @cached_property
    def reigns(self) -> list[Reign]:
        return [reign for mine in self.lots_of.values() for reign in reigns(mine, self.excuses.news.touch)]

    @cached_property
    def sale_posts(self) -> dict[str, list[Row]]:
        """Lot → requests to sell of it, oldest first."""
        found: dict[str, list[Row]] = defaultdict(list)
        for post in sorted(self.case.posts, key=lambda row: int(row["sent_us"])):
            row = self.case.row_of.get(post["client_order_id"])
            if post["side"] == "SELL" and row is not None and row["lot_id"]:
                found[row["lot_id"]].append(post)
        return dict(found)

    @cached_property
    def sales_tried(self) -> dict[str, list[int]]:
        """Lot → when a sale of it was decided: what was refused before it was sent is in the ledger alone."""
        found: dict[str, list[int]] = defaultdict(list)
        for lot_id, posts in self.sale_posts.items():
            found[lot_id] += [int(post["sent_us"]) for post in posts]
        for row in self.case.tables["orders"]:
            if row["side"] == "SELL" and row["lot_id"]:
                found[row["lot_id"]].append(self.case.us_of_ms(row["created_ms"]))
        return dict(found)

    @cached_property
    def prices(self) -> dict[str, PriceSeries]:
        """Product → what the bot judged its exits by: prices, or the closes of bars where USE_TICK_PRICE is false."""
        if not self.settings["use_tick_price"]:
            return {product_id: PriceSeries(self._closes(product_id), 0) for product_id in self.products}
        hold_us = round(self.settings["tick_interval_sec"] * S) + HOLD_US
        rows = self.case.truth["prices"]
        return {p: PriceSeries(((int(r[0]), dec(r[1])) for r in rows.get(p, ())), hold_us) for p in self.products}

    def _closes(self, product_id: str) -> list[tuple[int, Decimal]]:
        length_us, start_us = self.bar_s * S, int(self.case.truth["start_us"])
        return [(row[0] * S + length_us - start_us, dec(row[3])) for row in self.case.truth["bars"][product_id]]

    @cached_property
    def sells(self) -> dict[str, list[tuple[int, bool | None]]]:
        """Product → (when a bar closed, whether the strategy says SELL of it; None = not known); empty without
        SIGNAL_EXITS."""
        if not self.settings["signal_exits"]:
            return {}
        found: dict[str, list[tuple[int, bool | None]]] = {}
        for product_id in self.products:
            closes: list[Decimal] = []
            found[product_id] = mine = []
            for us, close in self._closes(product_id):
                closes.append(close)
                mine.append((us, says_sell(self.settings, closes)))
        return found

    @property
    def at_weights(self) -> bool:
        """True where products are held at target weights; their lots have no levels to be sold at."""
        return weights.asked_for(self.settings)

    @cached_property
    def targets(self) -> dict[str, list[tuple[int, weights.Target]]]:
        """Product → (when a bar closed, the weight that the strategy wants of it); empty where none are asked for."""
        found: dict[str, list[tuple[int, weights.Target]]] = {}
        for product_id in self.products if self.at_weights else ():
            closes: list[Decimal] = []
            found[product_id] = mine = []
            for row, (us, close) in zip(self.case.truth["bars"][product_id], self._closes(product_id), strict=True):
                closes.append(close)
                mine.append((us, weights.target(self.settings, int(row[0]), self.bar_s, closes)))
        return found

    @property
    def job_us(self) -> int:
        """How long one order for an entry or a target weight may bid before its time is up."""
        return round(float(self.settings["exposure_maker_sec" if self.at_weights else "maker_timeout_sec"]) * S)

    @property
    def bar_s(self) -> int:
        return int(self.case.truth["bar_s"])

    @cached_property
    def quiet(self) -> dict[str, TimeSpans]:
        """Product → when no exit of it may be expected."""
        return {p: self.excuses.exits | self.excuses.product(p) for p in self.products}

    def tainted(self, lot: BoughtLot) -> bool:
        """True where the product's increments were changed while the lot was there: its levels moved to other ticks."""
        regrid = self.excuses.regrid(lot.product_id)
        return regrid is not None and lot.sent_us <= regrid[1] and lot.closed_us >= regrid[0]

    @cached_property
    def moved(self) -> dict[tuple[str, str], list[LevelMove]]:
        """(lot, take or stop) → the moves of it, in the order in which the bot saw them."""
        found: dict[tuple[str, str], list[LevelMove]] = defaultdict(list)
        for row in sorted(self.case.tables["commands"], key=lambda row: int(row["seen_ms"])):
            if row["cmd"] not in ("move_take", "move_stop") or row["state"] in ("rejected", "expired"):
                continue
            args = json.loads(row["args"])
            price = None if args["price"] == "none" else dec(args["price"])
            seen_us = self.case.us_of_ms(row["seen_ms"])
            move = LevelMove(row["id"], price, seen_us, row["state"], args.get("at_a_loss") == "yes")
            found[args["lot_id"], row["cmd"].removeprefix("move_")].append(move)
        return dict(found)

    def _moved_to(self, lot: BoughtLot, level: str) -> levels.Levels:
        """Every price that a person moved the level to: which of them holds is judged by R11."""
        return frozenset(one.price for one in self.moved.get((lot.lot_id, level), ()) if one.price is not None)

    def stop_levels(self, lot: BoughtLot) -> levels.Levels:
        tick = self.rules[lot.product_id].tick
        made = levels.stop_levels(lot.open_price, levels.number(self.settings["stop_loss_pct"]), tick)
        return made | self._moved_to(lot, "stop")

    @property
    def trail_activate(self) -> Decimal | None:
        """TRAIL_ACTIVATE_PCT; None where it was not set by hand, and the edge gate may lift it to another value."""
        by_hand = "trail_activate_pct" in self.case.truth["plan"]["settings"]
        if self.settings["edge_gate"] and not by_hand:
            return None
        return levels.number(self.settings["trail_activate_pct"])

    def activation_levels(self, lot: BoughtLot) -> levels.Levels:
        activate = levels.number(self.settings["trail_activate_pct"])
        return levels.activation_levels(lot.open_price, activate, self.rules[lot.product_id].tick)

    def trail_levels(self, peak: Decimal, tick: Decimal) -> levels.Levels:
        return levels.trail_levels(peak, levels.number(self.settings["trail_distance_pct"]), tick)

    def price_at(self, lot: BoughtLot, stand: Stand) -> Decimal:
        """The lowest price of a stand."""
        return self.prices[lot.product_id].lowest(stand.first_us, stand.sure_us) or lot.open_price

    def heard_otherwise(self, lot: BoughtLot, until_us: int) -> bool:
        """True where the bot may have known a price from the product list: a process began in the lot's time."""
        return any(lot.opened_us <= life["from_us"] <= until_us for life in self.case.truth["lives"])

    def bars_between(self, product_id: str, from_us: int, to_us: int) -> list[tuple[Decimal, Decimal]]:
        """(high, low) of the bars that touch this time."""
        first_s = (from_us + int(self.case.truth["start_us"])) // S - self.bar_s
        last_s = (to_us + int(self.case.truth["start_us"])) // S
        rows = self.case.truth["bars"][product_id]
        return [(dec(row[1]), dec(row[2])) for row in rows if first_s <= row[0] <= last_s]

    def highest(self, product_id: str, from_us: int, to_us: int) -> Decimal | None:
        """The highest price that was heard in this time."""
        rows = self.case.truth["prices"].get(product_id, ())
        return max((dec(row[1]) for row in rows if from_us <= row[0] <= to_us), default=None)

    def lowest_judged(self, product_id: str, sent_us: int) -> Decimal | None:
        """The lowest price on which an entry that was sent now may have been decided; None = not known."""
        if any(0 <= sent_us - life["from_us"] < BOOT_US for life in self.case.truth["lives"]):
            return None
        if not self.settings["use_tick_price"]:
            return self.prices[product_id].lowest(sent_us - 2 * self.bar_s * S - BOOT_US, sent_us)
        series = self.prices[product_id]
        before = series.between(0, sent_us - DECIDED_US)[-1:]
        return min((price for _, price in before + series.between(sent_us - DECIDED_US, sent_us)), default=None)

    @cached_property
    def equity_about(self) -> Decimal:
        """What the account began with, and what was put in and taken out."""
        moved = [dec(t["amount"]) for t in self.case.truth["venue"]["transfers"] if t["currency"] == "USD"]
        return dec(self.case.truth["venue"]["funds"]) + sum(moved, Decimal(0))

    @cached_property
    def entry_sizes(self) -> tuple[Decimal, Decimal]:
        """The smallest and the largest entry that the settings may make, in USD."""
        s = self.settings
        equity = self.equity_about if s["use_live_equity"] else levels.number(s["usd_equity"])
        share = equity * levels.number(s["risk_per_trade_pct"]) / 100
        smallest = least_usd = levels.number(s["order_min_usd"])
        largest = max(share * SIZE_MOST * ROOM, least_usd)
        if s["sizing"] == "percent":
            smallest = max(share * SIZE_LEAST / ROOM, least_usd)
        elif s["sizing"] == "fixed":
            smallest = largest = levels.number(s["fixed_order_usd"])
        elif s["sizing"] == "kelly":
            largest = max(largest, equity * ROOM * levels.number(s["kelly_cap_pct"]) / 100)
        most_usd = levels.number(s["max_order_usd"])
        return (min(smallest, most_usd), min(largest, most_usd)) if most_usd else (smallest, largest)

    @cached_property
    def queue_us(self) -> int:
        """How long a cancel waits at the exchange."""
        return int(self.settings["sim_queue_ms"]) * 1000

    @cached_property
    def cash_moves(self) -> list[tuple[int, Decimal]]:
        """What transfers and fills did to the account's USD, oldest first."""
        venue = self.case.truth["venue"]
        moves = [(int(t["at_us"]), dec(t["amount"])) for t in venue["transfers"] if t["currency"] == "USD"]
        for fill in venue["fills"]:
            sign = -1 if fill["side"] == "BUY" else 1
            moves.append((int(fill["us"]), sign * dec(fill["value"]) - dec(fill["fee"])))
        return sorted(moves)

    @cached_property
    def base_moves(self) -> dict[str, list[tuple[int, Decimal]]]:
        """Product → what own fills did to the base units held, oldest first."""
        found: dict[str, list[tuple[int, Decimal]]] = {product_id: [] for product_id in self.products}
        for order in self.orders:
            found[order.product_id] += [(fill.us, fill.size if order.buys else -fill.size) for fill in order.fills]
        return {product_id: sorted(moves) for product_id, moves in found.items()}

    def cash_least(self, from_us: int, to_us: int) -> Decimal:
        """The least cash that may have been free in this time, in USD."""
        venue = self.case.truth["venue"]
        least = running(self.cash_moves, dec(venue["funds"]), from_us - NEWS_US, to_us).least
        held = Decimal(0)
        for order in venue["orders"]:
            over_us = order["done_us"] if order["done_us"] is not None else self.end_us
            if order["side"] == "BUY" and order["created_us"] <= to_us and over_us >= from_us - NEWS_US:
                held += dec(order["quote"]) if order["limit"] is None else dec(order["limit"]) * dec(order["size"])
        return least - held * Decimal("1.02")

    def exposure_most(self, from_us: int, to_us: int, product_id: str | None) -> Decimal:
        """The most that lots and purchases under way may have been worth, in USD."""
        total = Decimal(0)
        for lot in self.lots:
            price = self.highest(lot.product_id, from_us - NEWS_US, to_us) or lot.open_price
            mine = product_id in (None, lot.product_id) and lot.opened_us <= to_us
            if mine and (lot.closed_us >= from_us - NEWS_US or lot.unsure_us < lot.closed_us):
                total += lot.bought(to_us) * max(price, lot.open_price)
        for order in self.case.truth["venue"]["orders"]:
            if order["side"] == "BUY" and product_id in (None, order["product_id"]):
                over_us = order["done_us"] if order["done_us"] is not None else self.end_us
                if order["created_us"] <= to_us and over_us >= from_us - NEWS_US:
                    total += dec(order["quote"]) if order["limit"] is None else dec(order["limit"]) * dec(order["size"])
        return total

    def take_levels(self, lot: BoughtLot) -> levels.Levels:
        """Every take price that is right for what the bot may have known of open lots when it bought."""
        tick = self.rules[lot.product_id].tick
        found = set(self._moved_to(lot, "take"))
        for open_lots in self._known_open(lot):
            pct = levels.scalp_take_pct(self.settings, open_lots - 1) if open_lots else None
            found |= levels.take_levels(lot.open_price, pct or levels.runner_take_pct(self.settings), tick)
        return frozenset(found)

    def _known_open(self, lot: BoughtLot) -> set[int]:
        """How many lots of the product the bot may have known to be open when it decided on this one."""
        others = [other for other in self.lots_of[lot.product_id] if other is not lot]
        late = self.excuses.news.touch(lot.sent_us - NEWS_US, lot.sent_us)
        since_us = lot.sent_us - (30 if late else 1) * NEWS_US
        times = {since_us, lot.sent_us}
        times |= {us for other in others for us in (other.opened_us, other.closed_us) if since_us < us < lot.sent_us}
        counts = set()
        for us in times:
            there = [other for other in others if other.opened_us <= us < other.closed_us]
            unsure = sum(1 for other in there if other.unsure_us <= us)
            gone = [other for other in others if other.closed_us <= us and other.unsure_us < other.closed_us]
            counts |= set(range(len(there) - unsure, len(there) + len(gone) + 1))
        return counts


def running(moves: Iterable[tuple[int, Decimal]], at_first: Decimal, from_us: int, to_us: int) -> Bounds:
    """The least and the most that an amount was from `from_us` to `to_us`, both included; `moves`: oldest first."""
    now = least = most = at_first
    for us, amount in moves:
        if us > to_us:
            break
        now += amount
        least, most = (min(least, now), max(most, now)) if us >= from_us else (now, now)
    return Bounds(least, most)


def model_of(case: Case) -> ReferenceModel:
    """The model of a case, worked out once."""
    found = case.reference
    if not isinstance(found, ReferenceModel):
        found = case.reference = ReferenceModel(case)
    return found
