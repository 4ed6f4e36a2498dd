"""Python's clients in tunnels through fairlead: http.client's set_tunnel, and urllib with a proxy for https. Arguments: host:port of a
router that takes CONNECT, of one that does not, and the file with the certificate of "secure"."""

import http.client
import ssl
import sys
import urllib.error
import urllib.request

OPEN, CLOSED, CERTIFICATE = sys.argv[1:]
TLS = ssl.create_default_context(cafile=CERTIFICATE)
LARGE = b"0123456789" * 200_000


def asks_100_times_in_one_tunnel():
    connection = http.client.HTTPConnection(OPEN)
    connection.set_tunnel("users", 80)
    sockets = set()
    for _ in range(100):
        connection.request("GET", "/hello")
        sockets.add(connection.sock)
        expect(connection.getresponse().read(), b"users hello\n")
    connection.request("POST", "/echo", body=LARGE)
    expect(connection.getresponse().read() == LARGE, True)
    expect(len(sockets), 1)


def speaks_tls_in_a_tunnel():
    connection = http.client.HTTPSConnection(OPEN, context=TLS)
    connection.set_tunnel("secure", 443)
    connection.request("GET", "/small")
    expect(connection.getresponse().read(), b"in secret\n")


def opens_an_https_url_through_its_proxy():
    handlers = [urllib.request.ProxyHandler({"https": f"http://{OPEN}"}), urllib.request.HTTPSHandler(context=TLS)]
    with urllib.request.build_opener(*handlers).open("https://secure/big") as response:
        expect(len(response.read()), 10_000_000)


def is_told_why_there_is_no_tunnel():
    for proxy, host, status in [(CLOSED, "users", 501), (OPEN, "nobody", 502)]:
        connection = http.client.HTTPConnection(proxy)
        connection.set_tunnel(host, 80)
        try:
            connection.request("GET", "/hello")
        except OSError as problem:
            expect(str(problem).startswith(f"Tunnel connection failed: {status} "), True)
        else:
            raise AssertionError("there was a tunnel")


def expect(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {got!r}, wanted {wanted!r}")


CHECKS = [
    asks_100_times_in_one_tunnel,
    speaks_tls_in_a_tunnel,
    opens_an_https_url_through_its_proxy,
    is_told_why_there_is_no_tunnel,
]
for check in CHECKS:
    name = check.__name__.replace("_", " ")
    try:
        check()
        print(f"ok {name}", flush=True)
    except Exception as problem:
        print(f"not ok {name}: {problem!r}", flush=True)
print(len(CHECKS), "checks")
