"""The engine's events, read by one thread for all who watch: which of them mean that something has to be read again."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from tui.engines.base import EngineError, clean
from tui.engines.docker.connect import TIMEOUT, Connection

if TYPE_CHECKING:
    import docker
    import requests
    from docker.types import CancellableStream

ACTIONS = (
    *("create", "start", "die", "destroy", "remove", "pause", "unpause", "rename", "connect", "disconnect"),
    *("exec_start", "exec_die"),
)
REMEMBERED = 4096
"""How many of our own commands are remembered, to be told from other people's."""
PING = 30
"""Seconds between two looks at whether an engine on another machine is still there, while nothing happens."""


class Events:
    """A subscription that is opened by the first `watch` and again by the next one after it broke.

    `begin` is called when it opens: what was read before may have changed unseen; `end` when it broke or was closed.
    `forget` is called with the id of a container that changed, `stopped` with that of one that has ended, before
    anybody is told. `live` says whether changes are being heard of now.
    """

    def __init__(
        self,
        connection: Connection,
        begin: Callable[[], None],
        end: Callable[[], None],
        forget: Callable[[str], None],
        stopped: Callable[[str], None],
    ) -> None:
        self.live = False
        self._begin = begin
        self._end = end
        self._stopped = stopped
        self._connection = connection
        self._forget = forget
        self._changed = threading.Condition()
        self._generation = self._first = 0
        self._unheard = False
        self._error: EngineError | None = None
        self._closed = False
        self._stream: CancellableStream[Any] | None = None
        self._opening = threading.Lock()
        self._own: OrderedDict[str, None] = OrderedDict()
        self._commands: OrderedDict[str, str] = OrderedDict()
        self._health: dict[str, str] = {}

    def subscribe(self) -> None:
        """Hear of changes from now on, for a `watch` to come. Raises EngineError."""
        with self._opening:
            if not self.live and not self._closed:
                self._open()

    def looked(self) -> None:
        """Somebody takes a snapshot. Without a subscription, what changes after it would go unheard."""
        self._unheard = self._unheard or not self.live

    def watch(self) -> Iterator[None]:
        """Yield for the changes since the subscription began or the last yield, however many; see Engine.watch."""
        self.subscribe()
        with self._changed:
            seen, self._first = self._first, self._generation
        return self._changes(seen)

    def _changes(self, seen: int) -> Iterator[None]:
        while True:
            with self._changed:
                news = self._changed.wait_for(self._since(seen), None if self._connection.peer else PING)
                if self._closed:
                    return
                if not self.live:
                    raise self._error or self._lost()
                if news:
                    seen = self._generation
            if news:
                yield None
            else:
                with self._connection.client() as api:
                    api.ping()

    def _since(self, seen: int) -> Callable[[], bool]:
        return lambda: self._closed or not self.live or self._generation != seen

    def tell(self) -> None:
        """Something changed: wake everybody who watches."""
        with self._changed:
            self._generation += 1
            self._changed.notify_all()

    def ours(self, exec_id: str) -> None:
        """A command that only reads: its end changes nothing."""
        with self._changed:
            self._own[exec_id] = None
            while len(self._own) > REMEMBERED:
                self._own.popitem(last=False)

    def close(self) -> None:
        """End the subscription and everybody's watch."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._hang_up()

    def _hang_up(self) -> None:
        stream = self._stream
        if stream is not None:
            with contextlib.suppress(OSError, AttributeError):  # it has ended by itself meanwhile
                stream.close()

    def _lost(self) -> EngineError:
        where = clean(self._connection.endpoint.url)
        return EngineError(f"The engine at {where} ended the connection: it was stopped, or is being restarted.")

    def _open(self) -> None:
        """Subscribe from the engine's own clock on, so that nothing that happens meanwhile is missed."""
        since = self._clock()
        api = self._connection.open()
        try:
            response = self._request(api, since)
        except Exception as error:
            api.close()
            raise self._connection.lost(error) from None
        self._begin()
        with self._changed:
            self._first = self._generation
            self._generation += self._unheard  # a snapshot of before may have missed something
            self._unheard = False
            self._error = None
            self.live = True
        threading.Thread(target=self._listen, args=(api, response), name="docker-events", daemon=True).start()
        if self._closed:
            self._hang_up()

    def _request(self, api: docker.APIClient, since: str | None) -> requests.Response:
        """Ask for events without end. The SDK's `events` would leave the socket open when the engine goes away."""
        from docker.types import CancellableStream

        filters = json.dumps({"type": ["container", "network"], "event": list(ACTIONS)})
        response = api.get(
            f"{api.base_url}/v{api.api_version}/events",
            params={"filters": filters} | ({"since": since} if since else {}),
            stream=True,
            timeout=(TIMEOUT, None),
        )
        try:
            response.raise_for_status()
        except BaseException:
            response.close()
            raise
        self._stream = CancellableStream(iter(()), response)
        return response

    def _clock(self) -> str | None:
        """The time of now in the engine's own clock: this machine's, or to the second as its answers are dated."""
        if self._connection.peer is not None:
            return f"{time.time():.9f}"
        with self._connection.client() as api:
            date = api.get(f"{api.base_url}/_ping").headers.get("Date")
        return str(int(parsedate_to_datetime(date).timestamp())) if date else None

    def _listen(self, api: docker.APIClient, response: requests.Response) -> None:
        try:
            for line in response.iter_lines(chunk_size=None):
                if line:
                    self._hear(json.loads(line))
        except Exception as error:  # whatever ended it, the next watch begins anew
            if not self._closed:
                self._error = self._lost() if isinstance(error, OSError) else self._connection.lost(error)
        finally:
            response.close()
            api.close()
            self._end()
            with self._changed:
                self.live = False
                self._changed.notify_all()

    def _hear(self, event: Mapping[str, Any]) -> None:
        actor = event.get("Actor") or {}
        attributes = actor.get("Attributes") or {}
        action, _, command = str(event.get("Action") or event.get("status") or "").partition(": ")
        identity = str(actor.get("ID") or event.get("id") or "")
        if action == "exec_start":
            self._commands[str(attributes.get("execID"))] = command
            while len(self._commands) > REMEMBERED:
                self._commands.popitem(last=False)
        elif action == "exec_die":
            exec_id = str(attributes.get("execID"))
            command = self._commands.pop(exec_id, "")
            if exec_id not in self._own and not self._is_health_check(identity, command):
                self._tell_of(identity)
        elif event.get("Type") == "network":
            self._tell_of(attributes.get("container"))
        else:
            if action in ("start", "destroy"):
                self._health.pop(identity, None)
            if action in ("die", "destroy", "remove"):
                self._stopped(identity)
            self._tell_of(identity)

    def _tell_of(self, container: str | None) -> None:
        if container:
            self._forget(container)
        self.tell()

    def _is_health_check(self, container: str, command: str) -> bool:
        """Whether the engine itself ran that command, as it does every few seconds where an image asks for it."""
        if container not in self._health:
            self._health[container] = self._health_command(container)
        return bool(command) and command == self._health[container]

    def _health_command(self, container: str) -> str:
        from docker.errors import APIError

        try:
            with self._connection.client() as api:
                config = api.inspect_container(container).get("Config") or {}
        except (APIError, EngineError):
            return ""
        kind, *words = (config.get("Healthcheck") or {}).get("Test") or [""]
        shell = config.get("Shell") or ["/bin/sh", "-c"]
        return " ".join([*shell, *words] if kind == "CMD-SHELL" else words)
