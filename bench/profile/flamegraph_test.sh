#!/bin/sh
exec python3 bench/profile/flamegraph_test.py
