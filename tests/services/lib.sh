# Sourced by the scripts of this folder: versions, the cache, and small helpers. Sets no shell option.

ELASTICSEARCH_VERSION=8.5.0
ALERTMANAGER_VERSION=v0.34.2   # API v2 only; Debian's prometheus-alertmanager (0.25) still has v1 too
GO_VERSION_MIN=1.26
GO_TOOLCHAIN=v0.0.1-go1.26.0.linux-$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')

# Everything fetched or built lies here, nothing of it in the repository.
CACHE=${LOGDRIVE_SERVICES_CACHE:-${HOME:?}/.cache/logdrive-services}/e2e
ELASTICSEARCH_HOME=$CACHE/elasticsearch-$ELASTICSEARCH_VERSION
ALERTMANAGER_V2=$CACHE/bin/alertmanager-v2
mkdir -p "$CACHE/bin"

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }

# wait_for SECONDS WHAT COMMAND...: until COMMAND succeeds; dies with WHAT when it never does.
wait_for() {
  local tries=$(($1 * 10)) what=$2
  shift 2
  while ! "$@" >/dev/null 2>&1; do
    ((tries-- > 0)) || die "gave up waiting: $what"
    sleep 0.1
  done
}
