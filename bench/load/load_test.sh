#!/bin/sh
# Everything here that needs no product: the floor server and the load generator for real, the arithmetic on made-up figures.
exec python3 bench/load/load_test.py bench/load/floor bench/load/loadgen
