"""Hold the program's frame: its commands, imported only when one is asked for, and how it ends.

Owns: the table of core's commands, the place of plugins' commands beside them, and the way out of every error.
Never: does a command's work.
"""

from __future__ import annotations

import errno
import importlib
import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import click

from ticktrail.cli.errors import INTERRUPTED, report
from ticktrail.cli.group import Group
from ticktrail.cli.log import show_log
from ticktrail.errors import FeedError, PluginError

__all__ = ["Program", "program"]


@dataclass(frozen=True, slots=True)
class _Lazy:
    module: str
    attribute: str
    summary: str


_CORE: Final = {
    "backfill": _Lazy(
        "ticktrail.cli.backfill",
        "backfill",
        "Fetch a period's past into a feed's sinks, and go on where it stopped.",
    ),
    "check": _Lazy("ticktrail.cli.check", "check", "Check a feed file and print what it composes."),
    "clock": _Lazy("ticktrail.cli.clock", "clock", "Measure this machine's clock once."),
    "completion": _Lazy(
        "ticktrail.cli.completion", "completion", "Print the script that completes commands in a shell."
    ),
    "ctl": _Lazy("ticktrail.cli.ctl", "ctl", "See how a running feed stands, and tell it what to do."),
    "plugins": _Lazy(
        "ticktrail.cli.plugins", "plugins", "See which plugins take part, and why others do not."
    ),
    "run": _Lazy("ticktrail.cli.run", "run", "Run a feed."),
    "schema": _Lazy("ticktrail.cli.schema", "schema", "Print the JSON Schema of feed files, for editors."),
}

_EPILOG = (
    "\b\n"
    "ticktrail check btc.toml    what would run, and what is wrong with the file\n"
    "ticktrail run btc.toml      run it until Ctrl-C\n\n"
    "Exit status: 0 done, 1 a finding, 2 wrong use or settings, 3 the feed halted."
)


class Program(Group):
    """The top command: core's own by table, then whatever the plugins declare."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command; a plugin that cannot be asked hides the plugins' commands, not the help."""
        try:
            return sorted({*_CORE, *self._plugged(ctx)})
        except PluginError:
            return sorted(_CORE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now."""
        if (lazy := _CORE.get(cmd_name)) is None:
            return self._plugged(ctx).get(cmd_name)
        command = getattr(importlib.import_module(lazy.module), lazy.attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{lazy.module}.{lazy.attribute} is no command")
        return command

    def unknown(self, ctx: click.Context, name: str) -> Iterator[str]:
        """Yield what to say of a command that is not there; what is not installed may bring it."""
        from ticktrail._host.discovery import missing_extras  # noqa: PLC0415 - only on the way to an error

        yield from super().unknown(ctx, name)
        if extras := missing_extras():
            extra = ",".join(extras)
            yield f"plugins that are not installed may have it: pip install 'ticktrail[{extra}]'"

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing core's own, and say where plugins are missing in it."""
        rows = {name: lazy.summary for name, lazy in _CORE.items()}
        try:
            for name, command in self._plugged(ctx).items():
                if not command.hidden:
                    rows.setdefault(name, command.get_short_help_str(limit=90))
            note = ""
        except PluginError as exc:
            note = f"The plugins' commands are missing here: {exc}"
        with formatter.section("Commands"):
            formatter.write_dl(sorted(rows.items()))
        if note:
            formatter.write_paragraph()
            formatter.write_text(note)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; whatever it raises ends in paragraphs on stderr and an exit status."""
        debug = bool(ctx.params.get("debug"))
        if debug:
            ctx.call_on_close(show_log())
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except click.Abort:
            ctx.exit(INTERRUPTED)
        except (KeyboardInterrupt, FeedError, BaseExceptionGroup) as exc:
            ctx.exit(report(exc, debug=debug))
        except Exception as exc:  # the last word on a defect: a paragraph, and a traceback where asked for
            if isinstance(exc, OSError) and exc.errno == errno.EPIPE:
                raise  # the reader of our output has gone, as in `ticktrail schema | head`; click ends it quietly
            ctx.exit(report(exc, debug=debug))

    def _plugged(self, ctx: click.Context) -> dict[str, click.Command]:
        """Return the plugins' commands; the plugins are loaded once a run of the program.

        Raises:
            PluginError: A plugin is broken, or its command has the name of one of core's.
        """
        if not isinstance(found := ctx.meta.get(__name__), dict):
            from ticktrail._host import Host  # noqa: PLC0415 - `ticktrail check` and its like need no plugin's command

            found = dict(Host.load().commands())
            for name in sorted(found.keys() & _CORE.keys()):
                raise PluginError(
                    f"a plugin's command has the name of ticktrail's own {name}; rename it in the plugin"
                )
            ctx.meta[__name__] = found
        return found


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=_EPILOG,
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error, and of a rule that fails.")
@click.version_option(importlib.metadata.version("ticktrail"), "--version", message="ticktrail %(version)s")
def program(debug: bool) -> None:
    """Market data you can prove: feeds that are validated, fail over, and leave a sealed audit trail."""
