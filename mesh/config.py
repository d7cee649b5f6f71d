"""Settings from the environment and back to it, all problems reported at once.

Unknown `MESH_*` names are refused, because a misspelt limit is a missing limit.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from mesh.address import is_loopback
from mesh.errors import SettingsError
from mesh.settings import KEY_CHARACTERS, SETTINGS, Settings


OF_CLIENTS = ("MESH_TOKEN",)
"""Variables of commands that are clients of the mesh: no settings of it, and not to be refused either."""


def load(environment: Mapping[str, str]) -> Settings:
    """The settings that *environment* asks for; a variable that is empty counts as unset.

    The key is `MASSIVE_API_KEY`, else `POLYGON_API_KEY` (the vendor's former name), else what the
    file of `MESH_API_KEY_FILE` holds; that of tokens `MESH_TOKEN_KEY`, else what the file of
    `MESH_TOKEN_KEY_FILE` holds; that of Finlight and the secret of the
    OpenID Connect client likewise.

    Raises:
        SettingsError: one line for each unknown `MESH_*` name and each value that is not what
            was expected, all of them together.
    """
    known = {setting.env for setting in SETTINGS}
    problems = [
        f"{name} is not a setting; `mesh config` lists them all"
        for name in sorted(environment)
        if name.startswith("MESH_") and name not in known and name not in OF_CLIENTS
    ]
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        text = environment.get(setting.env, "")
        if text:
            try:
                values[setting.field] = msgspec.convert(text, setting.kind, strict=False)
                setting.check(text)
            except ValueError as error:
                shown = "(secret)" if setting.secret else repr(text)
                problems.append(f"{setting.env} was {shown}: {error}; {setting.text}")
    if problems:
        raise SettingsError(problems)
    settings = Settings(**values)
    if settings.ws_page_token and not is_loopback(settings.host):
        # Who reaches the port from elsewhere can call it by any name, and would be given the token too.
        raise SettingsError(
            [f"MESH_WS_PAGE_TOKEN is for this machine alone, and MESH_HOST was {settings.host!r}"]
        )
    former = environment.get("POLYGON_API_KEY", "")
    return msgspec.structs.replace(
        settings,
        api_key=settings.api_key or former or _key_in(settings.api_key_file, "MESH_API_KEY_FILE"),
        finlight_key=settings.finlight_key
        or _key_in(settings.finlight_key_file, "MESH_FINLIGHT_KEY_FILE"),
        oidc_client_secret=settings.oidc_client_secret
        or _key_in(settings.oidc_client_secret_file, "MESH_OIDC_CLIENT_SECRET_FILE"),
        token_key=settings.token_key or _token_key_in(settings.token_key_file),
    )


def _key_in(path: str, env: str) -> str:
    """The key that a file holds; empty without one."""
    try:
        return Path(path).read_text().strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
    # Outside, because as a context the second error would carry the content of the file.
    raise SettingsError([f"{env} was {path!r}, which cannot be read: {reason}"])


def _token_key_in(path: str) -> str:
    key = _key_in(path, "MESH_TOKEN_KEY_FILE")
    if 0 < len(key) < KEY_CHARACTERS:
        raise SettingsError(
            [
                f"MESH_TOKEN_KEY_FILE was {path!r}, whose key is shorter than {KEY_CHARACTERS} characters"
            ]
        )
    return key


def to_environment(settings: Settings) -> dict[str, str]:
    """The variables that make a child process load the same *settings*, whatever else it inherits.

    All of them, those at their default too: a variable that was left out would let the parent's
    own through. What is empty is handed on empty, which counts as unset.
    """
    return {setting.env: _text(getattr(settings, setting.field)) for setting in SETTINGS}


def table(settings: Settings) -> list[tuple[str, str, str]]:
    """(variable, value in force, purpose) for each setting; secrets masked, what is unset empty."""
    rows = []
    for setting in SETTINGS:
        value = setting.shown(settings)
        rows.append((setting.env, _text(value) if value or value is False else "", setting.text))
    return rows


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
