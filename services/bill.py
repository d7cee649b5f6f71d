"""The bill of materials of an image: what Python's and npm's tools say of it in one CycloneDX document, and its licences as a list.

Run while an image is built: `python -m services.bill PYTHON.cdx.json PAGE.cdx.json FOLDER`.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from schemas.wire import encode_json


BILL = "sbom.cdx.json"
LICENCES = "licences.txt"
_UNDECLARED = "not declared"
_CLASSIFIER = "License :: "
_APPROVED = "OSI Approved :: "

Document = dict[str, Any]


def main(arguments: list[str]) -> int:
    """Write both files into the folder that is the last of *arguments*; 0."""
    python, page, folder = map(Path, arguments)
    bill = merged(msgspec.json.decode(python.read_bytes()), msgspec.json.decode(page.read_bytes()))
    (folder / BILL).write_bytes(encode_json(bill))
    (folder / LICENCES).write_text("".join(f"{line}\n" for line in licences(bill)))
    return 0


def merged(python: Document, page: Document) -> Document:
    """*python* with what is in *page*, which its root then depends on; what its packages are is left as it was said."""
    own, others = (
        python["metadata"]["component"]["bom-ref"],
        page["metadata"]["component"]["bom-ref"],
    )
    needed = {each["ref"]: each.get("dependsOn", []) for each in python["dependencies"]}
    needed |= {
        each["ref"]: each.get("dependsOn", [])
        for each in page["dependencies"]
        if each["ref"] != others
    }
    used = [each.get("dependsOn", []) for each in page["dependencies"] if each["ref"] == others]
    needed[own] = sorted({*needed.get(own, []), *(ref for refs in used for ref in refs)})
    return {
        **python,
        "components": [*python["components"], *page["components"]],
        "dependencies": [{"ref": ref, "dependsOn": needed[ref]} for ref in sorted(needed)],
    }


def licences(bill: Document) -> Iterator[str]:
    """A line for each package of *bill*, by name: its version, and the licences that its makers declare."""
    for each in sorted(bill["components"], key=lambda each: each["name"].lower()):
        declared = sorted(set(_declared(each))) or [_UNDECLARED]
        yield f"{each['name']} {each['version']}: {', '.join(declared)}"


def _declared(component: Document) -> Iterator[str]:
    """The licences of *component*: by their SPDX names, or in words where there is no such name."""
    stated = component.get("licenses") or []
    known = [each.get("expression") or each["license"].get("id") for each in stated]
    if any(known):
        yield from filter(None, known)
        return
    for each in stated:
        yield each["license"]["name"].removeprefix(_CLASSIFIER).removeprefix(_APPROVED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
