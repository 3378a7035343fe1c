"""A walk of the engine's state machine by a seed alone: the same steps each time."""

import random

from bot.domain.orders import OrderStatus
from tests.core.engine_machine import PRODUCTS, Trading

FATES = [0] * 12 + [1, 2, 3]


def walk(seed: int, steps: int) -> "Trading":
    """A long random run with weights that keep it trading; the same seed walks the same way."""
    rng = random.Random(seed)
    run = Trading()
    run.start(rng.choice(["limit", "limit", "market"]))
    try:
        for _ in range(steps):
            one_step(run, rng)
            run.lots_are_what_the_fills_made()
            run.one_runner_where_lots_are()
            run.one_entry_in_flight_for_each_product()
        run.control("run")
    finally:
        run.teardown()
    return run


def one_step(run: "Trading", rng: random.Random) -> None:
    match rng.choices(range(9), weights=[34, 34, 12, 5, 2, 2, 4, 4, 3])[0]:
        case 0:
            run.something_arrives(rng.randrange(10), rng.choice(FATES))
        case 1:
            change = rng.choice(["-4", "-1.2", "-0.8", "-0.8", "-0.3", "0.4", "1.1", "2.5", "5"])
            run.the_market_trades(rng.choice(PRODUCTS), change, rng.choice(["buy", "buy", ""]), rng.randrange(6))
        case 2:
            run.time_goes_by(rng.choice([1, 1, 3, 35]))
        case 3:
            run.the_lists_are_read()
        case 4:
            run.the_exchange_ends_an_order(rng.randrange(6), rng.choice([OrderStatus.EXPIRED, OrderStatus.CANCELLED]))
        case 5:
            run.control(rng.choice(["pause", "stop", "kill", "flatten"]))
        case 6:
            run.control("run")
        case 7:
            run.a_take_fills_in_part(rng.randrange(6), rng.choice(["0.2", "0.5"]))
        case 8:
            if rng.random() < 0.5:
                run.crash(rng.random() < 0.5)
            else:
                run.crash_around_the_next_order(rng.choice(["before commit", "after commit"]))
