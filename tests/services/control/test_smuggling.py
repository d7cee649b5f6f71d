"""Ways out of what was meant: other sites as the way onward, other files as paths, other headers as values."""

import asyncio

import pytest

from services.control.onward import HOME, onward
from tests.services.control.people import PASSWORD, Person
from tests.services.control.serving import Running


pytestmark = pytest.mark.broker

ORIGINS = frozenset({"https://control.example.com", "http://127.0.0.1:8080"})

FOREIGN = [
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example/",
    "https:evil.example", "https:/evil.example", "http:///evil.example", "javascript:alert(1)", "data:text/html,x",
    "https://control.example.com.evil.example/", "https://control.example.com@evil.example/",
    "https://control.example.com:443@evil.example", "https://user@control.example.com/", "http://control.example.com/",
    "/\t/evil.example", "/\n/evil.example", "\t//evil.example", " //evil.example", "/ok\r\nSet-Cookie: a=b",
    "https://control.example.com\\@evil.example", "HTTPS://EVIL.EXAMPLE", "evil.example", "?next=x", "#x", "",
    "https://[::1", "http://127.0.0.1:8080é/", "/" + "a" * 5000, "https://evil.example#https://control.example.com",
]  # fmt: skip


@pytest.mark.parametrize("wanted", FOREIGN)
def test_way_onward_never_leads_away(wanted: str) -> None:
    """Whatever browsers would take for another site leads to the first page instead."""
    assert onward(wanted, ORIGINS) == HOME


@pytest.mark.parametrize(
    "wanted",
    [
        "/account", "/operations?feed=x&y=%2F#z", "http://127.0.0.1:8080/", "http://127.0.0.1:8080",
        "https://control.example.com/account?a=//evil.example",
    ],
)  # fmt: skip
def test_way_onward_leads_to_own_pages(wanted: str) -> None:
    """Paths of our own and pages of known origins are taken as they are."""
    assert onward(wanted, ORIGINS) == wanted


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/a\r\nSet-Cookie: a=b"]
)
async def test_sign_in_leads_to_no_other_site(program: Running, ann: Person, wanted: str) -> None:
    """The answer of a good sign-in names a page of ours, and has no header that the caller wrote."""
    del ann  # whose account it is
    answer = await Person(program).post("/v1/sign-in", name="ann", password=PASSWORD, next=wanted)

    assert answer.json()["next"] == HOME
    assert len(answer.headers.get_list("set-cookie")) == 1
    assert "location" not in answer.headers


async def raw(program: Running, target: str, *headers: str) -> tuple[int, str]:
    """Status and text of an answer to a request whose target is sent as it stands."""
    reader, writer = await asyncio.open_connection("127.0.0.1", program.port)
    lines = [f"GET {target} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *headers, "", ""]
    writer.write("\r\n".join(lines).encode())
    text = (await reader.read()).decode("utf-8", "replace")
    writer.close()
    await writer.wait_closed()
    return int(text.split(" ", 2)[1]), text


@pytest.mark.parametrize(
    "target",
    [
        "/../service.py", "/web/../../service.py", "/people.css/../../service.py", "/%2e%2e/service.py",
        "/..%2fservice.py", "/people.css%00.py", "/..\\service.py", "/....//service.py", "/%252e%252e/service.py",
        "//etc/passwd", "/web/people.css", "/services/control/service.py", "file:///etc/passwd",
    ],
)  # fmt: skip
async def test_paths_lead_to_no_other_file(program: Running, target: str) -> None:
    """Nothing but the files that have a route is served, however the path is written."""
    status, text = await raw(program, target)

    assert status in {400, 404}
    assert "import" not in text
    assert "root:" not in text


@pytest.mark.parametrize(
    "name",
    ["../ann", "..%2fann", "%2e%2e%2fann", "ann%00", "ann%0d%0aX-Evil:1", "616e6e", "*", "%3e"],
)
async def test_names_in_paths_are_names_alone(ann: Person, name: str) -> None:
    """What is written in the place of a user is no path, no pattern and no key: there is no such user."""
    answer = await ann.post(f"/v1/users/{name}", "PATCH", revision=1, role="viewer")

    assert answer.status_code == 404
    assert "x-evil" not in answer.headers
    assert (await ann.look())["role"] == "admin"


async def test_headers_are_not_taken_into_answers(program: Running) -> None:
    """What a caller sends in headers comes back in none, so nobody writes one for somebody else."""
    status, text = await raw(
        program, "/v1/me?next=%0d%0aX-Evil:%201", "Origin: http://x%0d%0aX-Evil: 1", "X-CSRF-Token: %0aX-Evil:1"
    )  # fmt: skip
    head = text.partition("\r\n\r\n")[0].lower()

    assert status == 401
    assert "evil" not in head


async def test_what_is_too_large_or_no_sense_is_refused(program: Running) -> None:
    """Bodies of many sizes and kinds are answered with what is wrong, and nothing is broken."""
    client = program.client()
    assert (await client.post("/v1/sign-in", content=b"x" * 70_000)).status_code == 413
    for body in (
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"name": 1}',
        b"\xff\xfe",
        b'{"name": "a"}',
        b"[" * 5000,
    ):
        answer = await client.post(
            "/v1/sign-in", content=body, headers={"Content-Type": "application/json"}
        )
        assert (answer.status_code, bool(answer.json()["message"])) == (400, True), body
    long = await client.post("/v1/sign-in", json={"name": "a", "password": "x" * 3000})
    assert long.status_code == 400
    assert program.lifecycle.said("request.failed") == []
