"""Recorded tapes: what is read, in which order, and what is refused."""

import gzip
from collections import defaultdict
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import FatalError
from schemas.massive import MinuteBar as VendorMinuteBar
from schemas.massive import VendorEvent, decode_frame
from services.simulator.events import DayBar
from services.simulator.lines import MALFORMED
from services.simulator.tape import Tape, merge
from tests.services.simulator.listening import trade


OPEN_MS = 1_727_875_800_000
"""2024-10-02 09:30 in New York."""
MINUTE_MS = 60_000

AGGREGATE_HEADER = "ticker,volume,open,close,high,low,window_start,transactions\n"
TRADE_HEADER = (
    "ticker,conditions,correction,exchange,id,participant_timestamp,price,sequence_number,"
    "sip_timestamp,size,tape,trf_id,trf_timestamp\n"
)
QUOTE_HEADER = (
    "ticker,ask_exchange,ask_price,ask_size,bid_exchange,bid_price,bid_size,conditions,"
    "indicators,participant_timestamp,sequence_number,sip_timestamp,tape,trf_timestamp\n"
)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = text.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def _minute_row(sym: str, minute: int, volume: str, opened: float) -> str:
    start_ns = (OPEN_MS + minute * MINUTE_MS) * 1_000_000
    return f"{sym},{volume},{opened},{opened + 1},{opened + 2},{opened - 1},{start_ns},5\n"


def _payloads(tape: Tape) -> list[dict[str, object]]:
    return [msgspec.json.decode(event.payload) for event in tape]


def test_lines_are_passed_on_untouched(tmp_path: Path) -> None:
    """JSON lines come out byte for byte, unknown fields and malformed lines included, in their places."""
    lines = [
        b'{"ev":"T","sym":"F","t":1727875800001,"new":[1,  2]}',
        b'{"ev":"T","sym":"F","t":17278758000',
        b'{"ev":"XX","sym":"F"}',
        b'{"ev":"T","sym":"F","t":1727875800007000}',
        b'{"ev":"LULD","T":"F","t":1727875800007000000}',
        b'{"ev":"AM","sym":"F","s":1727875740000,"e":1727875800009}',
    ]
    path = tmp_path / "tape"
    path.write_bytes(b"\n".join(lines[:4]) + b"\n\n" + b"\r\n".join(lines[4:]))

    events = list(Tape([path]))

    assert [event.payload for event in events] == lines
    assert [event.time_ms - OPEN_MS for event in events] == [1, 1, 1, 1, 7, 9]
    assert [(event.ev, event.sym) for event in events] == [
        ("T", "F"), (MALFORMED, ""), ("XX", "F"), ("T", "F"), ("LULD", "F"), ("AM", "F"),
    ]  # fmt: skip


def test_files_are_merged_by_what_a_live_feed_knows(tmp_path: Path) -> None:
    """Trades and quotes count by their time, bars by the end of their window, ties by path and line."""
    _write(tmp_path / "b.jsonl.gz", f'{{"ev":"A","sym":"F","s":{OPEN_MS},"e":{OPEN_MS + 1000}}}\n')
    _write(
        tmp_path / "a",
        f'{{"ev":"T","sym":"F","t":{OPEN_MS + 999}}}\n{{"ev":"T","sym":"G","t":{OPEN_MS + 1000}}}\n',
    )
    _write(tmp_path / "z" / "c.txt", f'{{"ev":"Q","sym":"F","t":{OPEN_MS + 500}}}\n')

    events = list(Tape([tmp_path]))

    assert [(event.ev, event.sym) for event in events] == [
        ("Q", "F"), ("T", "F"), ("T", "G"), ("A", "F"),
    ]  # fmt: skip


@given(st.lists(st.lists(st.integers(0, 30)), max_size=6))
def test_merging_is_a_stable_sort(times: list[list[int]]) -> None:
    """Merging ordered parts gives what sorting all events by (time, part, line) gives."""
    parts = [
        [trade(time_ms, f"P{part}", line) for line, time_ms in enumerate(sorted(of_part))]
        for part, of_part in enumerate(times)
    ]

    merged = list(merge([(part[0].time_ms if part else 0, iter(part)) for part in parts]))

    assert merged == sorted((e for part in parts for e in part), key=lambda event: event.time_ms)


