"""`python -m dashboard`: serve COIN. Exit 78: settings are wrong; 3: the port is taken; 0: asked to stop."""

import logging
import signal
import ssl
import sys

import uvicorn

from dashboard import logs
from dashboard.app import create_app
from dashboard.auth.peer import Peers
from dashboard.door import BACKLOG, ConnectionLimits, Door
from dashboard.links import announce_url, base_url
from dashboard.listen import Taken, listen
from dashboard.server import Protocol
from shared import settings as settings_module
from shared.data_folder import FolderRefused
from shared.ledger.desired_state import make_control_file
from shared.ledger.location import ledger_location
from shared.settings import Settings, SettingsError

EXIT_PORT_TAKEN = 3
EXIT_SETTINGS = 78
_LEAST_HASH = "$argon2"


def check(settings: Settings) -> list[str]:
    """What is wrong with the dashboard's own settings, one line each."""
    found = []
    stored = settings.dashboard_password_hash.reveal()
    if stored and not stored.startswith(_LEAST_HASH):
        found.append("DASHBOARD_PASSWORD_HASH is not an argon2 hash: ./coin password creates one")
    if bool(settings.dashboard_tls_cert) != bool(settings.dashboard_tls_key):
        found.append("DASHBOARD_TLS_CERT and DASHBOARD_TLS_KEY belong together: set both or neither")
    elif settings.dashboard_tls_cert:
        found += _unusable(settings.dashboard_tls_cert, settings.dashboard_tls_key)
    return found


def _unusable(cert: str, key: str) -> list[str]:
    """Why TLS cannot be served with these files; nothing where it can."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
    except ssl.SSLError as error:
        return [f"DASHBOARD_TLS_CERT={cert} and DASHBOARD_TLS_KEY={key} cannot be used: {error.reason or error}"]
    except OSError as error:
        return [f"DASHBOARD_TLS_CERT={cert} or DASHBOARD_TLS_KEY={key} cannot be read: {error.strerror}"]
    return []


def main() -> int:
    try:
        loaded = settings_module.load()
        problems = check(loaded.settings)
    except SettingsError as error:
        problems = error.problems
    if problems:
        for problem in problems:
            sys.stderr.write(f"COIN: {problem}\n")
        return EXIT_SETTINGS
    settings, paths = loaded.settings, loaded.settings.paths
    try:
        paths.prepare()
    except FolderRefused as error:
        sys.stderr.write("\n      ".join((f"COIN: {error}", *error.ways)) + "\n")
        return EXIT_SETTINGS
    except OSError as error:
        sys.stderr.write(f"COIN: the data folder {paths.root} cannot be used: {error.strerror}. Set DATA_DIR.\n")
        return EXIT_SETTINGS
    logs.start(paths.logs, settings.log_level, settings.log_format)
    log = logging.getLogger("dashboard")
    try:
        make_control_file(paths, ledger_location(settings))
    except OSError as error:
        log.warning("control.missing error=%s", error.strerror)
    peers = Peers()
    if not peers.way:
        log.warning("peers.user_unknown this system does not report which user owns a connection")
    door = Door(peers, ConnectionLimits.behind_proxy() if settings.dashboard_behind_proxy else ConnectionLimits())
    try:
        bound = listen(settings.dashboard_host, settings.dashboard_port, door)
    except Taken as taken:
        log.error("port.taken address=%s error=%s", taken.name, taken)
        sys.stderr.write(f"COIN: {taken}. Stop the program that uses the port, or set DASHBOARD_PORT.\n")
        return EXIT_PORT_TAKEN
    try:
        announce_url(paths, settings)
    except OSError as error:
        log.warning("url.write_failed error=%s", error.strerror)
    log.info("dashboard.started url=%s data=%s", base_url(settings), paths.root)
    # Reads run in threads; the loop that answers must not wait 5 ms for one of them to give way.
    sys.setswitchinterval(0.0005)
    config = uvicorn.Config(
        create_app(loaded, paths, door=door),
        http=Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=2,
        timeout_keep_alive=15,
        backlog=BACKLOG,
        loop="asyncio",  # the door is its accept
        h11_max_incomplete_event_size=16 * 1024,
        proxy_headers=False,
        ssl_certfile=settings.dashboard_tls_cert or None,
        ssl_keyfile=settings.dashboard_tls_key or None,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        # The server raises the signal once more when it has ended in order; that must not look like a death by it.
        signal.signal(number, lambda *_: None)
    uvicorn.Server(config).run(sockets=bound)
    log.info("dashboard.stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
