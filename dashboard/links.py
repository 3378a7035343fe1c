"""Login links and bearer tokens for the command line. Light to import: no web framework comes along."""

import time

from dashboard.auth import tokens
from dashboard.auth.roles import Role
from dashboard.auth.secrets_store import LINK_TTL_S, new_secret, put, sweep
from shared.files import write_whole
from shared.paths import DataPaths
from shared.settings import Settings

LINKS = "links"
TOKENS = tokens.FOLDER
URL = "url"


def create_login_link(paths: DataPaths, settings: Settings, role: str = "operator") -> str:
    """A link that signs a browser in once, within five minutes. Only its hash is kept. Raises OSError, ValueError."""
    secret = new_secret()
    folder = paths.dashboard / LINKS
    sweep(folder)
    put(folder, secret, {"role": Role(role).value, "expires_s": time.time() + LINK_TTL_S})
    return f"{announced_url(paths) or base_url(settings)}/login/link?t={secret}"


def announce_url(paths: DataPaths, settings: Settings) -> None:
    """Leave word where COIN listens: the shell that asks for a link may lack the settings that it was started with."""
    paths.dashboard.mkdir(mode=0o700, exist_ok=True)
    write_whole(paths.dashboard / URL, base_url(settings).encode(), durable=False)


def announced_url(paths: DataPaths) -> str | None:
    """Where COIN listened when it last started on this data folder; None = it never did."""
    try:
        return (paths.dashboard / URL).read_text().strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def create_token(paths: DataPaths, role: str, name: str = "", lasts_s: float | None = None) -> str:
    """A bearer token for a machine: `Authorization: Bearer …`. Only its hash is kept. Raises OSError, ValueError."""
    return tokens.make(paths.dashboard, role, name, lasts_s)


def base_url(settings: Settings) -> str:
    """Where a browser finds the dashboard."""
    tls = bool(settings.dashboard_tls_cert and settings.dashboard_tls_key)
    if settings.dashboard_behind_proxy and settings.dashboard_hosts:
        return f"https://{settings.dashboard_hosts[0]}"
    host = settings.dashboard_host
    if host in ("0.0.0.0", "::"):  # noqa: S104 (a name for the browser, nothing is bound)
        host = settings.dashboard_hosts[0] if settings.dashboard_hosts else "127.0.0.1"
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"{'https' if tls else 'http'}://{host}:{settings.dashboard_port}"
