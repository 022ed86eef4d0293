"""Accounts: an access key of twelve digits is the account that it belongs to, in both emulators.

ministack has that by itself. moto learns it here, and its STS gives out such keys for roles, so that whoever assumes a
role of another account is in that account in both of them.
"""

from __future__ import annotations

import os
import re
from typing import Any

from moto.sts.models import AssumedRole, STSBackend

_ACCOUNT = re.compile(r"[0-9]{12}")

#: Whose credentials STS gives for a role, where a test wants those of another account.
instead: dict[str, str] = {}


def install() -> None:
    """Replaces moto's behaviour; once per process, after moto has read its environment."""
    os.environ.pop("MOTO_ACCOUNT_ID", None)  # it would go before whatever a request says
    assume = STSBackend.assume_role

    def assume_role(backend: STSBackend, **asked: Any) -> AssumedRole:
        role = assume(backend, **asked)
        role.account_id = instead.get(asked["role_arn"], role.account_id)
        role.access_key_id = role.account_id
        return role

    STSBackend.assume_role = assume_role


def tell(environ: dict[str, Any], access_key: str) -> None:
    """Tells moto the account of a request."""
    if _ACCOUNT.fullmatch(access_key):
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = access_key
