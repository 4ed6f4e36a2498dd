"""Work of 3 s on http.server, for the case `cancel`: `standard.py PORT`."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from work import gone, work, written


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        way, _, id = self.path.partition("?id=")
        if way == "/write":
            self.write(id)
            return
        work(id, (lambda: gone(self.connection)) if way == "/peek" else (lambda: False))
        self.send_response(200)
        self.end_headers()

    def write(self, id):
        self.send_response(200)
        self.end_headers()
        pieces = written(id)
        try:
            for piece in pieces:
                self.wfile.write(piece)
        except ConnectionError:
            pieces.close()

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service).serve_forever()
