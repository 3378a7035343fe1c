"""The real bot with its ledger on a real Postgres server: it waits for it, loses it, finds it again, ends whole."""

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.ledger.connect import connect_reader
from shared.ledger.key_values import read_key_value
from shared.ledger.location import LedgerLocation
from shared.ledger.verify import verify
from shared.settings import Secret
from tests.e2e.system import ROOT, System
from tests.postgres_server import Server, postgres

__all__ = ["postgres"]  # the fixture

pytestmark = [pytest.mark.services, pytest.mark.needs("postgres")]

# As `python -m bot`, with a .env of its own: the URL is a secret, which the environment may not hold.
BOT = textwrap.dedent("""
    import sys
    from pathlib import Path
    from shared import settings
    load = settings.load
    settings.load = lambda: load(Path(sys.argv[1]))
    from bot.app.main import run
    raise SystemExit(run())
""")


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    made = System(tmp_path / "data")
    made.folder.mkdir(mode=0o700)
    made.sim()
    yield made
    made.close()


def test_the_server_comes_late_goes_and_comes_back(system: System, postgres: Server, tmp_path: Path) -> None:
    env = tmp_path / "env"
    env.write_text(f"LEDGER_URL={postgres.url}\nBOT_NAME=server\nSTRATEGY=sma_cross\n")
    env.chmod(0o600)
    location = LedgerLocation(system.folder / "ledger.db", Secret(postgres.url), "cointrader_server")
    postgres.stop()
    command = [sys.executable, "-c", BOT, str(env)]
    (system.folder / ".cointrader").touch(mode=0o600)
    with (system.folder / "bot.out").open("ab") as out:
        bot = subprocess.Popen(command, cwd=ROOT, env=system.env, stdout=out, stderr=out)
    system.running.append(bot)
    try:
        system.until(lambda s: "waiting for the ledger" in str(s["boot"]), 30, "waiting is shown")
    finally:
        postgres.start()
    system.until(lambda s: s["status"] == "running" and s["ws_ok"], 60, "trading")
    postgres.stop()
    try:
        # The wish is kept in the ledger: what is commanded now cannot be.
        system.write_control(command="pause", kill_switch=False)
        system.until(lambda s: s["io"]["ledger_ok"] is False, 30, "the loss is shown")
    finally:
        postgres.start()
    system.until(lambda s: s["io"]["ledger_ok"] is True and s["status"] == "paused", 30, "it is written again")
    time.sleep(0.5)
    bot.send_signal(signal.SIGTERM)
    assert bot.wait(15) == 0
    engine = connect_reader(location)
    assert {verdict.name: verdict.findings for verdict in verify(engine) if verdict.findings} == {}
    with engine.connect() as db:
        assert read_key_value(db, "wish") == "pause"
        assert db.value("SELECT count(*) FROM boots WHERE ended_ms > 0") == 1
    assert not (system.folder / "ledger.db").exists()
    told = b"".join(path.read_bytes() for path in system.folder.rglob("*") if path.is_file())
    assert b"throw-away" not in told, "the password is in no file of the data folder, logs included"
