"""Names and credentials on which all parts of the rig agree."""

from __future__ import annotations

from typing import Any

#: Both emulators take a 12-digit access key as the account id, so one key makes them agree on the account.
ACCOUNT = "123456789012"

#: Keyword arguments for a boto3 client of the rig.
CREDENTIALS: dict[str, Any] = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "rig"}

#: The same for processes.
CREDENTIALS_ENV = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "rig"}

#: Another account, with nothing of the first one's.
OTHER_ACCOUNT = "210987654321"

REGIONS = ("us-east-1", "us-west-2")
