"""Servers that functions fetch from: HTTP/1.1, HTTPS under a CA of the test's own, HTTP/2 by nghttpd. All on loopback."""

import http.server
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading

from harness.wait import wait_until


class Upstream:
    """HTTP/1.1. `routes` are methods of the handler class: path /name/rest calls on_name(rest)."""

    def __init__(self, handler, certificate=None):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.server.seen = []       # (method, path, headers, body) in order
        self.server.gone = threading.Semaphore(0)  # released when a client leaves before its answer is over
        self.server.release = threading.Event()    # what stalls goes on
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.cert, certificate.key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.scheme = "https" if certificate else "http"
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def url(self, path="/", host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.port}{path}"

    def seen(self, path):
        return [entry for entry in list(self.server.seen) if entry[1] == path]

    def stop(self):
        self.server.release.set()
        self.server.shutdown()
        self.server.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, ssl.SSLError):
            self.close_connection = True
            self.server.gone.release()

    def do(self):
        name, _, rest = self.path.lstrip("/").partition("/")
        length = self.headers.get("content-length")
        if length is not None:
            body = self.rfile.read(int(length))
        elif self.headers.get("transfer-encoding") == "chunked":
            body = self.read_chunks()
        else:
            body = b""
        self.server.seen.append((self.command, self.path, dict(self.headers.items()), body))
        getattr(self, "on_" + name, self.on_echo)(rest, body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = do

    def read_chunks(self):
        body = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return body

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def on_echo(self, rest, body):
        told = {"method": self.command, "path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()},
                "body": body.decode("latin-1")}
        self.answer(200, json.dumps(told).encode(), content_type="application/json")

    def on_big(self, rest, body):
        self.answer(200, b"x" * int(rest))

    def on_size(self, rest, body):
        self.answer(200, str(len(body)).encode())

    def on_moved(self, rest, body):
        """/moved/STATUS/LOCATION"""
        status, _, location = rest.partition("/")
        self.answer(int(status), b"moved", location=location)

    def on_stall(self, rest, body):
        """Says nothing until it is released, or the client is gone."""
        self.connection.settimeout(0.05)
        while not self.server.release.is_set():
            try:
                if self.connection.recv(1, socket.MSG_PEEK) == b"":
                    self.close_connection = True
                    self.server.gone.release()
                    return
            except (socket.timeout, ssl.SSLWantReadError):
                continue
        self.connection.settimeout(None)
        self.answer(200, b"released")

    def on_gone(self, rest, body):
        """200 when a client has left before its answer was over, 504 when none does."""
        self.answer(200 if self.server.gone.acquire(timeout=20) else 504)

    def on_ticks(self, rest, body):
        """Server-sent events: two a connection, numbered on from the id that the client has seen."""
        seen = int(self.headers.get("last-event-id", "0"))
        ticks = "".join(f"id: {number}\ndata: tick {number}\n\n" for number in (seen + 1, seen + 2))
        self.answer(200, ("retry: 1\n" + ticks).encode(), content_type="text/event-stream")

    def on_drip(self, rest, body):
        """/drip/COUNT: that many pieces, each sent when the one before has been asked for by /next of another connection."""
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for i in range(int(rest)):
            piece = f"piece {i}\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
            self.server.next_piece.acquire()
        self.wfile.write(b"0\r\n\r\n")

    def on_next(self, rest, body):
        self.server.next_piece.release()
        self.answer(204)

    def log_message(self, *_):
        pass


class Certificate:
    """A CA and a certificate of it for 127.0.0.1 and localhost, in a folder of their own."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="zts_ca_")
        self.ca, self.key, self.cert = (os.path.join(self.folder, name) for name in ("ca.pem", "key.pem", "cert.pem"))
        ca_key = os.path.join(self.folder, "ca.key")
        request = os.path.join(self.folder, "request.pem")
        extensions = self.write("extensions", "subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", ca_key, "-out", self.ca, "-subj",
                     "/CN=zts test CA", "-days", "2")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key, "-out", request, "-subj",
                     "/CN=localhost")
        self.openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial", "-out", self.cert, "-days", "2",
                     "-extfile", extensions)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    @staticmethod
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class Http2Upstream:
    """nghttpd over TLS, serving a folder."""

    def __init__(self, certificate, files):
        self.folder = tempfile.mkdtemp(prefix="zts_h2_")
        for name, content in files.items():
            with open(os.path.join(self.folder, name), "wb") as file:
                file.write(content)
        for _ in range(20):
            # It takes no port 0: one that is free now, and another if somebody was faster.
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
            self.popen = subprocess.Popen(["nghttpd", "-a", "127.0.0.1", "-d", self.folder, str(self.port), certificate.key, certificate.cert],
                                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if wait_until(lambda: self._listens() or self.popen.poll() is not None, "nghttpd to listen") and self.popen.poll() is None:
                return
        raise AssertionError("nghttpd finds no port")

    def _listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def url(self, path):
        return f"https://127.0.0.1:{self.port}{path}"

    def stop(self):
        self.popen.terminate()
        self.popen.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
