"""The page of the broker, nats/README.md: what it says may be asked with whose credentials can be asked with them."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from nats.errors import Error

from mesh.nats_keys import creds_file
from mesh.testing import eventually
from services.up.stored import KEYS
from tests.mesh.keys import Signed, signed_in
from tests.system.mesh_up import MeshUp, mesh_up


pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "nats" / "README.md").read_text()
README = (ROOT / "README.md").read_text()
PATIENCE_S = 10.0


class Question(NamedTuple):
    """A row of the table."""

    command: str
    user: str


QUESTIONS = [
    Question(*found)
    for found in re.findall(
        r"^\| [^|]+\? [^|]*\| `(nats [^|]+)` \| (reader|admin) \|$", PAGE, re.MULTILINE
    )
]


class Asking:
    """A client of NATS that makes the requests which a command makes."""

    def __init__(self, user: Signed, domain: str) -> None:
        self.user = user
        self._api = f"$JS.{domain}.API" if domain else "$JS.API"

    async def request(self, subject: str, body: Any = None) -> bytes:
        """The answer; it must come."""
        payload = b"" if body is None else msgspec.json.encode(body)
        return (await self.user.client.request(subject, payload, timeout=PATIENCE_S)).data

    async def api(self, subject: str, body: Any = None) -> dict[str, Any]:
        """What the API of the streams answers; no error."""
        answer = msgspec.json.decode(await self.request(f"{self._api}.{subject}", body))
        assert "error" not in answer, answer
        return answer  # type: ignore[no-any-return]  # JSON

    async def consume(self, stream: str, **config: Any) -> bytes:
        """The first message of a consumer that is deleted then, as commands do."""
        heard = await self.user.client.subscribe(inbox := self.user.client.new_inbox())
        usual = {"deliver_subject": inbox, "ack_policy": "none", "flow_control": True, "idle_heartbeat": 5_000_000_000}  # fmt: skip
        made = await self.api(f"CONSUMER.CREATE.{stream}", {"stream_name": stream, "config": {**usual, **config}})  # fmt: skip
        first = await heard.next_msg(timeout=PATIENCE_S)
        await self.api(f"CONSUMER.DELETE.{stream}.{made['name']}")
        return first.data


async def _micro_ls(ask: Asking) -> None:
    assert msgspec.json.decode(await ask.request("$SRV.INFO"))["name"]


async def _micro_info(ask: Asking) -> None:
    info = msgspec.json.decode(await ask.request("$SRV.INFO.widgets"))
    assert info["metadata"]["image_version"] == "3.2.1"
    assert b"average_processing_time" in await ask.request(f"$SRV.STATS.widgets.{info['id']}")


async def _status(ask: Asking) -> None:
    assert msgspec.json.decode(await ask.request("ctl.processors.get.status"))["ready"]


async def _consumer_report(ask: Asking) -> None:
    assert (await ask.api("STREAM.INFO.TAPE_NEWS"))["config"]["name"] == "TAPE_NEWS"
    [consumer] = (await ask.api("CONSUMER.LIST.TAPE_NEWS"))["consumers"]
    assert consumer["num_pending"] >= 0


async def _stream_report(ask: Asking) -> None:
    assert len((await ask.api("STREAM.LIST"))["streams"]) > 30


async def _kv_get(ask: Asking) -> None:
    assert (await ask.api("STREAM.INFO.KV_boards"))["config"]["name"] == "KV_boards"
    subject = f"{ask._api}.DIRECT.GET.KV_boards.$KV.boards.gainers"

    async def rows() -> list[Any]:
        stored = await ask.request(subject)  # nothing until the first is published
        return msgspec.json.decode(stored)["rows"] if stored else []

    await eventually(rows, timeout_s=60)  # type: ignore[arg-type]  # T is what is awaited


async def _sub(ask: Asking) -> None:
    heard = await ask.user.client.subscribe("row.*")
    first = await heard.next_msg(timeout=PATIENCE_S)
    assert first.subject.startswith("row.")


async def _alerts(ask: Asking) -> None:
    start = "2026-01-05T14:30:00Z"  # all that were stored since
    found = await ask.consume("ALERTS", deliver_policy="by_start_time", opt_start_time=start)
    assert b'"kind"' in found


async def _kv_ls(ask: Asking) -> None:
    assert (await ask.api("STREAM.INFO.KV_halts"))["config"]["name"] == "KV_halts"
    # Of a bucket with keys for sure: halts of the synthetic market are not at every moment.
    await ask.consume("KV_rows", deliver_policy="last_per_subject", filter_subject="$KV.rows.>", headers_only=True)  # fmt: skip


async def _stream_get(ask: Asking) -> None:
    found = await ask.api("STREAM.MSG.GET.AUDIT", {"last_by_subj": "audit.>"})
    assert found["message"]["subject"].startswith("audit.")


REQUESTS: dict[str, Callable[[Asking], Awaitable[None]]] = {
    "nats micro ls": _micro_ls,
    "nats micro info widgets": _micro_info,
    "nats req ctl.processors.get.status ''": _status,
    "nats consumer report TAPE_NEWS": _consumer_report,
    "nats stream report": _stream_report,
    "nats kv get boards gainers --raw": _kv_get,
    "nats sub 'row.BRK/B'": _sub,
    "nats sub 'alert.>' --stream ALERTS": _alerts,
    "nats kv ls halts": _kv_ls,
    "nats stream get AUDIT --last-for 'audit.>'": _stream_get,
}


@asynccontextmanager
async def _running(folder: Path) -> AsyncIterator[MeshUp]:
    """A mesh that has told of an alert, and of somebody's change."""
    async with mesh_up(
        folder, MESH_SIM_SYMBOLS="300", MESH_SIM_START="2026-01-05T09:30:10", MESH_IMAGE_VERSION="3.2.1"
    ) as mesh:  # fmt: skip
        await mesh.until_ready()
        async with signed_in(_url(mesh), _creds(mesh, "admin")) as admin:
            asking = Asking(admin, "")
            await asking.request("ctl.boards.do.log", {"level": "info", "by": "ann"})

            async def told_of() -> bool:
                found = [await asking.api(f"STREAM.INFO.{name}") for name in ("ALERTS", "AUDIT")]
                return all(each["state"]["messages"] for each in found)

            await eventually(told_of, timeout_s=90)  # type: ignore[arg-type]  # T is what is awaited
        yield mesh


