"""Work of 3 s on grpcio, for the case `cancel`: `grpc_sync.py ADDRESS`."""

import sys
import threading
from concurrent import futures

import grpc
from work import say, work


def active(_, context):
    work(id_of(context), lambda: not context.is_active())
    return b""


def callback(_, context):
    id, left = id_of(context), threading.Event()

    def told():
        if not finished.is_set():
            say(id, "told")
        left.set()

    finished = threading.Event()
    context.add_callback(told)
    say(id, "begun")
    left.wait(3)
    finished.set()
    say(id, "ended")
    return b""


def plain(_, context):
    work(id_of(context))
    return b""


def id_of(context):
    return dict(context.invocation_metadata())["id"]


ways = {way.__name__: grpc.unary_unary_rpc_method_handler(way) for way in (active, callback, plain)}
server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("cancel.Work", ways),))
server.add_insecure_port(sys.argv[1])
server.start()
server.wait_for_termination()
