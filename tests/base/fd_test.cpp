// SPDX-License-Identifier: Apache-2.0

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/fd.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::base {
namespace {

TEST(FileIdOf, TellsAFileThatTookTheNameOfAnother) {
  const test::TempDir directory;
  const auto file = directory.path() / "file", other = directory.path() / "other";
  std::ofstream(file) << "a";
  const Fd open(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(file_id(file), file_id(open.get()));
  std::ofstream(other) << "b";
  std::filesystem::rename(other, file);
  EXPECT_NE(file_id(file), file_id(open.get()));
}

TEST(FileIdOf, HasNoneForAFileThatIsNotThere) {
  EXPECT_EQ(file_id(std::filesystem::path("/no/such/file")), std::nullopt);
  EXPECT_EQ(file_id(-1), std::nullopt);
}

}  // namespace
}  // namespace cgmm::base
