"""Python's clients through fairlead. Prints "ok NAME" or "not ok NAME: why" for each check, and at the end how many there were."""

import http.client
import json
import os
import threading
import urllib.error
import urllib.request

PROXY = os.environ["FAIRLEAD"]
BY_PATH = os.environ["FAIRLEAD_BY_PATH"]
USERS = {"Host": "users"}
LARGE = b"0123456789" * 200_000
LINES = "".join(f"chunk {i}\n" for i in range(10)).encode()


def asks_200_times_over_one_kept_connection():
    connection = http.client.HTTPConnection(PROXY)
    sockets = set()
    for _ in range(200):
        connection.request("GET", "/hello", headers=USERS)
        sockets.add(connection.sock)
        expect(connection.getresponse().read(), b"users hello\n")
    expect(len(sockets), 1)


def sends_a_body_with_a_length_and_one_in_chunks():
    connection = http.client.HTTPConnection(PROXY)
    connection.request("POST", "/echo", body=LARGE, headers=USERS)
    expect(connection.getresponse().read() == LARGE, True)
    pieces = (LARGE[at : at + 70_000] for at in range(0, len(LARGE), 70_000))
    connection.request("POST", "/echo", body=pieces, headers=USERS, encode_chunked=True)
    expect(connection.getresponse().read() == LARGE, True)


def reads_head_no_content_and_chunks_over_one_connection():
    connection = http.client.HTTPConnection(PROXY)
    for method, path, status, body in [
        ("HEAD", "/hello", 200, b""),
        ("GET", "/nothing", 204, b""),
        ("HEAD", "/chunks", 200, b""),
        ("GET", "/chunks", 200, LINES),
        ("GET", "/none", 404, b"no such page\n"),
    ]:
        connection.request(method, path, headers=USERS)
        response = connection.getresponse()
        expect((response.status, response.read()), (status, body))


def opens_a_url_with_urllib_and_through_it_as_forward_proxy():
    request = urllib.request.Request(f"http://{PROXY}/hello", headers=USERS)
    with urllib.request.urlopen(request) as response:
        expect(response.read(), b"users hello\n")
    forward = urllib.request.build_opener(urllib.request.ProxyHandler({"http": f"http://{PROXY}"}))
    with forward.open("http://users/hello") as response:
        expect(response.read(), b"users hello\n")


def is_routed_by_path_without_seeing_it_consumed():
    with urllib.request.urlopen(f"http://{BY_PATH}/users-v2/hello") as response:
        expect(response.read(), b"users-v2 hello\n")


def overrides_a_name_for_one_request():
    request = urllib.request.Request(f"http://{PROXY}/headers", headers={**USERS, "l5d-dtab": "/svc/users=>/svc/users-v2"})
    with urllib.request.urlopen(request) as response:
        seen = json.load(response)
        expect(seen["l5d-dst-client"], "/#/io.l5d.fs/users-v2")
        expect("l5d-dtab" in seen, False)


def asks_from_20_threads():
    wrong = []

    def work():
        try:
            asks_200_times_over_one_kept_connection()
        except Exception as problem:
            wrong.append(problem)

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(wrong, [])


def sees_the_status_and_cause_of_a_name_that_does_not_exist():
    try:
        urllib.request.urlopen(urllib.request.Request(f"http://{PROXY}/", headers={"Host": "nobody"}))
    except urllib.error.HTTPError as answer:
        expect((answer.code, "l5d-err" in answer.headers), (502, True))
    else:
        raise AssertionError("there was an answer")


def expect(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {got!r}, wanted {wanted!r}")


CHECKS = [
    asks_200_times_over_one_kept_connection,
    sends_a_body_with_a_length_and_one_in_chunks,
    reads_head_no_content_and_chunks_over_one_connection,
    opens_a_url_with_urllib_and_through_it_as_forward_proxy,
    is_routed_by_path_without_seeing_it_consumed,
    overrides_a_name_for_one_request,
    asks_from_20_threads,
    sees_the_status_and_cause_of_a_name_that_does_not_exist,
]
for check in CHECKS:
    name = check.__name__.replace("_", " ")
    try:
        check()
        print(f"ok {name}", flush=True)
    except Exception as problem:
        print(f"not ok {name}: {problem!r}", flush=True)
print(len(CHECKS), "checks")
