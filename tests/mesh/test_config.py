"""Settings: what is refused, what is shown, and what a child process gets."""

import os
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.config import load, table, to_environment
from mesh.declaration import Setting
from mesh.errors import FatalError, SettingsError
from mesh.settings import SETTINGS, Settings


def _limits(setting: Setting) -> tuple[int, int]:
    meta = setting.kind.__metadata__[0]
    least = meta.ge if meta.ge is not None else -1000
    return least, meta.le if meta.le is not None else least + 100_000


def _values(setting: Setting) -> st.SearchStrategy[Any]:
    kind = setting.kind.__origin__
    if kind is int:
        return st.integers(*_limits(setting))
    if kind is float:
        return st.floats(0.0, 1e9)
    if kind is bool:
        return st.booleans()
    if get_args(kind):
        return st.sampled_from(get_args(kind))
    return _CHECKED.get(setting.field, st.text("aZ09:/.,* =é@", min_size=1))


days = st.dates().map(str)
_CHECKED: dict[str, st.SearchStrategy[Any]] = {
    "api_key_file": st.sampled_from(["nowhere", "/nowhere/é key"]),
    "boards": st.sampled_from(["own", "own.boards", "_own.boards_2"]),
    "closures": st.sampled_from(["2026-09-15", "2026-09-15,2026-09-16T14:00", " 2026-09-15 ,"]),
    "finlight_filters": st.sampled_from(
        ["{}", '{"tickers": ["A"], "language": "é"}', ' {"query": null} ']
    ),
    "host": st.sampled_from(["127.0.0.2", "::1"]),
    "finlight_key_file": st.sampled_from(["nowhere", "/nowhere/é key"]),
    "oidc_client_secret_file": st.sampled_from(["nowhere", "/nowhere/é key"]),
    "oidc_issuer": st.sampled_from(["https://login.example.com/é", "http://127.0.0.1:9/"]),
    "oidc_roles": st.sampled_from(["{}", '{"operator": ["é"], "admin": ["cn=a,ou=b"]}']),
    "oidc_scopes": st.sampled_from(["openid", "profile openid groups"]),
    "reference_days": st.lists(days, min_size=1).map(",".join) | st.just(" 2024-10-02 ,"),
    "sim_speed": st.sampled_from(["max", "1", "0.5", "007.250", "1000000"]),
    "token_key": st.text("aZ09:/.,* =é@", min_size=32),
    "token_key_file": st.sampled_from(["nowhere", "/nowhere/é key"]),
    "ws_origins": st.sampled_from(["http://a", "https://a.example:8443, http://[::1]:8080"]),
    "control_origins": st.sampled_from(["http://a", "https://a.example:8443, http://[::1]:8080"]),
    "viewer_scopes": st.sampled_from(["board/*", "board/*,alert/>"]),
    "control_url": st.sampled_from(["https://control.example.com", "https://a.example:8443"]),
    "sim_start": st.datetimes().map(lambda moment: moment.isoformat(timespec="seconds")),
}
"""Of settings that not every text will do for."""


some_settings = st.fixed_dictionaries(
    {}, optional={setting.field: _values(setting) for setting in SETTINGS}
).map(lambda values: Settings(**values))


@given(some_settings, some_settings)
def test_child_process_loads_the_same_settings(settings: Settings, others: Settings) -> None:
    """What a parent hands to a child as variables loads as the very same settings, whatever the parent inherited."""
    assert load(to_environment(settings)) == settings
    assert load(to_environment(others) | to_environment(settings)) == settings


@given(some_settings)
def test_each_setting_is_one_variable(settings: Settings) -> None:
    """All variables are handed on and no other, with nothing that may not stand in an environment."""
    environment = to_environment(settings)

    assert list(environment) == [setting.env for setting in SETTINGS]
    assert all("\0" not in value for value in environment.values())


