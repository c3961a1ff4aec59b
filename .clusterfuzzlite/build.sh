#!/bin/bash -eu
# Builds every target into $OUT, each with its corpus beside it. The only sanitizer that there is for Rust here is
# `address`; it costs most of the speed, and the campaign that goes without it is `.github/workflows/campaign.yml`.
cd "$SRC/quorate"
cargo fuzz build --release --debug-assertions
for target in $(cargo fuzz list); do
    cp "fuzz/target/x86_64-unknown-linux-gnu/release/$target" "$OUT/"
    if compgen -G "fuzz/corpus/$target/*" >/dev/null; then
        zip --quiet --junk-paths "$OUT/${target}_seed_corpus.zip" "fuzz/corpus/$target/"*
    fi
done
