"""EventBridge-shaped events: kept in a journal, and put on ministack's event bus when there is one."""

from __future__ import annotations

import json
import queue
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .names import CREDENTIALS

#: PutEvents takes at most ten entries.
_BATCH = 10


@dataclass(frozen=True)
class Event:
    """One event as its source would put it on the default bus."""

    region: str
    source: str
    detail_type: str
    resources: list[str]
    detail: dict[str, Any]

    def envelope(self) -> dict[str, Any]:
        """The event as a rule's target receives it."""
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": self.detail_type,
            "source": self.source,
            "account": self.resources[0].split(":")[4],
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self.region,
            "resources": self.resources,
            "detail": self.detail,
        }

    def entry(self) -> dict[str, Any]:
        """The event as PutEvents takes it."""
        return {
            "Source": self.source,
            "DetailType": self.detail_type,
            "Resources": self.resources,
            "Detail": json.dumps(self.detail),
        }


class Journal:
    """Every event since the last `clear`, in order; delivery to a bus happens in a thread of its own."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._queue: queue.Queue[Event] = queue.Queue()
        self._endpoint: str | None = None
        self._clients: dict[str, Any] = {}
        threading.Thread(target=self._deliver, name="event-delivery", daemon=True).start()

    def publish(self, event: Event) -> None:
        """Records the event and hands it to the delivery thread."""
        with self._lock:
            self._events.append(event.envelope())
            if self._endpoint:
                self._queue.put(event)

    def read(self, region: str | None = None, since: int = 0) -> list[dict[str, Any]]:
        """Events from position `since` on, of one region or of all."""
        with self._lock:
            return [event for event in self._events[since:] if region in (None, event["region"])]

    def clear(self) -> None:
        """Forgets what was recorded; undelivered events still go out."""
        with self._lock:
            self._events.clear()

    def deliver_to(self, endpoint: str | None) -> None:
        """Sends events from now on to the EventBridge at this URL; None stops delivery."""
        with self._lock:
            self._endpoint = endpoint
            self._clients.clear()

    def _deliver(self) -> None:
        while True:
            batch = [self._queue.get()]
            while len(batch) < _BATCH and not self._queue.empty():
                batch.append(self._queue.get())
            for region in dict.fromkeys(event.region for event in batch):
                self._put(region, [event.entry() for event in batch if event.region == region])

    def _put(self, region: str, entries: list[dict[str, Any]]) -> None:
        try:
            self._client(region).put_events(Entries=entries)
        except Exception as error:  # Auto Scaling delivers best effort too: say so and go on
            print(f"event delivery to {region} failed: {error}", flush=True)

    def _client(self, region: str) -> Any:
        import boto3  # slow to import, and not needed by a rig without an event bus

        if region not in self._clients:
            self._clients[region] = boto3.client(
                "events", region_name=region, endpoint_url=self._endpoint, **CREDENTIALS
            )
        return self._clients[region]
