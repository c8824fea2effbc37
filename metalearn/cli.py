"""The command line: every command is thin, imports what it needs when it runs, and turns a user's mistake into one line."""

from __future__ import annotations

import contextlib
import errno
import functools
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

USER_ERROR = 2
LONGEST = 200  # characters of a run's name
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # Ctrl-C, a system that shuts down, a terminal that is closed


class Interrupted(BaseException):
    """SIGTERM, SIGHUP or Ctrl-C: ends the work at once; all whole generations are stored."""

    def __init__(self, number: int) -> None:
        self.number = number


def console() -> Any:
    """The console that everything is printed on; 100 columns when there is no terminal."""
    from rich.console import Console

    found = Console()
    return found if found.is_terminal else Console(width=100)


def complain(error: Exception) -> NoReturn:
    """One line on stderr, and exit code 2."""
    text = error.format_message() if isinstance(error, click.ClickException) else str(error)
    from inner.printable import shown

    click.echo(f"error: {shown(text)}", err=True)
    sys.exit(USER_ERROR)


def _key_of(option: str) -> str:
    """The key of a config that an unknown option probably is, in words, or nothing."""
    from metalearn.config.hints import near_option
    from metalearn.config.schema import Config

    return near_option(option, Config)


class Command(click.Command):
    """Turns ValueError and wrong usage into one line and exit code 2."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the arguments."""
        try:
            return super().make_context(*args, **kwargs)
        except click.NoSuchOption as error:
            complain(ValueError(error.format_message().rstrip(".") + _key_of(error.option_name)))
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
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            complain(ValueError(f"path: too long for this system: {str(error.filename)[:60]}..."))


class Group(click.Group):
    """A command's name is its file's name in commands/; unknown commands name the nearest known one."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the arguments before the command; without a command, click prints the help."""
        try:
            return super().make_context(*args, **kwargs)
        except click.NoSuchOption as error:
            complain(error)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The files of the folder."""
        files = (Path(__file__).resolve().parent / "commands").glob("[!_]*.py")
        return sorted(path.stem.replace("_", "-") for path in files)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load the command from its file."""
        if cmd_name not in self.list_commands(ctx):
            return None
        found: click.Command = import_module(f"metalearn.commands.{cmd_name.replace('-', '_')}").command
        return found

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command."""
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            from inner.components import suggest

            complain(ValueError(f"no command '{args[0]}'{suggest(args[0], known)}; known: {', '.join(known)}"))
        return super().resolve_command(ctx, args)


def consenting(command: Callable[..., None]) -> Callable[..., None]:
    """Adds --trust to a command that reads stored documents, and limits what it imports to the modules named there."""

    @click.option("--trust", multiple=True, metavar="MODULE", help="Module outside the project that may be imported.")
    @functools.wraps(command)
    def limited(*arguments: Any, trust: tuple[str, ...], **options: Any) -> None:
        from inner.components import trusting

        with trusting(trust):
            command(*arguments, **options)

    return limited


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="metalearn-torch", prog_name="metalearn")
def main() -> None:
    """Evolve learning rules: search, prove, report, export."""


def guarded(folder: Path, work: Callable[[], None]) -> None:
    """Run work that may be interrupted: exit code 128 + number, and a word on how to go on."""

    def stop(number: int, frame: Any) -> None:
        raise Interrupted(number)

    for number in STOPS:
        if signal.getsignal(number) != signal.SIG_IGN or number != signal.SIGHUP:  # nohup wants it ignored
            signal.signal(number, stop)
    try:
        work()
    except Interrupted as interruption:
        for number in STOPS:
            signal.signal(number, signal.SIG_IGN)
        with contextlib.suppress(OSError):  # a terminal that is closed takes no more words
            click.echo(f"\ninterrupted; what was finished is stored. Go on with: metalearn resume {folder}", err=True)
        sys.exit(128 + interruption.number)


def folder_of(runs: Path, name: str | None, stem: str) -> Path:
    """The folder of a new run: the name that was asked for, or the first free one of stem, stem-2, stem-3, ..."""
    from inner.printable import check_printable

    check_printable([name or "", str(runs), stem], "name")
    if len(name or stem) > LONGEST:
        raise ValueError(f"name: expected at most {LONGEST} characters, got {len(name or stem)}")
    if name is not None:
        if not name.strip() or name in (".", "..") or "/" in name or "\\" in name:
            raise ValueError(f"name: expected a plain folder name, got '{name}' (use --runs for another folder)")
        return runs / name
    number, folder = 1, runs / stem
    while folder.exists():
        number += 1
        folder = runs / f"{stem}-{number}"
    return folder


def run_folder(run: str) -> Path:
    """A run by path, or by its name under ./runs."""
    from inner.printable import check_printable

    check_printable(run, "run")
    return Path(run) if Path(run).exists() or not (Path("runs") / run).exists() else Path("runs") / run


if __name__ == "__main__":
    main()
