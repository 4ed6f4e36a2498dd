"""A service for gunicorn: says what it was asked, and sends a body back."""


def application(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body or f"gunicorn got {environ['PATH_INFO']} of {environ['HTTP_HOST']}\n".encode()]
