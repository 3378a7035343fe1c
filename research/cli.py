"""The research commands of `./coin`. Heavy imports come when a command runs."""

import typer

PANEL = "Research"


def register(app: typer.Typer) -> None:
    """Add the research commands to the command line."""
    from research import cli_backtest, cli_data, cli_runs, cli_sweep  # noqa: PLC0415

    app.add_typer(cli_data.app, name="data", rich_help_panel=PANEL)
    app.command(rich_help_panel=PANEL)(cli_backtest.backtest)
    app.add_typer(cli_runs.app, name="runs", rich_help_panel=PANEL)
    app.command(rich_help_panel=PANEL)(cli_sweep.sweep)
    app.command(rich_help_panel=PANEL)(cli_sweep.walkforward)
    app.command("check-strategy", rich_help_panel=PANEL)(cli_sweep.check_strategy)
    app.command(rich_help_panel=PANEL)(cli_sweep.parity)
