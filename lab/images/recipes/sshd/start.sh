#!/usr/bin/env bash
# One sshd for each file in /etc/ssh/lab; ends when one of them ends. Environment: AUTHORIZED_KEYS, PASSWORD.
set -euo pipefail
[ -e /etc/ssh/keys/ed25519 ] || ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/keys/ed25519
[ -e /etc/ssh/keys/rsa ] || ssh-keygen -q -t rsa -b 2048 -N '' -f /etc/ssh/keys/rsa
for user in root admin weak noisy; do
  home=$(getent passwd "$user" | cut -d: -f6)
  install -d -m 700 -o "$user" "$home/.ssh"
  printf '%s\n' "$AUTHORIZED_KEYS" >"$home/.ssh/authorized_keys"
  chown -R "$user" "$home/.ssh"
  printf '%s:%s\n' "$user" "$PASSWORD" | chpasswd
done
for config in /etc/ssh/lab/*.conf; do
  /usr/sbin/sshd -D -e -f "$config" &
done
trap 'kill $(jobs -p); wait; exit 0' TERM INT
wait -n
