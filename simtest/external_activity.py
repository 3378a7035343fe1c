"""Activity that is not the bot's: the exchange's products and fees, other programs and people on the same account."""

from collections.abc import Callable
from random import Random

from simtest.plan import Act
from simtest.run_context import RunContext
from simulator.core import fees

GATE_NAMES = ("cancel_only", "limit_only", "post_only", "offline", "auction")
STRAYS = 130  # more than one request can cancel


class ExternalActivity:
    """The acts of the exchange and of others on the account."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._orders = 0
        self.acts = {
            "gate": self._gate,
            "delist": self._delist,
            "regrid": self._regrid,
            "fees": self._fees,
            "foreign_order": self._foreign_order,
            "stray_orders": self._stray_orders,
            "transfer": self._transfer,
            "manual_trade": self._manual_trade,
            "shock": self._shock,
        }

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        self._run.loop.event_queue.at(self._run.loop.now_us + round(seconds * 1e6), what)

    def _until(self, product_id: str, seconds: float) -> None:
        """The act under way lasts so long, for one product."""
        run = self._run
        run.truth.acts[-1] |= {"product_id": product_id, "until_us": run.loop.now_us + round(seconds * 1e6)}

    def _gate(self, _act: Act, random: Random) -> None:
        venue = self._run.venue
        product_id, name = random.choice(venue.plan.products), random.choice(GATE_NAMES)
        venue.set_gate(product_id, name)
        self._until(product_id, seconds := random.uniform(5, 400))
        self._later(seconds, lambda: venue.set_gate(product_id, "online"))

    def _fees(self, act: Act, _random: Random) -> None:
        venue = self._run.venue.sim.exchange.venue
        venue.tiers = fees.schedule(round(2000 * act.arg), round(5000 * act.arg))
        venue.tier, venue.tier_checked_us = venue.tiers[0], 0

    def _foreign_order(self, act: Act, random: Random) -> None:
        """Another program's resting order on this account; one in five has an id like ours, of another bot."""
        run = self._run
        self._orders += 1
        product_id = random.choice(run.plan.products)
        coid = f"manual-{self._orders}"
        if random.random() < 0.2:
            coid = f"ct-other-{random.getrandbits(128):032x}"
        self._rest(coid, product_id, 3.0, 70 + round(20 * act.arg))

    def _rest(self, client_order_id: str, product_id: str, usd: float, percent: int) -> None:
        """Place a limit buy order for `usd` at `percent` of the last price."""
        run = self._run
        market = run.venue.sim.exchange.venue.markets[product_id]
        terms = {
            "base_size": market.product.size_text(_steps_for(run, product_id, usd * 100 / percent)),
            "limit_price": market.product.price_text(max(1, (market.last or 100) * percent // 100)),
        }
        run.venue.own_post(
            {
                "client_order_id": client_order_id,
                "product_id": product_id,
                "side": "BUY",
                "order_configuration": {"limit_limit_gtc": terms},
            }
        )

    def _transfer(self, act: Act, random: Random) -> None:
        self._run.venue.transfer("USD", f"{(act.arg - 0.4) * random.choice((1, 50, 500)):.2f}")

    def _manual_trade(self, act: Act, _random: Random) -> None:
        run = self._run
        self._orders += 1
        run.venue.own_post(
            {
                "client_order_id": f"manual-{self._orders}",
                "product_id": run.plan.products[0],
                "side": "BUY",
                "order_configuration": {"market_market_ioc": {"quote_size": f"{2 + 20 * act.arg:.2f}"}},
            }
        )

    def _shock(self, act: Act, random: Random) -> None:
        product_id, factor = random.choice(self._run.plan.products), random.choice((0.7, 0.9, 1.3, 0.001))
        self._until(product_id, 10 + 50 * act.arg)
        self._run.venue.shock(product_id, factor, 10 + 50 * act.arg)

    def _delist(self, _act: Act, random: Random) -> None:
        """Delist a product for minutes, whether or not it is held."""
        venue = self._run.venue
        product_id = random.choice(venue.plan.products)
        venue.set_gate(product_id, "delisted")
        self._until(product_id, seconds := random.uniform(100, 1200))
        self._later(seconds, lambda: venue.set_gate(product_id, "online"))

    def _regrid(self, act: Act, random: Random) -> None:
        """Make increments coarser or the minimum order larger, until the faults are over."""
        run = self._run
        product_id = random.choice(run.venue.plan.products)
        kind = random.choice(("price_increment", "base_increment", "quote_min_size"))
        value = run.venue.product_rules.change(product_id, kind, act.arg)
        run.truth.acts[-1] |= {"product_id": product_id, "name": kind, "value": value}

    def _stray_orders(self, act: Act, random: Random) -> None:
        """Orders of ours that no ledger knows, as after a lost ledger. A kill must find and cancel them all."""
        run = self._run
        product_id = run.venue.plan.products[0]
        for _ in range(round(STRAYS * (0.2 + 0.8 * act.arg))):
            coid = f"ct-{run.bot_name}-{random.getrandbits(128):032x}"
            run.truth.strays.append(coid)
            self._rest(coid, product_id, 1.02 * float(run.plan.quote_min), 60)


def _steps_for(run: RunContext, product_id: str, usd: float) -> int:
    market = run.venue.sim.exchange.venue.markets[product_id]
    price = float(market.product.price_text(market.last or 1))
    size = usd / price
    return max(1, int(size * 1e20) // market.product.step)
