"""The bill of materials of an image: Python's and npm's in one, and the licences that they declare."""

from pathlib import Path
from typing import Any

import msgspec

from services.bill import BILL, LICENCES, licences, main, merged


def _component(name: str, *stated: dict[str, Any]) -> dict[str, Any]:
    return {"bom-ref": f"{name}@1", "name": name, "version": "1", "licenses": list(stated)}


def _document(root: str, dependencies: dict[str, list[str]], *components: Any) -> dict[str, Any]:
    return {
        "specVersion": "1.6",
        "metadata": {"component": {"bom-ref": root, "name": root}},
        "components": list(components),
        "dependencies": [{"ref": ref, "dependsOn": needs} for ref, needs in dependencies.items()],
    }


PYTHON = _document(
    "root",
    {"root": ["httpx@1"], "httpx@1": ["anyio@1"], "anyio@1": []},
    _component("httpx", {"license": {"id": "BSD-3-Clause"}}, {"license": {"name": "License :: OSI Approved :: BSD License"}}),
    _component("anyio", {"expression": "MIT OR Apache-2.0"}),
    _component("Nkeys", {"license": {"name": "License :: OSI Approved :: Apache Software License"}}),
    {"bom-ref": "silent@1", "name": "silent", "version": "1"},
)  # fmt: skip
PAGE = _document(
    "page", {"page": ["lit@1"], "lit@1": []}, _component("lit", {"license": {"id": "MIT"}})
)


def test_bill_has_the_packages_of_both() -> None:
    """Every package of either is in it, and the whole depends on what the page is made of."""
    bill = merged(PYTHON, PAGE)

    assert [each["name"] for each in bill["components"]] == [
        "httpx", "anyio", "Nkeys", "silent", "lit",
    ]  # fmt: skip
    assert {each["ref"]: each["dependsOn"] for each in bill["dependencies"]} == {
        "root": ["httpx@1", "lit@1"], "httpx@1": ["anyio@1"], "anyio@1": [], "lit@1": [],
    }  # fmt: skip
    assert bill["metadata"] == PYTHON["metadata"]


def test_licences_are_those_that_makers_declare() -> None:
    """By SPDX names where there are some, else in words; a package that declares none says so."""
    assert list(licences(merged(PYTHON, PAGE))) == [
        "anyio 1: MIT OR Apache-2.0",
        "httpx 1: BSD-3-Clause",
        "lit 1: MIT",
        "Nkeys 1: Apache Software License",
        "silent 1: not declared",
    ]


def test_both_files_are_written(tmp_path: Path) -> None:
    """The command reads what the tools wrote and leaves the bill and the list side by side."""
    for name, document in (("python", PYTHON), ("page", PAGE)):
        (tmp_path / name).write_bytes(msgspec.json.encode(document))
    code = main([str(tmp_path / "python"), str(tmp_path / "page"), str(tmp_path)])

    assert code == 0
    assert msgspec.json.decode((tmp_path / BILL).read_bytes()) == merged(PYTHON, PAGE)
    assert len((tmp_path / LICENCES).read_text().splitlines()) == 5
