#!/usr/bin/env python3
"""Prints deploy/prometheus/{rules,alerts}.yml as one PrometheusRule: python3 make_prometheus_rule.py > prometheus_rule.yaml"""

import os

HERE = os.path.dirname(os.path.abspath(__file__))
RULES = os.path.join(HERE, "..", "..", "..", "prometheus")

HEAD = """# Made by make_prometheus_rule.py from deploy/prometheus/rules.yml and alerts.yml.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: zts
  labels: {role: alert-rules}
spec:
  groups:
"""


def main():
    print(HEAD, end="")
    for name in ("rules.yml", "alerts.yml"):
        with open(os.path.join(RULES, name), encoding="utf-8") as file:
            text = file.read()
        for line in text[text.index("groups:\n") + len("groups:\n"):].splitlines():
            print("  " + line if line else "")


if __name__ == "__main__":
    main()
