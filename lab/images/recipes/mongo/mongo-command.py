#!/usr/bin/env python3
"""Runs one MongoDB command given as JSON on standard input and prints its answer's `ok` and `errmsg`.

Speaks just enough of the wire protocol (OP_MSG) for what the official image does with its shell at the
first start, and for health checks. Usage: mongo-command.py PORT DATABASE < command.json
"""
import json
import socket
import struct
import sys


def element(name, value):
    key = name.encode() + b'\0'
    if isinstance(value, bool):
        return b'\x08' + key + (b'\1' if value else b'\0')
    if isinstance(value, str):
        text = value.encode() + b'\0'
        return b'\x02' + key + struct.pack('<i', len(text)) + text
    if isinstance(value, int):
        return b'\x10' + key + struct.pack('<i', value)
    if isinstance(value, dict):
        return b'\x03' + key + document(value)
    if isinstance(value, list):
        return b'\x04' + key + document({str(index): item for index, item in enumerate(value)})
    raise TypeError(f'no BSON for {type(value)}')


def document(fields):
    body = b''.join(element(name, value) for name, value in fields.items()) + b'\0'
    return struct.pack('<i', len(body) + 4) + body


def receive(connection, count):
    data = b''
    while len(data) < count:
        chunk = connection.recv(count - len(data))
        if not chunk:
            raise ConnectionError('the server closed the connection')
        data += chunk
    return data


def main():
    port, database = int(sys.argv[1]), sys.argv[2]
    command = dict(json.load(sys.stdin), **{'$db': database})
    body = struct.pack('<I', 0) + b'\0' + document(command)
    with socket.create_connection(('127.0.0.1', port), timeout=10) as connection:
        connection.sendall(struct.pack('<iiii', 16 + len(body), 1, 0, 2013) + body)
        length = struct.unpack('<i', receive(connection, 4))[0]
        answer = receive(connection, length - 4)
    if b'\x01ok\0' + struct.pack('<d', 1.0) in answer:
        return 0
    print(answer.decode('utf-8', 'replace'), file=sys.stderr)
    return 1


if __name__ == '__main__':
    sys.exit(main())
