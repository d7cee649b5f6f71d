"""The `mesh` command: `mesh up` for everything, `mesh run NAME` for one program."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path

from mesh import topology
from mesh.config import load, table
from mesh.connection import open_connection
from mesh.errors import MeshError
from mesh.lifecycle import EX_FATAL, run
from mesh.logs import set_up
from mesh.settings import Settings
from schemas.wire import encode_json
from services.backup import flags as backup_flags
from services.bench import flags as bench_flags
from services.ctl import flags as ctl_flags
from services.load import flags as load_flags
from services.nats_keys import flags as nats_keys_flags
from services.smoke import flags as smoke_flags
from services.tail import flags as tail_flags
from services.tokens import flags as token_flags
from services.up import flags as up_flags


PROGRAMS = (
    "simulator",
    "reference",
    "processors",
    "boards",
    "widgets",
    "control",
    "news",
    "listener",
)
"""Every program, in the order in which `mesh up` starts them: what others need comes first."""

Command = Callable[..., argparse.ArgumentParser]
"""Declares a command by its name and help; `mesh --help` lists them in this order."""


def main(argv: list[str] | None = None) -> int:
    """Run the command line *argv*; the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.act(arguments)
    except MeshError as error:
        sys.stderr.write(f"mesh: {error}\n")
        return EX_FATAL
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mesh", description="A market-data event mesh for a real-time US stock scanner."
    )
    command = parser.add_subparsers(required=True, metavar="COMMAND").add_parser
    _add_programs(command)
    _add_topology(command)
    _add_tables(command)
    _add_measurements(command)
    _add_questions(command)
    return parser


def _add_programs(command: Command) -> None:
    up = command("up", help="start everything: broker, feed or simulator, boards, page")
    up_flags.add(up)
    up.set_defaults(act=_up)

    one = command("run", help="run one program until SIGTERM")
    one.add_argument("program", choices=PROGRAMS)
    one.set_defaults(act=lambda arguments: _run(arguments.program))

    stored = command("broker", help="serve a data directory's boards and rows, without any program")
    stored.add_argument("--data-dir", required=True, help="as given to `mesh up`")
    stored.add_argument("--nats-port", type=int, default=0, help="default: 4222, or a free one")
    stored.set_defaults(act=_broker)


def _add_topology(command: Command) -> None:
    kinds = command("topology", help="compare or apply nats/*.json").add_subparsers(
        required=True, metavar="ACTION"
    )
    kinds.add_parser(
        "diff", help="show what differs on the broker; exit code 1 if anything does"
    ).set_defaults(act=lambda _: asyncio.run(_diff(load(os.environ))))
    apply = kinds.add_parser(
        "apply", help="create and update streams and buckets; changes nothing the second time"
    )
    apply.add_argument(
        "--force", action="store_true", help="also narrow limits, which discards data"
    )
    apply.set_defaults(
        act=lambda arguments: asyncio.run(_apply(load(os.environ), force=arguments.force))
    )

    kept = command("backup", help="write what persons made (accounts, layouts, audit) into a file")
    backup_flags.add(kept, writes=True)
    kept.set_defaults(act=partial(_backup, "back_up"))
    back = command("restore", help="put such a file onto a broker that holds none of it")
    backup_flags.add(back, writes=False)
    back.set_defaults(act=partial(_backup, "restore"))


def _add_tables(command: Command) -> None:
    config = command("config", help="print every setting with its value in force")
    config.add_argument(
        "--markdown", action="store_true", help="the table of the README, with the defaults"
    )
    config.set_defaults(act=_config)

    boards = command("boards", help="print every board with what it is ranked by")
    boards.add_argument("--markdown", action="store_true", help="the table of the README")
    boards.set_defaults(act=_boards)

    telemetry = command("telemetry", help="print every metric, span and log event")

    telemetry.set_defaults(act=_telemetry)


def _add_measurements(command: Command) -> None:
    _add_benches(command("bench", help="measure; prints one JSON object"))

    crowd = command("load", help="many clients of the Widget Data Service; prints one JSON object")
    load_flags.add(crowd)
    crowd.set_defaults(act=_load)


def _add_questions(command: Command) -> None:
    partitions = command(
        "partitions",
        help="who owns what, how far it is, and what is wrong; exit code 1 without an owner",
    )
    partitions.add_argument("--json", action="store_true", help="one JSON object")
    partitions.set_defaults(act=_partitions)

    ctl = command("ctl", help="see and change what runs: feeds, workers, boards, logs; the audit")
    ctl_flags.add(ctl)
    ctl.set_defaults(act=_ctl)

    token = command("token", help="issue, look at or revoke a client's token")
    token_flags.add(token)
    token.set_defaults(act=_token)

    keys = command("nats-keys", help="make NATS keys and credentials, or take credentials back")
    nats_keys_flags.add(keys)
    keys.set_defaults(act=_nats_keys)

    tail = command("tail", help="follow a feed in the terminal, or into a pipe")
    tail_flags.add(tail)
    tail.set_defaults(act=_tail)

    smoke = command(
        "smoke",
        help="prove that what was deployed runs, and data comes through; exit code 1 if not",
    )
    smoke_flags.add(smoke)
    smoke.set_defaults(act=_smoke)

    command("doctor", help="say what is wrong with this machine and these settings").set_defaults(
        act=_doctor
    )


