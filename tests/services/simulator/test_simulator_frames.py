"""Tapes of whole frames: passed on untouched, or cut to what was asked for."""

from pathlib import Path

import msgspec
import pytest

from mesh.errors import FatalError
from services.bench.tape import frames
from services.simulator import lines
from services.simulator.events import TapeEvent
from services.simulator.feed import TapeFeed
from services.simulator.player import Unpaced, due
from services.simulator.tape import Tape
from tests.services.simulator.listening import Gate, listening, served, trade


OPEN_MS = 1_727_875_800_000
"""2024-10-02 09:30 in New York."""

ALL = ("A.*", "AM.*", "T.*", "Q.*", "LULD.*")
FIRST = (
    b'[{"ev":"Q","sym":"F","t":1727875800001,"q":1},{"ev": "T","sym":"F","t":1727875800003,"q":2}]'
)
SECOND = (
    b'[{"ev":"T","sym":"G","t":1727875800005,"q":3,"new":["{"]},'
    b'{"ev":"XX","q":4},{"ev":"A","sym":"F","s":1727875799000,"e":1727875800009,"q":5}]'
)
BROKEN = b'[{"ev":"T","sym":"F","t":172787'
SINGLE = b'{"ev":"T","sym":"F","t":1727875800010,"q":6}'


def _written(folder: Path, *content: bytes, name: str = "tape.jsonl") -> Path:
    path = folder / name
    path.write_bytes(b"\n".join(content) + b"\n")
    return path


def test_frame_has_the_time_of_its_last_event(tmp_path: Path) -> None:
    """Frames stand on a tape among single events, in order; a broken one keeps the time before it."""
    path = _written(tmp_path, FIRST, SECOND, BROKEN, SINGLE)

    events = list(Tape([path]))

    assert [event.payload for event in events] == [FIRST, SECOND, BROKEN, SINGLE]
    assert [event.time_ms - OPEN_MS for event in events] == [3, 9, 9, 10]
    assert [event.ev for event in events] == [lines.FRAME, lines.FRAME, lines.FRAME, "T"]
    assert Tape([path]).days == ["2024-10-02"]


@pytest.mark.parametrize("content", [b"[", b"[]", b"[1,2]", b'[{"ev":"T"}]', b'[{"a":1}]'])
def test_array_without_a_time_is_no_tape(tmp_path: Path, content: bytes) -> None:
    """A file of arrays that are no frames of events is refused."""
    with pytest.raises(FatalError, match="expected vendor JSON lines"):
        Tape([_written(tmp_path, content)])


def test_frames_win_over_flat_files_of_their_channels_only(tmp_path: Path) -> None:
    """Which channels a file of frames covers is read from within the frames."""
    _written(tmp_path, FIRST)
    header = b"ticker,volume,open,close,high,low,window_start,transactions"
    _written(tmp_path, header, b"F,1,2,2,2,2,1727875800000000000,5", name="minutes.csv")

    assert [event.ev for event in Tape([tmp_path])] == [lines.FRAME, "AM"]


def test_counting_agrees_with_decoding() -> None:
    """Events are counted by type however the frame is written, also if it is cut off."""
    kinds = [(b"T", b"sym"), (b"AM", b"sym"), (b"T", b"sym"), (b"LULD", b"T")]
    plain = b"[" + b",".join(b'{"ev":"%b","%b":"F"}' % kind for kind in kinds) + b"]"

    assert lines.count(plain) == {"T": 2, "AM": 1, "LULD": 1}
    assert lines.count(FIRST) == {"T": 1, "Q": 1}
    assert lines.count(SECOND) == {"T": 1, "XX": 1, "A": 1}
    assert lines.count(BROKEN) == {"T": 1}
    assert lines.count(BROKEN[:8]) == {lines.MALFORMED: 1}


async def test_frames_are_sent_untouched_to_who_wants_everything(tmp_path: Path) -> None:
    """With all channels, frames come byte for byte, also broken ones, and single events in frames of their own."""
    feed = TapeFeed(Tape([_written(tmp_path, FIRST, SECOND, BROKEN, SINGLE)]), Unpaced())

    async with served(feed) as port, listening(port, *ALL) as heard:
        await heard.until_status("end_of_tape")

    assert heard.frames[-5:-1] == [FIRST, SECOND, BROKEN, b"[" + SINGLE + b"]"]
    assert feed.sent.events == {"T": 4, "Q": 1, "XX": 1, "A": 1}
    assert feed.sent.frames == 4
    assert feed.reached_ms == OPEN_MS + 10


async def test_frames_are_cut_to_what_was_asked_for(tmp_path: Path) -> None:
    """With some channels or tickers only, each frame holds those events, or is not sent at all."""
    feed = TapeFeed(Tape([_written(tmp_path, FIRST, SECOND, SINGLE)]), Unpaced())

    async with served(feed) as port, listening(port, "T.F", "A.*") as heard:
        await heard.until_status("end_of_tape")
    counted = dict(feed.sent.events)
    async with served(feed) as port, listening(port, "Q.*") as quotes:
        await quotes.until_status("end_of_tape")

    assert heard.sequences() == [2, 5, 6]
    assert quotes.sequences() == [1]
    assert counted == {"T": 2, "A": 1}


async def test_frames_wait_for_their_time() -> None:
    """A frame is due with its last event."""
    gate = Gate(OPEN_MS + 3)
    first, second = (lines.read(line, 0) for line in (FIRST, SECOND))
    chunks = due([first, second], gate)
    given = await anext(chunks)
    last = anext(chunks)
    gate.open_until(OPEN_MS + 9)

    assert given == [first]
    assert await last == [second]
    await chunks.aclose()


async def test_reading_ahead_is_bounded_in_bytes() -> None:
    """Of large frames few are read ahead of time."""
    large = TapeEvent(OPEN_MS, lines.FRAME, "", b"[" + b" " * 3_000_000 + b"]")
    tape = iter([large] * 100)

    chunks = due(tape, Unpaced())
    await anext(chunks)

    assert len(list(tape)) == 98
    await chunks.aclose()


def test_frames_of_the_bench_are_the_vendors() -> None:
    """A frame of the bench's tape spans less than 20 ms and holds at most 500 events, all in order."""
    events = [trade(OPEN_MS + n // 50, sequence=n) for n in range(2000)]
    events += [trade(OPEN_MS + 100 + 7 * n, sequence=2000 + n) for n in range(10)]

    cut = list(frames(events))

    assert [len(frame) for frame in cut] == [500, 500, 500, 500, 3, 3, 3, 1]
    assert [msgspec.json.decode(event.payload)["q"] for frame in cut for event in frame] == list(
        range(2010)
    )
