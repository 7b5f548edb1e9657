// SPDX-License-Identifier: Apache-2.0
// Where root keeps a history: not where others could exchange it.
#include "store/file/trust.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "store/fixture.hpp"

namespace cgmm::store {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;

class Trust : public StoreTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "*** SKIPPED, NOTHING WAS TESTED: it takes root ***";
    make_history();
  }
  /// Why not, without the name of the database and the advice; "": it is trusted.
  static std::string refusal(const fs::path& file) {
    try {
      expect_trusted(file);
      return "";
    } catch (const StoreError& error) {
      EXPECT_EQ(error.kind(), StoreError::Kind::unusable);
      EXPECT_EQ(error.lasts(), StoreError::Lasts::for_good);
      const std::string what = error.what();
      const std::string begin = file.string() + " can't be used: others than root could exchange or write it: ";
      EXPECT_TRUE(what.starts_with(begin)) << what;
      const std::size_t end = what.rfind("; ");
      EXPECT_NE(end, std::string::npos) << what;
      return what.substr(begin.size(), end - begin.size());
    }
  }
  static void give(const fs::path& path, uid_t user, gid_t group, mode_t mode) {
    ASSERT_EQ(::chown(path.c_str(), user, group), 0);
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
  }
  fs::path make(const std::string& name) const {
    fs::create_directory(directory() / name);
    give(directory() / name, 0, 0, 0700);
    return directory() / name;
  }
};

TEST_F(Trust, WhatIsRootsOrDoesNotExistYet) {
  EXPECT_EQ(refusal(file()), "");
  EXPECT_EQ(refusal(directory() / "new.db"), "");
  EXPECT_EQ(refusal(directory() / "new" / "new.db"), "");
  EXPECT_EQ(refusal("/var/lib/cgroup-memory-manager-of-a-test/history.db"), "");
  give(directory(), 0, 0, 0770);
  EXPECT_EQ(refusal(file()), "") << "root's group is root";
  give(directory(), 0, 4, 0750);
  EXPECT_EQ(refusal(file()), "") << "as the service makes it, for adm";
}

TEST_F(Trust, NoDirectoryThatOthersMayWriteEvenIfItIsSticky) {
  const std::string name = directory().string();
  for (const auto& [user, group, mode, why] :
       std::vector<std::tuple<uid_t, gid_t, mode_t, std::string>>{{0, 0, 0777, " has the mode 0777"},
                                                                  {0, 0, 01777, " has the mode 1777"},
                                                                  {0, 4, 0770, " has the mode 0770"},
                                                                  {kNobody, 0, 0700, " belongs to user 65534"}}) {
    give(directory(), user, group, mode);
    EXPECT_EQ(refusal(file()), name + why);
    EXPECT_EQ(refusal(directory() / "new.db"), name + why);
  }
  give(directory(), 0, 0, 0700);
}

TEST_F(Trust, NoDirectoryAboveThatOthersMayWriteUnlessItIsSticky) {
  const fs::path inner = make("inner");
  give(directory(), 0, 0, 01777);
  EXPECT_EQ(refusal(inner / "new.db"), "");
  EXPECT_EQ(refusal(inner / "x" / "new.db"), "");
  give(directory(), 0, 0, 0777);
  EXPECT_EQ(refusal(inner / "new.db"), directory().string() + " has the mode 0777");
  give(directory(), kNobody, 0, 0755);
  EXPECT_EQ(refusal(inner / "new.db"), directory().string() + " belongs to user 65534");
  give(directory(), 0, 0, 0700);
}

TEST_F(Trust, NoFileOfAnotherOrThatOthersMayWrite) {
  for (const char* const end : {"", "-wal", "-shm", "-journal", ".lock", ".new"}) {
    const fs::path one = file().string() + end;
    std::ofstream(one, std::ios::app).flush();
    for (const auto& [user, group, mode, why] :
         std::vector<std::tuple<uid_t, gid_t, mode_t, std::string>>{{kNobody, 0, 0600, " belongs to user 65534"},
                                                                    {0, 0, 0666, " has the mode 0666"},
                                                                    {0, 4, 0660, " has the mode 0660"},
                                                                    {0, 4, 0640, ""}}) {
      give(one, user, group, mode);
      EXPECT_EQ(refusal(file()), why.empty() ? "" : one.string() + why);
    }
  }
}

TEST_F(Trust, NoLinkThatAnotherCouldPointElsewhere) {
  const fs::path inner = make("inner"), shared = make("shared");
  fs::create_directory_symlink(inner, directory() / "roots");
  EXPECT_EQ(refusal(directory() / "roots" / "new.db"), "");
  EXPECT_EQ(refusal(directory() / "roots" / ".." / "new.db"), "") << "which is not below the link";
  give(shared, 0, 0, 01777);
  fs::create_directory_symlink(inner, shared / "anothers");
  ASSERT_EQ(::lchown((shared / "anothers").c_str(), kNobody, 0), 0);
  const std::string why = (shared / "anothers").string() + " belongs to user 65534";
  EXPECT_EQ(refusal(shared / "anothers" / "new.db"), why);
  fs::create_directory_symlink("shared/anothers", directory() / "leads-there");
  EXPECT_EQ(refusal(directory() / "leads-there" / "new.db"), why) << "also on the way";
  fs::create_symlink(shared / "planted.db", directory() / "link.db");
  EXPECT_EQ(refusal(directory() / "link.db"), shared.string() + " has the mode 1777");
}

}  // namespace
}  // namespace cgmm::store
