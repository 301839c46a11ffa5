"""Connections that are kept alive are spread over the shards, however few they are and wherever the kernel's hash puts them."""

import case
from harness import metrics, wire
from harness.wait import wait_until

SHARDS = 2


@case.both_ios
class Balance:
    threads = SHARDS

    @classmethod
    def prepare(cls):
        cls.zts.deploy("hello", 'export default () => new Response("hello");')

    def open_by_shard(self):
        page = metrics.Metrics(wire.fetch(self.zts.admin, "/metrics").text)
        return [page.total("zts_connections_open", shard=str(shard)) for shard in range(SHARDS)]

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
