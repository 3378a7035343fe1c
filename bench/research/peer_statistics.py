"""Statistics of daily returns by quantstats. Runs in an environment of its own and knows nothing of this project.

Arguments: file of arrays (npz) with `returns`, one a day. Prints one JSON line.
"""

import json
import sys
import warnings
from importlib.metadata import version

import numpy as np
import pandas as pd  # type: ignore[import-untyped,unused-ignore]
from quantstats import stats  # type: ignore[import-not-found,import-untyped,unused-ignore]

YEAR = 365


def main() -> None:
    warnings.simplefilter("ignore")
    returns = np.load(sys.argv[1])["returns"]
    r = pd.Series(returns, pd.date_range("2021-01-01", periods=len(returns)))
    found = {
        "sharpe": stats.sharpe(r, periods=YEAR), "sortino": stats.sortino(r, periods=YEAR),
        "omega": stats.omega(r, periods=YEAR), "volatility": stats.volatility(r, periods=YEAR),
        "max_drawdown": stats.max_drawdown(r), "cagr": stats.cagr(r, periods=YEAR),
        "calmar": stats.calmar(r, periods=YEAR), "win_rate": stats.win_rate(r), "payoff": stats.payoff_ratio(r),
        "profit_factor": stats.profit_factor(r),
    }  # fmt: skip
    plain = {name: float(value) for name, value in found.items()}
    print(json.dumps({**plain, "version": version("quantstats")}))


main()
