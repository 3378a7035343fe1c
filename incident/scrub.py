"""Takes out what must not leave the machine: every secret by its value, and what looks like one."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from shared.settings import Secret, Settings, is_secret

GONE = b"[removed]"
SHORTEST = 6  # characters; a shorter value would be found inside of ordinary words
LARGEST = 64_000  # bytes of a file that may hold a key
_PATTERNS = (
    re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL),
    re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),  # a signed token (JWT)
    re.compile(rb"(?i)(?<=bearer )[A-Za-z0-9._~+/=-]{12,}"),
    re.compile(rb"(?<=://)[^/\s:@\"']+:[^/\s@\"']+(?=@)"),  # user and password in an address
    re.compile(rb"(?i)(?<=hooks\.slack\.com/)[A-Za-z0-9/_-]+"),
    re.compile(rb"(?<=/bot)\d{6,}:[A-Za-z0-9_-]{20,}"),  # Telegram
    re.compile(rb"xox[a-z]-[A-Za-z0-9-]{10,}"),  # Slack tokens
)


def values(settings: Settings, env_file: Path) -> frozenset[bytes]:
    """Every secret that this installation knows: settings, key files, the dashboard's files, all of .env's secrets."""
    found: set[str] = set()
    for name in settings.__dataclass_fields__:
        if is_secret(name.upper()):
            value = getattr(settings, name)
            found.add(value.reveal() if isinstance(value, Secret) else str(value))
    found.update(_of_env(env_file))
    paths = settings.paths
    for path in (Path(settings.coinbase_key_file), *_files(paths.sim), *_files(paths.dashboard)):
        found.update(_of_file(path))
    return frozenset(part.encode() for text in found for part in _spellings(text) if len(part) >= SHORTEST)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json")) + sorted(folder.glob("*.pem")) + sorted(folder.glob("*.key"))


def _of_env(path: Path) -> Iterable[str]:
    """Values of the names in .env that are secret here, or whose name says so."""
    try:
        rows = path.read_text(errors="replace").splitlines()
    except OSError:
        return
    for row in rows:
        name, equals, value = row.removeprefix("export ").partition("=")
        telling = re.search(r"SECRET|TOKEN|PASSWORD|WEBHOOK|PRIVATE|_URLS?$|KEY", name.strip().upper())
        if equals and (telling or is_secret(name.strip().upper())):
            yield value.strip().strip("\"'")


def _of_file(path: Path) -> Iterable[str]:
    """Texts of a JSON file of secrets, or the whole of another file."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return
        text = path.read_text(errors="replace")
    except OSError:
        return
    try:
        yield from _texts(json.loads(text))
    except ValueError:
        yield text.strip()


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str) and len(value) >= 16:  # names and dates are shorter, keys and hashes are not
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _spellings(text: str) -> Iterable[str]:
    """As it is, as JSON spells it, and each of its lines: a key may stand in a log line by line."""
    yield text
    yield json.dumps(text)[1:-1]
    if "\n" in text:
        yield from (line for line in text.splitlines() if len(line) >= 24 and not line.startswith("-----"))


def scrub(data: bytes, secrets: Iterable[bytes]) -> bytes:
    """`data` without them; the longest goes first, so that none leaves a part of another."""
    for secret in sorted(secrets, key=len, reverse=True):
        data = data.replace(secret, GONE)
    for pattern in _PATTERNS:
        data = pattern.sub(GONE, data)
    return data
