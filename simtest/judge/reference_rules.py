"""The rules of the reference model: what a bot must do, and must not do."""

from collections.abc import Mapping

REFERENCE_RULES: Mapping[str, str] = {
    "R1 ENTRY/due": "a bar that says BUY, with every gate open, is bought",
    "R1 ENTRY/left out": "BUY bars that are not judged, since a setting is on that the reference model does not reckon",
    "R1 ENTRY/signal": "an entry follows a bar that says BUY",
    "R1 ENTRY/one a bar": "a bar opens one lot at most",
    "R1 ENTRY/added": "a scalp comes after the pause and below the newest lot",
    "R2 TAKE/price": "a lot's take price in the ledger is the one that its fills and the settings make",
    "R2 TAKE/order": "a resting take is at the lot's price, and no larger than the lot",
    "R2 TAKE/stands": "a lot is never without an order to sell it for long (TAKE_PROFIT_ORDER=limit)",
    "R2 TAKE/sells": "a lot whose take price is reached is sold (TAKE_PROFIT_ORDER=market)",
    "R3 STOP/price": "a lot's stop price in the ledger is the one that its fills and the settings make",
    "R3 STOP/sells": "a lot at its stop is sold in time",
    "R3 STOP/reason": "a sale at market has a price, a SELL or a command that asks for it",
    "R4 TRAIL/peak": "a runner trails from the highest price since, and its stop is that price's",
    "R4 TRAIL/sells": "a runner at its trailing stop is sold in time",
    "R5 PROMOTE/ledger": "the runner in the ledger is the lot that the exchange's fills make it",
    "R5 PROMOTE/sells": "a lot that became the runner is sold at its trailing stop, too",
    "R6 CANCEL/timeout": "a bid ends when MAKER_TIMEOUT_SEC is over",
    "R6 CANCEL/stopped": "a bid that stands when the bot is stopped is cancelled",
    "R7 FLATTEN/done": "a flatten or close that is done left nothing that can be sold",
    "R7 FLATTEN/sells": "a flatten or close that nothing hinders sells at once",
    "R8 LATCH/orders in a minute": "so many entries in a minute shut entries until Start",
    "R8 LATCH/losses in a row": "so many losing lots in a row shut entries until a gain, midnight or Start",
    "R8 LATCH/drawdown": "a fall beyond the limit shuts entries until Start",
    "R9 SIGNAL/sells": "a lot is sold on a closed bar that says SELL (SIGNAL_EXITS)",
    "R10 WEIGHT/bought": "a target weight far above what is held is bought in time, with every gate open",
    "R10 WEIGHT/sold": "a target weight far below what is held is sold in time",
    "R10 WEIGHT/all sold": "a target of 0 that stays leaves nothing that can be sold",
    "R10 WEIGHT/asked for": "an order goes the way of a target that may have held, and no further",
    "R10 WEIGHT/one at a time": "one order of a product works at a time (KIND=exposure)",
}  # fmt: skip

# Rule → in how many seeds it must have been judged, for one that waits for something rare.
REFERENCE_SELDOM: Mapping[str, int] = {
    "R1 ENTRY/left out": 10**9,  # no rule to be broken: how many bars were not judged
    "R1 ENTRY/due": 100,
    "R1 ENTRY/one a bar": 100,
    "R1 ENTRY/added": 100,
    "R2 TAKE/stands": 200,
    "R2 TAKE/sells": 200,
    "R3 STOP/sells": 500,
    "R4 TRAIL/peak": 100,
    "R4 TRAIL/sells": 100,
    "R5 PROMOTE/sells": 100,
    "R6 CANCEL/stopped": 100,
    "R7 FLATTEN/done": 100,
    "R7 FLATTEN/sells": 100,
    "R8 LATCH/orders in a minute": 2000,
    "R8 LATCH/losses in a row": 5000,
    "R8 LATCH/drawdown": 500,
    "R9 SIGNAL/sells": 10**9,  # no seed draws SIGNAL_EXITS: plans of tests do
    "R10 WEIGHT/bought": 500,
    "R10 WEIGHT/sold": 500,
    "R10 WEIGHT/all sold": 500,
    "R10 WEIGHT/asked for": 100,
    "R10 WEIGHT/one at a time": 100,
}
