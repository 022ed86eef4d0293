"""What moto works out anew for every request or every resource is kept, or looked up. Changes no answer."""

from __future__ import annotations

import functools

import moto.core.responses as responses
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.tags import EC2_PREFIX_TO_RESOURCE, get_prefix


def install() -> None:
    """Once per process."""
    responses.method_names_from_class = functools.cache(responses.method_names_from_class)
    TaggedEC2Resource.get_tags = _get_tags


def _get_tags(resource: TaggedEC2Resource) -> list[dict[str, str]]:
    """moto compares every tag of every resource there ever was with a pattern, for each resource that it shows."""
    if not resource.id:
        return []
    kind = EC2_PREFIX_TO_RESOURCE.get(get_prefix(resource.id), "")
    tags = resource.ec2_backend.tags.get(resource.id, {})
    return [
        {"resource_id": resource.id, "key": key, "value": value, "resource_type": kind} for key, value in tags.items()
    ]
