// All of weld's public interface: load a model, open a session, prefill, generate, read logits.
#pragma once

#include "weld/error.h"    // IWYU pragma: export
#include "weld/model.h"    // IWYU pragma: export
#include "weld/sampler.h"  // IWYU pragma: export
#include "weld/session.h"  // IWYU pragma: export
