#!/usr/bin/env python3
"""What an idle kept-alive connection costs a server in memory of its own: 10,000 connections, each of which has had one request answered.

Counted are the anonymous pages of the serving processes (smaps_rollup), so the kernel's sockets are not in it; they are shown beside, for the whole
machine. The first connections pay for pools that do not grow with their number, so the figure is the slope between a tenth of the connections and all.
"""
import argparse
import json
import os
import resource
import selectors
import socket
import sys

import machine
import procfs
import run
import zts

BAR_BYTES = 1024
REQUEST = b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
TIMEOUT_SECONDS = 60


def open_connections(port, count):
    """That many connections, each answered once."""
    selector, waiting, opened = selectors.DefaultSelector(), {}, []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS)
        connection.sendall(REQUEST)
        selector.register(connection, selectors.EVENT_READ)
        waiting[connection] = b""
        opened.append(connection)
        # Not all of them unanswered at once: that would measure buffers of requests under way.
        while len(waiting) >= 64 or (waiting and len(opened) == count):
            ready = selector.select(TIMEOUT_SECONDS)
            if not ready:
                raise zts.Failed(f"{len(waiting)} of {len(opened)} connections have had no answer for {TIMEOUT_SECONDS} s")
            for key, _ in ready:
                waiting[key.fileobj] += key.fileobj.recv(65536)
                if b"\r\n\r\n" not in waiting[key.fileobj]:
                    continue
                if not waiting[key.fileobj].startswith(b"HTTP/1.1 200"):
                    raise zts.Failed(f"connection {len(opened)} was answered {waiting[key.fileobj][:80]!r}")
                selector.unregister(key.fileobj)
                del waiting[key.fileobj]
    selector.close()
    return opened


def anonymous_bytes(server):
    return sum(procfs.memory(pid).get("Anonymous", 0) for pid in server.pids())


def kernel_pages():
    """Pages that TCP holds on the whole machine, and its sockets."""
    with open("/proc/net/sockstat") as f:
        words = next(line for line in f if line.startswith("TCP:")).split()
    return {words[n]: int(words[n + 1]) for n in range(1, len(words) - 1, 2)}


def still_open(connections):
    """How many the server has not closed."""
    count = 0
    for connection in connections:
        connection.setblocking(False)
        try:
            # The rest of a body may lie there; an end shows as nothing.
            count += connection.recv(65536) != b""
        except BlockingIOError:
            count += 1
    return count


def measure(server, count):
    few = max(1, count // 10)
    before = anonymous_bytes(server)
    connections = open_connections(server.port, few)
    try:
        at_few = anonymous_bytes(server)
        connections += open_connections(server.port, count - few)
        at_all = anonymous_bytes(server)
        if (held := still_open(connections)) != count:
            raise zts.Failed(f"{server.name} closed {count - held} of {count} idle connections")
        return {"before_bytes": before, "few": few, "at_few_bytes": at_few, "connections": count, "at_all_bytes": at_all,
                "bytes_a_connection": (at_all - at_few) / max(1, count - few), "with_pools_bytes_a_connection": (at_all - before) / count,
                "kernel": kernel_pages()}
    finally:
        for connection in connections:
            connection.close()


def main():
    args = run.parse_arguments(lambda parser: parser.add_argument("--connections", type=int, default=10_000))
    wanted = args.connections + 100
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise zts.Failed(f"{args.connections} connections need {wanted} open files; the limit is {hard} (ulimit -n)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    described = machine.describe(zts.ROOT)
    machine.print_description(described)
    opened, results = [], {}
    try:
        run.start_servers(args, opened)
        print(f"\n{args.connections:,} idle connections, one request answered on each")
        print(f"  {'':13}{'B a connection':>15}{'with pools':>12}{'MiB in all':>12}{'kernel sockets':>16}")
        for server in opened:
            if "hello" not in server.offers:
                continue
            os.sched_setaffinity(0, {args.load_cpu})
            try:
                found = measure(server, args.connections)
            except (zts.Failed, OSError) as problem:
                print(f"  {server.name:13} {problem}")
                continue
            results[server.name] = found
            print(f"  {server.name:13}{found['bytes_a_connection']:>15,.0f}{found['with_pools_bytes_a_connection']:>12,.0f}"
                  f"{found['at_all_bytes'] / 2**20:>12.1f}{found['kernel']['inuse']:>16,}", flush=True)
    finally:
        for server in opened:
            server.close()
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"machine": described, "idle": results}, f, indent=2)
    if "zts" not in results:
        return 0
    met = results["zts"]["bytes_a_connection"] < BAR_BYTES
    print(f"zts under {BAR_BYTES} bytes a connection: {'met' if met else 'MISSED'}")
    return 1 if args.check and not met else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except zts.Failed as problem:
        print(f"idle: {problem}", file=sys.stderr)
        sys.exit(1)
