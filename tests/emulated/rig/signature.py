"""What a request's SigV4 signature says about itself. Nothing is verified: emulators take any key."""

from __future__ import annotations

import re
from typing import NamedTuple

_SCOPE = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")


class Scope(NamedTuple):
    """The credential scope; `?` where a request is not signed."""

    access_key: str
    region: str
    service: str


def scope_of(authorization: str | None) -> Scope:
    """Reads `Credential=KEY/date/REGION/SERVICE/aws4_request` from an Authorization header."""
    found = _SCOPE.search(authorization or "")
    return Scope(*found.groups()) if found else Scope("?", "?", "?")
