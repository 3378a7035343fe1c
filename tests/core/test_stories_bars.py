"""USE_TICK_PRICE=false: exits are judged at the close of each bar, and at nothing else."""

from tests.core.harness import Rig, one, places, sells


def test_a_price_between_two_closes_decides_nothing() -> None:
    rig = Rig(use_tick_price=False, take_profit_order="market", stop_loss_pct=5.0)
    rig.price("100")
    entry = one(places(rig.bar("buy", "100")))
    rig.fills_all(entry, "1", "100")
    assert sells(rig.price("90") + rig.tick()) == []
    assert sells(rig.price("120") + rig.tick()) == []
    assert one(sells(rig.bar("flat", "94"))).lot_id == rig.lots[0].lot_id
    assert rig.lots[0].exit_reason == "stop"


def test_a_close_at_the_take_sells() -> None:
    rig = Rig(use_tick_price=False, take_profit_order="market")
    rig.price("100")
    entry = one(places(rig.bar("buy", "100")))
    rig.fills_all(entry, "1", "100")
    sold = one(sells(rig.bar("flat", "104")))
    assert sold.lot_id == rig.lots[0].lot_id
    assert rig.lots[0].exit_reason == "take"
