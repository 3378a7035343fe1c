"""The REST service with all its routes."""

from simulator.api.rest import accounts, convert, history, market, orders, other, portfolios, preview, v2
from simulator.api.service import Api, Router, Service

FAMILIES = (market, accounts, orders, preview, history, portfolios, convert, v2, other)


def build(api: Api) -> Service:
    """A service that answers every endpoint."""
    router = Router()
    for family in FAMILIES:
        family.register(router)
    return Service(api, router)