def test_minute_rows_become_bars(tmp_path: Path) -> None:
    """Bars carry the running day volume and, from the first regular bar on, the official open."""
    path = _write(
        tmp_path / "minutes.csv.gz",
        AGGREGATE_HEADER
        + _minute_row("AAA", -1, "10.000000", 5.5)
        + _minute_row("AAA", 1, "0.001500", 6)
        + _minute_row("AAA", 2, "7", 8)
        + _minute_row("BBB", 0, "3", 40.25),
    )

    bars = _payloads(Tape([path]))

    assert [(b["sym"], b["v"], b["av"], b["op"]) for b in bars] == [
        ("AAA", 10, 10, 0),
        ("BBB", 3, 3, 40.25),
        ("AAA", 0.0015, 10.0015, 6),
        ("AAA", 7, 17.0015, 6),
    ]
    assert bars[0] == {
        "ev": "AM", "sym": "AAA", "v": 10, "av": 10, "op": 0, "o": 5.5, "c": 6.5, "h": 7.5,
        "l": 4.5, "s": OPEN_MS - MINUTE_MS, "e": OPEN_MS,
    }  # fmt: skip


def test_trade_rows_become_trades(tmp_path: Path) -> None:
    """Trades are ordered by nanoseconds, then sequence; cancelled and corrected prints are left out."""
    ns = OPEN_MS * 1_000_000
    rows = [
        f'F,"12,37",0,11,a,{ns},10.5,2,{ns + 7},1.000000,1,0,0',
        f"F,,0,4,b,{ns},10.6,1,{ns + 7},200,1,0,0",
        f"F,,0,4,c,{ns},10.7,9,{ns + 3},0.500000,1,0,0",
        f"F,,12,4,d,{ns},99,3,{ns},100,1,0,0",
    ]
    path = _write(tmp_path / "x.csv", TRADE_HEADER + "\n".join(rows))

    trades = _payloads(Tape([path]))

    assert [(t["i"], t["q"], t["s"], t.get("c")) for t in trades] == [
        ("c", 9, 0.5, None), ("b", 1, 200, None), ("a", 2, 1, [12, 37]),
    ]  # fmt: skip
    assert trades[0] == {
        "ev": "T", "sym": "F", "x": 4, "i": "c", "z": 1, "p": 10.7, "s": 0.5, "t": OPEN_MS, "q": 9,
    }  # fmt: skip


def test_quote_rows_become_quotes(tmp_path: Path) -> None:
    """A quote row gives both sides, its condition and its indicators."""
    ns = OPEN_MS * 1_000_000
    path = _write(
        tmp_path / "q.csv", QUOTE_HEADER + f'F,11,10.52,300,12,10.5,100,1,"3,4",{ns},8,{ns},2,0\n'
    )

    assert _payloads(Tape([path])) == [
        {
            "ev": "Q", "sym": "F", "bx": 12, "bp": 10.5, "bs": 100, "ax": 11, "ap": 10.52, "as": 300,
            "c": 1, "i": [3, 4], "t": OPEN_MS, "q": 8, "z": 2,
        }
    ]  # fmt: skip


def test_day_rows_are_closes_not_events(tmp_path: Path) -> None:
    """A day file is told from a minute file by its midnight and is read as previous closes."""
    midnight_ns = 1_727_841_600_000_000_000
    _write(tmp_path / "day.csv", AGGREGATE_HEADER + f"F,1000,10,11,12.5,9,{midnight_ns},\n")
    _write(tmp_path / "minute.csv", AGGREGATE_HEADER + _minute_row("F", 0, "3", 10))

    tape = Tape([tmp_path])

    assert tape.day_bars("2024-10-02") == {"F": DayBar(10, 12.5, 9, 11, 1000)}
    assert tape.day_bars("2024-10-03") == {}
    assert tape.days == ["2024-10-02"]
    assert len(list(tape)) == 1


