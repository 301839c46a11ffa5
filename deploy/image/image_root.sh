#!/usr/bin/env bash
# Puts the file system of the container image into an empty folder: image_root.sh DIR [BIN]
#
# BIN is a build tree or a folder with all parts. Libraries are those the programs name, as the dynamic linker finds them here, so that
# build and image are of one Debian. A shell and a few tools come along for probes and for people who look inside.
set -euo pipefail
root="${1:?usage: image_root.sh DIR [BIN]}"
bin="${2:-bazel-bin}"
parts="cli/ztsctl controller/zts-controller controller/compiler.node worker/zts-worker worker/zts-egress worker/engine/engine.node jsruntime/zts-host
jsruntime/web.snapshot jsruntime/v8_flags.txt"
tools="/bin/sh /bin/sleep /usr/bin/install /bin/cat /bin/ls"

[ ! -e "$root" ] || [ -z "$(ls -A "$root")" ] || { echo "image_root: $root is not empty" >&2; exit 1; }
mkdir -p "$root"/{usr/lib/zts,usr/bin,usr/lib64,etc,tmp,var/lib/zts,proc,dev,sys}
for link in bin lib lib64 sbin; do
  mkdir -p "$root/usr/$link"
  ln -s "usr/$link" "$root/$link"
done
chmod 1777 "$root/tmp"

for part in $parts; do
  file="$bin/$part"
  [ -e "$file" ] || file="$bin/$(basename "$part")"
  [ -e "$file" ] || { echo "image_root: $part is missing in $bin; run make build" >&2; exit 1; }
  install -m 0755 "$(readlink -f "$file")" "$root/usr/lib/zts/$(basename "$part")"
done
ln -s ../lib/zts/ztsctl "$root/usr/bin/ztsctl"
for tool in $tools; do
  install -m 0755 "$(readlink -f "$tool")" "$root/usr/bin/$(basename "$tool")"
done

# Whom functions' requests may trust.
install -D -m 0644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"

# A library is put where the linker found it; /lib is /usr/lib on both sides.
copy_libraries() {
  { ldd "$1" 2>/dev/null || true; } | awk '/=> \//{print $3} /^\t\/lib64/{print $1}' | while read -r library; do
    target="$root/usr${library#/usr}"
    [ -e "$target" ] || install -D -m 0755 "$(readlink -f "$library")" "$target"
  done
}
for file in "$root"/usr/lib/zts/* "$root"/usr/bin/*; do
  [ -L "$file" ] || copy_libraries "$file"
done
# gRPC resolves names by the C library, which loads these by name.
for library in libnss_files.so.2 libnss_dns.so.2 libresolv.so.2; do
  path=$(PATH=$PATH:/usr/sbin:/sbin ldconfig -p | awk -v name="$library" '$1 == name && /x86-64/ && !found++ {print $NF}')
  [ -z "$path" ] || [ -e "$root/usr${path#/usr}" ] || install -D -m 0755 "$(readlink -f "$path")" "$root/usr${path#/usr}"
done

printf 'root:x:0:0:root:/:/bin/sh\nzts:x:65532:65532:zts:/var/lib/zts:/bin/sh\n' > "$root/etc/passwd"
printf 'root:x:0:\nzts:x:65532:\n' > "$root/etc/group"
printf 'hosts: files dns\npasswd: files\n' > "$root/etc/nsswitch.conf"
chown -R 65532:65532 "$root/var/lib/zts" 2>/dev/null || true
echo "image_root: $(du -sh "$root" | cut -f1) in $root"
