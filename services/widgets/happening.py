"""From messages of a stream to what clients follow: their feeds, and what is no value is left out."""

from collections.abc import Callable

from schemas.wire import json_decoder
from services.widgets.catalogue import Catalogue


_check_json = json_decoder(object).decode


class Happening:
    """All of one *kind*, handed to *catalogue* with the numbers of its stream.

    Args:
        catalogue: is given nothing of this kind by anybody else.
        kind: the first token of its feeds.
        feed_of: of a subject, or raises ValueError: it is none of this kind.
    """

    def __init__(self, catalogue: Catalogue, kind: str, feed_of: Callable[[str], str]) -> None:
        self.rejected = 0
        self._catalogue = catalogue
        self._kind = kind
        self._feed_of = feed_of
        catalogue.expect_stream(kind)

    def begin(self, epoch: str, floor: int) -> None:
        """The stream is *epoch*, and what comes now is behind the number *floor* in it."""
        self._catalogue.begin_stream(self._kind, epoch, floor)

    def cut(self, number: int) -> None:
        """Messages up to *number* may have been missed."""
        self._catalogue.cut_stream(self._kind, number)

    def put(self, subject: str, value: bytes | None, number: int | None) -> None:
        """The next message. None for a number: not known yet; for a value: now it is."""
        try:
            feed = self._feed_of(subject)
            if value is not None:
                _check_json(value)  # a frame with it would be none either
        except ValueError:
            self.rejected += 1  # somebody else's
            return
        self._catalogue.put_numbered(feed, value, number)
