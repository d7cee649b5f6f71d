"""What the ranking of boards says of itself in figures."""

from mesh.group import Group
from mesh.market import MarketTable
from mesh.meters import Readings
from services.boards.shelf import Shelf


def of(table: MarketTable, shelf: Shelf, group: Group, *, active: bool) -> Readings:
    """The values of now."""
    return {
        "boards.active": active,
        "boards.symbols": len(table.columns()),
        "boards.puts": shelf.puts,
        "board.last_put_timestamp": {name: at_ms / 1000 for name, at_ms in shelf.put_ms.items()},
        "group.held": len(group.held),
        "group.drained": group.is_drained,
    }
