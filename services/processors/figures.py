"""What a worker says of itself in figures."""

from collections.abc import Mapping

from mesh import clock
from mesh.group import Group
from mesh.meters import Readings
from schemas.naming import MarketClass
from services.processors.fold import FOLDED, Fold
from services.processors.owner import Owner
from services.processors.tally import Gap, Tally


_CLASSES = (*FOLDED, MarketClass.CANARY)
_GAPS: tuple[Gap, ...] = ("missed", "lost", "dropped")


def of(owners: Mapping[int, Owner], tally: Tally, fold: Fold, group: Group) -> Readings:
    """The values of now of the partitions that the process has, and of all that it has had."""
    given, late = fold.given, fold.late
    return {
        "fold.heard": {str(each): tally.heard[each] for each in _CLASSES},
        "fold.folded": {str(each): given[each] - late[each] for each in _CLASSES},
        "fold.late": {str(each): late[each] for each in _CLASSES},
        "fold.discarded": {str(each): tally.discarded[each] for each in _CLASSES},
        "fold.duplicates": {str(each): tally.duplicates[each] for each in _CLASSES},
        "fold.rejected": tally.rejected,
        "fold.gaps": {each: tally.gaps[each] for each in _GAPS},
        "partitions": group.slots,
        "partition.owned": dict.fromkeys(owners, 1),
        "partition.lag": {slot: _lag_s(owner) for slot, owner in owners.items()},
        "partition.waiting": {
            slot: owner.reader.intake.waiting_bytes for slot, owner in owners.items()
        },
        "partition.checkpoint_timestamp": {
            slot: owner.ledger.saved_ms / 1000 for slot, owner in owners.items()
        },
        "rows.flushes": tally.flushes,
        "alerts.unsent": sum(len(owner.state.fold.unsent) for owner in owners.values()),
        "group.held": len(group.held),
        "group.drained": group.is_drained,
    }


def _lag_s(owner: Owner) -> float:
    oldest = owner.reader.intake.first()
    return 0.0 if oldest is None else max(0.0, clock.now_ms() - oldest.head.received_ms) / 1000
