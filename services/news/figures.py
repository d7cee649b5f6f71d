"""What the news say of themselves in figures."""

from mesh.changes import FINLIGHT
from mesh.group import Group
from mesh.meters import Readings
from services.news.edge import Edge
from services.news.revisions import Verdict
from services.news.work import Work


def of(edge: Edge, work: Work, group: Group) -> Readings:
    """The values of now."""
    feed = edge.tell()
    asked = {FINLIGHT} if feed["configured"] else set()  # without a key it is nothing to be missed
    return {
        "feed.connected": dict.fromkeys(asked, feed["connected"]),
        "feed.wanted": dict.fromkeys(asked, feed["running"]),
        "news.received": edge.received,
        "news.published": edge.published,
        "news.discarded": edge.discarded,
        "news.unreadable": edge.unreadable,
        "news.articles": {str(each): work.done[each] for each in Verdict},
        "news.rejected": work.rejected,
        "group.held": len(group.held),
        "group.drained": group.is_drained,
    }
