#!/bin/sh
# Writes what the tools of a Debian system and the Zig compiler make: `make_tools.sh FOLDER`. Versions stand in
# `written.toml`. Needs binutils, cpio, bzip2, xz, zstd, lz4, a JDK, and `python-zig` of the package ziglang.
set -e
out=$1
work=$(mktemp -d)
cd "$work"
printf '0.1 0.2 0.3\n%.0s' 1 2 3 4 5 6 7 8 9 >numbers.txt
ar rcD "$out/binutils.ar" numbers.txt
echo numbers.txt | cpio --quiet --reproducible -o -H newc >"$out/gnu.cpio"
bzip2 -c numbers.txt >"$out/bzip2.bz2"
xz -c numbers.txt >"$out/xz.xz"
zstd -q -c numbers.txt >"$out/zstd.zst"
lz4 -q -c numbers.txt >"$out/lz4.lz4"
printf 'int answer(void) { return 42; }\n' >answer.c
zig=${ZIG:-python-zig}
$zig cc -target x86_64-windows-gnu -shared -Os -s -nostdlib -Wl,--no-entry -o answer.dll answer.c && cp answer.dll "$out/zig.dll"
$zig cc -target x86_64-macos -shared -Os -s -o "$out/zig.dylib" answer.c
$zig cc -target wasm32-freestanding -nostdlib -Wl,--no-entry -Wl,--export=answer -Os -s -o "$out/zig.wasm" answer.c
cat >Save.java <<'JAVA'
import java.io.*;
import java.util.*;
public class Save {
    public static void main(String[] arguments) throws Exception {
        TreeMap<String, Object> model = new TreeMap<>();
        model.put("name", "model");
        model.put("weights", new double[] {0.5, 1.5});
        try (ObjectOutputStream out = new ObjectOutputStream(new FileOutputStream(arguments[0]))) {
            out.writeObject(model);
        }
    }
}
JAVA
javac Save.java && java Save "$out/jdk.ser"
rm -rf "$work"
