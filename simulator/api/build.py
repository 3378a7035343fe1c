"""The REST service with all its routes."""

from simulator.api.rest import accounts, history, market, orders, portfolios, preview
from simulator.api.service import Api, Router, Service

FAMILIES = (market, accounts, orders, preview, history, portfolios)


def build(api: Api) -> Service:
    """A service that answers every endpoint."""
    router = Router()
    for family in FAMILIES:
        family.register(router)
    return Service(api, router)
