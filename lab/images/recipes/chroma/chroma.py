#!/usr/bin/env python3
"""Starts Chroma's command line, and ends at SIGTERM although it is process 1."""
import os
import signal
import sys
import threading

import chromadb_rust_bindings


def serve():
    try:
        chromadb_rust_bindings.cli(['chroma', *sys.argv[1:]])
    finally:
        os._exit(1)  # it only ever returns when it could not start


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
signal.signal(signal.SIGINT, lambda *_: os._exit(0))
threading.Thread(target=serve, daemon=True).start()
while True:
    signal.pause()
