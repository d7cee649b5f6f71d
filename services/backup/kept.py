"""Which streams are worth a backup: those that nobody but persons could make again."""

from schemas.naming import (
    ALERTS_STREAM,
    AUDIT_STREAM,
    NEWS_STREAM,
    NEWS_TAPE_STREAM,
    ROWS_STREAM,
    Bucket,
    MarketClass,
    bucket_stream,
    tape_stream,
)


KEPT = (
    AUDIT_STREAM,
    *map(
        bucket_stream,
        (
            Bucket.USERS,
            Bucket.SCOPES,
            Bucket.API_TOKENS,
            Bucket.SIGNING,
            Bucket.KEYS,
            Bucket.REVOKED,
            Bucket.NATS_USERS,
            Bucket.LAYOUTS,
            Bucket.SHARED_LAYOUTS,
            Bucket.CONTROL,
        ),
    ),
)
"""What a backup holds."""

REBUILT = (
    ROWS_STREAM,
    ALERTS_STREAM,
    *map(tape_stream, MarketClass),
    *map(
        bucket_stream,
        (
            Bucket.BOARDS,
            Bucket.ROWS,
            Bucket.ALERTS,
            Bucket.HALTS,
            Bucket.IMAGES,
            Bucket.CHECKPOINTS,
            Bucket.OWNERS,
        ),
    ),
)
"""What the programs make of the feed: a tape that goes on would not fit to what it was once."""

ASKED_AGAIN = (
    NEWS_STREAM,
    NEWS_TAPE_STREAM,
    *map(
        bucket_stream,
        (Bucket.NEWS, Bucket.ARTICLES, Bucket.REFERENCE, Bucket.DAILY, Bucket.CURVES),
    ),
)
"""What comes from vendors."""

FORGOTTEN = tuple(
    map(
        bucket_stream,
        (Bucket.SESSIONS, Bucket.LINKS, Bucket.SIGN_INS, Bucket.ATTEMPTS, Bucket.ANSWERS),
    )
)
"""What must not come back: a session that was ended since, a link or a sign-in that was used since, would be good again."""
