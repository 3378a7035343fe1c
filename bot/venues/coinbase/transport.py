"""The official SDK's client, and every failure of a call as an ExchangeError."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from bot.venues.coinbase.endpoints import Endpoints
from bot.venues.errors import ExchangeError, Forbidden, NoAnswerGot, RateLimited, Rejected, Unauthorized, Unreachable
from bot.venues.port import ApiKey
from shared.tls import roots

T = TypeVar("T")
READ_S = 10.0


def make_client(endpoints: Endpoints, key: ApiKey) -> Any:
    from coinbase.rest import RESTClient, rest_base  # noqa: PLC0415 (heavy; loaded by the first call)

    # The SDK logs whole answers of failed calls on a handler of its own.
    logger = logging.getLogger("coinbase.RESTClient")
    logger.handlers.clear()
    logger.setLevel(logging.CRITICAL)
    client = RESTClient(api_key=key.name, api_secret=key.secret.reveal(), base_url=endpoints.rest_host, timeout=READ_S)
    client.session.trust_env = False  # neither a proxy nor another CA by the environment
    client.session.verify = str(endpoints.ca_file or roots())
    client.send_request = partial(_send, client, rest_base.handle_exception)
    return client


def _send(
    client: Any,
    raise_for_status: Callable[[Any], None],
    method: str,
    path: str,
    params: Any,
    headers: Any,
    data: Any = None,
) -> Any:
    """One signed request, and its answer's JSON.

    In place of the SDK's own, which parses every answer twice and spells it out for a log that nobody keeps: of a page
    of candles that is two thirds of the work, and the loop waits for it.
    """
    url = f"https://{client.base_url}{path}"
    response = client.session.request(
        method, url, params=params, json=data or {}, headers=headers, timeout=client.timeout
    )
    raise_for_status(response)
    return response.json()


def classified(call: Callable[[], T]) -> T:
    """`call()` with every failure as an ExchangeError. Runs in the pool's thread."""
    import requests  # noqa: PLC0415

    try:
        return call()
    except requests.exceptions.HTTPError as error:
        raise _of_status(error) from None
    except requests.exceptions.ConnectTimeout:
        raise Unreachable("no connection in time") from None
    except requests.exceptions.SSLError as error:
        if "CERTIFICATE_VERIFY_FAILED" in repr(error):
            raise Unreachable(f"the certificate is not trusted: {_brief(error)}") from None
        # A TLS record that breaks does so in the handshake or after the request has left: nobody can tell which.
        raise NoAnswerGot(f"the connection broke: {_brief(error)}") from None
    except requests.exceptions.ConnectionError as error:
        if "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error):
            raise Unreachable(f"no connection: {_brief(error)}") from None
        raise NoAnswerGot(f"the connection broke: {_brief(error)}") from None
    except requests.exceptions.RequestException as error:
        raise NoAnswerGot(f"{type(error).__name__}") from None
    except ValueError as error:
        raise NoAnswerGot(f"the answer is not JSON ({type(error).__name__})") from None


def _of_status(error: Any) -> ExchangeError:
    response = error.response
    code, text = response.status_code, response.text[:200].strip()
    if code == 401:
        return Unauthorized("401: the key, or this machine's clock, is not accepted")
    if code == 403:
        return Forbidden(f"403: the key is missing a permission ({text})")
    if code == 429:
        return RateLimited("429: too many requests")
    if 400 <= code < 500:
        return Rejected(f"{code}: {text}", "INVALID_ARGUMENT" if code == 400 else str(code))
    return NoAnswerGot(f"{code}: {text[:80]}")


def _brief(error: Exception) -> str:
    text = str(error)
    return text.rsplit(": ", 1)[-1].strip(" \"')>")[:120] or type(error).__name__
