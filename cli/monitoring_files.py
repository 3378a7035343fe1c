"""The configurations of the three programs, from the settings: where the dashboard is, and how it is asked."""

from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from dashboard.auth import tokens
from dashboard.auth.roles import Role
from monitoring import configuration
from monitoring.configuration import Addresses, HostSinks
from monitoring.folder import MonitoringFolder
from monitoring.pace import REAL, Pace
from monitoring.programs import LOOPBACK, programs
from shared.bots import ALERTMANAGER, DEFAULT_BOT, NODE_EXPORTER, PROMETHEUS
from shared.files import write_whole
from shared.settings import Settings

SCRAPE_TOKEN = "monitoring"  # noqa: S105 (its name)


def write_all(settings: Settings, folder: MonitoringFolder, pace: Pace = REAL) -> bool:
    """Write every configuration; whether one differs from what was there. Raises OSError."""
    _keep_token(settings, folder)
    sinks = _sinks(settings, folder)
    if sinks.any:
        settings.paths.host_is_told.touch(mode=0o600)
    else:
        settings.paths.host_is_told.unlink(missing_ok=True)
    where = {one.name: one.address for one in programs(settings)}
    addresses = Addresses(
        dashboards={DEFAULT_BOT.name: _dashboard(settings)},
        token_file=str(folder.token),
        prometheus=where[PROMETHEUS],
        alertmanager=where[ALERTMANAGER],
        node_exporters=(where[NODE_EXPORTER],),
        tls=_tls(settings),
        password_file=str(folder.password),
    )
    texts = {
        "prometheus.yml": configuration.prometheus(addresses, pace),
        "alerts.yml": configuration.alert_rules(pace),
        "alertmanager.yml": configuration.alertmanager(sinks, pace),
    }
    changed = [name for name, text in texts.items() if folder.write(name, text)]
    return bool(changed)


def _sinks(settings: Settings, folder: MonitoringFolder) -> HostSinks:
    """Of COIN-WATCH's sinks those that Alertmanager knows as well; without any COIN-WATCH tells of the machine, too."""
    slack, telegram = settings.slack_webhook.reveal(), settings.telegram_bot_token.reveal()
    folder.slack_url.unlink(missing_ok=True)
    if not settings.alert_enable:
        return HostSinks()
    if slack:
        write_whole(folder.slack_url, slack.encode(), durable=False)
    chat = settings.telegram_chat_id.strip()
    numbered = chat.removeprefix("-").isdecimal()  # a channel's name is none that this Alertmanager takes
    return HostSinks(
        slack_url_file=str(folder.slack_url) if slack else "",
        telegram_token=telegram if numbered else "",
        telegram_chat_id=int(chat) if telegram and numbered else 0,
    )


def _keep_token(settings: Settings, folder: MonitoringFolder) -> None:
    """A viewer's token for Prometheus, in a file of its own; one that was revoked is made anew."""
    home = settings.paths.dashboard
    known = any(one.name == SCRAPE_TOKEN and not one.expired for one in tokens.listing(home))
    if known and folder.token.exists():
        return
    tokens.revoke(home, SCRAPE_TOKEN)
    write_whole(folder.token, tokens.make(home, Role.VIEWER, SCRAPE_TOKEN).encode(), durable=False)


def _dashboard(settings: Settings) -> str:
    host = settings.dashboard_host
    if host in ("0.0.0.0", "::", "", "localhost"):  # noqa: S104 (asked on loopback)
        host = LOOPBACK
    return f"[{host}]:{settings.dashboard_port}" if ":" in host else f"{host}:{settings.dashboard_port}"


def _tls(settings: Settings) -> dict[str, str] | None:
    """Trust the dashboard's own certificate alone, by a name that stands in it; None = it serves plain HTTP."""
    if not (settings.dashboard_tls_cert and settings.dashboard_tls_key):
        return None
    file = Path(settings.dashboard_tls_cert).expanduser().resolve()
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    names = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    assert isinstance(names, x509.SubjectAlternativeName)
    hosts = [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]
    return {"ca_file": str(file), "server_name": next(iter(hosts), LOOPBACK)}
