"""Wallets: what is owned, what is held, and where every atom went.

Money moves only between wallets, the world (whoever trades against our accounts) and the fee account, so that the
sum over all three never changes but by deposits.
"""

import uuid
from dataclasses import dataclass, field

NAMESPACE = uuid.UUID("6f1d5a0e-0c1e-4a52-9d8e-6d2b7a4f9c11")


class Insufficient(Exception):
    """Not enough available for a hold or a withdrawal."""


@dataclass(slots=True)
class Wallet:
    """One currency of one portfolio, in atoms."""

    portfolio: str
    currency: str
    created_us: int
    updated_us: int
    total: int = 0
    held: int = 0

    @property
    def available(self) -> int:
        return self.total - self.held

    @property
    def uuid(self) -> str:
        return str(uuid.uuid5(NAMESPACE, f"{self.portfolio}/{self.currency}"))


@dataclass(slots=True)
class PortfolioRecord:
    uuid: str
    name: str
    kind: str = "CONSUMER"
    deleted: bool = False


@dataclass(slots=True)
class Accounts:
    """All wallets, with the two accounts that make the sums whole."""

    wallets: dict[tuple[str, str], Wallet] = field(default_factory=dict)
    portfolios: dict[str, PortfolioRecord] = field(default_factory=dict)
    world: dict[str, int] = field(default_factory=dict)
    fees: dict[str, int] = field(default_factory=dict)
    changed: set[tuple[str, str]] = field(default_factory=set)

    def wallet(self, portfolio: str, currency: str, now_us: int) -> Wallet:
        """The wallet, made when first used."""
        key = (portfolio, currency)
        found = self.wallets.get(key)
        if found is None:
            found = self.wallets[key] = Wallet(portfolio, currency, now_us, now_us)
            self.changed.add(key)
        return found

    def of(self, portfolio: str) -> list[Wallet]:
        """The portfolio's wallets, by currency."""
        return sorted((w for w in self.wallets.values() if w.portfolio == portfolio), key=lambda w: w.currency)

    def available(self, portfolio: str, currency: str) -> int:
        found = self.wallets.get((portfolio, currency))
        return found.available if found else 0

    def deposit(self, portfolio: str, currency: str, atoms: int, now_us: int) -> None:
        """Money from the world, which owes it from then on."""
        self._pay(self.wallet(portfolio, currency, now_us), atoms, now_us)
        self.world[currency] = self.world.get(currency, 0) - atoms

    def set_hold(self, portfolio: str, currency: str, before: int, after: int, now_us: int) -> None:
        """Replace a hold of `before` by one of `after`. Raises Insufficient and changes nothing."""
        wallet = self.wallet(portfolio, currency, now_us)
        if after > before and after - before > wallet.available:
            raise Insufficient(currency)
        wallet.held += after - before
        wallet.updated_us = now_us
        self.changed.add((portfolio, currency))
        assert 0 <= wallet.held <= wallet.total, wallet

    def settle(self, portfolio: str, base: str, quote: str, buys: bool, size: int, value: int, fee: int, now_us: int,
               counterparty: str | None = None) -> None:  # fmt: skip
        """One side of a trade: base against quote, fee to the fee account.

        `counterparty` None: the other side is the world. Else it is another portfolio, settled by a call of its own.
        """
        sign = 1 if buys else -1
        self._pay(self.wallet(portfolio, base, now_us), sign * size, now_us)
        self._pay(self.wallet(portfolio, quote, now_us), -sign * value - fee, now_us)
        self.fees[quote] = self.fees.get(quote, 0) + fee
        if counterparty is None:
            self.world[base] = self.world.get(base, 0) - sign * size
            self.world[quote] = self.world.get(quote, 0) + sign * value

    def move(self, source: str, target: str, currency: str, atoms: int, now_us: int) -> None:
        """Between two portfolios. Raises Insufficient."""
        giver = self.wallet(source, currency, now_us)
        if giver.available < atoms:
            raise Insufficient(currency)
        self._pay(giver, -atoms, now_us)
        self._pay(self.wallet(target, currency, now_us), atoms, now_us)

    def convert(self, portfolio: str, source: str, paid: int, target: str, received: int, now_us: int) -> None:
        """Change one currency into another with the world. Raises Insufficient."""
        giver = self.wallet(portfolio, source, now_us)
        if giver.available < paid:
            raise Insufficient(source)
        for wallet, atoms in ((giver, -paid), (self.wallet(portfolio, target, now_us), received)):
            self._pay(wallet, atoms, now_us)
            self.world[wallet.currency] = self.world.get(wallet.currency, 0) - atoms

    def _pay(self, wallet: Wallet, atoms: int, now_us: int) -> None:
        wallet.total += atoms
        wallet.updated_us = now_us
        self.changed.add((wallet.portfolio, wallet.currency))

    def sum(self, currency: str) -> int:
        """All atoms of a currency everywhere: 0, always."""
        owned = sum(w.total for w in self.wallets.values() if w.currency == currency)
        return owned + self.world.get(currency, 0) + self.fees.get(currency, 0)
