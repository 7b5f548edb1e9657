# SPDX-License-Identifier: Apache-2.0
# Where this machine gets its Debian packages from; to be sourced.
# shellcheck shell=dash

# "SUITE URI" a line, of every enabled binary source of this machine, in either format.
configured_sources() {
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ ! -f "$file" ] || sed -E -n \
      's/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+)[[:space:]]+([^[:space:]]+).*/\3 \2/p' "$file"
  done
  for file in /etc/apt/sources.list.d/*.sources; do
    [ ! -f "$file" ] || awk '
      function flush(  u, s) { if (enabled) for (s in suites) for (u in uris) print suites[s], uris[u]
                               enabled = 1; split("", suites); split("", uris) }
      BEGIN { enabled = 1 }
      NF == 0 { flush(); next }
      /^#/ { next }
      tolower($1) == "enabled:" && tolower($2) == "no" { enabled = 0 }
      tolower($1) == "types:" && $0 !~ /deb( |$)/ { enabled = 0 }
      tolower($1) == "uris:" { for (i = 2; i <= NF; i++) uris[i] = $i }
      tolower($1) == "suites:" { for (i = 2; i <= NF; i++) suites[i] = $i }
      END { flush() }' "$file"
  done
}

# The first configured URI whose suite matches, else the public one.
archive() {
  uri=$(configured_sources | awk -v suite="$1" '$1 ~ suite && $2 ~ /^(https?|ftp|file):/ { print $2; exit }')
  echo "${uri:-$2}"
}

debian_names='(bullseye|bookworm|trixie|forky|stable|oldstable|testing)'
main_archive() { archive "^$debian_names\$" http://deb.debian.org/debian; }
security_archive() { archive "^$debian_names(-security|/updates)\$" http://deb.debian.org/debian-security; }
