#!/usr/bin/env bash
# Installed files, used from outside the tree.
exec test/install/run.sh
