"""The command line: every command is thin, imports what it needs when it runs, and turns a user's mistake into one line."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

USER_ERROR = 2


class Interrupted(BaseException):
    """SIGTERM or Ctrl-C: ends the work at once; all whole generations are stored."""

    def __init__(self, number: int) -> None:
        self.number = number


def console() -> Any:
    """Where everything is printed; 100 columns when there is no terminal."""
    from rich.console import Console

    found = Console()
    return found if found.is_terminal else Console(width=100)


def complain(error: Exception) -> NoReturn:
    """One line on stderr, and exit code 2."""
    text = error.format_message() if isinstance(error, click.ClickException) else str(error)
    click.echo(f"error: {' '.join(text.split())}", err=True)
    sys.exit(USER_ERROR)


class Command(click.Command):
    """Turns ValueError and wrong usage into one line and exit code 2."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the arguments."""
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            complain(error)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ValueError as error:
            complain(error)
        except BrokenPipeError:
            sys.exit(1)


class Group(click.Group):
    """Unknown commands name the nearest known one."""

    command_class = Command

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the arguments before the command; without a command, click prints the help."""
        try:
            return super().make_context(*args, **kwargs)
        except click.NoSuchOption as error:
            complain(error)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            from inner.components import suggest

            click.echo(
                f"error: no command '{args[0]}'{suggest(args[0], self.commands)}; known: {', '.join(self.commands)}",
                err=True,
            )
            sys.exit(USER_ERROR)
        return super().resolve_command(ctx, args)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="metalearn-torch", prog_name="metalearn")
def main() -> None:
    """Evolve learning rules: search, prove, report, export."""


def guarded(folder: Path, work: Callable[[], None]) -> None:
    """Run work that may be interrupted: exit code 130 or 143, and a word on how to go on."""

    def stop(number: int, frame: Any) -> None:
        raise Interrupted(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        work()
    except Interrupted as interruption:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        click.echo(f"\ninterrupted; every whole generation is stored. Go on with: metalearn resume {folder}", err=True)
        sys.exit(128 + interruption.number)


def folder_of(runs: Path, name: str | None, stem: str) -> Path:
    """The folder of a new run: the name that was asked for, or the first free one of stem, stem-2, stem-3, ..."""
    if name is not None:
        if not name.strip() or name in (".", "..") or "/" in name or "\\" in name:
            raise ValueError(f"name: expected a plain folder name, got '{name}' (use --runs for another folder)")
        return runs / name
    number, folder = 1, runs / stem
    while folder.exists():
        number += 1
        folder = runs / f"{stem}-{number}"
    return folder


@main.command()
@click.argument("arguments", nargs=-1, metavar="[CONFIG] [KEY=VALUE ...]")
@click.option("--name", help="Name of the run's folder; default: the config's name, with a number when it is taken.")
@click.option("--runs", default="runs", show_default=True, help="Folder that holds the runs.")
def search(arguments: tuple[str, ...], name: str | None, runs: str) -> None:
    """Search for a rule, hold it against tuned baselines, and write a report.

    CONFIG is a path or a name from `metalearn list configs` (default: digits). KEY=VALUE overrides any key of it,
    for example: search=es search.popsize=8 lifetimes=2 seed=3 rule.dw='eta*err*pre'.
    """
    from metalearn import config as configs

    names = [a for a in arguments if "=" not in a]
    if len(names) > 1:
        raise ValueError(f"search: expected one config, got {', '.join(names)}; overrides are written key=value")
    config_name = names[0] if names else "digits"
    config = configs.load(config_name, [a for a in arguments if "=" in a])
    folder = folder_of(Path(runs), name, Path(config_name).stem)
    from metalearn.experiment import Experiment

    experiment = Experiment.create(config, folder, console(), [*arguments, *(["--name", name] if name else [])])
    guarded(folder, experiment.run)


@main.command()
@click.argument("run", type=click.Path())
def resume(run: str) -> None:
    """Go on with a run that was interrupted: the result is bit for bit that of the uninterrupted run."""
    from metalearn.experiment import Experiment

    folder = run_folder(run)
    experiment = Experiment.open(folder, console())
    from metalearn.environment import describe, differences

    for line in differences(experiment.store.environment, describe()):
        click.echo(f"warning: {line}", err=True)
    guarded(folder, experiment.run)


def run_folder(run: str) -> Path:
    """A run by path, or by its name under ./runs."""
    return Path(run) if Path(run).exists() or not (Path("runs") / run).exists() else Path("runs") / run


@main.command()
@click.argument("rules", nargs=-1, required=True, metavar="RUN|rule.json ...")
@click.option("--config", "config_name", help="Cells and lifetimes from this config; default: the first run's own.")
@click.option("--lifetimes", type=int, help="Fresh lives per cell.")
@click.option("--seed", type=int, help="Addresses the fresh lives.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole comparison as JSON.")
def compare(
    rules: tuple[str, ...], config_name: str | None, lifetimes: int | None, seed: int | None, as_json: bool
) -> None:
    """Hold rules against each other on fresh lives of the final tier, paired; the first one is the reference.

    A name from the rule library takes part with its initial values.
    """
    from rich.console import Console

    from metalearn.contest import contest

    document = contest(rules, config_name, lifetimes, seed, Console(quiet=True) if as_json else console())
    if as_json:
        import json

        click.echo(json.dumps(document, indent=2))
        return
    from metalearn.tables import print_comparison

    print_comparison(document, console())


@main.command()
@click.argument("run", type=click.Path())
def report(run: str) -> None:
    """Write report.html of a run anew, however far the run has come."""
    from metalearn.experiment import write_report_of
    from metalearn.store import RunStore

    folder = run_folder(run)
    with RunStore.open(folder, write=False) as store:
        click.echo(f"report {write_report_of(store, folder)}")


@main.command()
@click.argument("run", type=click.Path(), metavar="RUN|rule.json")
def show(run: str) -> None:
    """Show a rule: formula, coefficients, where it comes from and how it did."""
    from metalearn.showing import show as print_rule

    print_rule(run_folder(run), console())


@main.command()
@click.argument("run", type=click.Path(), metavar="RUN|rule.json")
@click.option("--to", type=click.Choice(["json", "torch", "latex", "python"]), default="json", show_default=True)
@click.option("--output", "-o", type=click.Path(), help="File to write; default: print.")
def export(run: str, to: str, output: str | None) -> None:
    """Write a rule as JSON, LaTeX, plain Python or a torch file that stands alone."""
    from metalearn.export import export as write
    from metalearn.rule_file import read

    text = write(read(run_folder(run)), to, Path(output) if output else None)
    click.echo(f"wrote {output}" if output else text)


@main.command()
@click.argument("arguments", nargs=-1, metavar="[CONFIG] [KEY=VALUE ...]")
def estimate(arguments: tuple[str, ...]) -> None:
    """Predict time and memory of a search from a short calibration on this machine."""
    from metalearn import config as configs
    from metalearn.estimation import estimate as measure

    names = [a for a in arguments if "=" not in a]
    config = configs.load(names[0] if names else "digits", [a for a in arguments if "=" in a])
    measure(config, console())


KINDS = ("rules", "learners", "tasks", "searches", "configs", "signals", "pathways")


@main.command(name="list")
@click.argument("kind", required=False, metavar="[" + "|".join(KINDS) + "]")
def list_(kind: str | None) -> None:
    """List what can be used by name."""
    from metalearn.showing import listing

    if kind is not None and kind not in KINDS:
        from inner.components import suggest

        raise ValueError(f"list: unknown kind '{kind}'{suggest(kind, KINDS)}; known: {', '.join(KINDS)}")
    for each in [kind] if kind else KINDS:
        listing(each, console(), titled=kind is None)


if __name__ == "__main__":
    main()
