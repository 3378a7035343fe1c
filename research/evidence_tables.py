"""Evidence as tables in Markdown: what `./coin evidence` prints and docs/strategies.md holds."""

from collections.abc import Iterator

from shared.strategy_evidence import RecordingFigures, tally

TALLY_HEAD = (
    "| strategy | fees | recordings | fell less than holding | earned more than holding | lost money |",
    "|---|---|---|---|---|---|",
)


def tallies(found: tuple[RecordingFigures, ...]) -> Iterator[str]:
    """In how many recordings each family fell less or earned more than holding, and lost money."""
    yield from TALLY_HEAD
    ran = dict.fromkeys((row.family, row.tier) for one in found for row in one.rows)
    families, tiers = dict.fromkeys(family for family, _ in ran), dict.fromkeys(tier for _, tier in ran)
    for family in families:
        for tier in tiers:
            one = tally(found, family, tier)
            if one is not None:
                yield f"| {family} | {tier} | {one.recordings} | {one.calmer} | {one.richer} | {one.lost} |"


def recordings(found: tuple[RecordingFigures, ...]) -> Iterator[str]:
    """One table for each recording."""
    for one in found:
        yield f"**{one.name}**, judged from {one.judged_from}"
        yield ""
        yield "| strategy | fees | return | worst fall | trades | fees paid | beside holding |"
        yield "|---|---|---|---|---|---|---|"
        orders = 2 * (1 + one.product_id.count(" + "))
        for tier, held in one.held.items():
            yield f"| buy and hold | {tier} | {percent(held.gained)} | {percent(held.worst)} | {orders} | – | – |"
            for row in one.rows:
                if row.tier == tier:
                    cells = (
                        row.family, tier, percent(row.gained), percent(row.worst), f"{row.trades:,}",
                        f"{row.fees:,.0f}", row.beside_holding,
                    )  # fmt: skip
                    yield f"| {' | '.join(cells)} |"
        for family, why in one.left_out.items():
            yield f"| {family} | – | not run: {why} | | | | |"
        yield ""


def markdown(found: tuple[RecordingFigures, ...]) -> Iterator[str]:
    """Lines of a page: a table for each recording, then the counts over all of them."""
    yield from recordings(found)
    yield from tallies(found)


def percent(part: float) -> str:
    return f"{part * 100:+,.1f} %".replace("-", "−")
