"""Work of 3 s as an ASGI application, for the case `cancel`."""

import asyncio

from work import say


async def application(scope, receive, send):
    id = scope["query_string"].decode().removeprefix("id=")
    say(id, "begun")
    working = asyncio.create_task(work())
    if scope["path"] == "/receive":
        left = asyncio.create_task(disconnected(receive))
        await asyncio.wait([working, left], return_when=asyncio.FIRST_COMPLETED)
        if left.done():
            say(id, "told")
            working.cancel()
    await asyncio.wait([working])
    say(id, "ended")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"done\n"})


async def work():
    for _ in range(60):
        await asyncio.sleep(0.05)


async def disconnected(receive):
    while (await receive())["type"] != "http.disconnect":
        pass
