// SPDX-License-Identifier: Apache-2.0
#include "benchmark.hpp"

#include <cstdio>
#include <exception>
#include <string_view>

#include "stop.hpp"

namespace cgmm::bench {
namespace {

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    const bool has_value = i + 1 < argc;
    if (name == "--program" && has_value) options.program = argv[++i];
    else if (name == "--results" && has_value) options.results = argv[++i];
    else if (name == "--commit" && has_value) options.commit = argv[++i];
    else options.arguments.emplace_back(name);
  }
  return options;
}

}  // namespace

int run_benchmark(int argc, char** argv, void (*run)(const Options&)) {
  try {
    const Options options = parse(argc, argv);
    note_signals();
    run(options);
    return 0;
  } catch (const Stopped& stopped) {
    std::fprintf(stderr, "%s\n", stopped.what());
    return 130;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

}  // namespace cgmm::bench
