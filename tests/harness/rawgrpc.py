"""gRPC as a peer that means harm speaks it: HTTP/2 frames by hand (RFC 9113), so that anything can be said at any point.

Headers are sent as literals without a name's index (RFC 7541 6.2.2); what comes back is looked at as bytes: gRPC's server writes status and message
of an error as plain text.
"""

import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4


class Gone(Exception):
    """The server has closed the connection."""


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    """A field of a protobuf message: bytes, text or a whole number."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def message(body):
    return b"\0" + struct.pack(">I", len(body)) + body


def header(name, value):
    def text(data):
        # A prefix of seven bits (RFC 7541 5.1), no Huffman code.
        length = bytes([len(data)]) if len(data) < 127 else b"\x7f" + varint(len(data) - 127)
        return length + data
    return b"\0" + text(name.encode()) + text(value.encode())


class Connection:
    """One HTTP/2 connection with one call at a time on streams 1, 3, 5 ..."""

    def __init__(self, address, timeout=30.0):
        self.socket = socket.create_connection(address, timeout)
        self.buffer = b""
        self.windows = {0: 65535}
        self.window_initial = 65535
        self.stream = -1
        self.sent = 0
        self.received = b""  # payloads of the current call's frames, one after the other
        self.ended = False

    def close(self):
        self.socket.close()

    def raw(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            raise Gone() from None
        self.sent += len(data)

    def frame(self, kind, flags, stream, payload=b""):
        self.raw(struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload)

    def start(self):
        self.raw(PREFACE)
        self.frame(SETTINGS, 0, 0)
        return self

    def call(self, path, token=None, more=()):
        self.stream += 2
        self.windows[self.stream] = self.window_initial
        self.received, self.ended = b"", False
        block = b"".join(header(name, value) for name, value in [
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "controller"), ("te", "trailers"),
            ("content-type", "application/grpc"), *([("authorization", "Bearer " + token)] if token else []), *more])
        self.frame(HEADERS, END_HEADERS, self.stream, block)

    def send(self, data, end=False):
        """As the peer's windows allow it; stops when the call has ended."""
        data = memoryview(data)
        at = 0
        while at < len(data) and not self.ended:
            room = min(self.windows[0], self.windows[self.stream], 16384)
            if room <= 0:
                self.read_frame()
                continue
            piece = bytes(data[at:at + room])
            at += len(piece)
            self.windows[0] -= len(piece)
            self.windows[self.stream] -= len(piece)
            self.frame(DATA, 0, self.stream, piece)
        if end and not self.ended:
            self.frame(DATA, END_STREAM, self.stream)

    def _take(self, count):
        while len(self.buffer) < count:
            try:
                more = self.socket.recv(1 << 16)
            except ConnectionResetError:
                raise Gone() from None
            if not more:
                raise Gone()
            self.buffer += more
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def read_frame(self):
        head = self._take(9)
        length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        stream = int.from_bytes(head[5:], "big") & 0x7fffffff
        payload = self._take(length)
        if kind == SETTINGS and not flags & ACK:
            for at in range(0, length, 6):
                name, value = struct.unpack(">HI", payload[at:at + 6])
                if name == 4:
                    for key in self.windows:
                        self.windows[key] += (value - self.window_initial) if key else 0
                    self.window_initial = value
            self.frame(SETTINGS, ACK, 0)
        elif kind == PING and not flags & ACK:
            self.frame(PING, ACK, 0, payload)
        elif kind == WINDOW_UPDATE:
            self.windows[stream] = self.windows.get(stream, 0) + int.from_bytes(payload, "big")
        elif kind == GOAWAY:
            self.received += payload
            raise Gone()
        elif stream == self.stream and kind in (DATA, HEADERS, RST_STREAM):
            self.received += payload
            if kind == DATA and length:
                for target in (0, stream):
                    self.frame(WINDOW_UPDATE, 0, target, struct.pack(">I", length))
            self.ended = self.ended or kind == RST_STREAM or bool(flags & END_STREAM)
        return kind, stream

    def finish(self):
        """Reads until the call has ended; all that came."""
        while not self.ended:
            self.read_frame()
        return self.received
