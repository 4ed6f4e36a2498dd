# A service manager's ear: prints every datagram on a line, as JSON, and closes what came with it, which systemd-notify waits for.
import array, json, os, socket, sys

ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
ear.bind(sys.argv[1])
print("listening", flush=True)
while True:
    data, ancillary, _, _ = ear.recvmsg(4096, 1024)
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            for fd in array.array("i", content[: len(content) // 4 * 4]):
                os.close(fd)
    print(json.dumps(data.decode()), flush=True)