def _add_benches(parser: argparse.ArgumentParser) -> None:
    benches = parser.add_subparsers(required=True, metavar="BENCH")
    for name, bench in {**bench_flags.BENCHES, **bench_flags.LONG}.items():
        one = benches.add_parser(name, help=bench.about)
        bench_flags.add(one, bench)
        one.set_defaults(act=partial(_bench, name))
    benches.add_parser("all", help="every bench, compared with what was recorded").set_defaults(
        act=lambda _: import_module("services.bench.all").main()
    )


def _up(arguments: argparse.Namespace) -> int:
    code: int = import_module("services.up.service").main(arguments)
    return code


def _run(program: str) -> int:
    # Imported here, so that no program pays for the libraries of another.
    return run(program, import_module(f"services.{program}.service").serve)


def _broker(arguments: argparse.Namespace) -> int:
    served = import_module("services.up.stored")
    code: int = served.main(Path(arguments.data_dir), arguments.nats_port)
    return code


def _bench(name: str, arguments: argparse.Namespace) -> int:
    _say(encode_json(import_module(f"services.bench.{name}").main(arguments)).decode())
    return 0


def _partitions(arguments: argparse.Namespace) -> int:
    survey = import_module("services.partitions.survey")
    code: int = survey.main(load(os.environ), as_json=arguments.json)
    return code


def _load(arguments: argparse.Namespace) -> int:
    _say(encode_json(import_module("services.load.service").main(arguments)).decode())
    return 0


def _tail(arguments: argparse.Namespace) -> int:
    code: int = import_module("services.tail.service").main(arguments)
    return code


def _token(arguments: argparse.Namespace) -> int:
    code: int = import_module("services.tokens.command").main(arguments, os.environ)
    return code


def _ctl(arguments: argparse.Namespace) -> int:
    code: int = import_module("services.ctl.command").main(arguments, load(os.environ))
    return code


def _nats_keys(arguments: argparse.Namespace) -> int:
    code: int = import_module("services.nats_keys.command").main(arguments, os.environ)
    return code


def _smoke(arguments: argparse.Namespace) -> int:
    code: int = import_module("services.smoke.command").main(arguments, load(os.environ))
    return code


def _backup(act: str, arguments: argparse.Namespace) -> int:
    code: int = getattr(import_module("services.backup.command"), act)(arguments.file, os.environ)
    return code


def _doctor(_: argparse.Namespace) -> int:
    code: int = import_module("services.doctor").main(os.environ)
    return code


async def _diff(settings: Settings) -> int:
    async with open_connection(settings, "topology", set_up("topology", "error")) as connection:
        drifts = await topology.diff(connection, topology.definitions(settings.replicas))
    _say("\n".join(map(topology.describe, drifts)) or "no drift: the broker agrees with nats/")
    return 1 if drifts else 0


async def _apply(settings: Settings, *, force: bool) -> int:
    async with open_connection(settings, "topology", set_up("topology", "error")) as connection:
        changed = await topology.apply(
            connection, topology.definitions(settings.replicas), force=force
        )
    _say(
        "\n".join(f"applied {topology.describe(drift)}" for drift in changed)
        or "nothing to do: the broker agrees with nats/"
    )
    return 0


def _config(arguments: argparse.Namespace) -> int:
    if arguments.markdown:
        rows = table(Settings())
        _say("| setting | default | what it does |\n|---|---|---|")
        _say(
            "\n".join(
                f"| `{env}` | {f'`{value}`' if value else ''} | {text} |"
                for env, value, text in rows
            )
        )
        return 0
    rows = table(load(os.environ))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    _say("\n".join(f"{env:{widths[0]}}  {value:{widths[1]}}  {text}" for env, value, text in rows))
    return 0


def _telemetry(_: argparse.Namespace) -> int:
    _say(import_module("services.telemetry.table").markdown())
    return 0


def _boards(arguments: argparse.Namespace) -> int:
    found: list[tuple[str, str]] = import_module("services.scanners").described(
        load(os.environ).boards
    )
    if arguments.markdown:
        _say("| board | ranked by |\n|---|---|")
        _say("\n".join(f"| `{name}` | {text} |" for name, text in found))
        return 0
    width = max(len(name) for name, _ in found)
    _say("\n".join(f"{name:{width}}  {text}" for name, text in found))
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
