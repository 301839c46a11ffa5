"""Keep-alive connections that ask without pause and check every answer."""

import asyncio
import threading
import time

from harness.wait import wait_until


class Answer:
    __slots__ = ("connection", "begun", "ended", "status", "body", "error")

    def __init__(self, connection, begun):
        self.connection = connection
        self.begun = begun
        self.ended = None
        self.status = None
        self.body = None
        self.error = None


class Load:
    """Runs in a thread: `with Load(...) as load: ...`; load.answers() afterwards.

    A server may close a connection between two requests (it drains, or it is a new process): the request that finds it closed before
    any byte of an answer is asked again on a new connection when `reconnect` is set, as HTTP clients do for idempotent requests.
    """

    def __init__(self, address, target, connections=16, reconnect=False, host="test", pause=0.0):
        self.address = address
        self.request = f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        self.connections = connections
        self.reconnect = reconnect
        self.pause = pause
        self._answers = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(60)

    def answers(self):
        return list(self._answers)

    def wait_answers(self, more, timeout=30.0):
        """Until this many more good answers have come."""
        wanted = self.count_ok() + more
        wait_until(lambda: self.count_ok() >= wanted, f"{more} more answers under load; last: {self.failures()[-3:]}", timeout)

    def count_ok(self):
        return sum(1 for answer in self._answers if answer.status == 200)

    def failures(self):
        return [(answer.status, answer.body, answer.error) for answer in self._answers if answer.status != 200]

    async def _run(self):
        await asyncio.gather(*(self._connection(number) for number in range(self.connections)))

    async def _connection(self, number):
        streams = None
        while not self._stop.is_set():
            answer = Answer(number, time.monotonic())
            try:
                fresh = streams is None
                if fresh:
                    streams = await self._connect()
                closing = await asyncio.wait_for(self._ask(streams, answer), 30)
                if closing:
                    streams[1].close()
                    streams = None
            except _ClosedBetween:
                if streams:
                    streams[1].close()
                streams = None
                if self.reconnect:
                    # The server said goodbye before it had the request; nothing was lost.
                    if fresh:
                        await asyncio.sleep(0.01)
                    continue
                answer.error = "closed before the answer"
            except Exception as error:  # any failure is a finding
                answer.error = f"{type(error).__name__}: {error}"
                if streams:
                    streams[1].close()
                streams = None
                await asyncio.sleep(0.01)
            answer.ended = time.monotonic()
            self._answers.append(answer)
            if self.pause:
                await asyncio.sleep(self.pause)
        if streams:
            streams[1].close()

    async def _connect(self):
        try:
            return await asyncio.wait_for(asyncio.open_connection(*self.address), 10)
        except ConnectionResetError:
            # Made and ended before we looked: the same goodbye, a little earlier.
            raise _ClosedBetween() from None

    async def _ask(self, streams, answer):
        reader, writer = streams
        try:
            writer.write(self.request)
            await writer.drain()
            first = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            raise _ClosedBetween() from None
        except (ConnectionResetError, BrokenPipeError):
            raise _ClosedBetween() from None
        lines = first.decode("latin-1").split("\r\n")
        answer.status = int(lines[0].split(" ")[1])
        headers = {}
        for line in lines[1:]:
            if ":" in line:
                name, value = line.split(":", 1)
                headers[name.lower()] = value.strip()
        answer.body = await reader.readexactly(int(headers["content-length"]))
        return headers.get("connection", "").lower() == "close"


class _ClosedBetween(Exception):
    pass
