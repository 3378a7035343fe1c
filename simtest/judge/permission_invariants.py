"""The invariant of the live permission: without it nothing is bought, and what is held can still be sold."""

from collections.abc import Iterator

from simtest.judge.case import Case

GATE_TO_WIRE_US = 20_000  # from the last check of an order to its first byte
LOCKED = ("live orders are locked", "nothing is sent")


def permitted(case: Case) -> Iterator[str]:
    """I24: live: no purchase without a permission, no sale refused for lack of one; a copied folder sends nothing."""
    if not case.truth["plan"].get("live"):
        return
    case.count("I24 PERMIT/copy", len(case.truth["copies"]))
    for post in case.posts:
        case.count("I24 PERMIT/purchases", post["side"] == "BUY")
        if post["side"] == "BUY" and _off_since(case, post["sent_us"]) > GATE_TO_WIRE_US:
            yield f"a purchase at {post['sent_us']} us without a permission"
    for copy in case.truth["copies"]:
        for sent in (*copy["posts"], *copy["cancels"]):
            yield f"a copy of a live folder sent {sent.get('client_order_id') or 'a cancel'} at {sent['sent_us']} us"
    case.count("I24 PERMIT/sales", sum(row["side"] == "SELL" for row in case.tables["orders"]))
    case.count("I24 PERMIT/commands", len(case.tables["commands"]))
    for row in case.tables["orders"]:
        if row["side"] == "SELL" and row["state"] == "denied" and str(row["reason"]).startswith(LOCKED):
            yield f"the sale {row['client_order_id'][-8:]} was refused: {row['reason']}"
    for row in case.tables["commands"]:
        if row["state"] == "rejected" and str(row["reason"]).startswith(LOCKED):
            yield f"the command {row['cmd']} was refused: {row['reason']}"


def _off_since(case: Case, us: int) -> int:
    """How long there had been no permission, in microseconds; 0 = there was one."""
    since = 0
    for change in case.truth["permits"]:
        if change["us"] > us:
            break
        if change["on"]:
            since = -1
        elif since < 0:
            since = change["us"]
    return 0 if since < 0 else us - since
