"""The stream: what goes out, to whom, how fast, and who is cut."""

import asyncio
import re
from typing import Any

import pytest

from dashboard import stream
from dashboard.stream import Broadcaster, Client, Full
from tests.dashboard.conftest import Dash

TARGET = re.compile(r'hx-target="#([\w-]+)"')


def broadcaster(dash: Dash) -> Broadcaster:
    found: Broadcaster = dash.app.state.broadcaster
    return found


async def join(dash: Dash, page: str = "overview", key: str = "k", role: str = "operator") -> tuple[Any, Client]:
    b = broadcaster(dash)
    return await b.join(dash.app.state.pages.by_key[page], role, {}, key)


async def read(client: Client, timeout_s: float = 3.0) -> str:
    async with asyncio.timeout(timeout_s):
        while not client.waiting:
            client.wake.clear()
            await client.wake.wait()
        message = client.pop()
    assert message is not None
    return message.decode()


async def test_who_connects_gets_every_part_and_then_only_what_changed(live: Dash) -> None:
    _, client = await join(live)
    whole = TARGET.findall(await read(client))
    assert set(stream.FRAME) < set(whole)
    assert "ov-positions" in whole
    await asyncio.sleep(0.15)
    while client.waiting:
        client.pop()
    live.writer.write()
    targets = TARGET.findall(await read(client))
    assert "f-pres" in targets  # the seq moved
    assert "ov-positions" not in targets
    assert targets[0] == "f-root"


async def test_a_change_of_the_file_is_on_its_way_within_300_ms(live: Dash) -> None:
    _, client = await join(live)
    took = []
    for _ in range(10):
        await asyncio.sleep(0.07)
        while client.waiting:
            client.pop()
        live.writer.write()
        began, want = asyncio.get_running_loop().time(), f"seq {live.writer.seq:,}"
        while want not in await read(client):
            pass
        took.append(asyncio.get_running_loop().time() - began)
    assert sorted(took)[-1] < 0.3


async def test_a_page_is_drawn_once_for_all_who_look_at_it(live: Dash) -> None:
    clients = [(await join(live, key=str(i)))[1] for i in range(20)]
    await asyncio.sleep(0.2)
    for client in clients:
        while client.waiting:
            client.pop()
    drawn = live.hub.counters.renders
    live.writer.write()
    messages = [await read(client) for client in clients]
    assert len(set(messages)) == 1
    assert live.hub.counters.renders - drawn <= 2


async def test_twenty_for_each_sign_in_and_a_hundred_in_all(live: Dash) -> None:
    joined = [await join(live, key="a") for _ in range(20)]
    with pytest.raises(Full):
        await join(live, key="a")
    for i in range(80):
        await join(live, key=f"b{i // 20}")
    with pytest.raises(Full):
        await join(live, key="c")
    broadcaster(live).leave(*joined[0])
    await join(live, key="c")


async def test_the_limits_hold_for_many_at_once(live: Dash) -> None:
    got = await asyncio.gather(*(join(live, key="a") for _ in range(60)), return_exceptions=True)
    assert sum(isinstance(x, Full) for x in got) == 40


def test_a_client_that_does_not_read_is_cut_and_keeps_little() -> None:
    client = Client("k")
    message = b"x" * 30_000
    sent = 0
    while client.push(message):
        sent += 1
    assert client.cut
    assert client.waiting_bytes <= stream.BUFFER_BYTES
    assert sent == stream.BUFFER_BYTES // 30_000


async def test_a_socket_that_takes_nothing_is_given_up(live: Dash, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "SLOW_S", 0.05)
    channel, client = await join(live)
    forever = asyncio.Event()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await forever.wait()

    async def receive() -> Any:
        await forever.wait()

    pump = stream.StreamResponse(broadcaster(live), channel, client, lambda: True)
    async with asyncio.timeout(2):
        await pump({"client": None}, receive, send)
    assert client.cut
    assert client not in channel.clients
    assert live.hub.counters.streams_cut == 1


async def test_signing_out_ends_the_stream(live: Dash) -> None:
    channel, client = await join(live)
    signed_in, sent = True, []

    async def send(message: Any) -> None:
        nonlocal signed_in
        sent.append(message)
        signed_in = False

    async def receive() -> Any:
        await asyncio.Event().wait()

    pump = stream.StreamResponse(broadcaster(live), channel, client, lambda: signed_in)
    async with asyncio.timeout(3):
        await pump({"client": None}, receive, send)
    assert sent[-1]["more_body"] is False


async def test_a_page_that_cannot_be_drawn_does_not_stop_the_others(
    live: Dash, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, good = await join(live, "positions")
    _, bad = await join(live, "overview")
    await read(good)
    draw = Broadcaster.draw

    async def broken(self: Broadcaster, page: Any, role: str, params: Any) -> Any:
        if page.key == "overview":
            raise RuntimeError("broken")
        return await draw(self, page, role, params)

    monkeypatch.setattr(Broadcaster, "draw", broken)
    await asyncio.sleep(0.1)
    while good.waiting:
        good.pop()
    live.writer.write()
    assert "f-root" in await read(good)
    del bad


async def test_viewers_and_operators_see_different_buttons(live: Dash) -> None:
    _, viewer = await join(live, role="viewer", key="v")
    _, operator = await join(live, role="operator", key="o")
    assert "read-only" in await read(viewer)
    assert "read-only" not in await read(operator)


@pytest.mark.parametrize("turns", range(6))
async def test_the_broadcaster_ends_when_it_is_ended_at_the_moment_of_a_change(dash: Dash, turns: int) -> None:
    task = asyncio.create_task(broadcaster(dash).run())
    for _ in range(3):
        await asyncio.sleep(0)
    dash.hub.reader.bump()
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=1.5)
    task.cancel()
    assert done


async def test_the_older_name_of_the_stream_leads_to_it(dash: Dash) -> None:
    async with dash.machine("viewer") as client:
        answer = await client.get("/api/streams/sse?page=orders", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/api/stream?page=orders")
