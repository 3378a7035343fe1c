"""PM2 that is absent, hangs, belongs to somebody else or talks nonsense: said as such, and nobody waits for it."""

import asyncio
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dashboard.pages.health import view as health
from dashboard.rows import DiskLook
from dashboard.views import header
from dashboard.views.snapshot import Pm2Look
from shared.pm2 import Pm2Client, Pm2Unavailable, Trouble
from tests.dashboard.conftest import Dash


class Denied(Pm2Client):
    """Another user's daemon; tests may run as root, whom no file mode keeps out."""

    def version(self) -> str:
        raise Pm2Unavailable(Trouble.DENIED, "PM2's socket belongs to another user")


@pytest.mark.parametrize(
    ("look", "text", "small"),
    [
        (Pm2Look(), "?", ""),
        (Pm2Look("no PM2 daemon runs: ./coin start", kind="offline"), "offline", ""),
        (Pm2Look("PM2 doesn't answer getVersion", kind="hung"), "offline", "no reply"),
        (Pm2Look("PM2's socket belongs to another user", kind="denied"), "offline", "no access"),
        (Pm2Look("PM2 speaks another protocol", kind="unknown"), "offline", "unexpected reply"),
    ],
)
def test_each_trouble_has_its_word_its_reason_and_a_way_out(dash: Dash, look: Pm2Look, text: str, small: str) -> None:
    s = replace(dash.hub.reader.snapshot(), pm2=look)
    light = header.lights(s)[3]
    assert (light.text, light.small) == (text, small) and (look.trouble or "") in light.title
    check = next(c for c in health.checks(s, DiskLook((), None, None), [], "build") if c.name == "PM2")
    assert (look.trouble or "") in check.say and bool(check.way_out) == bool(look.kind)


async def test_a_daemon_that_hangs_is_said_in_time_and_holds_nobody_up(dash: Dash, tmp_path: Path) -> None:
    folder = tmp_path / "pm2"
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "rpc.sock"))
        server.listen(8)  # it takes the connection and never says a word
        dash.hub.reader.pm2_client = Pm2Client(folder, timeout_s=2.0)
        watching = asyncio.create_task(dash.hub.reader.run())
        began, slowest = time.monotonic(), 0.0
        async with dash.machine() as client:
            while header.lights(dash.hub.reader.snapshot())[3].small != "no reply":
                asked = time.monotonic()
                assert (await client.get("/api/state")).status_code == 200
                slowest = max(slowest, time.monotonic() - asked)
                assert asked - began < 10
                await asyncio.sleep(0.02)
            page = (await client.get("/health")).text
        watching.cancel()
    assert slowest < 1.5, "requests wait for PM2"
    assert "PM2 doesn" in page


async def test_somebody_elses_daemon_is_not_ours(dash: Dash, tmp_path: Path) -> None:
    dash.hub.reader.pm2_client = Denied(tmp_path)
    watching = asyncio.create_task(dash.hub.reader.run())
    async with asyncio.timeout(5):
        while (look := dash.hub.reader.snapshot().pm2).kind == "":
            await asyncio.sleep(0.01)
    watching.cancel()
    assert look.kind == "denied" and not look.offline and "another user" in (look.trouble or "")