def test_nothing_set_is_the_defaults() -> None:
    """An environment without our variables gives the defaults, whatever else it holds."""
    assert load({}) == Settings()
    assert load({"PATH": "/bin", "NATS_URL": "x", "MESHED": "x", "mesh_port": "x"}) == Settings()
    assert load(to_environment(Settings())) == Settings()


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.env)
def test_empty_variable_counts_as_unset(setting: Setting) -> None:
    """A variable that is set to nothing, as compose files and manifests do, is the default."""
    assert load({setting.env: ""}) == Settings()


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("true", True), ("TRUE", True), ("0", False), ("false", False)]
)
def test_switches_take_the_usual_words(text: str, value: bool) -> None:
    """A switch is written true, false, 1 or 0."""
    assert load({"MESH_LOSSLESS": text}).lossless is value


@pytest.mark.parametrize(
    ("env", "text"),
    [
        ("MESH_PARTITIONS", "0"),
        ("MESH_PARTITIONS", "101"),
        ("MESH_PARTITIONS", "many"),
        ("MESH_PARTITIONS", "1.5"),
        ("MESH_PARTITIONS", "1e1000"),
        ("MESH_PORT", "-1"),
        ("MESH_PORT", "65536"),
        ("MESH_HOST", "localhost"),
        ("MESH_HOST", "0.0.0.0:8080"),
        ("MESH_HOST", "*"),
        ("MESH_LOSSLESS", "yes"),
        ("MESH_LOG_LEVEL", "loud"),
        ("MESH_BOARD_TOP", "501"),
        ("MESH_SIM_SPEED", "fast"),
        ("MESH_SIM_SPEED", "-1"),
        ("MESH_SIM_SPEED", "1\n"),
        ("MESH_SIM_SPEED", "0"),
        ("MESH_SIM_SPEED", "0.00"),
        ("MESH_SIM_SPEED", "9" * 400),
        ("MESH_SIM_START", "yesterday"),
        ("MESH_SIM_START", "2026-13-45T99:99:99"),
        ("MESH_SIM_START", "2026-02-29T09:30:00"),
        ("MESH_SIM_START", "2026-01-05T09:30:00\n"),
        ("MESH_SIM_START", "٢٠٢٦-01-05T09:30:00"),
        ("MESH_CLOSURES", "tomorrow"),
        ("MESH_CLOSURES", "20260915"),
        ("MESH_CLOSURES", "2026-09-15T14"),
        ("MESH_CLOSURES", "2026-09-15T14:00:00"),
        ("MESH_CLOSURES", "2026-09-15T14:00Z"),
        ("MESH_CLOSURES", "2026-09-15T"),
        ("MESH_CLOSURES", "2026-09-15 2026-09-16"),
        ("MESH_CLOSURES", "2026-09-31"),
        ("MESH_CLOSURES", "2026-09-15,2026-09-15T14:00"),
        ("MESH_CLOSURES", "2026-09-19"),
        ("MESH_CLOSURES", "2026-09-15T09:30"),
        ("MESH_CLOSURES", "2026-09-15T16:01"),
        ("MESH_REFERENCE_DAYS", "foo"),
        ("MESH_REFERENCE_DAYS", "2024-10-02,2024-10-32"),
        ("MESH_REFERENCE_DAYS", "20241002"),
        ("MESH_REFERENCE_DAYS", "2024-10-02 2024-10-03"),
        ("MESH_SOURCE", "Live"),
        ("MESH_WS_AUTH", "no"),
        ("MESH_WS_CLIENTS", "0"),
        ("MESH_WS_PER_USER", "0"),
        ("MESH_WS_PER_ADDRESS", "-1"),
        ("MESH_WS_FRAMES_PER_S", "0"),
        ("MESH_WS_ORIGINS", "*"),
        ("MESH_WS_ORIGINS", "null"),
        ("MESH_WS_ORIGINS", "desk.example.com"),
        ("MESH_WS_ORIGINS", "https://desk.example.com/"),
        ("MESH_OIDC_ISSUER", "http://login.example.com"),
        ("MESH_OIDC_ISSUER", "http://127.0.0.1.example.com"),
        ("MESH_OIDC_ISSUER", "login.example.com"),
        ("MESH_OIDC_ISSUER", "https:///path"),
        ("MESH_OIDC_ISSUER", "https://[::1"),
        ("MESH_OIDC_SCOPES", "profile"),
        ("MESH_OIDC_SCOPES", "openidea"),
        ("MESH_OIDC_SCOPES", "openid,profile"),
        ("MESH_OIDC_ROLES", "admin=it"),
        ("MESH_OIDC_ROLES", '{"admins": ["it"]}'),
        ("MESH_OIDC_ROLES", '{"admin": "it"}'),
        ("MESH_OIDC_DEFAULT_ROLE", "operator"),
    ],
)
def test_bad_value_is_refused_with_what_it_was(env: str, text: str) -> None:
    """A value out of its limits names the variable and what was found there."""
    with pytest.raises(SettingsError) as refusal:
        load({env: text})

    [problem] = refusal.value.problems
    assert problem.startswith(f"{env} was {text!r}: ")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5"])  # noqa: S104 (that is the subject)