def test_json_lines_win_over_flat_files_of_a_folder(tmp_path: Path) -> None:
    """A day of a channel that a folder holds twice is played once, from the JSON lines; others stay."""
    line = f'{{"ev":"AM","sym":"WS","s":{OPEN_MS},"e":{OPEN_MS + MINUTE_MS}}}\n'
    ws = _write(tmp_path / "ws" / "m.jsonl", line)
    flat = _write(tmp_path / "flat" / "m.csv", AGGREGATE_HEADER + _minute_row("FLAT", 0, "3", 10))
    next_day = _minute_row("NEXT", 24 * 60, "3", 10)
    _write(tmp_path / "flat" / "n.csv", AGGREGATE_HEADER + next_day)
    ns = OPEN_MS * 1_000_000
    _write(tmp_path / "flat" / "t.csv", TRADE_HEADER + f"T,,0,4,c,{ns},1,1,{ns},1,1,0,0\n")

    def symbols(*paths: Path) -> list[str]:
        return [event.sym for event in Tape(paths)]

    assert symbols(tmp_path) == ["T", "WS", "NEXT"]
    assert symbols(ws, flat) == ["FLAT", "WS"]
    assert Tape([tmp_path]).days == ["2024-10-02", "2024-10-03"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.md", "# notes\nof a day\n"),
        ("other.csv", "a,b,c\n1,2,3\n"),
        ("header_only.csv", AGGREGATE_HEADER),
        ("empty.jsonl", ""),
        ("no_time.jsonl", '{"ev":"T","sym":"F"}\n'),
    ],
)
def test_file_that_is_no_tape_is_refused(tmp_path: Path, name: str, content: str) -> None:
    """The message names the file and what was expected."""
    path = _write(tmp_path / name, content)

    with pytest.raises(FatalError, match="expected vendor JSON lines") as refused:
        Tape([path])
    assert str(path) in str(refused.value)


def test_what_lies_beside_a_tape_is_left_out(tmp_path: Path) -> None:
    """A README or a table in a folder does not spoil the tape in it, but a file named like a tape must be one."""
    _write(tmp_path / "README.md", "# notes\n")
    _write(tmp_path / "conditions.json", '{\n"results": []\n}\n')
    _write(tmp_path / "a.jsonl", '{"ev":"T","sym":"F","t":1727877000000}\n')

    assert [event.sym for event in Tape([tmp_path])] == ["F"]

    _write(tmp_path / "b.csv", "a,b\n1,2\n")
    with pytest.raises(FatalError, match=r"b\.csv is not part of a tape"):
        Tape([tmp_path])


def test_missing_and_empty_paths_are_refused(tmp_path: Path) -> None:
    """A path that does not exist and a folder without files say so."""
    with pytest.raises(FatalError, match=r"nowhere does not exist"):
        Tape([tmp_path / "nowhere"])
    with pytest.raises(FatalError, match="holds no tape"):
        Tape([tmp_path])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("m.csv", AGGREGATE_HEADER + _minute_row("F", 0, "3", 10) + "F,3\n"),
        ("m.csv", AGGREGATE_HEADER + _minute_row("F", 0, "3", 10) + _minute_row("F", 1, "x", 10)),
    ],
)
def test_broken_row_is_refused(tmp_path: Path, name: str, content: str) -> None:
    """A row of a flat file that cannot be read stops the tape and names the file."""
    path = _write(tmp_path / name, content)

    with pytest.raises(FatalError, match="not a row of minute_aggs_v1") as refused:
        list(Tape([path]))
    assert str(path) in str(refused.value)


def test_truncated_gzip_is_refused(tmp_path: Path) -> None:
    """A file that was cut off is named, not played as if it ended there."""
    path = tmp_path / "cut.jsonl.gz"
    lines = b"".join(trade(OPEN_MS + n, sequence=n).payload + b"\n" for n in range(5000))
    path.write_bytes(gzip.compress(lines)[:-500])

    with pytest.raises(FatalError, match=r"cut\.jsonl\.gz cannot be read"):
        list(Tape([path]))


