"""What a person does at the provider, without a browser: go there, give a name, consent, come back."""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx


_FORM = re.compile(r'<form[^>]* action="([^"]+)"')
_STEPS = 12
"""More than it takes: who is sent in circles must not wait for ever."""


class Answer(NamedTuple):
    """With what the provider sends a browser back."""

    address: str
    parameters: dict[str, str]


async def answered(address: str, login: str) -> Answer:
    """Go to *address* as *login* and agree to everything, until the provider sends us back to where we came from."""
    back = dict(parse_qsl(urlsplit(address).query))["redirect_uri"]
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        response = await http.get(address)
        for _ in range(_STEPS):
            if response.has_redirect_location:
                target = urljoin(str(response.url), response.headers["location"])
                if target.startswith(back):
                    return Answer(target, dict(parse_qsl(urlsplit(target).query)))
                response = await http.get(target)
            else:
                target, fields = _filled(response, login)
                response = await http.post(target, data=fields)
    raise AssertionError("the provider never came to an end")


def _filled(response: httpx.Response, login: str) -> tuple[str, dict[str, str]]:
    """Where a form of the provider goes, and what with."""
    form = _FORM.search(response.text)
    assert form is not None, response.text
    prompt = "consent" if 'value="consent"' in response.text else "login"
    fields = {"prompt": prompt, "login": login, "password": "any"}
    return urljoin(str(response.url), form[1]), fields
