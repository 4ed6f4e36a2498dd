"""Work of 3 s on grpc.aio, for the case `cancel`: `grpc_async.py ADDRESS`. Its handlers are cancelled at their next await."""

import asyncio
import sys

import grpc
from work import say


async def plain(_, context):
    id = dict(context.invocation_metadata())["id"]
    say(id, "begun")
    try:
        for _ in range(60):
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        say(id, "told")
        raise
    finally:
        say(id, "ended")
    return b""


async def main():
    server = grpc.aio.server()
    ways = {"plain": grpc.unary_unary_rpc_method_handler(plain)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("cancel.Work", ways),))
    server.add_insecure_port(sys.argv[1])
    await server.start()
    await server.wait_for_termination()


asyncio.run(main())
