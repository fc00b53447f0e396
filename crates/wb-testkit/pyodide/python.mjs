#!/usr/bin/env node
// CPython 3.14 as WebAssembly, used as the command `python` is: `./python.mjs -c SCRIPT ARGUMENTS...`.
import { readdirSync, readSync, writeSync } from "node:fs";
import { loadPyodide } from "pyodide";

// Folders that it has of its own, or that hold no files.
const OWN = ["dev", "lib", "proc", "sys"];

// Files of the host have the same names inside.
async function mount(files) {
  for (const folder of readdirSync("/", { withFileTypes: true })) {
    if (folder.isDirectory() && !OWN.includes(folder.name)) {
      const root = `/${folder.name}`;
      files.mkdirTree(root);
      files.mount(files.filesystems.NODEFS, { root }, root);
    }
  }
}

function writeTo(descriptor) {
  return (bytes) => {
    let written = 0;
    while (written < bytes.length) {
      try {
        written += writeSync(descriptor, bytes, written);
      } catch (error) {
        // A pipe that is full takes more later.
        if (error.code !== "EAGAIN") throw error;
      }
    }
    return written;
  };
}

const python = await loadPyodide({ args: process.argv.slice(2), env: { HOME: "/" }, fsInit: mount });
python.setStdin({ isatty: false, read: (bytes) => readSync(0, bytes) });
python.setStdout({ isatty: false, write: writeTo(1) });
python.setStderr({ isatty: false, write: writeTo(2) });
process.exit(python._module._run_main());
