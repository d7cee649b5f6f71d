"""Which passwords may be chosen: long ones that are on no list. NIST SP 800-63B-4, section 3.1.1.2.

No rules of composition, and no end after some months: both make people choose worse ones. Pure.
"""

import unicodedata


SHORTEST, LONGEST = 15, 256
"""Characters; the standard asks for 15 where a password is all that is asked for."""

_FEWEST_DIFFERENT = 5
_OWN_CHARACTERS = 8
"""What is left without well-known parts must be so long."""
_COMMON = (
    "password", "passwort", "passw0rd", "p@ssw0rd", "p@ssword", "letmein", "welcome", "iloveyou", "trustno1",
    "superman", "batman", "football", "baseball", "sunshine", "princess", "dragon", "monkey", "shadow", "master",
    "administrator", "admin", "changeme", "default", "secret", "correct horse battery staple", "correcthorsebatterystaple",
    "tickmesh", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwerty", "qwertz", "azerty", "1qaz2wsx", "1q2w3e4r", "abc123",
    "abcdefghijklmnopqrstuvwxyz", "12345678901234567890", "0123456789", "1234567890", "123456789", "12345678", "123456",
    "098765", "987654321", "7654321", "111111", "000000", "whatever", "michael", "jordan", "charlie", "starwars",
)  # fmt: skip
"""Of the lists of passwords that were stolen most often, and rows of the keyboard; longest parts are taken out first."""


def normal(password: str) -> str:
    """*password* in the one form in which it is hashed: the same letters typed on two systems are the same."""
    return unicodedata.normalize("NFKC", password)


def problem(password: str, user: str) -> str | None:
    """Why *user* may not choose *password*, in words for them; None if they may."""
    plain = normal(password)
    if len(plain) < SHORTEST:
        return f"a password must be {SHORTEST} characters at least, was {len(plain)}: some words in a row are easy to remember"
    if len(plain) > LONGEST:
        return f"a password must be {LONGEST} characters at most, was {len(plain)}"
    if len(set(plain)) < _FEWEST_DIFFERENT or _is_repeated(plain):
        return "a password must not repeat a few characters"
    if len(_own_part(plain.casefold(), user)) < _OWN_CHARACTERS:
        return "this password is among the first that are tried: take words that do not belong together"
    return None


def _is_repeated(text: str) -> bool:
    """Whether *text* is a short part again and again."""
    return (text + text).find(text, 1) < _OWN_CHARACTERS


def _own_part(text: str, user: str) -> str:
    """*text* without what anybody would try."""
    known = {*_COMMON, user.casefold(), *user.casefold().split("@")}
    for part in sorted(filter(None, known), key=len, reverse=True):
        text = text.replace(part, "")
    return text
