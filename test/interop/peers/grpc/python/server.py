"""gRPC in Python: `server.py GENERATED ADDRESS` serves the interop service; GENERATED has the code made from interop.proto."""

import sys
import time
from concurrent import futures

sys.path.insert(0, sys.argv[1])

import grpc
import interop_pb2 as messages
import interop_pb2_grpc as service

INITIAL = "x-grpc-test-echo-initial"
TRAILING = "x-grpc-test-echo-trailing-bin"


def echo_metadata(context):
    asked = dict(context.invocation_metadata())
    if INITIAL in asked:
        context.send_initial_metadata(((INITIAL, asked[INITIAL]),))
    if TRAILING in asked:
        context.set_trailing_metadata(((TRAILING, asked[TRAILING]),))


def fail_as_asked(request, context):
    if request.response_status.code != 0:
        code = next(code for code in grpc.StatusCode if code.value[0] == request.response_status.code)
        context.abort(code, request.response_status.message)


def zeros(size):
    return messages.Payload(body=bytes(size))


class Interop(service.TestServiceServicer):
    def EmptyCall(self, request, context):
        return messages.Empty()

    def UnaryCall(self, request, context):
        echo_metadata(context)
        fail_as_asked(request, context)
        if request.response_compressed.value:
            context.set_compression(grpc.Compression.Gzip)
        return messages.SimpleResponse(payload=zeros(request.response_size))

    CacheableUnaryCall = UnaryCall

    def StreamingOutputCall(self, request, context):
        if any(asked.compressed.value for asked in request.response_parameters):
            context.set_compression(grpc.Compression.Gzip)
        for asked in request.response_parameters:
            time.sleep(asked.interval_us / 1e6)
            if asked.HasField("compressed") and not asked.compressed.value:
                context.disable_next_message_compression()
            yield messages.StreamingOutputCallResponse(payload=zeros(asked.size))

    def StreamingInputCall(self, requests, context):
        total = sum(len(request.payload.body) for request in requests)
        return messages.StreamingInputCallResponse(aggregated_payload_size=total)

    def FullDuplexCall(self, requests, context):
        echo_metadata(context)
        for request in requests:
            fail_as_asked(request, context)
            yield from self.StreamingOutputCall(request, context)

    def HalfDuplexCall(self, requests, context):
        for request in list(requests):
            yield from self.StreamingOutputCall(request, context)


server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
service.add_TestServiceServicer_to_server(Interop(), server)
server.add_insecure_port(sys.argv[2])
server.start()
server.wait_for_termination()
