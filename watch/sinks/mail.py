"""Mail by SMTP: TLS from the start (smtps) or by STARTTLS; in the clear only to this machine."""

import smtplib
import socket
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import unquote, urlsplit

from shared.tls import client_context
from watch.messages import AlertMessage
from watch.sinks.http import LOOPBACK, connected, judged_addresses
from watch.sinks.sink import TIMEOUT_S, NotDelivered, SinkAnswer, picture_of, scrubbed, text_of


class PinnedSmtp(smtplib.SMTP):
    """SMTP to one of the addresses that were judged, whatever the name leads to by now."""

    def __init__(self, addresses: list[str], host: str, port: int) -> None:
        self._addresses = addresses
        super().__init__(host, port, timeout=TIMEOUT_S)

    def _get_socket(self, _host: str, port: int, timeout: float) -> socket.socket:
        return connected(self._addresses, port, timeout)


class PinnedSmtpTls(smtplib.SMTP_SSL):
    """The same with TLS from the start; the certificate is the name's."""

    def __init__(self, addresses: list[str], host: str, port: int) -> None:
        self._addresses, self._tls = addresses, client_context()
        super().__init__(host, port, timeout=TIMEOUT_S, context=self._tls)

    def _get_socket(self, host: str, port: int, timeout: float) -> ssl.SSLSocket:
        return self._tls.wrap_socket(connected(self._addresses, port, timeout), server_hostname=host)


class SmtpMail:
    """ALERT_SMTP_URL, ALERT_MAIL_FROM, ALERT_MAIL_TO."""

    name = "mail"

    def __init__(self, url: str, sender: str, to: Sequence[str], *, only_public: bool = False) -> None:
        self._url, self._sender, self._to, self._only_public = url, sender, list(to), only_public
        self.to = ", ".join(to)

    def send(self, messages: Sequence[AlertMessage], reply_to: str | None) -> SinkAnswer:
        head, body = text_of(messages)
        mail = EmailMessage()
        mail["Subject"], mail["From"], mail["To"] = f"CoinTrader: {head}"[:200], self._sender, ", ".join(self._to)
        mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain="cointrader.invalid")
        if reply_to is not None and len(messages) == 1:
            mail["In-Reply-To"] = mail["References"] = reply_to
        mail.set_content(f"{head}\n\n{body}\n")
        picture = picture_of(messages)
        if picture is not None:
            mail.add_attachment(picture.data, maintype="image", subtype="png", filename=picture.name)
        parts = urlsplit(self._url)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        secrets = (self._url, password, parts.password or "")
        try:
            with self._connected(parts.scheme, parts.hostname or "", parts.port) as server:
                if user:
                    server.login(user, password)
                code, said = _handed_over(server, self._sender, self._to, mail)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise NotDelivered(scrubbed(_words(error), secrets)) from None
        return SinkAnswer(scrubbed(f"{code} {said}", secrets), str(mail["Message-ID"]))

    def _connected(self, scheme: str, host: str, port: int | None) -> smtplib.SMTP:
        port = port or (465 if scheme == "smtps" else 587)
        pinned = judged_addresses(host, port) if self._only_public else None
        if scheme == "smtps":
            if pinned is not None:
                return PinnedSmtpTls(pinned, host, port)
            return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=client_context())
        server = smtplib.SMTP(host, port, timeout=TIMEOUT_S) if pinned is None else PinnedSmtp(pinned, host, port)
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=client_context())
            server.ehlo()
        elif host not in LOOPBACK or self._only_public:
            server.close()
            raise ValueError("the server offers no TLS: alerts and the password would go in the clear")
        return server


def _handed_over(server: smtplib.SMTP, sender: str, to: list[str], mail: EmailMessage) -> tuple[int, str]:
    """The server's last word of the mail; one refused recipient does not keep it from the others."""
    code, said = server.mail(sender)
    if code >= 400:
        raise smtplib.SMTPSenderRefused(code, said, sender)
    refused = {one: answer for one in to if (answer := server.rcpt(one))[0] >= 400}
    if len(refused) == len(to):
        raise smtplib.SMTPRecipientsRefused(refused)
    code, said = server.data(mail.as_bytes())
    if code >= 400:
        raise smtplib.SMTPDataError(code, said)
    return code, said.decode("utf-8", "replace")


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()))
        return f"{code} {said.decode('utf-8', 'replace')}"
    if isinstance(error, smtplib.SMTPResponseException):
        words = error.smtp_error
        return f"{error.smtp_code} {words.decode('utf-8', 'replace') if isinstance(words, bytes) else words}"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
