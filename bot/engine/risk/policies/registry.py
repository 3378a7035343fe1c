"""The risk policies in their order: the first that is shut decides, at each moment."""

from collections.abc import Iterable

from bot.engine.risk.guard import Guard
from bot.engine.risk.policies import (
    adding,
    api_errors,
    bar_used,
    base_cap,
    clock,
    cluster,
    control,
    day_loss,
    depth,
    drawdown,
    edge,
    exposure,
    feed,
    funds,
    holdings,
    impact,
    in_flight,
    ledger,
    live_lock,
    long_only,
    loss_streak,
    lots,
    order_errors,
    order_notional,
    order_rate,
    order_terms,
    price_band,
    price_collar,
    product,
    reduce_only,
    refusals,
    scanner,
    second_writer,
    signal,
    spread,
    trading_window,
    vol_band,
    vol_spike,
    waited,
)
from bot.engine.risk.policy import Moment, RiskPolicy

ORDER = (
    # Of the order itself.
    order_terms.POLICY,
    long_only.POLICY,
    holdings.POLICY,
    waited.POLICY,
    # Whether entries may be made at all, whatever the market does.
    control.POLICY,
    live_lock.POLICY,
    reduce_only.POLICY,
    scanner.POLICY,
    second_writer.POLICY,
    ledger.POLICY,
    clock.POLICY,
    feed.POLICY,
    product.POLICY,
    # Whether one is wanted.
    signal.POLICY,
    bar_used.POLICY,
    in_flight.POLICY,
    trading_window.POLICY,
    # What went wrong so far.
    day_loss.POLICY,
    order_rate.POLICY,
    drawdown.POLICY,
    loss_streak.POLICY,
    order_errors.POLICY,
    api_errors.POLICY,
    refusals.POLICY,
    # The market.
    vol_spike.POLICY,
    vol_band.LOW,
    vol_band.HIGH,
    price_band.POLICY,
    spread.POLICY,
    depth.POLICY,
    impact.POLICY,
    # The lot to be opened.
    lots.POLICY,
    adding.PAUSE,
    adding.ADVERSE,
    edge.POLICY,
    price_collar.POLICY,
    # Money at stake.
    order_notional.POLICY,
    exposure.PRODUCT,
    cluster.POLICY,
    exposure.ALL,
    base_cap.POLICY,
    funds.POLICY,
)


class RiskPolicies:
    """The list, and who is asked when. Raises ValueError where two policies share a code or a setting."""

    def __init__(self, order: Iterable[RiskPolicy]) -> None:
        self.all = tuple(order)
        self.by_code = {policy.code: policy for policy in self.all}
        keys = [key for policy in self.all for key in policy.settings]
        if len(self.by_code) < len(self.all) or len(set(keys)) < len(keys):
            raise ValueError("two risk policies share a code or a setting")
        self.deciding = tuple(policy for policy in self.all if policy.judge is not None)
        self.deciding_weights = tuple(policy for policy in self.deciding if not policy.of_lots)
        self.standing = tuple(policy for policy in self.deciding if policy.standing)
        self.checking = {
            moment: tuple(policy for policy in self.all if policy.check is not None and moment in policy.checked)
            for moment in (Moment.SUBMIT, Moment.SOCKET)
        }
        self.guards: tuple[Guard, ...] = tuple(policy.guard for policy in self.all if policy.guard is not None)


POLICIES = RiskPolicies(ORDER)
