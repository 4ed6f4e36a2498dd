"""A service on Python's http.server. VERSION is what it speaks: HTTP/1.0 (the default of that module) or HTTP/1.1."""

import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = os.environ["NAME"]
PROXY = os.environ["PROXY"]


class Service(BaseHTTPRequestHandler):
    protocol_version = os.environ["VERSION"]

    def do_GET(self):
        if self.path == "/hello":
            self.answer(f"{NAME} hello\n".encode())
        elif self.path == "/chunks":
            self.chunks()
        elif self.path == "/call":
            self.answer(f"{NAME} > {self.call()}".encode())
        else:
            self.send_error(404)

    do_HEAD = do_GET

    def do_POST(self):
        self.answer(self.body())

    def call(self):
        """Asks users through the proxy. The contract with applications: copy the l5d-ctx-* headers."""
        request = urllib.request.Request(f"http://{PROXY}/hello", headers={"Host": "users"})
        for name, value in self.headers.items():
            if name.lower().startswith("l5d-ctx-"):
                request.add_header(name, value)
        with urllib.request.urlopen(request) as users:
            return users.read().decode()

    def body(self):
        """http.server leaves reading chunks to us."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def chunks(self):
        """Chunked in HTTP/1.1; in HTTP/1.0 the end of the connection ends the body."""
        chunked = self.protocol_version == "HTTP/1.1"
        self.send_response(200)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for i in range(10):
            line = f"chunk {i}\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line) if chunked else line)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128


Server(("127.0.0.1", int(os.environ["PORT"])), Service).serve_forever()
