#!/bin/sh
# Finds every copy of the malicious files of the case below a folder, by size and SHA-256, whatever its name.
#   sh quarantine.sh FOLDER          lists the copies
#   sh quarantine.sh FOLDER TARGET   moves them to TARGET, named by their digest, readable by the owner alone
# Exit code: 0 nothing found, 1 something found, 2 wrong use.
set -u
folder=${1:?usage: sh quarantine.sh FOLDER [TARGET]}
target=${2:-}
[ -d "$folder" ] || { echo "$folder is no folder" >&2; exit 2; }
found=0
if [ -n "$target" ]; then
  mkdir -p -- "$target" && chmod 700 -- "$target" || exit 2
fi

# look SIZE SHA256
look() {
  copies=$(find "$folder" -xdev -type f -size "${1}c" -exec sh -c '
    wanted=$1; target=$2; shift 2
    for file do
      sum=$(sha256sum < "$file") || continue
      [ "${sum%% *}" = "$wanted" ] || continue
      printf "%s  %s\n" "$wanted" "$file"
      if [ -n "$target" ]; then
        mv -- "$file" "$target/$wanted" && chmod 400 -- "$target/$wanted"
      fi
    done' look "$2" "$target" {} +)
  if [ -n "$copies" ]; then
    found=1
    printf '%s\n' "$copies"
  fi
}

# infer-02/srv/models/current/forecast.pkl
look 114 44c23c547f35a80f623b1afd5952ed9de2314bc21218ecfde6bc561a0228238f
exit "$found"
