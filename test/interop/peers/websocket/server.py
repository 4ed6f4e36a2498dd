"""A service on the library websockets. PORT: where it listens. What it does depends on the path; /last tells how the connection before ended."""

import asyncio
import http
import json
import os
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

last = {}


async def echo(socket):
    try:
        async for message in socket:
            await socket.send(message)
    except ConnectionClosed:
        pass  # `last` has it


async def close_first(socket, query):
    await socket.close(int(query["code"][0]), query["reason"][0])


async def ping(socket):
    """Sends the caller a ping, and says when its pong is there."""
    await (await socket.ping(b"are you there"))
    await socket.send("pong")


async def push(socket):
    for number in range(500):
        await socket.send(str(number) * 100)


async def handle(socket):
    split = urlsplit(socket.request.path)
    if split.path == "/last":
        return await socket.send(json.dumps(last))
    if split.path == "/close":
        await close_first(socket, parse_qs(split.query))
    elif split.path == "/ping":
        await ping(socket)
    elif split.path == "/push":
        await push(socket)
    elif split.path == "/vanish":
        socket.transport.abort()
    else:
        await echo(socket)
    await socket.wait_closed()
    last.update(code=socket.close_code, reason=socket.close_reason)


def admit(socket, request):
    if request.path == "/forbidden":
        return socket.respond(http.HTTPStatus.FORBIDDEN, "not you\n")


def choose(socket, offered):
    return "chat.v2" if "chat.v2" in offered else None


async def main():
    options = {"process_request": admit, "select_subprotocol": choose, "max_size": None}
    async with serve(handle, "127.0.0.1", int(os.environ["PORT"]), **options) as server:
        await server.serve_forever()


asyncio.run(main())
