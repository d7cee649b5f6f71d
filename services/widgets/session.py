"""What one client asks for, and what it is owed for that."""

from collections.abc import Callable

from msgspec import UNSET

from schemas.widget import (
    Ack,
    Auth,
    ClientFrame,
    Get,
    Ping,
    ServerError,
    Set,
    Subscribe,
    Unsubscribe,
    View,
)
from schemas.wire import DecodeError, json_decoder
from services.widgets.catalogue import Catalogue, Live
from services.widgets.limits import Allowance
from services.widgets.owed import Owed, unseen
from services.widgets.subscription import Position, Subscription
from services.widgets.want import ViewError, changed, is_table
from services.widgets.way import Way


MOST_CELLS = 2_000_000
"""Of all tables of a client, as large as they may become: four whole markets with every field."""

_decode: Callable[[str | bytes], ClientFrame] = json_decoder(ClientFrame).decode  # type: ignore[arg-type]  # a union is no type to mypy


class Session(Owed):
    """One client, with what it says; *allowance* is how much of that it may."""

    __slots__ = ("_allowance", "token")

    def __init__(
        self,
        catalogue: Catalogue,
        allowance: Allowance,
        wake: Callable[[], None],
        way: Way | None = None,
    ) -> None:
        super().__init__(catalogue, wake, way)
        self.token: str | None = None
        """Of an `auth` frame; whoever checks it takes it out."""
        self._allowance = allowance

    def on_text(self, text: str | bytes, now_ms: float) -> None:
        """Take a frame of the client; one that is refused is answered and changes nothing."""
        if self.closing is not None:
            return
        too_many = self._allowance.frame(now_ms / 1000)
        if too_many is not None:
            self.close(too_many, "too many frames")
            return
        try:
            frame: ClientFrame = _decode(text)
        except DecodeError as error:
            why = self._allowance.bad_frame()
            if why is not None:
                self.close(why)
            self._refuse(f"a frame must be a JSON object of protocol 1: {error}")
            return
        if isinstance(frame, Auth):
            self.token = frame.token
        elif not self.is_welcome:
            self._refuse("say who you are first: {'action': 'auth', 'token': ...}")
        else:
            try:
                self._carry_out(frame)
            except ViewError as error:
                if isinstance(frame, Subscribe) and frame.epoch is not None:
                    self._catalogue.recoveries["refused"] += 1
                self.say(ServerError(str(error), frame.id, error.place))

    def _carry_out(self, frame: Subscribe | Set | Unsubscribe | Get | Ping) -> None:
        match frame:
            case Subscribe():
                asked = None
                if frame.epoch is not None and frame.seq is not None:
                    asked = Position(frame.epoch, frame.seq)
                self._follow(frame.id, frame.feed, frame.view, asked)
            case Get():
                self._follow(frame.id, frame.feed, frame.view, None)
                self._subscriptions[frame.id].is_once = True
            case Set():
                self._set(self._get(frame.id), frame.view)
            case Unsubscribe():
                self._drop(self._get(frame.id))
                self.say(Ack("unsub", frame.id))
            case Ping():
                self.say(Ack("ping", frame.id))

    def _follow(self, number: int, feed: str, view: View, asked: Position | None) -> None:
        if not self.may(feed):
            raise ViewError(unseen(feed))
        count, before = len(self._subscriptions), self._subscriptions.get(number)
        if before is None and not self._allowance.may_subscribe(count):
            raise ViewError(f"a client may have {count} subscriptions at a time")
        _check_view(feed, view)
        held = Subscription(self, number, feed, asked)
        live = self._catalogue.follow(feed, view, held)
        self._check_size(held, live)
        if before is not None:
            self._drop(before)
        held.begin(view, live)
        self._subscriptions[number] = held
        self.mark(held)

    def _set(self, held: Subscription, change: View) -> None:
        view = changed(held.view, change)
        _check_view(held.feed, view)
        held.part()
        live = self._catalogue.follow(held.feed, view, held)
        self._check_size(held, live)
        self._catalogue.leave(held.live, held)
        held.look_again(view, live)
        self.say(Ack("set", held.number))
        self._turns.forget(held)  # it may have waited for what is no reason to wait any more
        self.mark(held)

    def _check_size(self, wanted: Subscription, live: Live) -> None:
        """Follow *live* no more if it is more than a client may have made for itself.

        Raises:
            ViewError: it is.
        """
        held = self._subscriptions.values()
        others = (each.live for each in held if each.number != wanted.number)
        cells = sum(each.most_cells for each in (live, *others))
        if cells > MOST_CELLS:
            self._catalogue.leave(live, wanted)
            raise ViewError(
                f"a client may follow {MOST_CELLS:,} cells, this would make it {cells:,}: "
                "ask for fewer columns, or a smaller `top` or `window`"
            )

    def _get(self, number: int) -> Subscription:
        held = self._subscriptions.get(number)
        if held is None:
            raise ViewError("there is no such subscription")
        return held

    def _refuse(self, message: str) -> None:
        self.say(ServerError(message))


def _check_view(feed: str, view: View) -> None:
    """Raises ViewError: of a sequence it asks for what only tables have, columns, an order, a condition."""
    names = ("columns", "sort", "where", "window", "symbols", "hz")
    if not is_table(feed) and any(getattr(view, name) not in (None, UNSET) for name in names):
        raise ViewError(f"{feed!r} is a sequence: of a view it has `top` alone")
