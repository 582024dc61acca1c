#!/usr/bin/env bash
# What the pages of docs/ claim, done again.
exec test/docs/run.sh
