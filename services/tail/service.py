"""What `mesh tail` does: follow one feed until Ctrl-C."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import UNSET
from rich.console import Console

from mesh.errors import SettingsError, SubscriptionRefusedError
from mesh.widget_client import open_widget_client
from schemas.widget import View
from services.tail.cells import printable
from services.tail.lines import Lines
from services.tail.screen import AROUND_LINES, Screen


EX_USAGE = 2
"""As argparse has it."""

_TICK_S = 0.5
_TOKEN = "MESH_TOKEN"  # noqa: S105  # the name of a variable


def main(arguments: argparse.Namespace) -> int:
    """Follow the feed; the exit code: 0 after Ctrl-C, 2 if the service refused what was asked for.

    Raises:
        MeshError: no token could be read, or the service wants nothing from this client.
    """
    token = token_from(arguments.token_file, os.environ)
    try:
        return asyncio.run(_follow(arguments, token))
    except (asyncio.CancelledError, KeyboardInterrupt):
        return 0
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SubscriptionRefusedError as refused:
        sys.stderr.write(explained(refused, arguments.where))
        return EX_USAGE


def token_from(file: str | None, environment: Mapping[str, str]) -> Callable[[], str]:
    """What gives the token before each connection; empty if there is none.

    Raises:
        SettingsError: the *file* cannot be read.
    """
    if file is None:
        return lambda: environment.get(_TOKEN, "").strip()
    path = Path(file)
    try:
        path.read_text()
    except (OSError, UnicodeError) as error:
        raise SettingsError([f"the token's file {file!r} cannot be read: {error}"]) from error
    return lambda: path.read_text().strip()


def explained(refused: SubscriptionRefusedError, where: str | None) -> str:
    """What was refused; if a place in the condition is to blame, with a caret under it."""
    said = f"mesh tail: {refused}\n"
    if where is None or refused.place is None:
        return said
    return f"{printable(where)}\n{' ' * refused.place}^\n{said}"


def view_of(arguments: argparse.Namespace, fits: int | None) -> View:
    """The view that was asked for; of at most as many rows as *fits*, unless a number was given."""
    return View(
        columns=arguments.columns or UNSET,
        top=arguments.top or fits or UNSET,
        sort=arguments.sort or UNSET,
        where=arguments.where or UNSET,
        hz=arguments.hz or UNSET,
    )


async def _follow(arguments: argparse.Namespace, token: Callable[[], str]) -> int:
    _end_on_signals()
    console = Console()
    as_json = arguments.json or not sys.stdout.isatty()
    fits = None if as_json else max(1, console.height - AROUND_LINES)
    async with open_widget_client(arguments.url, token) as client:
        subscription = await client.subscribe(arguments.feed, view_of(arguments, fits))
        outlet: Screen | Lines = (
            Lines(sys.stdout.buffer, sys.stderr, client, subscription)
            if as_json
            else Screen(console, client, subscription)
        )
        with outlet:
            while True:
                try:
                    async with asyncio.timeout(_TICK_S):
                        update = await subscription.change()
                except TimeoutError:
                    outlet.on_tick()
                    continue
                if update is None:
                    return 0
                outlet.on_update(update)


def _end_on_signals() -> None:
    """A signal ends the conversation in order, and leaves the terminal as it was."""
    following = asyncio.current_task()
    if following is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, following.cancel)
