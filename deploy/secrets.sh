#!/bin/sh
# Makes deploy/.env: the secrets of deploy/compose.yaml, random, for this account only. Git ignores
# the file. An existing one stays as it is: remove it by hand to get other secrets, and the volumes
# with it, whose passwords it has.
set -eu
umask 077
cd "$(dirname "$0")"
if [ -e .env ]; then
  echo "deploy/.env is there already: nothing was changed." >&2
  exit 1
fi

# 32 random bytes in hex: nothing in them has to be escaped in a URL.
secret() {
  od -An -vtx1 -N32 /dev/urandom | tr -d ' \n'
}

cat > .env.draft <<END
JWT_SECRET=$(secret)
REDIS_PASSWORD=$(secret)
POSTGRES_PASSWORD=$(secret)
ADMIN_PASSWORD=$(secret)
GRAFANA_PASSWORD=$(secret)
API_KEYS=service:$(secret)
END
mv .env.draft .env
echo "deploy/.env was made. The password of the admin pages is ADMIN_PASSWORD in it, that of Grafana (admin) GRAFANA_PASSWORD." >&2
