#!/bin/sh
# Writes what R itself saves, and what it installs of a package: `make_r_base.sh FOLDER`. Versions stand in `written.toml`.
# Needs r-base-core of Debian, and says what `readRDS` of R makes of the files.
set -e
out=$(realpath "$1")
work=$(mktemp -d)
cd "$work"
cat >save.R <<'R'
weights <- list(weights = matrix(c(0, 1, 2, 3, 4, 5), nrow = 2), label = "a word of some length", on = TRUE, counts = c(1L, NA, 3L))
saveRDS(weights, "gzip.rds")
saveRDS(weights, "xz.rds", compress = "xz")
saveRDS(weights, "bzip2.rds", compress = "bzip2")
saveRDS(weights, "plain.rds", compress = FALSE)
saveRDS(weights, "ascii.rds", ascii = TRUE, compress = FALSE)
saveRDS(weights, "version-2.rds", version = 2, compress = FALSE)
little <- file("little.rds", "wb")
serialize(weights, little, xdr = FALSE)
close(little)
saveRDS(lm(dist ~ speed, data.frame(speed = c(4, 7, 8, 9), dist = c(2, 4, 16, 10))), "lm.rds", compress = FALSE)

answer <- function(x) x + 42
save(weights, answer, file = "several.rda", compress = FALSE)
save(weights, answer, file = "several-ascii.rda", ascii = TRUE, compress = FALSE)
saveRDS(compiler::cmpfun(function(x) if (x > 1) system(paste("echo", x)) else answer(x)), "compiled.rds", compress = FALSE)
setClass("Model", representation(weights = "numeric", link = "function"))
saveRDS(new("Model", weights = c(1, 2), link = function(x) exp(x)), "s4.rds", compress = FALSE)
place <- new.env()
delayedAssign("later", system("echo hello"), assign.env = place)
saveRDS(place, "promise.rds", compress = FALSE)

for (name in list.files(pattern = "rds$")) if (name != "little.rds") { cat(name, ""); str(infoRDS(name)[1:3]); str(readRDS(name), max.level = 1) }
R
R --vanilla -q -s -f save.R

mkdir -p tiny/R tiny/data lib
printf 'export(answer)\n' >tiny/NAMESPACE
printf 'answer <- function(x) x + 42\nshow <- function(x) system(paste("echo", x))\n' >tiny/R/tiny.R
R --vanilla -q -s -e 'table <- data.frame(word = rep("a word of some length", 40), at = (1:40) / 8); save(table, file = "tiny/data/table.rda")'
for packing in gzip bzip2 xz; do
    printf 'Package: tiny\nVersion: 1.0\nTitle: Tiny\nDescription: Tiny.\nLicense: MIT\nAuthor: A\nMaintainer: A <a@b.example>\nLazyData: yes\nDepends: R (>= 3.5)\n' >tiny/DESCRIPTION
    R CMD INSTALL --no-docs --data-compress=$packing --library=lib tiny
    cp lib/tiny/data/Rdata.rdb "data-$packing.rdb"
done
cp lib/tiny/R/tiny.rdb lib/tiny/R/tiny.rdx .
R --vanilla -q -s -e '.libPaths("lib"); print(tiny::answer(1)); print(nrow(tiny::table))'
mkdir -p "$out"
cp ./*.rds ./*.rda ./*.rdb ./*.rdx "$out"
rm -rf "$work"
