// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the programs that `bench/run` starts have in common: the options that it gives them, and how they end.

#include <filesystem>
#include <string>
#include <vector>

namespace cgmm::bench {

struct Options {
  std::filesystem::path program = "build/release/cgroup-memory-manager";
  std::filesystem::path results;  // --results: the file that takes the tables; empty: they are printed only
  std::string commit = "unknown";
  std::vector<std::string> arguments;  // the others
};

/// A main(): the exit code is 0 whatever was measured, 130 after a signal, 1 where something could not be measured.
int run_benchmark(int argc, char** argv, void (*run)(const Options&));

}  // namespace cgmm::bench
