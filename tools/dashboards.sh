#!/usr/bin/env bash
# A Prometheus with the product's configuration, on the processes of `make up`, until Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."
data="$1" listen="${2:-127.0.0.1:9090}"
home="${XDG_CACHE_HOME:-$HOME/.cache}/zts/prometheus/usr/bin"
[ -x "$home/prometheus" ] || { echo "dashboards: no Prometheus; run make deps" >&2; exit 1; }
admin_of() { sed -n 's/.*"admin":"\([^"]*\)".*/\1/p' "$1" 2>/dev/null; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp deploy/prometheus/*.yml "$folder/"
mkdir "$folder/targets"
found=0
for ready in $(find "$data" -maxdepth 3 -name '*.json' 2>/dev/null); do
  admin=$(admin_of "$ready")
  [ -n "$admin" ] || continue
  case "$(basename "$ready")" in
    *controller*) job=controllers ;;
    *worker*) job=workers ;;
    *) continue ;;
  esac
  printf '[{"targets": ["%s"]}]\n' "$admin" > "$folder/targets/$job-$found.yml"
  found=$((found + 1))
done
[ "$found" -gt 0 ] || { echo "dashboards: nothing runs in $data; start it with make up" >&2; exit 1; }
echo "dashboards: Prometheus on http://$listen/ scrapes $found processes; Ctrl-C ends it"
cd "$folder"
"$home/prometheus" --config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address="$listen" --log.level=warn
