"""What a bot's process holds after one answer of a strategy: called by `bench.bot.learned` in a process of its own.

Arguments: data folder, strategy. Prints MB.
"""

import os
import sys
from decimal import Decimal
from pathlib import Path

import bot.app.main  # the whole code of the bot, as its process holds it
from bot.app.strategy_port import StrategyAdapter
from bot.domain.bars import Bar
from bot.domain.instrument import Instrument
from bot.domain.intents import AskStrategy
from shared.settings import Settings

D = Decimal
BTC = Instrument(
    "BTC-USD", "BTC", "USD", D("0.00000001"), D("0.01"), D("0.01"), D("0.00000001"), D(1_000), D(1), D(10**8)
)  # fmt: skip


def main() -> None:
    """One strategy, one answer, as the bot asks."""
    folder, strategy = Path(sys.argv[1]), sys.argv[2]
    settings = Settings(strategy=strategy, granularity="FIVE_MINUTE", products=("BTC-USD",), data_dir=folder)
    adapter = StrategyAdapter(settings)
    bars = [Bar(4_000_000_000 + 300 * n, 100.0, 101.0, 99.0, 100.0 + n % 7, 1.0 + n % 3) for n in range(600)]
    answer = adapter.answer(AskStrategy(BTC, tuple(bars)))
    assert answer.product_id == "BTC-USD" and bot.app.main
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    print(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)


if __name__ == "__main__":
    main()