def _url(mesh: MeshUp) -> str:
    return f"nats://127.0.0.1:{mesh.nats_port}"


def _creds(mesh: MeshUp, user: str) -> Path:
    return creds_file(mesh.data_dir / KEYS, user)


def test_page_has_ten_questions() -> None:
    """Each has a command, and each command is asked for below."""
    assert len(QUESTIONS) == 10
    assert {_asked(each.command) for each in QUESTIONS} == REQUESTS.keys()


def _asked(command: str) -> str:
    return next((known for known in REQUESTS if command.startswith(known)), command)


async def test_requests_of_the_page_are_allowed(tmp_path: Path) -> None:
    """What each command asks of the broker is answered to the user that the page names, and the broker refuses nothing."""
    async with _running(tmp_path) as mesh:
        for question in QUESTIONS:
            domain = "mesh" if question.user == "reader" else ""
            async with signed_in(_url(mesh), _creds(mesh, question.user)) as user:
                await REQUESTS[_asked(question.command)](Asking(user, domain))
                await user.client.flush()
                assert user.refused == [], question.command


async def test_reader_is_refused_what_the_page_keeps_for_the_admin(tmp_path: Path) -> None:
    """A page that asked for less than is needed would be wrong too: readers do not get those answers."""
    async with _running(tmp_path) as mesh:
        for question in (each for each in QUESTIONS if each.user == "admin"):
            async with signed_in(_url(mesh), _creds(mesh, "reader")) as user:
                asking = Asking(user, "mesh")
                with pytest.raises((Error, TimeoutError)):
                    async with asyncio.timeout(1):
                        await REQUESTS[_asked(question.command)](asking)
                await eventually(lambda refused=user.refused: bool(refused))


@pytest.mark.parametrize(("now_s", "since_s"), [(34_199, 86_399), (34_200, 0), (57_600, 23_400)])
def test_alerts_can_be_asked_for_before_the_open_too(now_s: int, since_s: int) -> None:
    """A second before 09:30 they are those since yesterday's: a negative duration is taken for another option."""
    [command] = (each.command for each in QUESTIONS if "ALERTS" in each.command)
    [sum_] = re.findall(r"\$\(\(.*\)\)", command)
    at = {"$(date +%s)": now_s, "$(TZ=America/New_York date -d 09:30 +%s)": 34_200}
    for asked, answer in at.items():
        sum_ = sum_.replace(asked, str(answer))

    assert subprocess.check_output(["sh", "-c", f"echo {sum_}"]) == f"{since_s}\n".encode()  # noqa: S603, S607  # the page's own


@pytest.mark.skipif(shutil.which("nats") is None, reason="the `nats` command is not on PATH")
async def test_commands_of_the_page_run(tmp_path: Path) -> None:
    """The commands themselves, word for word, with the credentials that the page names."""
    async with _running(tmp_path) as mesh:
        for question in QUESTIONS:
            code, said = await _run(mesh, question)
            assert code == 0, f"{question.command}: {said}"


async def _run(mesh: MeshUp, question: Question) -> tuple[int, str]:
    """What a command says; one that follows something ends after its first message."""
    command = question.command
    if command.startswith("nats sub"):
        command = command.replace("row.BRK/B", "row.*") + " --count 1"
    if question.user == "reader":
        command = command.replace("nats ", "nats --js-domain mesh ", 1)
    process = await asyncio.create_subprocess_shell(
        command,
        env={
            **os.environ,
            "NATS_URL": _url(mesh),
            "NATS_CREDS": str(_creds(mesh, question.user)),
            "HOME": str(mesh.data_dir),  # without contexts of whoever runs this
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(30):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


def test_commands_of_the_readme_are_those_of_the_page() -> None:
    """Whatever form of `nats` the README shows is in the tables of the page, with whose credentials it needs."""
    shown = re.findall(r"^(nats (?:-\S+ \S+ )*(?:sub|req|(?:kv|stream|micro|consumer) \w+))\b", README, re.MULTILINE)  # fmt: skip
    forms = {re.sub(r"-\S+ \S+ ", "", each) for each in shown}

    assert len(forms) > 4
    for form in forms:
        assert f"`{form}" in PAGE, form
