// SPDX-License-Identifier: Apache-2.0
#include "kernel/directory_watches.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "support/few_descriptors.hpp"
#include "support/temp_dir.hpp"

namespace cgmm::kernel {
namespace {

/// Each refusal costs as much as a watch, and there may be thousands of directories.
TEST(DirectoryWatches, AKernelThatRefusesIsAskedOnceAScan) {
  const test::TempDir directory;
  const base::Fd fd(::open(directory.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  DirectoryWatches watches;
  const auto scan = [&] { watches.take_changes([](const DirectoryWatches::Change&) {}); };
  scan();
  {
    const test::FewDescriptors none(0);
    EXPECT_EQ(watches.add(fd.get(), 1), -1);
  }
  EXPECT_EQ(watches.add(fd.get(), 1), -1) << "it is not asked, or it would give one";
  scan();
  EXPECT_GE(watches.add(fd.get(), 1), 0);
}

}  // namespace
}  // namespace cgmm::kernel
