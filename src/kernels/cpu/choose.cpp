// Choosing among the builds of the kernels at run time.
#include <cstdlib>
#include <string>

#include "fail.h"
#include "kernels/cpu/kernels.h"

namespace weld::kernels {

KernelList available_kernels() {
  KernelList available{{&portable::kernels}, 1};
#if defined(__x86_64__)
  __builtin_cpu_init();
  // Every processor with AVX2 and FMA has F16C too, which clang 14 cannot ask for.
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    available.list[available.count++] = &avx2::kernels;
  // The AVX-512 build is for processors with VNNI (Cascade Lake and later); older ones run AVX2's.
  // VBMI came with Ice Lake and Zen 4.
  if (available.count == 2 && __builtin_cpu_supports("avx512f") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni"))
    available.list[available.count++] = &avx512::kernels;
  if (available.count == 3 && __builtin_cpu_supports("avx512vbmi"))
    available.list[available.count++] = &avx512::kernels_with_vbmi;
#endif
  return available;
}

const Kernels& kernels() {
  const KernelList available = available_kernels();
  const char* wanted = std::getenv("WELD_ISA");
  if (wanted == nullptr || *wanted == '\0') return *available.list[available.count - 1];
  for (int i = 0; i < available.count; ++i)
    if (std::string(wanted) == available.list[i]->name) return *available.list[i];
  fail(
      "WELD_ISA: must be portable, avx2, avx512 or avx512vbmi and run on this processor, is \"{}\"",
      wanted);
}

}  // namespace weld::kernels
