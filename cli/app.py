"""`./coin …`: the commands. Each imports its work late, so that a plain one answers at once."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli import audited, complete, usage
from cli.app_sim import app as sim
from research.cli import register as register_research
from shared.exits import Exit

# ruff: noqa: PLC0415
app = typer.Typer(
    name="coin",
    help="CoinTrader: a bot that trades on Coinbase Advanced Trade, and proves what it does.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=usage.codes(),
)


class Role(StrEnum):
    """Of a login: viewer reads, operator commands."""

    VIEWER = "viewer"
    OPERATOR = "operator"


class Form(StrEnum):
    """What the ledger is exported as."""

    CSV = "csv"
    JSONL = "jsonl"


Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
RUN, WATCH, ORDERS, KEEP, MAKE = "Run", "Watch", "Command the bot", "Keep", "Develop"


@app.command(rich_help_panel=RUN)
def start(
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the bot to trade.")] = 60.0,
    link: Annotated[bool, typer.Option(help="Print a login link.")] = True,
) -> None:
    """Prepare what is missing, start everything, wait until the bot trades, print a login link."""
    from cli import start as work

    work.start(timeout, link=link)


@app.command(rich_help_panel=RUN)
def stop(
    keep_dashboard: Annotated[bool, typer.Option("--keep-dashboard", help="Leave the dashboard running.")] = False,
) -> None:
    """Stop the bot, then the simulator, then the dashboard."""
    from cli import start as work

    work.stop(keep_dashboard=keep_dashboard)


@app.command(rich_help_panel=RUN)
def restart(timeout: Annotated[float, typer.Option(help="Seconds to wait for the bot to trade.")] = 60.0) -> None:
    """Stop and start everything with the settings as they are now."""
    from cli import start as work

    work.restart(timeout)


@app.command(rich_help_panel=RUN)
def setup() -> None:
    """Only prepare (Python environment, Node.js, npm packages); start nothing."""
    from cli import ui
    from cli.pm2_process import executable

    ui.line(ui.GOOD, f"Everything is there. PM2: {executable()}")


@app.command(rich_help_panel=WATCH)
def status(json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False) -> None:
    """What runs, how old its data is, positions.

    Exit code by the verdict: 0 running · 1 starting, paused, stopping, stopped · 3 offline · 4 blind (no data
    from the exchange) · 5 stale · 6 hung · 7 unreadable · 8 locked out · 9 ledger cannot be written · 10 killed ·
    11 safe · 12 error · 13 second writer · 14 the data folder is not adopted (live).
    """
    from cli import status as work

    raise typer.Exit(work.status(as_json=json))


@app.command(rich_help_panel=WATCH)
def logs(
    name: Annotated[str | None, typer.Argument(help="bot, dashboard or sim; all without it.")] = None,
    lines: Annotated[int, typer.Option("-n", "--lines", help="How many lines.")] = 30,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until Ctrl-C.")] = False,
) -> None:
    """The processes' own logs."""
    from cli import logs as work

    work.logs(name, lines, follow=follow)


@app.command(rich_help_panel=WATCH)
def doctor(json: Json = False) -> None:
    """Check everything and say what helps. Exit code 1 where something is broken."""
    from cli.doctor import run as work

    raise typer.Exit(work.doctor(as_json=json))


