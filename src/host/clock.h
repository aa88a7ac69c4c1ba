// The system's clocks as Instant and WallTime: the only place where time enters the program.
#pragma once

#include <time.h>

#include "base/time.h"

namespace enid::host {

// Monotonic; the origin is the machine's start.
inline Instant monotonic_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return {now.tv_sec * 1'000'000'000 + now.tv_nsec};
}

// What this thread has taken of processors.
inline Duration thread_processor_time() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return {now.tv_sec * 1'000'000'000 + now.tv_nsec};
}

// UTC, as the host believes it.
inline WallTime wall_now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return {now.tv_sec * 1'000 + now.tv_nsec / 1'000'000};
}

}  // namespace enid::host