def test_hidden_files_are_not_looked_at(tmp_path: Path) -> None:
    """What a file manager leaves behind in a folder is not part of a tape."""
    _write(tmp_path / ".DS_Store", "x")
    _write(tmp_path / ".cache" / "y", "x")
    _write(tmp_path / "t.jsonl", f'{{"ev":"T","sym":"F","t":{OPEN_MS}}}\n')

    assert len(list(Tape([tmp_path]))) == 1


@pytest.mark.parametrize("last", ["", "{", '{"ev":"XX"}'])
def test_days_of_one_file_are_all_found(tmp_path: Path, last: str) -> None:
    """A file of several days has all of them, whatever its last line is."""
    days_ms = [OPEN_MS, OPEN_MS + 24 * 60 * MINUTE_MS, OPEN_MS + 48 * 60 * MINUTE_MS]
    lines = [trade(time_ms).payload.decode() for time_ms in days_ms]

    assert Tape([_write(tmp_path / "t.jsonl", "\n".join([*lines, last]))]).days == [
        "2024-10-02", "2024-10-03", "2024-10-04",
    ]  # fmt: skip


def test_broken_day_row_is_refused(tmp_path: Path) -> None:
    """A day file with a price that is none is named when its closes are read."""
    header = AGGREGATE_HEADER + "F,1,1,1,1,1,1727841600000000000,\n"
    _write(tmp_path / "day.csv", header + "G,1,?,1,1,1,1727841600000000000,\n")
    _write(tmp_path / "t.jsonl", trade(OPEN_MS).payload.decode())

    with pytest.raises(FatalError, match="not a row of day_aggs_v1"):
        _ = Tape([tmp_path]).day_closes


def test_every_pass_over_a_tape_is_the_same(tmp_path: Path) -> None:
    """A tape can be read again from its start, which is what a new connection gets."""
    tape = Tape([_write(tmp_path / "m.csv", AGGREGATE_HEADER + _minute_row("F", 0, "3", 10))])

    assert list(tape) == list(tape)


Known = dict[str, list[tuple[object, ...]]]


def _bars_by_symbol(events: Tape) -> Known:
    known: Known = defaultdict(list)
    for event in events:
        [bar], rejected = decode_frame(f"[{event.payload.decode()}]")
        assert rejected == 0
        assert isinstance(bar, VendorMinuteBar)
        known[bar.sym].append((bar.s, bar.e, bar.o, bar.h, bar.l, bar.c, bar.v, bar.av, bar.op))
    return known


def test_flat_minutes_agree_with_the_recorded_feed(recorded: Path) -> None:
    """28 sessions of minute files give, symbol by symbol, the bars that were recorded from a feed."""
    flat = _bars_by_symbol(Tape([recorded / "minute-17" / "flat"]))
    feed = _bars_by_symbol(Tape([recorded / "minute-17" / "ws"]))

    assert sum(map(len, flat.values())) == 78_421
    assert flat == feed


def test_flat_ticks_agree_with_the_recorded_feed(recorded: Path) -> None:
    """A day of trades and quotes from flat files decodes to what was recorded from a feed."""

    def ticks(tape: Tape) -> list[VendorEvent]:
        return [
            decoded  # type: ignore[misc]  # no event of another type is on this tape
            for event in tape
            if event.ev in {"T", "Q"}
            for decoded in decode_frame(f"[{event.payload.decode()}]")[0]
        ]

    flat = ticks(Tape([recorded / "ticks-xxx" / "flat"]))
    feed = ticks(Tape([recorded / "ticks-xxx" / "ws"]))

    assert len(flat) == 39_470 + 43_288
    assert sorted(flat, key=repr) == sorted(feed, key=repr)


def test_recorded_folder_is_played_in_order_and_once(recorded: Path) -> None:
    """A folder with both shapes of 28 sessions gives each bar once, in the order of time."""
    tape = Tape([recorded / "minute-17"])
    times = [event.time_ms for event in tape]

    assert len(times) == 78_421
    assert times == sorted(times)
    assert (len(tape.days), tape.days[0], tape.days[-1]) == (28, "2024-10-02", "2024-11-08")
    assert sorted(tape.day_closes) == tape.days
    assert tape.day_bars("2024-10-02")["AZO"] == DayBar(3160.11, 3199, 3076, 3085.87, 119092)
