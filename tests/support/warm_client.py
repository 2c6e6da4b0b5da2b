"""A command in a fork of a warm Python, for a shell: it has the shell's streams and variables.

usage: python -S warm_client.py ADDRESS ARGUMENTS..., the address is that of `warm_start`
"""

import json
import os
import socket
import sys

LONGEST_ANSWER = 64


def main() -> None:
    address, *arguments = sys.argv[1:]
    request = {
        "arguments": arguments,
        "folder": os.getcwd(),  # noqa: PTH109
        "variables": dict(os.environ),
        "namespaces": [],
    }
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.connect(address)
        socket.send_fds(client, [json.dumps(request).encode()], range(3))
        client.recv(LONGEST_ANSWER)  # the number of the process
        code = int(client.recv(LONGEST_ANSWER))
    if code < 0:
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    main()
