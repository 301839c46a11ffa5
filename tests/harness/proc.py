"""What /proc knows of processes: children, whether one still runs, open descriptors."""

import os


def _stat(pid):
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text[text.rfind(")") + 2:].split()
    return {"state": fields[0], "ppid": int(fields[1]), "start": int(fields[19])}


def is_running(pid):
    stat = _stat(pid)
    return stat is not None and stat["state"] not in "ZX"


def children(pid):
    """The running children of a process, oldest first."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            stat = _stat(int(name))
            if stat and stat["ppid"] == pid and stat["state"] not in "ZX":
                found.append((stat["start"], int(name)))
    return [child for _, child in sorted(found)]


def descendants(pid):
    found = []
    for child in children(pid):
        found += [child] + descendants(child)
    return found


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return [part.decode(errors="replace") for part in file.read().split(b"\0")[:-1]]
    except (FileNotFoundError, ProcessLookupError):
        return []


def thread_statuses(pid):
    """What /proc/PID/task/*/status says of each thread, by name of the line."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="utf-8") as file:
            found.append(dict((part.strip() for part in line.split(":", 1)) for line in file if ":" in line))
    return found


def ring_count(pid):
    """Rings of io_uring that the process holds."""
    def target(fd):
        try:
            return os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            return ""  # closed since it was listed

    return sum(target(fd) == "anon_inode:[io_uring]" for fd in os.listdir(f"/proc/{pid}/fd"))


def descriptor_count(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def rss_bytes(pid):
    """Resident memory."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmRSS:"))
