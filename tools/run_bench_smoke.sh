#!/bin/sh
# Runs every benchmark of one program for an instant, so that benchmarks cannot rot.
exec "$1" --benchmark_min_time=0.001
