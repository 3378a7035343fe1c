"""What decides: the strategy, or the strategies that are combined, and what kind of target they say."""

from bot.domain.targets import Exposure
from bot.strategies import registry, target_kind
from cli.doctor.check import DiagnosticRow, bad, good
from shared.settings import Settings, SettingsError
from shared.strategy_names import parse_weights, parts


def strategy(found: Settings) -> DiagnosticRow:
    """Made as the bot makes it, so that what would stop the bot is said here."""
    try:
        made = registry.chosen(found)
        kind = "target weights" if target_kind.target_type_of(found, made) is Exposure else "signals"
    except SettingsError as error:
        return bad("strategy", "; ".join(error.problems), "Fix .env; ./coin settings STRATEG shows what is set")
    kind += ", sized by regime" if found.regime else ""
    if not found.strategies:
        return good("strategy", f"{found.strategy}, {kind}")
    if found.strategies_rule == "weight":
        shares = parts(found.strategies, parse_weights(found.strategies_weights))
        named = [f"{name} {share:.0%}" for name, share in zip(found.strategies, shares, strict=True)]
        return good("strategy", f"{', '.join(named)}, combined by weight, {kind}")
    return good("strategy", f"{', '.join(found.strategies)}, combined by vote, {kind}")
