"""Host and Origin: which names this dashboard answers to, exactly."""

import ipaddress
from dataclasses import dataclass

from shared.settings import Settings

_OWN_PAGE = (b"same-origin", b"none")  # none: typed, or from a bookmark
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Site:
    """The names under which the dashboard may be asked, and what follows from them."""

    hosts: frozenset[str]  # as a Host header spells them
    origins: frozenset[str]
    secure: bool  # it is reached over TLS: cookies are Secure
    port: int

    @property
    def cookie(self) -> str:
        """Cookies know no ports: two dashboards on one machine need two names."""
        name = f"coin-{self.port}"
        return f"__Host-{name}" if self.secure else name


def site(settings: Settings) -> Site:
    """The allow list that the settings make: loopback and the bound address with the port, and the named hosts."""
    port = settings.dashboard_port
    own_tls = bool(settings.dashboard_tls_cert and settings.dashboard_tls_key)
    bound = settings.dashboard_host
    names = set(_LOOPBACK)
    if bound not in ("0.0.0.0", "::", ""):  # noqa: S104 (these are refused as names, not bound)
        names.add(f"[{bound}]" if ":" in bound else bound)
    scheme = "https" if own_tls else "http"
    hosts = {f"{name}:{port}" for name in names}
    origins = {f"{scheme}://{host}" for host in hosts}
    for named in settings.dashboard_hosts:
        host = named.strip().lower()
        hosts.add(host)
        origins.add(f"{'https' if own_tls or settings.dashboard_behind_proxy else 'http'}://{host}")
        if ":" not in host and not settings.dashboard_behind_proxy:
            hosts.add(f"{host}:{port}")
            origins.add(f"{scheme}://{host}:{port}")
    if port in (80, 443):
        hosts |= names
        origins |= {f"{scheme}://{name}" for name in names}
    return Site(frozenset(hosts), frozenset(origins), own_tls or settings.dashboard_behind_proxy, port)


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Whom a passkey belongs to: a host name, as seen by pages of exactly one origin."""

    id: str
    origin: str


def relying_party(here: Site, host: str) -> RelyingParty | None:
    """Of pages under this Host; None = there can be none: it is an address, or neither TLS nor `localhost`."""
    host = host.lower()
    name = host if host.endswith("]") or ":" not in host else host.rpartition(":")[0]
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        pass
    else:
        return None
    for scheme in ("https", "http"):
        origin = f"{scheme}://{host}"
        if origin in here.origins and (scheme == "https" or name == "localhost"):
            return RelyingParty(name, origin)
    return None


def localhost_url(here: Site) -> str:
    """Where passkeys work without TLS; empty = the dashboard is not asked there."""
    host = f"localhost:{here.port}"
    return f"http://{host}" if f"http://{host}" in here.origins and not here.secure else ""


def host_allowed(here: Site, values: list[bytes]) -> bool:
    """Exactly one Host header, and it is one of ours (names compare without case)."""
    if len(values) != 1:
        return False
    try:
        return values[0].decode("ascii").lower() in here.hosts
    except UnicodeDecodeError:
        return False


def origin_allowed(here: Site, origins: list[str], fetch_site: str | None) -> bool:
    """A browser's POST names one origin, of ours. Where it names none, the browser itself must say "same-origin"."""
    if origins:
        return len(origins) == 1 and origins[0].lower() in here.origins
    return fetch_site == "same-origin"


def fetch_allowed(method: str, path: str, headers: list[tuple[bytes, bytes]]) -> bool:
    """What the browser says about the page that asks. Another page, be it on another port of this name, which counts
    as the same site, may lead here by a link and do nothing else. Programs say nothing and are not meant."""
    said = {k: v for k, v in headers if k.startswith(b"sec-fetch-")}
    if all(v in _OWN_PAGE for k, v in headers if k == b"sec-fetch-site"):
        return True
    leads_here = said.get(b"sec-fetch-mode") == b"navigate" and said.get(b"sec-fetch-dest") == b"document"
    return method in ("GET", "HEAD") and leads_here and not path.startswith("/api/")
