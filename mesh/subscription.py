"""One subscription of a client, as its consumer waits for it, changes it and sees it end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
from msgspec import UNSET

from mesh.errors import MeshError, SubscriptionRefusedError
from mesh.feed_state import SequenceState, TableState
from mesh.follower import Counters, Follower, Update
from mesh.widget_frames import require_valid
from schemas.widget import (
    Ack,
    ClientFrame,
    Delta,
    Event,
    Get,
    Lag,
    ServerError,
    Set,
    Snap,
    Subscribe,
    View,
)


class Subscription:
    """A feed as it changes, for one consumer. Made by `WidgetClient.subscribe`."""

    def __init__(
        self,
        request: Subscribe | Get,
        keep: int,
        counters: Counters,
        tell: Callable[[ClientFrame], Awaitable[None]],
    ) -> None:
        require_valid(request, request.feed)
        self.id = request.id
        self.feed = request.feed
        self.hz: float | None = None
        """Updates a second at most, because this client did not keep up; None: as the view says."""
        self._follower = Follower(request, keep, counters)
        self._tell = tell
        self._news = asyncio.Event()
        self._ended = False
        self._error: MeshError | None = None
        self._can_set = asyncio.Event()
        self._answer: asyncio.Future[bool] | None = None
        self._setting = asyncio.Lock()

    @property
    def view(self) -> View:
        """As the service has confirmed it."""
        return self._follower.view

    @property
    def state(self) -> TableState | SequenceState | None:
        """All that is known of the feed; None before the first frame."""
        return self._follower.state

    @property
    def ended(self) -> bool:
        """Whether no frame comes any more."""
        return self._ended

    async def updates(self) -> AsyncIterator[Update]:
        """The feed after each change, for one consumer at a time; one that is slow is given the newest.

        A table is the live one: it goes on changing when the consumer awaits anything. Ends with
        `unsubscribe`.

        Raises:
            SubscriptionRefusedError: the service refused the subscription, or has ended it.
            ServiceRefusedError: the service wants nothing more from this client.
        """
        while (update := await self.change()) is not None:
            yield update

    async def change(self) -> Update | None:
        """The next change, as in `updates`; None at the end."""
        while True:
            await self._news.wait()
            if not self._ended:
                self._news.clear()
            if (update := self._follower.read()) is not None:
                return update
            if self._error is not None:
                raise self._error
            if self._ended:
                return None

    async def set(self, view: View) -> None:
        """Change the view; returns when the service has confirmed it.

        What *view* does not say stays. While the service is away, this waits.

        Raises:
            SubscriptionRefusedError: the service refused it, or would; the subscription goes on as it was.
        """
        require_valid(Set(self.id, view), self.feed)
        async with self._setting:
            done = False
            while not done:
                await self._can_set.wait()
                self._raise_if_ended()
                self._answer = asyncio.get_running_loop().create_future()
                await self._tell(Set(self.id, view))
                done = await self._answer
            self._follower.view = _merged(self.view, view)

    def request(self, *, during: bool = False) -> Subscribe | Get:
        """The frame that asks for the feed; *during* a connection on which it was asked for before."""
        return self._follower.request(during=during)

    def on_frame(self, frame: Snap | Delta | Event) -> bool:
        """Take *frame*; False if the feed must be asked for again, with `request`."""
        fits = self._follower.on_frame(frame)
        self._can_set.set()
        self._news.set()
        return fits

    def on_answer(self, frame: Ack | Lag | ServerError) -> None:
        """What the service says of the subscription. A refusal is of the `set` that waits, if one does."""
        if isinstance(frame, Lag):
            self.hz = frame.hz
        elif isinstance(frame, Ack):
            if frame.of == "set":
                self._resolve(answer=True)
        else:
            error = SubscriptionRefusedError(frame.message, feed=self.feed, place=frame.place)
            if self._answer is not None and not self._answer.done():
                self._answer.set_exception(error)
            else:
                self.end(error)

    def on_connected(self) -> None:
        """The feed was asked for on a new connection; one that was known can be changed."""
        if self.state is not None:
            self._can_set.set()

    def on_disconnected(self) -> None:
        """What was not answered will not be."""
        self._can_set.clear()
        self._resolve(answer=False)

    def end(self, error: MeshError | None = None) -> None:
        """No frame comes any more, because of *error* if there is one."""
        self._ended, self._error = True, error
        self._can_set.set()
        self._news.set()
        self._resolve(answer=False)

    def _resolve(self, *, answer: bool) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    def _raise_if_ended(self) -> None:
        if self._error is not None:
            raise self._error
        if self._ended:
            raise SubscriptionRefusedError("was unsubscribed", feed=self.feed)


def _merged(view: View, change: View) -> View:
    said = {
        name: value
        for name in View.__struct_fields__
        if (value := getattr(change, name)) is not UNSET
    }
    return msgspec.structs.replace(view, **said)
