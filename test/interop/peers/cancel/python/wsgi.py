"""Work of 3 s as a WSGI application, for the case `cancel`."""

from work import gone, work, written


def application(environ, start_response):
    way, id = environ["PATH_INFO"], environ["QUERY_STRING"].removeprefix("id=")
    start_response("200 OK", [("Content-Type", "text/plain")])
    if way == "/write":
        return written(id)
    work(id, (lambda: gone(environ["gunicorn.socket"])) if way == "/peek" else (lambda: False))
    return [b"done\n"]
