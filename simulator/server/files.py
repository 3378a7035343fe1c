"""COIN-SIM's own files under data/sim/: certificates, keys, token. Made on first start, kept after."""

import base64
import contextlib
import datetime as dt
import ipaddress
import secrets
import ssl
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from shared.data_folder import private
from shared.files import write_whole
from simulator.api.auth import IssuedKey, Right

RENEW_BEFORE = dt.timedelta(days=30)
PEM = serialization.Encoding.PEM
PLAIN = serialization.NoEncryption()


@dataclass(frozen=True, slots=True)
class SimFiles:
    """Where each file lies; `root` is DATA_DIR/sim. `flavour` keeps accounts of different markets apart."""

    root: Path
    flavour: str = ""

    @property
    def ca(self) -> Path:
        """The certificate that clients are to trust."""
        return self.root / "ca.pem"

    @property
    def ca_key(self) -> Path:
        return self.root / "ca_key.pem"

    @property
    def server(self) -> Path:
        """Certificate and key of the server, in one file."""
        return self.root / "server.pem"

    @property
    def key(self) -> Path:
        return self.root / "key.json"

    @property
    def key_ed25519(self) -> Path:
        return self.root / "key_ed25519.json"

    @property
    def registry(self) -> Path:
        """Public halves and rights of all issued keys."""
        return self.root / "keys.json"

    @property
    def account(self) -> Path:
        return self.root / f"account{self.flavour}.db"

    @property
    def admin_token(self) -> Path:
        return self.root / "admin_token"

    @property
    def faults(self) -> Path:
        """Faults that are armed from the start; absent = none."""
        return self.root / "faults.json"

    def prepare(self) -> None:
        """Make the folder and whatever is missing in it. Raises OSError."""
        private(self.root)
        make_certificates(self)
        names = {key["name"] for key in _registry(self)}
        if not self.key.exists() or _name_in(self.key) not in names:
            issue_key(self, (Right.VIEW, Right.TRADE), self.key)
        if not self.key_ed25519.exists() or _name_in(self.key_ed25519) not in names:
            issue_key(self, (Right.VIEW, Right.TRADE), self.key_ed25519, edwards=True)
        if not self.admin_token.exists():
            write_whole(self.admin_token, secrets.token_urlsafe(32).encode(), durable=False)


def _name_in(path: Path) -> str:
    with contextlib.suppress(OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return str(orjson.loads(path.read_bytes())["name"])
    return ""


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(PEM, serialization.PrivateFormat.TraditionalOpenSSL, PLAIN)


def make_certificates(files: SimFiles) -> None:
    """A certificate authority of our own and a server certificate for loopback names, where they are missing."""
    now = dt.datetime.now(dt.UTC)
    if not (files.ca.exists() and files.ca_key.exists()):
        key = ec.generate_private_key(ec.SECP256R1())
        write_whole(files.ca_key, _private_pem(key), durable=False)
        write_whole(files.ca, _authority(key, now).public_bytes(PEM), durable=False)
        files.server.unlink(missing_ok=True)
    if files.server.exists():
        certificate = x509.load_pem_x509_certificate(files.server.read_bytes())
        if certificate.not_valid_after_utc > now + RENEW_BEFORE:
            return
    loaded = serialization.load_pem_private_key(files.ca_key.read_bytes(), None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    authority = x509.load_pem_x509_certificate(files.ca.read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    chain = _server(key, authority, loaded, now).public_bytes(PEM) + authority.public_bytes(PEM)
    write_whole(files.server, chain + _private_pem(key), durable=False)


def _builder(subject: str, issuer: x509.Name, days: int, now: dt.datetime) -> x509.CertificateBuilder:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=days))
    )


def _authority(key: ec.EllipticCurvePrivateKey, now: dt.datetime) -> x509.Certificate:
    subject = f"COIN-SIM local authority {secrets.token_hex(4)}"
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    return (
        _builder(subject, issuer, 3650, now)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _server(
    key: ec.EllipticCurvePrivateKey, authority: x509.Certificate, signer: ec.EllipticCurvePrivateKey, now: dt.datetime
) -> x509.Certificate:
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    names += [x509.IPAddress(ipaddress.ip_address(host)) for host in ("127.0.0.1", "::1")]
    return (
        _builder("localhost", authority.subject, 820, now)
        .public_key(key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )


def server_context(files: SimFiles) -> ssl.SSLContext:
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(files.server)
    context.set_alpn_protocols(["http/1.1"])
    # Tickets arrive after the handshake and race with the first write of clients that read in another thread.
    context.num_tickets = 0
    return context


def _registry(files: SimFiles) -> list[dict[str, object]]:
    try:
        raw = orjson.loads(files.registry.read_bytes())
    except FileNotFoundError:
        return []
    return raw if isinstance(raw, list) else []


def issue_key(
    files: SimFiles, rights: Iterable[Right], target: Path | None = None, *, edwards: bool = False, portfolio: str = ""
) -> Path:
    """Make an API key, write it as Coinbase hands keys out (0600), note its public half. Gives its path."""
    rights = tuple(rights)
    name: str
    if edwards:
        name = str(uuid.uuid4())
        signing = ed25519.Ed25519PrivateKey.generate()
        public_bytes = signing.public_key().public_bytes_raw()
        private = base64.b64encode(signing.private_bytes_raw() + public_bytes).decode()
        public = base64.b64encode(public_bytes).decode()
    else:
        name = f"organizations/{uuid.uuid4()}/apiKeys/{uuid.uuid4()}"
        curve = ec.generate_private_key(ec.SECP256R1())
        private = _private_pem(curve).decode()
        public = curve.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    if target is None:
        target = files.root / f"key_{'_'.join(sorted(rights))}_{secrets.token_hex(3)}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    entry = {
        "name": name, "type": "ed25519" if edwards else "ecdsa", "public": public, "rights": sorted(rights),
        "portfolio": portfolio, "file": target.name,
    }  # fmt: skip
    kept = [known for known in _registry(files) if known.get("file") != target.name]
    write_whole(files.registry, orjson.dumps([*kept, entry], option=orjson.OPT_INDENT_2), durable=False)
    body = orjson.dumps({"name": name, "privateKey": private}, option=orjson.OPT_INDENT_2)
    write_whole(target, body, durable=False)
    return target


def load_keys(files: SimFiles, default_portfolio: str) -> dict[str, IssuedKey]:
    """All issued keys by name."""
    found = {}
    for entry in _registry(files):
        public = str(entry["public"])
        loaded: object
        if entry["type"] == "ed25519":
            loaded = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(public))
        else:
            loaded = serialization.load_pem_public_key(public.encode())
        assert isinstance(loaded, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey)
        listed = entry["rights"]
        assert isinstance(listed, list)
        name = str(entry["name"])
        found[name] = IssuedKey(
            name, loaded, frozenset(Right(r) for r in listed), str(entry["portfolio"]) or default_portfolio
        )
    return found
