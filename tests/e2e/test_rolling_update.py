"""An update of a fleet as a DaemonSet makes it: worker after worker goes by SIGTERM and comes back, and no client notices."""

import threading

import case
from harness import wire
from harness.wait import wait_until


class Balancer:
    """Sends to workers whose /readyz says so, round and round. Like a real one it hears of a change late: it asks before each request, and a
    connection it has already chosen is used."""

    def __init__(self):
        self.lock = threading.Lock()
        self.workers = {}  # name -> (http, admin)
        self.turn = 0

    def set(self, name, worker):
        def address(text):
            host, port = text.rsplit(":", 1)
            return host, int(port)

        with self.lock:
            if worker is None:
                self.workers.pop(name, None)
            else:
                self.workers[name] = (address(worker.ready["http"]), address(worker.ready["admin"]))

    @staticmethod
    def unready(admin):
        """Why it is not ready; empty when it is. An answer counts; a probe that got none is made again, as a kubelet's failureThreshold has it."""
        for _ in range(5):
            try:
                answer = wire.fetch(admin, "/readyz", host="admin", timeout=5)
                return "" if answer.status == 200 else f"{answer.status} {answer.text.strip()}"
            except (OSError, wire.Closed) as error:
                why = repr(error)
        return why

    def choose(self):
        with self.lock:
            workers = list(self.workers.values())
            self.turn += 1
            turn = self.turn
        reasons = []
        for i in range(len(workers)):
            http, admin = workers[(turn + i) % len(workers)]
            reason = self.unready(admin)
            if not reason:
                return http
            reasons.append(reason)
        raise LookupError(f"no worker is ready: {reasons}")


class RollingUpdate(case.PlatformCase):
    @classmethod
    def prepare(cls):
        cls.second = cls.zts.add_worker("second")
        cls.zts.wait_connected("second")
        cls.zts.deploy("slow", "export default async () => { await new Promise((go) => setTimeout(go, 30)); return new Response('x'); }")

    def test_two_workers_are_replaced_and_no_request_fails(self):
        balancer = Balancer()
        workers = {"worker": self.zts.worker, "second": self.second}
        for name, worker in workers.items():
            balancer.set(name, worker)
        ended = threading.Event()
        failures, answers = [], []

        def client():
            while not ended.is_set():
                try:
                    address = balancer.choose()
                    response = wire.fetch(address, "/slow", timeout=20)
                    (answers if response.status == 200 else failures).append(response.status)
                except (OSError, wire.Closed, LookupError) as error:
                    failures.append(repr(error))

        clients = [threading.Thread(target=client) for _ in range(8)]
        for one in clients:
            one.start()
        try:
            for name, worker in workers.items():
                so_far = len(answers)
                wait_until(lambda so_far=so_far: len(answers) > so_far + 50, f"load before {name} goes", 60)
                # preStop: the endpoint is gone before SIGTERM comes, and requests already on their way arrive.
                balancer.set(name, None)
                wait_until(lambda: len(answers) > so_far + 60, "what was on its way", 60)
                worker.terminate()
                gone = len(answers)
                wait_until(lambda gone=gone: len(answers) > gone + 50, f"load while {name} is gone", 60)
                worker.start()
                balancer.set(name, worker)
            so_far = len(answers)
            wait_until(lambda: len(answers) > so_far + 100, "load after the update", 60)
        finally:
            ended.set()
            for one in clients:
                one.join()
        self.assertEqual(failures, [])


if __name__ == "__main__":
    import unittest
    unittest.main()
