"""Web, in Python: `web.py GENERATED ADDRESS OTHERS` serves at ADDRESS, and finds all other services at OTHERS."""

import sys
from concurrent import futures

sys.path.insert(0, sys.argv[1])

import grpc
import shop_pb2 as messages
import shop_pb2_grpc as service

# Without a deadline, older releases of grpcio have 300 billion years remain, which is more than they can pass on.
FOREVER = 1e9
DETAILS = "grpc-status-details-bin"

orders = service.OrdersStub(grpc.insecure_channel(sys.argv[3]))


def with_context(context):
    # The contract with applications: what begins with l5d-ctx- goes on with the calls made for this one. One line.
    passed = [(name, value) for name, value in context.invocation_metadata() if name.startswith("l5d-ctx-")]
    return {"metadata": passed, "timeout": time_left(context)}


def time_left(context):
    left = context.time_remaining()
    return None if left is None or left > FOREVER else left


def page(line):
    return messages.Line(text=f"web in Python: {line.text}", left_ms=line.left_ms)


def pass_back(error, context):
    context.set_trailing_metadata([pair for pair in error.trailing_metadata() if pair[0] == DETAILS])
    context.abort(error.code(), error.details())


class Web(service.WebServicer):
    def Show(self, request, context):
        call = orders.Last.future(request, **with_context(context))
        context.add_callback(call.cancel)
        try:
            return page(call.result())
        except grpc.RpcError as error:
            pass_back(error, context)

    def Watch(self, request, context):
        call = orders.Follow(request, **with_context(context))
        context.add_callback(call.cancel)
        try:
            for line in call:
                yield page(line)
        except grpc.RpcError as error:
            pass_back(error, context)


server = grpc.server(futures.ThreadPoolExecutor(max_workers=32))
service.add_WebServicer_to_server(Web(), server)
server.add_insecure_port(sys.argv[2])
server.start()
server.wait_for_termination()
