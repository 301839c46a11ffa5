#!/bin/sh
# The smoke run of everything here that needs no load generator and no product: the floor server for real, the arithmetic on made-up figures.
exec python3 bench/load/load_test.py bench/load/floor
