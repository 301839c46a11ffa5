"""Where the figures come from: printed with every one of them."""
import datetime
import os
import platform
import subprocess


def _first(path, key):
    try:
        with open(path) as f:
            for line in f:
                if line.startswith(key):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "unknown"


def _read(path):
    try:
        with open(path) as f:
            return f.read().strip()
    except OSError:
        return "unknown"


def _commit(root):
    def git(*args):
        return subprocess.run(["git", "-C", root, *args], capture_output=True, text=True).stdout.strip()
    try:
        commit = git("rev-parse", "--short=12", "HEAD") or "unknown"
        return commit + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "")
    except OSError:
        return "unknown"


def describe(root):
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": _first("/proc/cpuinfo", "model name"),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "congestion_control": _read("/proc/sys/net/ipv4/tcp_congestion_control"),
        "commit": _commit(root),
        "load_before": round(os.getloadavg()[0], 2),
    }


def print_description(machine):
    print(f"{machine['cpus']} x {machine['cpu']}, Linux {machine['kernel']}, tcp {machine['congestion_control']}, "
          f"commit {machine['commit']}, {machine['date']}")
    if machine["load_before"] > 0.5:
        print(f"note: the machine was not idle before (load {machine['load_before']}); compare ratios, not figures")