def test_page_carries_no_token_to_other_machines(host: str) -> None:
    """A token that everybody gets who opens the page is refused where others reach the page."""
    with pytest.raises(SettingsError, match=f"MESH_WS_PAGE_TOKEN .* MESH_HOST was '{host}'"):
        load({"MESH_HOST": host, "MESH_WS_PAGE_TOKEN": "true"})

    assert load({"MESH_HOST": "127.0.0.2", "MESH_WS_PAGE_TOKEN": "true"}).ws_page_token


def test_all_problems_are_reported_at_once() -> None:
    """Unknown names and bad values come in one error, a line each, that a program must not survive."""
    environment = {
        "MESH_PARTITONS": "16",
        "MESH_": "x",
        "MESH_PORT": "x",
        "MESH_BOARD_TOP": "0",
        "MESH_QUEUE_MB": "5",
    }

    with pytest.raises(FatalError) as refusal:
        load(environment)

    lines = str(refusal.value).splitlines()
    assert len(lines) == 4
    for name in (
        "MESH_PARTITONS is not a setting",
        "MESH_ is not",
        "MESH_PORT was",
        "MESH_BOARD_TOP was",
    ):
        assert any(line.startswith(name) for line in lines)


def test_unknown_variable_is_refused_even_if_empty() -> None:
    """A misspelt limit is a missing limit, whatever its value."""
    with pytest.raises(SettingsError, match="MESH_QUEUE_GB is not a setting"):
        load({"MESH_QUEUE_GB": ""})


def test_secret_is_not_shown() -> None:
    """The table says that a secret is set, and not what it is."""
    settings = load({"MASSIVE_API_KEY": "hunter2"})

    rows = {env: value for env, value, _ in table(settings)}
    assert settings.api_key == "hunter2"
    assert rows["MASSIVE_API_KEY"] == "(set)"
    assert "hunter2" not in str(table(settings))
    assert {env: value for env, value, _ in table(Settings())}["MASSIVE_API_KEY"] == ""


def test_key_is_looked_for_in_three_places(tmp_path: Path) -> None:
    """The vendor's name, then its former name, then a mounted secret; without any there is none."""
    (tmp_path / "key").write_text("of the file\n")
    file = {"MESH_API_KEY_FILE": str(tmp_path / "key")}
    former = {**file, "POLYGON_API_KEY": "former"}

    assert load({**former, "MASSIVE_API_KEY": "given"}).api_key == "given"
    assert load({**former, "MASSIVE_API_KEY": ""}).api_key == "former"
    assert load(file).api_key == "of the file"
    assert load({"MESH_API_KEY_FILE": str(tmp_path / "none")}).api_key == ""


@pytest.mark.parametrize("env", ["MESH_API_KEY_FILE", "MESH_TOKEN_KEY_FILE"])
def test_key_file_that_cannot_be_read_is_named(env: str, tmp_path: Path) -> None:
    """A secret that is there and cannot be read is told, instead of going on without it."""
    (tmp_path / "key").write_bytes(b"hunter2\xff\xfe")

    for path in (tmp_path, tmp_path / "key"):
        with pytest.raises(SettingsError, match=rf"{env} was .* cannot be read") as refusal:
            load({env: str(path)})
        assert "hunter2" not in repr(refusal.value.__context__)


