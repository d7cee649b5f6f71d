"""What `mesh ctl` prints of what it found."""

from typing import Any

import pytest

from mesh.control import Kept
from mesh.roll_call import Instance
from schemas.audit import Record, refused
from schemas.control import BoardWanted, DrainWanted, FeedWanted, Wanted
from services.ctl import view


NOW_MS = 1_767_623_400_000
CONNECTED = {
    "running": True, "connected": True, "host": "socket.massive.com", "market": "stocks", "channels": ["T.*"],
    "confirmed": ["T.*"], "connections": 1, "last_frame_ms": NOW_MS - 2000, "lost": "",
}  # fmt: skip


def _instance(program: str, **state: Any) -> Instance:
    return Instance(
        program=program, instance=f"{program}-1", version="0.1.0", host="h", pid="1", image="", ready=True,
        reasons={}, facts={}, log_level="info", state=state, counters={}, started="2026-01-05T14:20:00.000Z",
    )  # fmt: skip


def _feed_line(feed: dict[str, Any], wanted: Wanted | None = None) -> str:
    kept = [] if wanted is None else [Kept("feed.massive", wanted, 7)]
    lines = view.status([_instance("listener", feed=feed)], kept, NOW_MS)
    return next(line for line in lines if line.startswith("massive"))


@pytest.mark.parametrize(
    ("feed", "wanted", "said"),
    [
        (CONNECTED, None, "connected   socket.massive.com · T.* · last frame 2 s ago  as the settings say"),
        ({**CONNECTED, "connected": False, "lost": "refused"}, None, "connecting"),
        ({**CONNECTED, "connected": False, "lost": "refused"}, None, "· refused"),
        (
            {**CONNECTED, "running": False, "connected": False},
            FeedWanted(running=False, by="ann", at_ms=NOW_MS - 300_000),
            "stopped · ann, 5 min ago · revision 7",
        ),
        (CONNECTED, FeedWanted(channels="A.*", by="ann", at_ms=NOW_MS), "channels A.* · ann, 0 s ago"),
        (CONNECTED, FeedWanted(by="ann", at_ms=NOW_MS - 7_200_000), "as the settings say · ann, 2 h ago"),
    ],
)  # fmt: skip
def test_feed_is_shown_as_it_is_and_as_it_is_wanted(
    feed: dict[str, Any], wanted: Wanted | None, said: str
) -> None:
    """State, host, channels and age stand beside what a person wants, since when and at which revision."""
    line = " ".join(_feed_line(feed, wanted).split())

    assert " ".join(said.split()) in line


def test_feed_without_a_program_or_a_key_says_so() -> None:
    """What nobody follows is not shown as stopped by anybody."""
    news = {"running": True, "connected": False, "configured": False}
    lines = list(view.status([_instance("news", feed=news)], [], NOW_MS))

    assert lines[1].split() == ["massive", "no", "program", "as", "the", "settings", "say"]
    assert lines[2].startswith("finlight  no key")


def test_wishes_that_are_as_the_settings_say_are_left_out() -> None:
    """What was paused and goes on again is no news."""
    kept = [
        Kept("board.gainers", BoardWanted(paused=True, by="ann", at_ms=NOW_MS), 3),
        Kept("worker.w-1", DrainWanted(by="ann", at_ms=NOW_MS), 4),
    ]
    lines = list(view.status([_instance("boards")], kept, NOW_MS))

    assert lines[-1] == "board.gainers  paused  ann, 0 s ago"


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (
            Record(at_ms=NOW_MS, who="ann", action="feed.stop", target="feed.massive",
                   before={"running": True, "by": ""}, after={"running": False, "by": "ann"}),
            "done · running yes → no",
        ),
        (Record(at_ms=NOW_MS, who="ann", action="feed.stop", before={"a": 1}, after={"a": 1}), "done · was so already"),
        (Record(at_ms=NOW_MS, who="", action="sign-in", outcome=refused("no")), "refused: no"),
    ],
)  # fmt: skip
def test_record_is_one_line(record: Record, said: str) -> None:
    """When, who, what, and what came of it, with what has changed."""
    line = view.record_line(record)

    assert line.startswith("2026-01-05 14:30:00  ")
    assert line.endswith(said)
