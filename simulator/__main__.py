"""`python -m simulator`: COIN-SIM as a server."""

import asyncio
import gc
import logging
import os
import signal
import sqlite3
import sys
import time

from filelock import Timeout

from shared import logs
from shared.bots import SIMULATOR
from shared.data_folder import FolderRefused, private
from shared.settings import Mode, Settings, SettingsError, load
from simulator.admin import lock_of
from simulator.server.admin_api import AdminApi
from simulator.server.app import PortTaken, SimServer, wall_us
from simulator.server.files import SimFiles, load_keys, server_context
from simulator.server.setup import BadSetup, load_faults, open_exchange, open_session
from simulator.server.transport import HttpConnection

EXIT_PORT_TAKEN = 3
EXIT_SETUP = 78  # the process manager does not restart it: nothing changes by itself

log = logging.getLogger("simulator")


def _market_name(settings: Settings) -> str:
    named = settings.coin_mode in (Mode.REPLAY, Mode.PAPER)
    return settings.coin_mode.value if named else settings.sim_market


async def serve(settings: Settings, files: SimFiles) -> None:
    """Run until SIGINT or SIGTERM. Raises BadSetup, PortTaken, OSError."""
    began = time.monotonic()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    files.prepare()
    context = server_context(files)
    relay, tape = None, None
    session = open_session(settings)
    if settings.coin_mode is Mode.PAPER:
        from simulator.server.relay import Relay  # noqa: PLC0415  heavy, and only for paper

        relay = Relay(settings)
        tape = await relay.prepare(stopping)
        if tape is None:
            return
    elif session is not None:
        tape = session.tape(wall_us())
    exchange = open_exchange(settings, files, wall_us(), tape)
    background: list[asyncio.Task[None]] = []
    if session is not None:
        background.append(asyncio.create_task(session.play(exchange)))
    if relay is not None and tape is not None:
        background += [asyncio.create_task(relay.follow(exchange)), asyncio.create_task(relay.deepen(tape))]
    faults = load_faults(files, settings.sim_seed, wall_us())
    server = SimServer(exchange, load_keys(files, exchange.portfolio), faults, settings.sim_port)
    server.watch_keys(files)
    admin = AdminApi(server, files.admin_token.read_text().strip())
    try:
        await server.listen(context)
        if settings.sim_plain_port:
            await server.listen_plain(settings.sim_plain_port)
        await server.open_admin(lambda: HttpConnection(admin), settings.sim_admin_port)
        log.info(
            "sim.ready port=%d admin_port=%d plain_port=%s rate_limits=%s market=%s products=%s took_ms=%d",
            settings.sim_port, settings.sim_admin_port, settings.sim_plain_port or "none",
            str(settings.sim_rate_limits).lower(), _market_name(settings),
            ",".join(exchange.venue.products), (time.monotonic() - began) * 1000,
        )  # fmt: skip
        gc.collect()
        gc.freeze()  # what the start made stays: later collections need not look at it
        await server.play(stopping)
    finally:
        for task in background:
            task.cancel()
        await server.stop()
        exchange.store.close()
    log.info("sim.stopped")
    # All is saved and shut. A relayed feed in the middle of a handshake must not hold up the end.
    logging.shutdown()
    os._exit(0)


def main() -> int:
    """The exit code."""
    os.umask(0o077)
    try:
        settings = load().settings
    except SettingsError as wrong:
        for problem in wrong.problems:
            sys.stderr.write(f"setting: {problem}\n")
        return EXIT_SETUP
    files = SimFiles(settings.paths.sim, settings.paths.flavour)
    try:
        settings.paths.prepare()
        logs.set_up(settings.paths.logs, SIMULATOR, settings.log_level, settings.log_format)
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # a client's broken TLS is no event of ours
        private(files.root)
        with lock_of(settings.paths).acquire(timeout=0):
            asyncio.run(serve(settings, files))
    except Timeout:
        log.error("sim.account_taken another COIN-SIM is using %s", files.root)
        return EXIT_PORT_TAKEN
    except PortTaken as taken:
        log.error("sim.port_taken %s", taken)
        return EXIT_PORT_TAKEN
    except BadSetup as wrong:
        log.error("sim.setup %s", wrong)
        return EXIT_SETUP
    except sqlite3.Error as wrong:
        log.error("sim.account %s: %s; `./coin sim reset` starts a new account", files.account, wrong)
        return EXIT_SETUP
    except FolderRefused as wrong:
        sys.stderr.write("\n    ".join((str(wrong), *wrong.ways)) + "\n")
        return EXIT_SETUP
    except OSError as wrong:
        sys.stderr.write(f"{wrong.filename or files.root}: {wrong.strerror}\n")
        return EXIT_SETUP
    return 0


if __name__ == "__main__":
    sys.exit(main())
