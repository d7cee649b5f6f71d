"""Nothing here is skipped because a tool is missing."""

import pytest

from tests.kustomize.rendering import ROOT, render


def test_missing_renderer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without kubectl and kustomize the tests fail with a sentence that says what to install."""
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(AssertionError, match="install kubectl, or kustomize"):
        render(ROOT / "kustomize" / "base")


def test_broken_manifest_is_an_error() -> None:
    """What cannot be rendered fails with what the renderer says of it."""
    with pytest.raises(AssertionError, match="kustomization"):
        render(ROOT / "kustomize")
