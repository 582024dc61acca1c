#!/usr/bin/env bash
# The REST server over real sockets.
exec test/http/run.sh
