"""What `mesh ctl` does: reads who is there and what is wanted, changes the latter, and waits until it is obeyed."""

import argparse
import asyncio
import os
import platform
import pwd
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from mesh import changes, clock
from mesh.connection import Connection, open_connection
from mesh.control import By, Change, Control, Kept
from mesh.errors import BrokerError, ConflictError, FatalError
from mesh.logs import set_up
from mesh.roll_call import Instance, roll_call
from mesh.settings import Settings
from schemas.wire import encode_json
from services import scanners
from services.control.audit import Audit
from services.ctl import view


_OBEYED_WITHIN_S = 5.0

Obeyed = Callable[[Sequence[Instance]], bool]


class Order(NamedTuple):
    """A change, and how one sees that it was obeyed."""

    change: Change
    said: str
    """What is so when it was."""
    program: str
    """Who is to obey."""
    obeyed: Obeyed
    otherwise: str = "see `mesh ctl status`"
    """What there is to say if it was not."""


def main(arguments: argparse.Namespace, settings: Settings) -> int:
    """Carry out one action; the exit code: 1 if it was refused, or is not obeyed.

    Raises:
        MeshError: with a sentence for people.
    """
    try:
        return asyncio.run(_act(arguments, settings))
    except ConflictError as error:
        present = msgspec.to_builtins(error.present)
        sys.stderr.write(f"refused: {error}\nwanted now: {encode_json(present).decode()}\n")
        return 1
    except ValueError as error:
        raise FatalError(str(error)) from error


async def _act(arguments: argparse.Namespace, settings: Settings) -> int:
    async with open_connection(settings, "ctl", set_up("ctl", "error")) as connection:
        try:
            if arguments.subject == "status":
                return await _status(connection, as_json=arguments.json)
            if arguments.subject == "audit":
                return await _audit(connection, arguments)
            instances = await roll_call(connection)
            orders = _orders(arguments, settings, instances)
            codes = [await _give(connection, order, arguments, instances) for order in orders]
            return max(codes)
        except BrokerError as error:
            raise FatalError(
                f"{error}. Is this the broker of a mesh? `mesh up` or `mesh topology apply` makes its streams"
            ) from error


async def _status(connection: Connection, *, as_json: bool) -> int:
    instances = await roll_call(connection)
    kept = await Control(connection).all()
    if as_json:
        wanted = {
            each.key: {"revision": each.revision, **msgspec.to_builtins(each.value)}
            for each in kept
        }
        _say([encode_json({"instances": instances, "wanted": wanted}).decode()])
    else:
        _say(view.status(instances, kept, clock.now_ms()))
    return 0


async def _audit(connection: Connection, arguments: argparse.Namespace) -> int:
    audit = Audit(connection)
    seen: list[Any] = []
    while True:
        records = await audit.read(arguments.most, arguments.who, arguments.action)
        fresh = [record for record in reversed(records) if record not in seen]
        if arguments.json:
            _say(encode_json(record).decode() for record in fresh)
        else:
            _say(map(view.record_line, fresh))
        if not arguments.follow:
            return 0
        seen = records
        await asyncio.sleep(1.0)


def _orders(
    arguments: argparse.Namespace, settings: Settings, instances: Sequence[Instance]
) -> list[Order]:
    """What the command line asks for. Raises ValueError if that is nothing that can be done."""
    match arguments.subject:
        case "feed":
            return [_feed_order(arguments)]
        case "board":
            return [_board_order(arguments, settings)]
        case "worker":
            return [_drain_order(arguments, _one(instances, "processors", arguments.instance))]
        case "widgets":
            name = arguments.instance
            found = [_one(instances, "widgets", name)] if name else _all(instances, "widgets")
            return [_drain_order(arguments, each) for each in found]
        case "log":
            return [_log_order(arguments)]
        case _:
            return [Order(changes.rebalance(), "dealt anew", "processors", lambda _: True)]


def _feed_order(arguments: argparse.Namespace) -> Order:
    name, action = arguments.name, arguments.action
    program = "listener" if name == changes.MASSIVE else "news"

    def obeyed(instances: Sequence[Instance]) -> bool:
        states = view.feed_states(instances, name)
        return any(each["running"] is (action != "stop") for each in states)

    if action == "set":
        change = changes.set_feed(
            name, channels=arguments.channels, host=arguments.host, market=arguments.market
        )
        return Order(change, "set", program, lambda _: True)
    make, said = {
        "stop": (changes.stop_feed, "stopped"),
        "start": (changes.start_feed, "started"),
        "restart": (changes.restart_feed, "restarted"),
    }[action]
    return Order(make(name), said, program, obeyed)


