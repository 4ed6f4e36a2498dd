"""The library websockets as a caller through fairlead. Prints "ok NAME" or "not ok NAME: why" for each check, and at the end how many there
were. Arguments: the name of the service, host:port of a router that takes upgrades and CONNECT, and of one that takes neither."""

import asyncio
import json
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

NAME, OPEN, CLOSED = sys.argv[1:]


def to(path, router=OPEN, name=NAME, **options):
    host, port = router.split(":")
    if "proxy" not in options:
        options |= {"proxy": None, "host": host, "port": int(port)}
    return connect(f"ws://{name}{path}", max_size=None, open_timeout=10, **options)


async def echoes_text_and_bytes():
    async with to("/echo") as socket:
        for message in ["", "hello", "grüße, 世界", b"", bytes(range(256)), "x" * 125, "x" * 126, "x" * 65_536]:
            await socket.send(message)
            expect(await socket.recv(), message)


async def echoes_1_mb_and_5_mb_in_fragments():
    for compression in ["deflate", None]:
        async with to("/echo", compression=compression) as socket:
            large = bytes(range(256)) * 4096
            await socket.send(large)
            expect(await socket.recv() == large, True)
            await socket.send(iter([large] * 5))
            expect(await socket.recv() == large * 5, True)


async def pings_and_is_pinged():
    async with to("/echo") as socket:
        for _ in range(10):
            expect(await (await socket.ping()) >= 0, True)
    async with to("/ping") as socket:
        expect(await socket.recv(), "pong")


async def agrees_on_a_subprotocol_and_on_compression():
    async with to("/echo", subprotocols=["chat.v3", "chat.v2"]) as socket:
        expect(socket.subprotocol, "chat.v2")
        expect("permessage-deflate" in socket.response.headers["Sec-WebSocket-Extensions"], True)


async def closes_first_with_a_code():
    async with to("/echo") as socket:
        await socket.close(4000, "that will do")
        expect((socket.close_code, socket.close_reason), (4000, "that will do"))
    expect(await last(), {"code": 4000, "reason": "that will do"})


async def sees_that_the_service_closes_first():
    for code, reason in [(1000, ""), (1001, "going"), (4001, "enough"), (1013, "later")]:
        async with to(f"/close?code={code}&reason={reason or 'none'}") as socket:
            try:
                await socket.recv()
            except ConnectionClosed as closed:
                expect((closed.rcvd.code, closed.rcvd.reason), (code, reason or "none"))
            else:
                raise AssertionError("there was a message")


async def gets_500_messages_that_nobody_asked_for_in_their_order():
    async with to("/push") as socket:
        for number in range(500):
            expect(await socket.recv(), str(number) * 100)


async def vanishes_and_the_service_hears_of_it():
    socket = await to("/echo")
    await socket.send("hello")
    await socket.recv()
    socket.transport.abort()
    for _ in range(100):
        if (await last()).get("code") == 1006:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the service heard nothing")


async def hears_that_the_service_vanished():
    async with to("/vanish") as socket:
        try:
            await socket.recv()
        except ConnectionClosed as closed:
            expect(closed.rcvd, None)
        else:
            raise AssertionError("there was a message")


async def keeps_100_connections_at_once():
    async def one(number):
        async with to("/echo") as socket:
            for turn in range(20):
                await socket.send(f"{number} {turn}")
                expect(await socket.recv(), f"{number} {turn}")

    await asyncio.gather(*(one(number) for number in range(100)))


async def opens_it_in_a_tunnel_too():
    async with to("/echo", name=f"{NAME}:80", proxy=f"http://{OPEN}") as socket:
        await socket.send("in a tunnel")
        expect(await socket.recv(), "in a tunnel")


async def is_told_why_there_is_none():
    for router, name, path, status, text in [
        (OPEN, NAME, "/forbidden", 403, b"not you\n"),
        (OPEN, "nobody", "/echo", 502, b"nobody"),
        (CLOSED, NAME, "/echo", 426, b""),
    ]:
        try:
            await to(path, router, name)
        except InvalidStatus as refused:
            expect(refused.response.status_code, status)
            expect(text in refused.response.body, True)
        else:
            raise AssertionError("there was a connection")


async def last():
    async with to("/last") as socket:
        return json.loads(await socket.recv())


def expect(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {got!r:.200}, wanted {wanted!r:.200}")


CHECKS = [
    echoes_text_and_bytes,
    echoes_1_mb_and_5_mb_in_fragments,
    pings_and_is_pinged,
    agrees_on_a_subprotocol_and_on_compression,
    closes_first_with_a_code,
    sees_that_the_service_closes_first,
    gets_500_messages_that_nobody_asked_for_in_their_order,
    vanishes_and_the_service_hears_of_it,
    hears_that_the_service_vanished,
    keeps_100_connections_at_once,
    opens_it_in_a_tunnel_too,
    is_told_why_there_is_none,
]
for check in CHECKS:
    name = check.__name__.replace("_", " ")
    try:
        asyncio.run(asyncio.wait_for(check(), 20))
        print(f"ok {name}", flush=True)
    except Exception as problem:
        print(f"not ok {name}: {problem!r}", flush=True)
print(len(CHECKS), "checks")
