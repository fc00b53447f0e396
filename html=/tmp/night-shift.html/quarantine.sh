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

# collected/models.zip
look 1988 890864072d38d800a40636adb440f46c6574860df33c2fd15e99d539debddb4f
# collected/models.zip!/in-service/scorer.bin
look 210 c894755f3b54dc60b9d059866d5aad1de119ccc4c0839cbe34b7d526fdc2484e
# collected/models.zip!/next-release/scorer.keras
look 1360 e0f5513e47e607c9370b265350ad06c318a51f15fdb77b320a4c285d9bcc56f6
exit "$found"
