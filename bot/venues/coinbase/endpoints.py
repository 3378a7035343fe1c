"""Where the exchange is, for each mode: one protocol, two sets of addresses."""

from dataclasses import dataclass
from pathlib import Path

from shared.settings import Mode, Settings


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Hosts to talk to; `ca_file` None = the public roots (`shared.tls`)."""

    rest_host: str
    market_ws: str
    user_ws: str
    ca_file: Path | None
    key_file: Path | None  # None = from settings


def endpoints(settings: Settings) -> Endpoints:
    """The pinned addresses of the mode. Only live ever names a host that is not this machine."""
    if settings.coin_mode is Mode.LIVE:
        return Endpoints(
            rest_host="api.coinbase.com",
            market_ws="wss://advanced-trade-ws.coinbase.com",
            user_ws="wss://advanced-trade-ws-user.coinbase.com",
            ca_file=None,
            key_file=Path(settings.coinbase_key_file).expanduser() if settings.coinbase_key_file else None,
        )
    host = f"127.0.0.1:{settings.sim_port}"
    folder = settings.paths.sim
    return Endpoints(host, f"wss://{host}", f"wss://{host}", folder / "ca.pem", folder / "key.json")
