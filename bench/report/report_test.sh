#!/bin/sh
exec python3 bench/report/report_test.py
