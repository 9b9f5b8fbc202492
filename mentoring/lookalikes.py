"""Addresses that people take for one another: shown to the committee, never merged.

A letter of another alphabet, a zero for an o, a dot more: it may be one person who mistyped, or somebody who applies
in another's name. Only people can tell. Belongs here: which addresses look alike. Does not belong here: when two are
the same (`mentoring.addresses`).
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence

from mentoring.applicants import IN_FORCE
from mentoring.cohort import Cohort

#: Letters and digits that look like a Latin one in common typefaces, from Unicode's list of confusables (UTS #39).
_ALIKE = str.maketrans(
    "авеѐёзікмнорстухьѕјԁԛԝһɡıαβεηικνορστυχωγ015|",
    "abeee3ikmhopctyxbsjdqwhgiabenikvopotuxwyoisi",
)
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))


def draw_address(key: str) -> str:
    """What an address looks like, of its `normalise_address` key: equal for addresses that look alike."""
    name, _, domain = key.rpartition("@")
    # Many mailboxes take dots and what follows a plus for nothing.
    return f"{_draw(name.partition('+')[0].replace('.', ''))}@{_draw(_decode(domain))}"


def _decode(domain: str) -> str:
    import idna

    try:
        return idna.decode(domain)
    except idna.IDNAError:
        return domain


def _draw(text: str) -> str:
    plain = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", text.casefold())
        if unicodedata.category(letter) not in ("Mn", "Cf")
    )
    drawn = plain.translate(_ALIKE).replace("l", "i")
    for pair, letter in _PAIRS:
        drawn = drawn.replace(pair.replace("l", "i"), letter)
    return drawn


def find_lookalikes(cohort: Cohort) -> Mapping[str, Sequence[str]]:
    """For each application in force whose address looks like that of other people's: their applications."""
    alike: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for key, item in sorted(cohort.applications.items()):
        person = cohort.people.get(item.person_id or "")
        if item.state in IN_FORCE and person and person.email_key:
            alike[draw_address(person.email_key)][person.person_id].append(key)
    return {
        key: [other for them, theirs in people.items() if them != person_id for other in theirs]
        for people in alike.values()
        if len(people) > 1
        for person_id, mine in people.items()
        for key in mine
    }
