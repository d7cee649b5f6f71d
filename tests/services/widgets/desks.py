"""Desks that pages of tests begin with, instead of the usual one."""

from typing import Any

from playwright.async_api import Page

from schemas.wire import encode_json


OWN_CONNECTION = "localStorage.setItem('tickmesh.connection', 'own')"
"""A page that shares its connection with no other: what goes over it can then be seen by a test."""


def widget(kind: str, n: int = 0, link: str | None = "blue", **settings: Any) -> dict[str, Any]:
    """A widget as a layout has it; the *n*-th of three beside each other."""
    place = {"x": 8 * n, "y": 0, "w": 8, "h": 20}
    return {
        "id": f"{kind}-{n}", "kind": kind, "title": None, "link": link, **place, "settings": settings,
    }  # fmt: skip


async def begin_with(page: Page, *widgets: dict[str, Any], script: str = "") -> None:
    """Have *page* begin with a desk of these, unless it has a desk already; *script* is run before."""
    layout = {"name": "Test", "description": "", "created_ms": 1, "modified_ms": 1}
    desk = {
        "version": 1, "active": "Test", "usual": "Test", "locked": False,
        "layouts": [{**layout, "widgets": list(widgets)}],
    }  # fmt: skip
    text = encode_json(encode_json(desk).decode()).decode()
    await page.add_init_script(
        f"{script}; localStorage.getItem('tickmesh.desk') ?? localStorage.setItem('tickmesh.desk', {text})"
    )