def _board_order(arguments: argparse.Namespace, settings: Settings) -> Order:
    names = [board.name for board in scanners.discover(settings.boards)]
    name = arguments.name
    if name not in names:
        raise ValueError(f"there is no board {name!r}; there are {', '.join(names)}")
    is_paused = arguments.action == "pause"
    change = changes.pause_board(name) if is_paused else changes.resume_board(name)

    def obeyed(instances: Sequence[Instance]) -> bool:
        return any((name in each.state.get("paused", ())) is is_paused for each in instances)

    return Order(change, "paused" if is_paused else "resumed", "boards", obeyed)


def _drain_order(arguments: argparse.Namespace, instance: Instance) -> Order:
    is_drained = arguments.action == "drain"
    make = {
        ("worker", True): changes.drain_worker,
        ("worker", False): changes.resume_worker,
        ("widgets", True): changes.drain_widgets,
        ("widgets", False): changes.resume_widgets,
    }[arguments.subject, is_drained]
    here = instance.instance

    def obeyed(instances: Sequence[Instance]) -> bool:
        for each in instances:
            if each.instance == here:
                is_empty = not is_drained or not each.state.get("partitions")
                return each.state["drained"] is is_drained and is_empty
        return False

    otherwise = "it keeps its work until another process of its program can take it"
    said = "drained" if is_drained else "resumed"
    return Order(make(here), said, instance.program, obeyed, otherwise)


def _log_order(arguments: argparse.Namespace) -> Order:
    level = None if arguments.level == "default" else arguments.level

    def obeyed(instances: Sequence[Instance]) -> bool:
        mine = [each.log_level for each in instances if each.program == arguments.program]
        return set(mine) == {level} or (level is None and bool(mine))

    said = f"writes lines of level {arguments.level} and above"
    return Order(changes.set_level(arguments.program, level), said, arguments.program, obeyed)


def _all(instances: Iterable[Instance], program: str) -> list[Instance]:
    found = [each for each in instances if each.program == program]
    if not found:
        raise ValueError(f"no process of {program} answers: see `mesh ctl status`")
    return found


def _one(instances: Iterable[Instance], program: str, name: str) -> Instance:
    """The process of *program* whose name is *name*, or ends so."""
    running = _all(instances, program)
    found = [each for each in running if each.instance.endswith(name)]
    if len(found) != 1:
        names = ", ".join(each.instance for each in running)
        what = f"several processes of {program} end" if found else f"no process of {program} ends"
        raise ValueError(f"{what} in {name!r}; there are {names}")
    return found[0]


async def _give(
    connection: Connection,
    order: Order,
    arguments: argparse.Namespace,
    instances: Sequence[Instance],
) -> int:
    revision = getattr(arguments, "revision", None)
    kept = await Control(connection).change(order.change, _me(), revision)
    began_s = clock.monotonic_s()
    has_program = any(each.program == order.program for each in instances)
    is_obeyed = has_program and await _is_obeyed(connection, order)
    took_s = clock.monotonic_s() - began_s
    if arguments.json:
        wanted = msgspec.to_builtins(kept.value)
        _say(
            [
                encode_json(
                    {
                        "key": kept.key,
                        "revision": kept.revision,
                        "wanted": wanted,
                        "obeyed": is_obeyed,
                    }
                ).decode()
            ]
        )
    else:
        _say([_told(order, kept, has_program=has_program, is_obeyed=is_obeyed, took_s=took_s)])
    return 0 if is_obeyed or not has_program else 1


def _told(order: Order, kept: Kept, *, has_program: bool, is_obeyed: bool, took_s: float) -> str:
    what = f"{kept.key}: {order.said} (revision {kept.revision})"
    if not has_program:
        return f"{what}; no {order.program} runs, the next one will obey"
    if is_obeyed:
        return f"{what}; obeyed within {took_s:.1f} s"
    return f"{what} is wanted, but {order.program} has not obeyed within {_OBEYED_WITHIN_S:.0f} s: {order.otherwise}"


async def _is_obeyed(connection: Connection, order: Order) -> bool:
    end_s = clock.monotonic_s() + _OBEYED_WITHIN_S
    while clock.monotonic_s() < end_s:
        if order.obeyed(await roll_call(connection, order.program)):
            return True
    return False


def _me() -> By:
    """The user of this system, who cannot call himself another."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may know no names
        name = str(os.getuid())
    return By(f"cli:{name}", platform.node())


def _say(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()
