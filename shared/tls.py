"""Whom a connection to an exchange trusts: one list of roots, the same whatever shell the process was started from.

`ssl.create_default_context()` reads SSL_CERT_FILE and SSL_CERT_DIR, and `requests` reads REQUESTS_CA_BUNDLE and
CURL_CA_BUNDLE: whoever sets one of them where the bot is started could stand between it and the exchange.
"""

import ssl
from pathlib import Path

import certifi


def roots() -> str:
    """The file with the roots that stand for the public exchange: those of the locked package `certifi`."""
    return certifi.where()


def client_context(ca_file: Path | str | None = None) -> ssl.SSLContext:
    """For a client: trusts `ca_file` alone, or `roots()` without it; no variable of the shell. Raises OSError."""
    # Not create_default_context: it also writes every session's keys into the file that SSLKEYLOGFILE names.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks the certificate and the host's name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=str(ca_file or roots()))
    return context
