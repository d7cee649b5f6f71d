"""What `mesh smoke` does: everything side by side, a line for each check, exit code 1 if one failed."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Iterable

import msgspec

from mesh.connection import Connection, open_connection
from mesh.errors import BrokerError, FatalError
from mesh.health import VERSION
from mesh.logs import set_up
from mesh.permissions import SMOKE
from mesh.settings import Settings
from mesh.tokens import key_from
from schemas.wire import Wire, encode_json
from services.control.canary import token_of, widgets_url
from services.smoke import instances, urls
from services.smoke.check import Check, Deadline, Wrong
from services.smoke.flags import EXPECTED
from services.smoke.way import open_way
from services.tail.service import token_from


_AGAIN_S = 0.5


class Outcome(Wire, frozen=True):
    """What `--json` prints."""

    ok: bool
    version: str
    """What was expected to run."""
    checks: list[Check]


class Asked(msgspec.Struct, frozen=True):
    """What is to be checked."""

    settings: Settings
    urls: list[str]
    ws: str
    token: Callable[[], str] | None
    version: str
    programs: list[str]
    seconds: float


def main(arguments: argparse.Namespace, settings: Settings) -> int:
    """Check everything; the exit code: 1 if something is wrong.

    Raises:
        MeshError: with a sentence for people: it cannot be checked as it was asked for.
    """
    asked = asked_for(arguments, settings)
    checks = asyncio.run(checked(asked))
    outcome = Outcome(all(each.ok for each in checks), asked.version, checks)
    if arguments.json:
        sys.stdout.write(encode_json(outcome).decode() + "\n")
    else:
        sys.stdout.write("".join(map(_line, checks)) + _end(outcome))
    return 0 if outcome.ok else 1


def asked_for(arguments: argparse.Namespace, settings: Settings) -> Asked:
    """What a command line amounts to.

    Raises:
        FatalError: there is no token, or a recording is played.
    """
    if settings.lossless or settings.source == "tape":
        raise FatalError(
            "a recording is played: what is stored must be what was recorded, so nothing is sent into it"
        )
    return Asked(
        settings=settings,
        urls=arguments.urls,
        ws=arguments.ws or widgets_url(settings),
        token=_token(arguments.token_file, settings),
        version=arguments.version or settings.image_version or VERSION,
        programs=[each for each in EXPECTED if each not in arguments.without],
        seconds=arguments.seconds,
    )


def _token(file: str | None, settings: Settings) -> Callable[[], str] | None:
    """What gives the token for the Widget Data Service; None if it asks nobody for one."""
    if file is not None or os.environ.get("MESH_TOKEN"):
        return token_from(file, os.environ)
    if settings.ws_auth == "none":
        return None
    if key_from(settings) is None:
        raise FatalError(
            "the Widget Data Service lets nobody in without a token: give one in MESH_TOKEN or --token-file, "
            "or the key that it has in MESH_TOKEN_KEY"
        )
    return token_of(settings)


async def checked(asked: Asked) -> list[Check]:
    """All checks, made side by side."""
    deadline = Deadline(asked.seconds)
    async with asyncio.TaskGroup() as tasks:
        telling = [
            tasks.create_task(urls.tells(url, asked.version, deadline)) for url in asked.urls
        ]
        inside = tasks.create_task(_on_broker(asked, deadline))
    return [*(each.result() for each in telling), *inside.result()]


async def _on_broker(asked: Asked, deadline: Deadline) -> list[Check]:
    """The checks that need the broker; if it cannot be asked, or does not answer until the end, that is what is wrong."""
    while True:
        try:
            async with open_connection(
                asked.settings, SMOKE, set_up(SMOKE, "error")
            ) as connection, asyncio.TaskGroup() as tasks:  # fmt: skip
                rolled_out = asyncio.Event()
                there = tasks.create_task(_there(connection, asked, deadline, rolled_out))
                through = tasks.create_task(
                    open_way(
                        connection,
                        asked.settings.partitions,
                        asked.ws,
                        asked.token,
                        deadline,
                        rolled_out,
                    )
                )
            return [*_allowed(connection, deadline), *there.result(), through.result()]
        except* FatalError as group:  # what is not there now will not be there later
            found, is_final = _first(group), True
        except* BrokerError as group:
            found, is_final = _first(group), False
        if is_final or not deadline.left_s:
            wrong = Wrong(found, "a broker that answers", "see MESH_NATS_URL and MESH_NATS_CREDS")
            return [deadline.failed("broker", wrong)]
        await asyncio.sleep(min(_AGAIN_S, deadline.left_s))


def _first(error: BaseException) -> str:
    """What went wrong first, without the groups around it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)


async def _there(
    connection: Connection, asked: Asked, deadline: Deadline, rolled_out: asyncio.Event
) -> list[Check]:
    """The checks of all processes; *rolled_out* is set if none is missing and none is old."""
    checks = await instances.run(connection, asked.programs, asked.version, deadline)
    if all(each.ok for each in checks):
        rolled_out.set()
    return checks


def _allowed(connection: Connection, deadline: Deadline) -> list[Check]:
    """What explains all the rest, if it is so: the broker does not let this user ask."""
    if not connection.denied:
        return []
    wrong = Wrong(
        f"it refuses to this user: {', '.join(sorted(connection.denied))}",
        "the user `smoke`",
        "set MESH_NATS_CREDS to smoke.creds; an older set of keys has it after `mesh nats-keys DIR --renew`",
    )
    return [deadline.failed("broker", wrong)]


def _line(check: Check) -> str:
    if check.ok:
        return f"✓ {check.what}: {check.found} · {check.took_s:.1f} s\n"
    return (
        f"✖ {check.what}: {check.found} · {check.took_s:.1f} s\n"
        f"    expected {check.expected}: {check.advice}\n"
    )


def _end(outcome: Outcome) -> str:
    failed = _names(each.what for each in outcome.checks if not each.ok)
    return f"failed: {failed}\n" if failed else f"everything runs, in {outcome.version}\n"


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)
