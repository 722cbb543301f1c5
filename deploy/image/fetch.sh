#!/bin/sh
# Installs the Node that package.json pins, and npm, from the registry: $NPM is npm's version. The
# registry is that of /root/.npmrc, or the one that the file `registry` names. The token that
# /root/.npmrc has for it is sent, and an authority at /run/secrets/ca.pem is trusted.
#
# `npm-mounted` is npm with that authority.
set -eu
cd "$(dirname "$0")"
npmrc=/root/.npmrc
authority=/run/secrets/ca.pem

# The last value of a setting of npm. A key that starts with // has dots: they match themselves, too.
setting() { if [ -e "$npmrc" ]; then sed -n "s|^ *$1 *= *||p" "$npmrc" | tail -n 1; fi; }

named=$(setting registry)
registry=${named:-$(cat registry)}
registry=${registry%/}
token=$(setting "${registry#*:}/:_authToken")

# fetch PACKAGE VERSION FOLDER: unpacks a package.
fetch() {
  mkdir -p "$3"
  # Not among the arguments, which others on the machine see.
  if [ -n "$token" ]; then echo "header = Authorization: Bearer $token" > wgetrc; else : > wgetrc; fi
  if [ -e "$authority" ]; then echo "ca_certificate = $authority" >> wgetrc; fi
  wget --config=wgetrc --no-verbose --tries=5 --output-document=package.tgz "$registry/$1/-/$1-$2.tgz"
  rm wgetrc
  tar -xzf package.tgz -C "$3" --strip-components=1
  rm package.tgz
}

case $(uname -m) in
  x86_64) architecture=x64 ;;
  aarch64) architecture=arm64 ;;
  *) echo "No package of Node for $(uname -m)." >&2 && exit 1 ;;
esac
version=$(sed -n 's|^ *"node": "\([0-9.]*\)",*$|\1|p' package.json)
fetch "node-linux-$architecture" "$version" node
mv node/bin/node /usr/local/bin/node
rm -rf node
fetch npm "$NPM" npm
cat > /usr/local/bin/npm-mounted <<'END'
#!/bin/sh
if [ -e /run/secrets/ca.pem ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca.pem; fi
export npm_config_fetch_timeout=600000 npm_config_fetch_retries=5 npm_config_prefer_offline=true
exec /usr/local/bin/node /opt/tools/npm/bin/npm-cli.js "$@"
END
chmod 755 /usr/local/bin/npm-mounted
