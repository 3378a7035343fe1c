"""What moving a take or a stop would come to: figures after fees, refusals by name, and nothing is sent by asking."""

from dataclasses import replace

import pytest

from dashboard.routes.lots import LotPreviewReply
from dashboard.views import positions
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
        for query in ("", "take=1&stop=1", "take=1&size=1"):
            assert (await client.get(f"/api/lots/{lot.lot_id}/preview?{query}")).status_code == 422
        assert (await client.get("/api/lots/none/preview?take=1")).status_code == 404


async def test_a_part_is_shown_with_what_stays(dash: Dash) -> None:
    _, lot = a_lot(dash)
    found = await ask(dash, "size=0.001")
    assert found.refusal is None and found.cmd == "sell_part" and found.action == "size"
    assert float(found.rest_size or 0) == pytest.approx(lot.base_size - 0.001)
    assert found.value is not None and lot.value_usd is not None and found.value < lot.value_usd
    assert "more than is held" in ((await ask(dash, "size=1000000")).refusal or "")


async def test_the_dialog_asks_where_to_then_shows_the_effect_then_has_the_button(dash: Dash) -> None:
    doc, lot = a_lot(dash)
    assert doc.mark is not None
    async with await dash.browser() as client:
        first = (await client.get(f"/ask?ask=move_take:{lot.lot_id}&back=/positions")).text
        assert 'action="/ask"' in first and 'action="/commands"' not in first and "Preview" in first
        price = f"{doc.mark * 1.2:.2f}".rstrip("0")
        second = (await client.get(f"/ask?ask=move_take:{lot.lot_id}&value={price}&back=/positions")).text
        assert 'action="/commands"' in second and f'name="price" value="{price}"' in second
        assert "Result after all fees" in second and "data-go" in second
        refused = (await client.get(f"/ask?ask=move_stop:{lot.lot_id}&value={price}&back=/positions")).text
        assert "below the price" in refused and "data-go" not in refused
        assert (await client.get("/ask?ask=move_take:none&back=/positions")).status_code == 404
    low = next(one for one in doc.lots if doc.mark * 1.001 < one.break_even_price)
    async with await dash.browser() as client:
        url = f"/ask?ask=move_take:{low.lot_id}&value={doc.mark * 1.001:.2f}&back=/positions"
        loss = (await client.get(url)).text
        assert "Allow the loss" in loss and "data-go" not in loss
        assert 'name="at_a_loss" value="yes"' in (await client.get(url + "&at_a_loss=yes")).text


async def test_positions_say_who_moved_a_level_and_which_of_stop_and_trail_sells(dash: Dash) -> None:
    doc, lot = a_lot(dash)
    s = dash.hub.reader.snapshot()
    moved = replace(lot, take_moved_by="operator", take_moved_ms=lot.opened_ms, stop_moved_by="cli",
                    stop_moved_ms=lot.opened_ms, stop_price=100.0, trail_active=True, trail_stop=99.0)  # fmt: skip
    row = positions.lot(moved, doc, "Runner", s)
    assert row.take_moved.startswith("moved by operator, ") and row.stop_moved.startswith("moved by cli, ")
    assert not row.trail_active and row.stop
    row = positions.lot(replace(moved, trail_stop=101.0), doc, "Runner", s)
    assert row.trail_active and not row.stop_moved
