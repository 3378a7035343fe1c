"""What moving a take or a stop would come to: figures after fees, refusals by name, and nothing is sent by asking."""

import pytest

from dashboard.routes.lots import LotPreviewReply
from shared.documents.account import LotDoc, PositionDoc
from tests.dashboard.conftest import Dash


def a_lot(dash: Dash) -> tuple[PositionDoc, LotDoc]:
    state = dash.hub.reader.snapshot().state
    assert state is not None and state.positions
    doc = state.positions[0]
    return doc, doc.lots[0]


async def ask(dash: Dash, query: str, role: str = "operator", lot_id: str = "") -> LotPreviewReply:
    lot_id = lot_id or a_lot(dash)[1].lot_id
    async with dash.machine(role) as client:
        answer = await client.get(f"/api/lots/{lot_id}/preview?{query}")
    assert answer.status_code == 200, answer.text
    return LotPreviewReply.model_validate(answer.json())


async def test_a_take_is_shown_with_its_effect_after_fees_and_what_to_send(dash: Dash) -> None:
    doc, lot = a_lot(dash)
    assert doc.mark is not None
    price = f"{doc.mark * 1.1:.2f}".rstrip("0")
    found = await ask(dash, f"take={price}")
    value = lot.base_size * float(price)
    assert found.refusal is None and found.confirm is None and found.now == lot.take_price_text
    assert found.value == pytest.approx(value) and found.fee_pct == pytest.approx(0.5)
    assert found.result == pytest.approx(value * 0.995 - lot.cost_usd)
    assert found.from_mark_pct == pytest.approx(10, abs=0.01)
    assert (found.cmd, found.args) == ("move_take", {"lot_id": lot.lot_id, "price": price})
    async with dash.machine() as client:
        assert (await client.get("/api/commands")).json()["commands"] == []
        sent = await client.post("/api/commands", json={"cmd": found.cmd, "args": found.args})
    assert sent.status_code == 202


async def test_below_break_even_the_confirmation_that_lets_it_pass_is_named(dash: Dash) -> None:
    doc, lot = a_lot(dash)
    assert doc.mark is not None
    low, price = doc.mark * 1.001, 0.0
    for one in doc.lots:
        if low < one.break_even_price:
            lot, price = one, low
    assert price, "a lot below break-even"
    found = await ask(dash, f"take={price:.2f}", lot_id=lot.lot_id)
    assert found.refusal is not None and "below break-even" in found.refusal and found.confirm == "at_a_loss"
    found = await ask(dash, f"take={price:.2f}&at_a_loss=yes", lot_id=lot.lot_id)
    assert found.refusal is None and found.args["at_a_loss"] == "yes" and found.note is not None


@pytest.mark.parametrize(
    ("query", "why"),
    [("take=1", "above the price"), ("take=x", "not a number"), ("take=200000.001", "whole steps"),
     ("stop=900000", "below the price"), ("stop=-1", "above zero")],
)  # fmt: skip
async def test_what_the_engine_would_refuse_is_refused_here_in_its_words(dash: Dash, query: str, why: str) -> None:
    assert why in ((await ask(dash, query)).refusal or "")


async def test_a_stop_and_none(dash: Dash) -> None:
    doc, lot = a_lot(dash)
    assert doc.mark is not None
    price = f"{doc.mark * 0.9:.2f}"
    found = await ask(dash, f"stop={price}")
    assert found.refusal is None and found.fee_pct == pytest.approx(0.9) and found.now == "none"
    assert found.args == {"lot_id": lot.lot_id, "price": price} and found.cmd == "move_stop"
    off = await ask(dash, "stop=none")
    assert off.refusal is None and off.args["price"] == "none" and off.value is None


async def test_a_viewer_may_look_and_is_told_that_it_is_all(dash: Dash) -> None:
    assert "viewer" in ((await ask(dash, "stop=none", "viewer")).refusal or "")


async def test_one_question_at_a_time_about_a_lot_that_is_open(dash: Dash) -> None:
    _, lot = a_lot(dash)
    async with dash.machine() as client:
        for query in ("", "take=1&stop=1"):
            assert (await client.get(f"/api/lots/{lot.lot_id}/preview?{query}")).status_code == 422
        assert (await client.get("/api/lots/none/preview?take=1")).status_code == 404
