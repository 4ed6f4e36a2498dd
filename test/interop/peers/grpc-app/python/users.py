"""Users in their second version, in Python: `users.py GENERATED ADDRESS`."""

import sys
import time
from concurrent import futures

sys.path.insert(0, sys.argv[1])

import grpc
import shop_pb2 as messages
import shop_pb2_grpc as service


def line(text, context):
    left = context.time_remaining()
    return messages.Line(text=f"{text}, says users v2", left_ms=0 if left is None else int(1000 * left))


class Users(service.UsersServicer):
    def Get(self, request, context):
        return line(request.user, context)

    def Follow(self, request, context):
        for number in range(1, 6):
            yield line(f"{request.user} {number}", context)
            time.sleep(0.02)


server = grpc.server(futures.ThreadPoolExecutor(max_workers=32))
service.add_UsersServicer_to_server(Users(), server)
server.add_insecure_port(sys.argv[2])
server.start()
server.wait_for_termination()
