"""What an article is about, by the words of its title, and what such news usually does to a price.

The first line that fits counts: what moves a price most comes first. A table, so that it can be read
and added to; it knows English alone.
"""

import re
from typing import NamedTuple

from schemas.news import Impact


class Topic(NamedTuple):
    """A kind of news."""

    name: str
    impact: Impact
    words: re.Pattern[str]


def _topic(name: str, impact: Impact, *words: str) -> Topic:
    return Topic(name, impact, re.compile(rf"\b(?:{'|'.join(words)})\b", re.IGNORECASE))


TOPICS = (
    _topic("bankruptcy", "high", r"bankruptcy", r"chapter (?:7|11)", r"insolven\w+", r"going concern"),
    _topic("merger", "high", r"to be acquired", r"to acquire", r"acquires?", r"acquisition", r"merger", r"merge with", r"takeover", r"buyout", r"go(?:es|ing)? private", r"tender offer"),
    _topic("clinical", "high", r"fda", r"ema approval", r"phase (?:1|2|3|i|ii|iii)\w?", r"topline", r"clinical trial", r"complete response letter", r"fast track", r"breakthrough therapy", r"orphan drug"),
    _topic("offering", "high", r"(?:public|registered|secondary|direct) offering", r"prices .{0,40}offering", r"private placement", r"at-the-market", r"convertible notes", r"dilut\w+"),
    _topic("delisting", "high", r"delist\w*", r"trading halt(?:ed)?", r"halted", r"non-?compliance notice"),
    _topic("guidance", "high", r"guidance", r"outlook", r"forecasts?", r"preannounce\w*", r"preliminary results"),
    _topic("earnings", "high", r"earnings", r"(?:first|second|third|fourth)[- ]quarter", r"q[1-4]", r"eps", r"quarterly results", r"beats? estimates", r"miss(?:es)? estimates"),
    _topic("short report", "high", r"short[- ]seller", r"short report", r"hindenburg", r"muddy waters"),
    _topic("split", "medium", r"(?:reverse )?(?:stock|share) split"),
    _topic("contract", "medium", r"contract", r"awarded", r"purchase order", r"partnership", r"collaboration", r"strategic alliance", r"licens\w+ agreement"),
    _topic("legal", "medium", r"lawsuit", r"sues?", r"settle\w*", r"investigation", r"subpoena", r"sec charges", r"patent", r"antitrust"),
    _topic("rating", "medium", r"upgrades?d?", r"downgrades?d?", r"price target", r"initiates? coverage", r"reiterates?"),
    _topic("capital", "medium", r"buyback", r"repurchase", r"special dividend", r"dividend", r"spin-?off"),
    _topic("management", "medium", r"ceo", r"cfo", r"chief \w+ officer", r"resigns?", r"steps down", r"appoints?"),
    _topic("insider", "medium", r"insider", r"13d", r"13g", r"activist", r"stake"),
    _topic("product", "medium", r"launch(?:es|ed)?", r"unveils?", r"approval", r"recalls?"),
)  # fmt: skip


def impact_of(title: str) -> tuple[Impact, str | None]:
    """What news with this *title* usually does, and its topic; low without one."""
    for topic in TOPICS:
        if topic.words.search(title):
            return topic.impact, topic.name
    return "low", None
