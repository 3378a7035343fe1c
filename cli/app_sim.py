"""`./coin sim …`: the commands of COIN-SIM by itself."""

from typing import Annotated

import typer

# ruff: noqa: PLC0415
app = typer.Typer(help="COIN-SIM, the local exchange, on its own.", no_args_is_help=True)


@app.command("start")
def sim_start() -> None:
    """Start COIN-SIM alone."""
    from cli import sim as work

    work.start()


@app.command("stop")
def sim_stop() -> None:
    """Stop COIN-SIM alone."""
    from cli import sim as work

    work.stop()


@app.command("status")
def sim_status(json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False) -> None:
    """Prices, orders, streams, struck faults."""
    from cli import sim as work

    work.status(as_json=json)


@app.command("faults")
def sim_faults(
    assignments: Annotated[list[str] | None, typer.Argument(help="NAME=RATE or NAME={json}")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Turn all faults off.")] = False,
) -> None:
    """Show, arm or clear what COIN-SIM breaks on purpose."""
    from cli import sim as work

    work.faults(assignments or [], clear=clear)


@app.command("key")
def sim_key(
    rights: Annotated[str, typer.Option(help="view, trade, transfer")] = "view,trade",
    ed25519: Annotated[bool, typer.Option("--ed25519", help="Make an Ed25519 key instead of ES256.")] = False,
) -> None:
    """Issue a key, as a file of the form that Coinbase hands out."""
    from cli import sim as work

    work.key(rights, edwards=ed25519)


@app.command("deposit")
def sim_deposit(value: str, currency: str = "USD") -> None:
    """Add play money to the account."""
    from cli import sim as work

    work.deposit(value, currency)


@app.command("reset")
def sim_reset(
    with_bot: Annotated[bool, typer.Option("--with-bot", help="Set the bot's ledger aside as well.")] = False,
) -> None:
    """A new account. Nothing is deleted: the old one is set aside."""
    from cli import sim as work

    work.reset(with_bot=with_bot)
