"""HTTP/1.1 from the client's side, byte by byte: nothing is corrected, nothing is hidden."""

import socket
import struct

TIMEOUT = 60.0


class Response:
    def __init__(self, status, reason, headers, body):
        self.status = status
        self.reason = reason
        self.headers = headers  # list of (lower-case name, value)
        self.body = body

    def header(self, name):
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else None

    @property
    def text(self):
        return self.body.decode("utf-8")

    @property
    def error(self):
        return self.header("x-zts-error")

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:200]!r}"


class Closed(Exception):
    """The server closed the connection where an answer was due."""


class Connection:
    def __init__(self, address, timeout=TIMEOUT):
        self.socket = socket.create_connection(address, timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Ends it so that the server sees a reset, not the end of what is sent."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        return bool(data)

    def _until(self, mark):
        while mark not in self.buffer:
            if not self._more():
                raise Closed(f"connection closed after {self.buffer[:200]!r}")
        line, self.buffer = self.buffer.split(mark, 1)
        return line

    def _exactly(self, count):
        while len(self.buffer) < count:
            if not self._more():
                raise Closed(f"connection closed {count - len(self.buffer)} bytes early")
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def read_response(self, head_only=False):
        """The next response. head_only: it answers HEAD."""
        lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, *reason = lines[0].split(" ", 2)
        if not version.startswith("HTTP/1."):
            raise AssertionError(f"no status line: {lines[0]!r}")
        headers = []
        for line in lines[1:]:
            name, value = line.split(":", 1)
            headers.append((name.lower(), value.strip()))
        response = Response(int(status), reason[0] if reason else "", headers, b"")
        if head_only or response.status in (204, 304) or response.status < 200:
            return response
        response.body = self._read_body(response)
        return response

    def _read_body(self, response):
        if "chunked" in (response.header("transfer-encoding") or ""):
            body = b""
            while True:
                size = int(self._until(b"\r\n").split(b";")[0], 16)
                body += self._exactly(size)
                self._exactly(2)
                if size == 0:
                    return body
        length = response.header("content-length")
        if length is not None:
            return self._exactly(int(length))
        while self._more():
            pass
        body, self.buffer = self.buffer, b""
        return body

    def is_closed(self):
        """Waits for the server's close; False when bytes come instead, or nothing does."""
        if self.buffer:
            return False
        try:
            return not self._more()
        except socket.timeout:
            return False

    def request(self, method, target, headers=(), body=None, host="test"):
        self.send(format_request(method, target, headers, body, host))
        return self.read_response(head_only=method == "HEAD")


def format_request(method, target, headers=(), body=None, host="test"):
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers]
    data = body.encode() if isinstance(body, str) else body
    if data is not None:
        lines.append(f"Content-Length: {len(data)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (data or b"")


def fetch(address, target, method="GET", headers=(), body=None, host="test", timeout=TIMEOUT):
    """One request on a connection of its own."""
    with Connection(address, timeout) as connection:
        return connection.request(method, target, headers, body, host)
