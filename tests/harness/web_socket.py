"""A WebSocket server (RFC 6455) that does what the path asks for, on loopback, plain or under TLS. It shares nothing with the platform: what that
sends is read by somebody else's code."""

import base64
import hashlib
import os
import socket
import socketserver
import ssl
import struct
import threading

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Gone(Exception):
    """The client has ended the connection."""


def frame(opcode, payload=b"", fin=True):
    head = bytes([(0x80 if fin else 0) | opcode])
    size = len(payload)
    if size < 126:
        return head + bytes([size]) + payload
    if size < 65536:
        return head + b"\x7e" + struct.pack(">H", size) + payload
    return head + b"\x7f" + struct.pack(">Q", size) + payload


def close_frame(code=None, reason=""):
    return frame(CLOSE, b"" if code is None else struct.pack(">H", code) + reason.encode())


class Connection(socketserver.BaseRequestHandler):
    """One client. Path /name/rest calls on_name(rest) once the handshake is done."""

    def handle(self):
        self.buffer = b""
        try:
            if self.server.tls:
                self.request = self.server.tls.wrap_socket(self.request, server_side=True)
            self.upgrade()
        except (Gone, ConnectionError, ssl.SSLError):
            pass
        finally:
            self.server.ended.release()
            self.request.close()

    def receive(self):
        got = self.request.recv(65536)
        if not got:
            raise Gone()
        self.buffer += got

    def take(self, size):
        while len(self.buffer) < size:
            self.receive()
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def upgrade(self):
        while b"\r\n\r\n" not in self.buffer:
            self.receive()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        request, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        _, path, _ = request.split(" ")
        self.server.seen.append((path, fields))
        name, _, rest = path.lstrip("/").partition("?")[0].partition("/")
        if name == "refuse":
            self.request.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 6\r\n\r\nno way")
            return
        if name == "stall":
            return self.drain()
        if name == "hangup":
            return
        accept = base64.b64encode(hashlib.sha1((fields["sec-websocket-key"] + GUID).encode()).digest()).decode()
        if name == "badaccept":
            accept = "x" + accept[1:]
        answer = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"
        if name == "protocol" and rest:
            answer += f"Sec-WebSocket-Protocol: {rest}\r\n"
        self.start = (answer + "\r\n").encode()
        # A server may speak first, in the same segment as its answer.
        if name != "first":
            self.request.sendall(self.start)
        getattr(self, "on_" + name)(rest)

    def next_frame(self):
        """(opcode, payload, fin) of a client's frame, which must be masked."""
        first, second = self.take(2)
        size = second & 0x7f
        if size == 126:
            (size,) = struct.unpack(">H", self.take(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", self.take(8))
        if not second & 0x80:
            raise AssertionError("a client's frame is not masked")
        mask = self.take(4)
        payload = self.take(size)
        stream = mask * (size // 4 + 1)
        plain = (int.from_bytes(payload, "big") ^ int.from_bytes(stream[:size], "big")).to_bytes(size, "big")
        return first & 0xf, plain, bool(first & 0x80)

    def next_message(self):
        """(opcode, payload); pings are answered, and a close frame is, which ends the connection."""
        kind, message = None, b""
        while True:
            opcode, payload, fin = self.next_frame()
            if opcode == PING:
                self.request.sendall(frame(PONG, payload))
            elif opcode == PONG:
                self.server.pongs.append(payload)
            elif opcode == CLOSE:
                self.server.closes.append((struct.unpack(">H", payload[:2])[0] if payload else None, payload[2:].decode()))
                self.request.sendall(frame(CLOSE, payload))
                raise Gone()
            else:
                kind = opcode if kind is None else kind
                message += payload
                if fin:
                    return kind, message

    def drain(self):
        while True:
            self.receive()

    # --- what a path asks for ---

    def on_echo(self, rest):
        while True:
            kind, message = self.next_message()
            self.request.sendall(frame(kind, message))

    on_protocol = on_echo

    def on_first(self, rest):
        self.request.sendall(self.start + frame(TEXT, b"first") + frame(TEXT, b"second"))
        self.on_echo(rest)

    def on_close(self, rest):
        """/close/CODE/REASON, or /close for a frame without a code."""
        code, _, reason = rest.partition("/")
        self.request.sendall(frame(TEXT, b"last words") + close_frame(int(code) if code else None, reason))
        opcode, payload, _ = self.next_frame()
        assert opcode == CLOSE
        self.server.closes.append((struct.unpack(">H", payload[:2])[0] if payload else None, payload[2:].decode()))

    def on_fragments(self, rest):
        """/fragments/BYTES: one message in pieces of 1000 bytes, with a ping between any two; then an echo."""
        message = bytes(i % 251 for i in range(int(rest)))
        for at in range(0, len(message), 1000):
            piece = message[at:at + 1000]
            self.request.sendall(frame(BINARY if at == 0 else CONTINUATION, piece, at + 1000 >= len(message)) + frame(PING, b"%d" % at))
        self.on_echo(rest)

    def on_large(self, rest):
        self.request.sendall(frame(BINARY, bytes(int(rest))))
        self.on_echo(rest)

    def on_flood(self, rest):
        """/flood/COUNT/BYTES: that many messages, as fast as they are taken."""
        count, _, size = rest.partition("/")
        message = frame(TEXT, b"f" * int(size))
        for _ in range(int(count)):
            self.request.sendall(message)
            self.server.sent += 1
        self.on_echo(rest)

    def on_ping(self, rest):
        self.request.sendall(frame(PING, b"are you there"))
        opcode, payload, _ = self.next_frame()
        self.request.sendall(frame(TEXT, b"%d %s" % (opcode, payload)))
        self.on_echo(rest)

    def on_die(self, rest):
        """Ends in the middle of a message."""
        self.request.sendall(frame(TEXT, b"whole") + frame(TEXT, b"x" * 1000)[:500])

    def on_reset(self, rest):
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.request.sendall(frame(TEXT, b"whole"))
        self.next_message()

    def on_nonsense(self, rest):
        self.request.sendall(frame(TEXT, b"whole") + frame(3, b"x"))
        self.next_message()

    def on_nottext(self, rest):
        self.request.sendall(frame(TEXT, b"\xff\xfe"))
        self.next_message()

    def on_slow(self, rest):
        """Reads nothing before it is released; then says how much of a message has come."""
        self.server.release.wait()
        while True:
            _, message = self.next_message()
            self.request.sendall(frame(TEXT, b"%d" % len(message)))

    def on_deaf(self, rest):
        """Never answers a close frame."""
        self.drain()


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, certificate=None):
        super().__init__(("127.0.0.1", 0), Connection)
        self.seen = []                        # (path, fields) in order
        self.closes = []                      # (code, reason) of clients' close frames
        self.pongs = []
        self.sent = 0                         # by /flood
        self.ended = threading.Semaphore(0)   # released for each connection that is over
        self.release = threading.Event()      # what waits goes on
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate.cert, certificate.key)
        self.port = self.server_address[1]
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def url(self, path="/", host="127.0.0.1"):
        return f"{'wss' if self.tls else 'ws'}://{host}:{self.port}{path}"

    def handle_error(self, request, client_address):
        if os.environ.get("ZTS_TEST_VERBOSE"):
            super().handle_error(request, client_address)

    def stop(self):
        self.release.set()
        self.shutdown()
        self.server_close()