@app.command(rich_help_panel=WATCH)
def settings(
    wanted: Annotated[
        str, typer.Argument(metavar="WORD", help="Part of a name, such as TRAIL.", autocompletion=complete.settings)
    ] = "",
    changed: Annotated[bool, typer.Option("--changed", help="Only settings that differ from their default.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="All settings (the default).", hidden=True)] = False,
    json: Json = False,
) -> None:
    """Every setting: value, default, where it came from, description; secrets masked."""
    from cli import settings_view as work

    work.show(wanted, changed=changed and not everything, as_json=json)


@app.command(rich_help_panel=WATCH)
def login(
    role: Annotated[Role, typer.Argument(help="What the link allows.")] = Role.OPERATOR,
    localhost: Annotated[bool, typer.Option("--localhost", help="By that name, under which passkeys work.")] = False,
) -> None:
    """Print a link that logs a browser in: single use, five minutes."""
    from cli import login as work

    work.login(role, localhost=localhost)


@app.command(rich_help_panel=WATCH)
def token(
    role: Annotated[Role | None, typer.Argument(help="Make one: viewer reads, operator commands.")] = None,
    name: Annotated[str, typer.Option(help="What it is for, such as grafana.")] = "",
    expires: Annotated[
        str, typer.Option(metavar="SPAN", help="How long it holds: 90d, 12h, 30m, 8w. Without it, until revoked.")
    ] = "",
    listed: Annotated[bool, typer.Option("--list", help="List the tokens.")] = False,
    revoke: Annotated[
        str,
        typer.Option(metavar="NAME|ID|--all", help="End a token, or all of them.", autocompletion=complete.tokens),
    ] = "",
    json: Json = False,
) -> None:
    """Make a bearer token for machines (Prometheus, curl), shown once; list or revoke them."""
    from cli import access as work

    if sum((role is not None, listed, bool(revoke))) != 1:
        raise typer.BadParameter("give a role to make a token (viewer, operator), --list, or --revoke.")
    if role is None and (name or expires):
        raise typer.BadParameter("--name and --expires belong to a new token: ./coin token viewer --name grafana")
    if role is not None:
        work.make_token(role, name, expires)
    elif listed:
        work.list_tokens(as_json=json)
    else:
        work.revoke_token(revoke)


@app.command(rich_help_panel=WATCH)
def sessions(
    revoke: Annotated[
        str,
        typer.Option(metavar="ID|--all", help="End a browser's session, or all.", autocompletion=complete.sessions),
    ] = "",
    json: Json = False,
) -> None:
    """Who is signed in to the dashboard: role, how, from where, last use; or end sessions."""
    from cli import access as work

    if revoke:
        work.revoke_session(revoke)
    else:
        work.list_sessions(as_json=json)


@app.command(rich_help_panel=WATCH)
def password() -> None:
    """Make the hash that lets a password log in, for .env. A login link needs none."""
    from cli import login as work

    work.password()


def _command(word: str, args: dict[str, str] | None = None) -> None:
    from cli import commands as work
    from shared.control import Cmd

    work.command(Cmd(word), args)


@app.command(rich_help_panel=ORDERS)
def run() -> None:
    """Let the bot trade (the level "run")."""
    _command("start")


@app.command(rich_help_panel=ORDERS)
def pause() -> None:
    """No new entries; exits are still judged."""
    _command("pause")


@app.command(rich_help_panel=ORDERS)
def halt() -> None:
    """The level "stop": cancel entry orders, judge nothing, stay alive. (./coin stop ends the processes.)"""
    _command("stop")


@app.command(rich_help_panel=ORDERS)
def kill() -> None:
    """Shut the order path and cancel every own order, also with the bot dead. Latched until reset-kill."""
    from cli import kill as work

    work.kill()


@app.command("reset-kill", rich_help_panel=ORDERS)
def reset_kill() -> None:
    """Lift the kill latch. The bot is stopped after it."""
    from cli import commands as work

    work.reset_kill()


@app.command(rich_help_panel=ORDERS)
def flatten(yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False) -> None:
    """Cancel own orders and sell every lot."""
    if not yes and typer.prompt('This sells every lot at the market. Type "flatten"') != "flatten":
        raise typer.Exit(1)
    _command("flatten")


@app.command("close-lot", rich_help_panel=ORDERS)
def close_lot(lot_id: str) -> None:
    """Sell one lot."""
    _command("close_lot", {"lot_id": lot_id})


@app.command("close-product", rich_help_panel=ORDERS)
def close_product(product_id: str) -> None:
    """Sell every lot of one product, such as BTC-USD."""
    _command("close_product", {"product_id": product_id.upper()})


@app.command(rich_help_panel=ORDERS)
def cancel(client_order_id: str) -> None:
    """Cancel one own order."""
    _command("cancel", {"client_order_id": client_order_id})


@app.command(rich_help_panel=ORDERS)
def adopt(yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False) -> None:
    """Book what the account holds beyond the bot's own trades (a deposit, a trade by hand) as a transfer."""
    from cli import commands as work

    work.adopt(yes=yes)


@app.command("enable-live", rich_help_panel=ORDERS)
def enable_live(
    trial: Annotated[
        Path | None, typer.Option(help="Data folder of the trial on the simulator or on paper; data without it.")
    ] = None,
) -> None:
    """Check everything, ask for a typed word, and allow live entries for LIVE_PERMISSION_DAYS."""
    from cli import enable_live as work

    work.enable(trial)


@app.command("disable-live", rich_help_panel=ORDERS)
def disable_live() -> None:
    """Take the permission for live entries back, at once; exits of open lots go on."""
    from cli import enable_live as work

    work.disable()


@app.command("adopt-folder", rich_help_panel=ORDERS)
def adopt_folder() -> None:
    """Accept a copied or restored data folder as this bot's; until then a live bot sends nothing from it."""
    from cli import data_folder as work

    work.adopt()


@app.command(rich_help_panel=ORDERS)
def drill() -> None:
    """Prove the kill path without trading."""
    _command("drill")


@app.command(rich_help_panel=KEEP, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def pm2(context: typer.Context) -> None:
    """Run PM2 itself, also where it is only in this folder: ./coin pm2 list."""
    import subprocess

    from cli.pm2_process import demand_closed_home, environment, executable

    found = executable()
    demand_closed_home()
    if found is None:
        typer.echo("  ✗ PM2 is missing: ./coin setup", err=True)
        raise typer.Exit(1)
    raise typer.Exit(subprocess.call([str(found), *context.args], env=environment(), umask=0o077))


@app.command(rich_help_panel=KEEP)
def backup(
    target: Annotated[Path | None, typer.Argument(help="File or folder; data/backups without it.")] = None,
) -> None:
    """Copy the ledger and the documents into one archive, while the bot runs. No key or password is in it."""
    from cli import backup as work

    work.backup(target)


@app.command(rich_help_panel=KEEP)
def restore(archive: Path) -> None:
    """Put a backup or a rescued ledger in place; what is there is kept aside. The bot must be stopped.

    It never loosens a restriction: a kill, pause, stop, SAFE and tripped limits stay on, and audit.jsonl is kept. If
    the present ledger cannot be read, the bot comes up paused. Orders since the backup are fetched from the exchange.
    """
    from cli import backup as work

    work.restore(archive)


ledger = typer.Typer(help="Check the ledger, export it, rebuild it from its journal.", no_args_is_help=True)
app.add_typer(ledger, name="ledger", rich_help_panel=KEEP)


@ledger.command("verify")
def ledger_verify() -> None:
    """Check every row: keys, amounts, the journal's chain, fills against orders, lots and days. 1 = a finding."""
    from cli import ledger as work

    work.verify()


@ledger.command("replay")
def ledger_replay(
    to: Annotated[Path | None, typer.Option("--to", help="Keep the rebuilt ledger as this new file.")] = None,
) -> None:
    """Rebuild the ledger from its journal alone and compare the two, byte for byte. 1 = they differ."""
    from cli import ledger as work

    work.replay_journal(to)


@ledger.command("export")
def ledger_export(
    folder: Path,
    form: Annotated[Form, typer.Option("--format", help="csv for spreadsheets; jsonl keeps types.")] = Form.CSV,
) -> None:
    """Write every table as a file into FOLDER, amounts as exact text."""
    from cli import ledger as work
    from shared.ledger.export import Format

    work.export_tables(folder, Format(form.value))


audit = typer.Typer(help="Show and check audit.jsonl: who commanded what, from the page, the shell, by hand.")
app.add_typer(audit, name="audit", rich_help_panel=WATCH)


@audit.callback(invoke_without_command=True)
def audit_show(
    context: typer.Context,
    last: Annotated[int, typer.Option("--last", min=1, max=10_000, help="How many lines.")] = 30,
    json: Json = False,
) -> None:
    """The newest entries of audit.jsonl: who commanded what, from the page, the shell, by hand or over the API."""
    if context.invoked_subcommand is None:
        from cli import audit as work

        work.show(last, as_json=json)


@audit.command("verify")
def audit_verify() -> None:
    """Check every entry: edited, removed, moved or added ones, and an end that was cut. 1 = a finding."""
    from cli import audit as work

    raise typer.Exit(work.check())


app.add_typer(sim, name="sim", rich_help_panel=KEEP)
events = typer.Typer(help="Convert event logs (JSON lines).", no_args_is_help=True)
app.add_typer(events, name="events", rich_help_panel=KEEP)


@events.command("to-csv")
def events_to_csv(
    source: Annotated[Path, typer.Option("--input", help="The log: one JSON object per line.")],
    target: Annotated[Path, typer.Option("--output", help="The table to write.")],
    fields: Annotated[str, typer.Option(help="Columns; a.b means the field b inside a.")] = (
        "event_type,timestamp,product_id,side,size,price"
    ),
) -> None:
    """Convert an event log to a CSV table; missing fields are left blank."""
    from cli import events as work

    work.to_csv(source, target, fields)


@app.command(rich_help_panel=MAKE, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Install what the tests need and run them; other arguments go to pytest: ./coin test tests/cli -k login.

    --services runs those against real servers and Lighthouse; --long runs seeds, planted bugs, kills and a soak for
    hours, keeps what is done and goes on from there (--long --help).
    """
    from cli import dev as work

    work.test(context.args)


@app.command(rich_help_panel=KEEP)
def completion(
    shell: Annotated[complete.Shell, typer.Argument(help="Your shell.")],
) -> None:
    """Print the script that makes Tab complete commands, options and settings: see docs/command-line.md."""
    typer.echo(complete.script(shell))


@app.command("new-strategy", rich_help_panel=MAKE)
def new_strategy(name: str) -> None:
    """Write strategies/NAME.py, a working strategy to change, and its test."""
    from cli import new_strategy as work

    work.create(name)


@app.command(rich_help_panel=MAKE)
def lint() -> None:
    """Lint, format, strict types and the import contract."""
    from cli import dev as work

    raise typer.Exit(work.lint())


@app.command("audit-packages", rich_help_panel=MAKE)
def audit_packages() -> None:
    """Check every locked package against public advisories. 0 = none known, 1 = some are, 3 = could not be checked."""
    from cli import audit_packages as work

    raise typer.Exit(work.audit())


@app.command(rich_help_panel=MAKE, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def simulate(context: typer.Context) -> None:
    """Run the whole bot through seeded faults in virtual time and judge it: --seeds N, --seed S, --minutes M."""
    from simtest import cli as work

    usage.refuse_twice(context.args)
    raise typer.Exit(work.main(context.args))


@app.command(rich_help_panel=MAKE, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def prove(context: typer.Context) -> None:
    """Kill the real bot at named points, again and again, and judge what comes of it: kill9 --each N --lanes N."""
    from simtest.processes import cli as work

    usage.refuse_twice(context.args)
    raise typer.Exit(work.main(context.args))


@app.command(rich_help_panel=MAKE)
def bench(
    names: Annotated[list[str] | None, typer.Argument(help="Which ones.")] = None,
) -> None:
    """Measure the figures on a system of its own, beside yours.

    boot, control, engine, writes, resources and cli by default; boot10k, install, bot, ledger, sim, dashboard,
    lighthouse and research when named.
    """
    from cli import dev as work

    raise typer.Exit(work.bench(names or []))


register_research(app)
usage.refuse_repeats(app)
audited.write_down(app)


def main() -> None:
    """Run the command line; Ctrl-C ends it without a traceback."""
    from shared.pm2 import Pm2Unavailable

    if complete.VARIABLE in os.environ:
        complete.prepare()
    try:
        app(prog_name="./coin", complete_var=complete.VARIABLE)
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except Pm2Unavailable as error:
        typer.echo(f"  ✗ PM2: {error}", err=True)
        sys.exit(Exit.FAILED)
