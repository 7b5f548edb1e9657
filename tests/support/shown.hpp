// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a test shows beside that it passed: a line, or a table, on standard output and in a file of the build directory
// (shown/), for CTest prints nothing of a test that passes.

#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

namespace cgmm::test {

inline void show(const std::string& name, const std::string& text) {
  const std::filesystem::path file = std::filesystem::path(CGMM_SHOWN_DIR) / name;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::trunc) << text << "\n";
  std::cout << text << std::endl;
}

}  // namespace cgmm::test
