# For `run`: prefill and generation with fused and with separate projections, five rounds interleaved, and
# whether their logits are the same bits. Wants $weld and $model.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prompt=$(printf 'Once upon a time there was a small house. %.0s' {1..40})

# The tokens per second of a phase in a report of `weld run`.
rate() { sed -nE "s/^$1: .* ([0-9.]+) tokens\/s$/\1/p" <<<"$2"; }
median() { sort -n "$scratch/$1" | sed -n 3p; }

for _ in {1..5}; do
  for fuse in all none; do
    report=$("$weld" run -m "$model" -p "$prompt" -n 64 --temp 0 --fuse $fuse 2>&1 >/dev/null)
    for phase in prefill generation; do
      rate $phase "$report" >>"$scratch/$phase.$fuse"
    done
  done
done

echo
printf '%-22s %10s %12s\n' 'tokens/s, median of 5' prefill generation
for fuse in all none; do
  printf '%-22s %10s %12s\n' "--fuse $fuse" "$(median prefill.$fuse)" "$(median generation.$fuse)"
done

tokens=$("$weld" tokenize -m "$model" --json "$prompt" | tr -d '[] \n')
for fuse in all none; do
  "$weld" logits -m "$model" --tokens "$tokens" --fuse $fuse -o "$scratch/$fuse.f32" 2>/dev/null
done
cmp "$scratch/all.f32" "$scratch/none.f32" >&2
echo "logits fused and separate: the same $(stat -c %s "$scratch/all.f32") bytes," \
  "sha256 $(sha256sum "$scratch/all.f32" | cut -c1-16)"
