#!/bin/sh
# Writes `real.so`, which the tests of `elf` read: `make_native.sh FOLDER`. Made with GCC 12.2 and GNU ld 2.40.
set -e
printf '%s\n' '#include <stdlib.h>' \
  '__attribute__((constructor)) static void start(void) { if (getenv("NEVER")) system("id"); }' |
  cc -x c -shared -fPIC -Os -nostartfiles -Wl,-z,noseparate-code,--build-id=none -s -o "$1/real.so" -
