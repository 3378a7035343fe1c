"""Client order ids: ours are known by their form, and each is a function of what it is for."""

import hashlib

PREFIX = "ct-"


def client_order_id(bot_name: str, *parts: object) -> str:
    """`ct-<bot>-<32 hex>` from the given facts: the same facts give the same id, so a redo sends no second order."""
    digest = hashlib.sha256("|".join(str(part) for part in parts).encode()).hexdigest()
    return f"{PREFIX}{bot_name}-{digest[:32]}"


def is_ours(client_order_id: str, bot_name: str) -> bool:
    """Whether this bot made the id."""
    head = f"{PREFIX}{bot_name}-"
    tail = client_order_id[len(head) :]
    return client_order_id.startswith(head) and len(tail) == 32 and all(c in "0123456789abcdef" for c in tail)