def test_key_of_tokens_is_looked_for_in_two_places(tmp_path: Path) -> None:
    """The variable, then a mounted secret without its line feed; without either there is none."""
    held = "of the file, and long enough for it"
    (tmp_path / "key").write_text(f"{held}\n")
    file = {"MESH_TOKEN_KEY_FILE": str(tmp_path / "key")}
    given = "given, and as long as it has to be"

    assert load({**file, "MESH_TOKEN_KEY": given}).token_key == given
    assert load({**file, "MESH_TOKEN_KEY": ""}).token_key == held
    assert load({"MESH_TOKEN_KEY_FILE": str(tmp_path / "none")}).token_key == ""


def test_short_key_of_tokens_is_refused_and_not_shown(tmp_path: Path) -> None:
    """A key that can be guessed is refused wherever it stands, by the name of the place alone."""
    (tmp_path / "key").write_text("hunter2")

    for env, value in (
        ("MESH_TOKEN_KEY", "hunter2"),
        ("MESH_TOKEN_KEY_FILE", str(tmp_path / "key")),
    ):
        with pytest.raises(SettingsError, match=rf"{env} was .* 32") as refusal:
            load({env: value})
        assert "hunter2" not in str(refusal.value) + repr(refusal.value.__context__)


def test_settings_can_be_printed_without_giving_a_secret_away() -> None:
    """A traceback shows that there is a key and where the broker is, and not what opens them."""
    settings = Settings(api_key="hunter2", nats_url="nats://user:hunter2@host:4333", port=8081)

    shown = repr(settings)
    assert "hunter2" not in shown + str(settings) + f"{settings}"
    assert "api_key='(set)'" in shown
    assert "nats_url='nats://***@host:4333'" in shown
    assert "port=8081" in shown
    assert "hunter2" not in str(table(settings))
    assert dict(row[:2] for row in table(settings))["MESH_NATS_URL"] == "nats://***@host:4333"


def test_table_has_a_line_for_each_setting() -> None:
    """Every field is one variable with a purpose, in the order of declaration."""
    rows = table(Settings())

    assert len(rows) == len(msgspec.structs.fields(Settings)) == len({env for env, _, _ in rows})
    assert all(text.strip() for _, _, text in rows)
    assert all(
        setting.env == f"MESH_{setting.field.upper()}"
        for setting in SETTINGS
        if setting.env not in ("MASSIVE_API_KEY", "FINLIGHT_API_KEY")
    )


def test_path_separator_may_stand_in_a_tape() -> None:
    """Several paths in one variable come through as they were written."""
    paths = os.pathsep.join(["/a b/c", "/d"])

    assert load({"MESH_SIM_TAPE": paths}).sim_tape == paths


def test_variable_of_a_client_is_no_setting() -> None:
    """Whoever has exported a token for `mesh tail` can start a mesh from the same shell."""
    assert load({"MESH_TOKEN": "eyJ"}) == load({})


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"ticker": ["AAPL"]}', '{"tickers": "AAPL"}', '{"categories": ["gossip"]}']
)
def test_filters_of_news_that_make_no_sense_are_refused(text: str) -> None:
    """Before anything connects: a filter that is misspelt would ask for everything."""
    with pytest.raises(SettingsError, match="MESH_FINLIGHT_FILTERS"):
        load({"MESH_FINLIGHT_FILTERS": text})


def test_key_of_news_may_lie_in_a_file(tmp_path: Path) -> None:
    """As secrets are mounted; the variable comes first, and neither is ever shown."""
    path = tmp_path / "key"
    path.write_text("from-file\n")
    environment = {"MESH_FINLIGHT_KEY_FILE": str(path)}

    assert load(environment).finlight_key == "from-file"
    settings = load(environment | {"FINLIGHT_API_KEY": "from-variable"})
    assert settings.finlight_key == "from-variable"
    assert "from-" not in repr(settings)


def test_secret_of_the_oidc_client_may_lie_in_a_file(tmp_path: Path) -> None:
    """As secrets are mounted; the variable comes first, and neither is ever shown."""
    path = tmp_path / "secret"
    path.write_text("from-file\n")
    environment = {"MESH_OIDC_CLIENT_SECRET_FILE": str(path)}

    settings = load(environment | {"MESH_OIDC_CLIENT_SECRET": "from-variable"})
    held = [each.oidc_client_secret for each in (load(environment), settings)]
    assert held == ["from-file", "from-variable"]
    assert "from-" not in repr(settings)
