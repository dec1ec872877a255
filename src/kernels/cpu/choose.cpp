// Choosing among the builds of the kernels at run time.
#include <cstdlib>
#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "fail.h"
#include "kernels/cpu/kernels.h"

namespace weld::kernels {
namespace {

#if defined(__x86_64__)
/// Whether the processor has VNNI for vectors of AVX2, which GCC 12 and clang 14 cannot ask for.
bool has_avx_vnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned avx_vnni = 1U << 4;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & avx_vnni) != 0;
}

/// Whether the processor has AMX with byte products and the kernel lets this process use it. Tile
/// registers are large, so Linux saves them only for processes that ask:
/// https://docs.kernel.org/arch/x86/xstate.html
bool has_amx() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned amx_bf16 = 1U << 22, amx_tile = 1U << 24, amx_int8 = 1U << 25;
  constexpr unsigned wanted = amx_bf16 | amx_tile | amx_int8;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & wanted) != wanted) return false;
  constexpr long request_permission = 0x1023, tile_data = 18;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}
#endif

}  // namespace

KernelList available_kernels() {
  KernelList available{{&portable::kernels}, 1};
#if defined(__x86_64__)
  __builtin_cpu_init();
  const auto add = [&](bool can_run, const Kernels& kernels) {
    if (can_run) available.list[available.count++] = &kernels;
    return can_run;
  };
  // Every processor with AVX2 and FMA has F16C too, which clang 14 cannot ask for.
  const bool avx2 =
      add(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"), avx2::kernels);
  // AVX-VNNI is what Intel's processors without AVX-512 have from Alder Lake on.
  add(avx2 && has_avx_vnni(), avx2::kernels_with_vnni);
  // The AVX-512 build is for processors with VNNI (Cascade Lake and later); older ones run AVX2's.
  // VBMI and GFNI came with Ice Lake and Zen 4.
  const bool avx512 =
      add(avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512vnni"),
          avx512::kernels);
  const bool vbmi =
      avx512 && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("gfni");
  // Either maker's processors run both builds, the other's slower.
  const bool is_amd = __builtin_cpu_is("amd");
  add(vbmi && !is_amd, avx512::kernels_for_zen);
  add(vbmi, avx512::kernels_with_vbmi);
  add(vbmi && is_amd, avx512::kernels_for_zen);
  static const bool amx = has_amx();
  add(vbmi && amx, avx512::kernels_with_amx);
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
      "WELD_ISA: must be portable, avx2, avxvnni, avx512, avx512vbmi, avx512zen or avx512amx and "
      "run on this processor, is \"{}\"",
      wanted);
}

}  // namespace weld::kernels
