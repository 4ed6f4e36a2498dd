"""gRPC in Python: `client.py GENERATED ADDRESS CASE...` runs interop cases against a service and says how each went."""

import sys
import threading
import time
from concurrent import futures

sys.path.insert(0, sys.argv[1])

import grpc
import interop_pb2 as messages
import interop_pb2_grpc as service

REQUEST_SIZES = [27182, 8, 1828, 45904]
ANSWER_SIZES = [31415, 9, 2653, 58979]
INITIAL = ("x-grpc-test-echo-initial", "test_initial_metadata_value")
TRAILING = ("x-grpc-test-echo-trailing-bin", b"\x0a\x0b\x0a\x0b\x0a\x0b")
FAILURE = messages.EchoStatus(code=2, message="test status message")
SPECIAL = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
# Longer than any case may take.
PATIENCE = 20


def zeros(size):
    return messages.Payload(body=bytes(size))


def large(**more):
    return messages.SimpleRequest(response_size=314159, payload=zeros(271828), **more)


def output(size, request_size=0, interval_us=0):
    asked = messages.ResponseParameters(size=size, interval_us=interval_us)
    return messages.StreamingOutputCallRequest(response_parameters=[asked], payload=zeros(request_size))


def expect(got, wanted):
    if got != wanted:
        raise AssertionError(f"{str(got)[:200]!r} is not {str(wanted)[:200]!r}")


def expect_failure(run, code, details=None):
    try:
        run()
    except grpc.RpcError as error:
        expect(error.code(), code)
        if details is not None:
            expect(error.details(), details)
        return
    raise AssertionError("it did not fail")


def sizes(answers):
    return [len(answer.payload.body) for answer in answers]


def empty_unary(stub):
    expect(stub.EmptyCall(messages.Empty(), timeout=PATIENCE), messages.Empty())


def large_unary(stub):
    expect(stub.UnaryCall(large(), timeout=PATIENCE).payload.body, bytes(314159))


def client_streaming(stub):
    requests = (messages.StreamingInputCallRequest(payload=zeros(size)) for size in REQUEST_SIZES)
    expect(stub.StreamingInputCall(requests, timeout=PATIENCE).aggregated_payload_size, 74922)


def server_streaming(stub):
    asked = [messages.ResponseParameters(size=size) for size in ANSWER_SIZES]
    request = messages.StreamingOutputCallRequest(response_parameters=asked)
    expect(sizes(stub.StreamingOutputCall(request, timeout=PATIENCE)), ANSWER_SIZES)


def ping_pong(stub):
    turn = threading.Semaphore(1)

    def requests():
        for size, request_size in zip(ANSWER_SIZES, REQUEST_SIZES):
            turn.acquire()
            yield output(size, request_size)
        turn.acquire()

    got = []
    for answer in stub.FullDuplexCall(requests(), timeout=PATIENCE):
        got.append(len(answer.payload.body))
        turn.release()
    expect(got, ANSWER_SIZES)


def empty_stream(stub):
    expect(sizes(stub.FullDuplexCall(iter(()), timeout=PATIENCE)), [])


def held_open(*first):
    """Requests that do not end by themselves while a case runs."""
    yield from first
    time.sleep(0.4)


def cancel_after_begin(stub):
    call = stub.StreamingInputCall.future(held_open(), timeout=PATIENCE)
    call.cancel()
    expect(call.cancelled(), True)
    expect(call.code(), grpc.StatusCode.CANCELLED)


def cancel_after_first_response(stub):
    call = stub.FullDuplexCall(held_open(output(31415, 27182)), timeout=PATIENCE)
    expect(len(next(call).payload.body), 31415)
    call.cancel()
    expect_failure(lambda: next(call), grpc.StatusCode.CANCELLED)


def timeout_on_sleeping_server(stub):
    # The connection stands already, so that it is the call that times out.
    stub.EmptyCall(messages.Empty(), timeout=PATIENCE)
    call = stub.FullDuplexCall(held_open(output(31415, 27182, 1_000_000)), timeout=0.03)
    expect_failure(lambda: next(call), grpc.StatusCode.DEADLINE_EXCEEDED)


def status_code_and_message(stub):
    unary = messages.SimpleRequest(response_status=FAILURE)
    expect_failure(lambda: stub.UnaryCall(unary, timeout=PATIENCE), grpc.StatusCode.UNKNOWN, FAILURE.message)
    stream = messages.StreamingOutputCallRequest(response_status=FAILURE)
    call = stub.FullDuplexCall(iter((stream,)), timeout=PATIENCE)
    expect_failure(lambda: next(call), grpc.StatusCode.UNKNOWN, FAILURE.message)


def special_status_message(stub):
    request = messages.SimpleRequest(response_status=messages.EchoStatus(code=2, message=SPECIAL))
    expect_failure(lambda: stub.UnaryCall(request, timeout=PATIENCE), grpc.StatusCode.UNKNOWN, SPECIAL)


def custom_metadata(stub):
    request = messages.SimpleRequest(response_size=1, payload=zeros(1))
    _, unary = stub.UnaryCall.with_call(request, metadata=(INITIAL, TRAILING), timeout=PATIENCE)
    stream = stub.FullDuplexCall(iter((output(1, 1),)), metadata=(INITIAL, TRAILING), timeout=PATIENCE)
    expect(sizes(stream), [1])
    for call in (unary, stream):
        expect(dict(call.initial_metadata())[INITIAL[0]], INITIAL[1])
        expect(dict(call.trailing_metadata())[TRAILING[0]], TRAILING[1])


def unimplemented_method(stub):
    expect_failure(
        lambda: stub.UnimplementedCall(messages.Empty(), timeout=PATIENCE), grpc.StatusCode.UNIMPLEMENTED
    )


def unimplemented_service(_):
    with grpc.insecure_channel(ADDRESS) as channel:
        unimplemented_method(service.UnimplementedServiceStub(channel))


def client_compressed_unary(stub):
    def ask(value, compression):
        request = large(expect_compressed=messages.BoolValue(value=value))
        return stub.UnaryCall(request, compression=compression, timeout=PATIENCE)

    none, gzip = grpc.Compression.NoCompression, grpc.Compression.Gzip
    expect_failure(lambda: ask(True, none), grpc.StatusCode.INVALID_ARGUMENT)
    expect(len(ask(True, gzip).payload.body), 314159)
    expect(len(ask(False, none).payload.body), 314159)


def rpc_soak(stub):
    request = messages.SimpleRequest(response_size=10_000, payload=zeros(10_000))

    def work():
        for _ in range(50):
            expect(len(stub.UnaryCall(request, timeout=PATIENCE).payload.body), 10_000)

    with futures.ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work) for _ in range(4)]:
            done.result()


ADDRESS, NAMES = sys.argv[2], sys.argv[3:]
for name in NAMES:
    try:
        with grpc.insecure_channel(ADDRESS) as channel:
            globals()[name](service.TestServiceStub(channel))
        print(f"ok {name}")
    except Exception as error:
        print(f"not ok {name}: {' '.join(str(error).split())[:500]}")
print(f"{len(NAMES)} checks")
