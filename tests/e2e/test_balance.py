"""Connections that are kept alive are spread over the shards, however few they are and wherever the kernel's hash puts them; and by what
they ask for, where that is very different."""

import threading

import case
from harness import metrics, wire
from harness.wait import wait_until

SHARDS = 2

# Less than what makes a function heavy, which would go to a thread of its own.
WORK = """
export default (request) => {
  const end = performance.now() + 0.7;
  while (performance.now() < end) {}
  return new Response(new URL(request.url).search);
};
"""


@case.both_ios
class Balance:
    threads = SHARDS

    @classmethod
    def prepare(cls):
        cls.zts.deploy("hello", 'export default () => new Response("hello");')
        cls.zts.deploy("work", WORK)

    def by_shard(self, metric):
        page = metrics.Metrics(wire.fetch(self.zts.admin, "/metrics").text)
        return [page.total(metric, shard=str(shard)) for shard in range(SHARDS)]

    def open_by_shard(self):
        return self.by_shard("zts_connections_open")

    def test_a_few_connections(self):
        for count in (2, 4, 8, 16, 40):
            with self.subTest(count=count):
                clients = []
                try:
                    for _ in range(count):
                        clients.append(wire.Connection(self.zts.http))
                        self.assertAnswer(clients[-1].request("GET", "/hello"), 200, "hello")
                    for client in clients:
                        self.assertAnswer(client.request("GET", "/hello"), 200, "hello")
                    wait_until(lambda: sum(self.open_by_shard()) == count, "all of them")
                    most, least = max(self.open_by_shard()), min(self.open_by_shard())
                    self.assertLessEqual(most - least, 2 + least / 8)
                finally:
                    for client in clients:
                        client.close()
                wait_until(lambda: sum(self.open_by_shard()) == 0, "none")

    def test_an_exhausted_shard_gives_connections_to_one_that_rests(self):
        clients = [[], []]
        try:
            while len(clients[0]) < 4:
                before = self.open_by_shard()
                client = wire.Connection(self.zts.http)
                self.assertAnswer(client.request("GET", "/hello"), 200, "hello")
                wait_until(lambda: sum(self.open_by_shard()) == sum(before) + 1, "the connection")
                clients[0 if self.open_by_shard()[0] > before[0] else 1].append(client)
            others, moved = self.open_by_shard()[1], self.by_shard("zts_connections_moved_total")
            over = threading.Event()
            failures = []

            # Several at a time, so that the shard has more to do than the clients.
            def drive(number, client):
                count = 0
                while not over.is_set() and not failures:
                    targets = [f"/work?{number}-{count + i}" for i in range(10)]
                    count += len(targets)
                    client.send(b"".join(wire.format_request("GET", target) for target in targets))
                    for target in targets:
                        got = client.read_response()
                        if (got.status, got.text) != (200, target.removeprefix("/work")):
                            failures.append(got)

            drivers = [threading.Thread(target=drive, args=each) for each in enumerate(clients[0])]
            for driver in drivers:
                driver.start()
            try:
                wait_until(lambda: failures or self.open_by_shard()[1] > others, "a connection that moves", every=0.5)
            finally:
                over.set()
                for driver in drivers:
                    driver.join()
            self.assertEqual(failures, [])
            self.assertGreaterEqual(self.by_shard("zts_connections_moved_total")[0], moved[0] + 1)
            for client in clients[0] + clients[1]:
                self.assertAnswer(client.request("GET", "/hello"), 200, "hello")
            self.assertEqual(sum(self.open_by_shard()), len(clients[0]) + len(clients[1]))
        finally:
            for client in clients[0] + clients[1]:
                client.close()
        wait_until(lambda: sum(self.open_by_shard()) == 0, "none")
