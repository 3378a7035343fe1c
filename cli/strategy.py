"""`./coin strategy`: what can be chosen, a strategy's card, and choosing one."""

import os
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from bot.strategies import registry
from cli import enable_live, ui
from cli.context import loaded
from cli.options import Yes
from shared import env_file, strategy_evidence
from shared.env_file import EnvFileRefused
from shared.exits import Exit
from shared.files import Unreadable
from shared.settings import Loaded, SettingsError
from shared.strategy_cards import CARDS, StrategyCard
from shared.strategy_choice import (
    CHOICE_SETTINGS,
    GOALS,
    ChoiceRefused,
    SettingChange,
    changes,
    is_live,
    open_lots_remark,
    was_chosen,
)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="As ./coin strategy list has it.", autocompletion=lambda: list(CARDS))
]


def strategy(context: typer.Context) -> None:
    """The list, unless a command below `strategy` was called."""
    if context.invoked_subcommand is None:
        list_all()


def list_all() -> None:
    """By what a person is after; the one that is set is marked."""
    found = loaded()
    for goal in GOALS:
        ui.plain(f"  {ui.paint(goal.title, 'bold')}: {goal.text}")
        for name in goal.strategies:
            mark = ui.GOOD if name == found.settings.strategy else ui.DOT
            ui.line(mark, f"{name:14} {CARDS[name].purpose}")
    own = [name for name in registry.user_files() if name not in CARDS]
    if own:
        ui.plain(f"  {ui.paint('Your own', 'bold')}: files in strategies/")
        for name in own:
            ui.line(ui.GOOD if name == found.settings.strategy else ui.DOT, name)
    ui.plain()
    if not was_chosen(found):
        ui.plain(f"  Nothing was chosen yet: {found.settings.strategy} is the default.")
    ui.plain("  ./coin strategy show NAME   ./coin strategy use NAME")


def show(name: Name) -> None:
    """Print its card with what was measured, and what choosing it would change."""
    card = CARDS.get(name)
    if card is None:
        ui.give_up(f"There is no card of {name!r}.", "./coin strategy list", code=Exit.USAGE)
    ui.plain(f"  {ui.paint(card.name, 'bold')}: {card.title}")
    for title, text in (
        ("Purpose", card.purpose), ("Idea", card.idea), ("Source", card.source), ("Must be true", card.must_be_true),
        ("Fails when", card.fails_when), ("Trades", card.trades), ("Costs", card.costs),
    ):  # fmt: skip
        ui.plain(f"  {title:13} {ui.sentence(text)}")
    _print_measured(card)
    try:
        made = changes(loaded(), name, _today())
    except ChoiceRefused as refused:
        ui.line(ui.WARN, str(refused))
        return
    _print_changes(made, card)


def use(name: Name, yes: Yes = False) -> None:
    """Show what changes, ask, and write it into .env; the bot takes it up at ./coin restart."""
    found = loaded()
    if name not in CARDS:
        own = name in registry.user_files()
        ways = ("set STRATEGY=… in .env for a strategy of your own",) if own else ("./coin strategy list",)
        ui.give_up(f"There is no card of {name!r}.", *ways, code=Exit.USAGE)
    try:
        made = changes(found, name, _today())
    except ChoiceRefused as refused:
        ui.give_up(str(refused))
    _print_changes(made, CARDS[name])
    if not made:
        return
    values = {one.key: one.written for one in made}
    would_be = _preview(found, values)
    if is_live(found):
        enable_live.say_voided(would_be.settings)
    if not yes and not typer.confirm("  Write it?", default=False):
        ui.give_up("Nothing was changed.")
    try:
        env_file.change(found.env_file, values, CHOICE_SETTINGS, os.environ)
    except (EnvFileRefused, OSError) as error:
        ui.give_up(f"{found.env_file.name} was not changed: {error}")
    ui.line(ui.GOOD, f"{name} is chosen: ./coin restart makes the bot take it up")
    if is_live(found):
        ui.line(ui.WARN, "Live orders need a new permission: ./coin enable-live")


def _preview(found: Loaded, values: dict[str, str]) -> Loaded:
    """The settings as they would be, made sure that the bot starts with them."""
    try:
        would_be = env_file.preview(found.env_file, values, os.environ)
        registry.chosen(would_be.settings)
    except SettingsError as error:
        ui.give_up("The bot would not start with it:", *error.problems)
    except (EnvFileRefused, OSError) as error:
        ui.give_up(f"{found.env_file.name} cannot be changed: {error}")
    return would_be


def _print_changes(made: list[SettingChange], card: StrategyCard) -> None:
    ui.plain()
    if not made:
        ui.line(ui.GOOD, "It is what .env says: nothing would change.")
        return
    ui.plain("  What changes in .env:")
    for one in made:
        ui.plain(f"    {one.key}: {one.now or 'empty'} → {ui.paint(one.new or 'empty', 'bold')}  ({one.why})")
    ui.plain(f"  {open_lots_remark(card)} Limits and sizes stay as they are.")


def _print_measured(card: StrategyCard) -> None:
    try:
        evidence = strategy_evidence.read()
    except (Unreadable, OSError) as error:
        ui.line(ui.WARN, f"What was measured cannot be read: {error}")
        return
    ui.plain()
    rows = [
        one for tier in (evidence.tiers if evidence else ())
        if evidence and (one := strategy_evidence.tally(evidence.recordings, card.name, tier))
    ]  # fmt: skip
    if evidence is None or not rows:
        ui.plain("  Not measured: it is not among the families of ./coin evidence.")
        return
    for one in rows:
        ui.plain(
            f"  At the fees of the {one.tier} tier, of {one.recordings} recordings: fell less than holding on "
            f"{one.calmer}, earned more on {one.richer}, lost money on {one.lost}"
        )
    ui.plain(f"  Measured {evidence.made} by {evidence.command}; each recording: docs/strategies.md")


def _today() -> date:
    return datetime.now(UTC).date()
